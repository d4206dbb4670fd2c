/*
 * Tasks for threads that need scratch memory of their own. Each thread begins with a run of neighbours, the same run in
 * the step behind, so that it finds in its own cache what it wrote; who is done takes from the others. Lies in scratch
 * memory, a line a thread.
 */
#ifndef GAL_CPU_SHARE_H
#define GAL_CPU_SHARE_H

#include <stdatomic.h>
#include <stdint.h>

typedef struct gal_share {
    _Alignas(64) atomic_llong next;
    int64_t end;
} gal_share;

/* Tasks [0, tasks) among `n` shares. */
static inline void gal_share_out(gal_share *shares, int64_t n, int64_t tasks) {
    for (int64_t i = 0; i < n; i++) {
        atomic_init(&shares[i].next, i * tasks / n);
        shares[i].end = (i + 1) * tasks / n;
    }
}

/* The next task for the owner of share `own`, or -1: all are taken. */
static inline int64_t gal_share_take(gal_share *shares, int64_t n, int64_t own) {
    for (int64_t i = 0; i < n; i++) {
        gal_share *share = &shares[(own + i) % n];
        if (atomic_load_explicit(&share->next, memory_order_relaxed) >= share->end) continue;
        int64_t task = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed);
        if (task < share->end) return task;
    }
    return -1;
}

#endif
