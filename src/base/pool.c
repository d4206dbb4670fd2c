/*
 * The thread pool. A job is a range of indices that whoever is awake takes one by one: the caller takes part, and waits
 * only for workers that entered the job, never for one that has yet to wake up. A machine that is busy with other work
 * therefore costs the speed of the cores it takes, and no more; a pool that waits for all its workers at every layer
 * loses a time slice at each (measured on two cores with two busy processes: ResNet-18 from 440 images/s on one thread
 * to 6 on two).
 */
#include "base/pool.h"

#include "base/cgroup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"

#include <linux/futex.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_THREADS = 1024 };

/* How long a waiting thread spins before it sleeps: longer than the gap between two layers, too short to burn a core.
 */
static const double SPIN_SECONDS = 50e-6;

/* The gate counts the workers inside the job; the top bit says that more may enter. */
static const uint32_t OPEN = 1u << 31;

static _Thread_local int self; /* gal_pool_self */

struct gal_worker {
    struct gal_pool *pool;
    int number;
    pthread_t thread;
};

struct gal_pool {
    int threads;
    int started; /* workers running */
    struct gal_worker *worker;
    pthread_mutex_t caller; /* one job at a time; sessions that share the pool wait here */
    gal_task_fn fn;
    void *context;
    size_t count;
    atomic_size_t next;           /* index not yet taken */
    _Atomic(uint32_t) gate;       /* the caller sleeps on it while workers are inside */
    _Atomic(uint32_t) generation; /* changes with every job and at the end: workers sleep on it */
    atomic_int sleepers;          /* workers asleep on generation */
    atomic_bool caller_sleeps;
    atomic_bool quit;
};

static void futex_wait(_Atomic(uint32_t) *word, uint32_t while_equal) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, while_equal, NULL, NULL, 0);
}

static void futex_wake(_Atomic(uint32_t) *word, int how_many) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, how_many, NULL, NULL, 0);
}

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Spins until the word differs from `value`; false when it still does not after SPIN_SECONDS. */
static bool spin_until_changed(_Atomic(uint32_t) *word, uint32_t value) {
    double end = gal_clock_seconds() + SPIN_SECONDS;
    do {
        for (int i = 0; i < 64; i++) {
            if (atomic_load_explicit(word, memory_order_acquire) != value) return true;
            pause_briefly();
        }
    } while (gal_clock_seconds() < end);
    return false;
}

static void take_tasks(gal_pool *pool) {
    for (;;) {
        size_t i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (i >= pool->count) return;
        pool->fn(pool->context, i);
    }
}

/* Enters the job if it is still open, helps, and leaves. */
static void help(gal_pool *pool) {
    uint32_t gate = atomic_load_explicit(&pool->gate, memory_order_relaxed);
    do {
        if (!(gate & OPEN)) return;
    } while (!atomic_compare_exchange_weak_explicit(&pool->gate, &gate, gate + 1, memory_order_acquire,
                                                    memory_order_relaxed));
    take_tasks(pool);
    if (atomic_fetch_sub(&pool->gate, 1) == 1 && atomic_load(&pool->caller_sleeps)) futex_wake(&pool->gate, 1);
}

static void *work(void *argument) {
    const struct gal_worker *worker = argument;
    gal_pool *pool = worker->pool;
    uint32_t seen = 0;
    self = worker->number;
    while (!atomic_load(&pool->quit)) {
        if (!spin_until_changed(&pool->generation, seen)) {
            atomic_fetch_add(&pool->sleepers, 1);
            while (atomic_load(&pool->generation) == seen) futex_wait(&pool->generation, seen);
            atomic_fetch_sub(&pool->sleepers, 1);
        }
        seen = atomic_load(&pool->generation);
        help(pool);
    }
    return NULL;
}

static void call_workers(gal_pool *pool) {
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleepers) > 0) futex_wake(&pool->generation, pool->threads);
}

/* Shuts the gate and waits for the workers that are still inside. */
static void close_job(gal_pool *pool) {
    uint32_t inside = atomic_fetch_and(&pool->gate, ~OPEN) & ~OPEN;
    while (inside != 0) {
        if (!spin_until_changed(&pool->gate, inside)) {
            atomic_store(&pool->caller_sleeps, true);
            if (atomic_load(&pool->gate) == inside) futex_wait(&pool->gate, inside);
            atomic_store(&pool->caller_sleeps, false);
        }
        inside = atomic_load(&pool->gate);
    }
}

static void run_shared(gal_pool *pool, gal_task_fn fn, void *context, size_t count) {
    pthread_mutex_lock(&pool->caller);
    pool->fn = fn;
    pool->context = context;
    pool->count = count;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->gate, OPEN, memory_order_release);
    call_workers(pool);
    take_tasks(pool);
    close_job(pool);
    pthread_mutex_unlock(&pool->caller);
}

void gal_pool_run(gal_pool *pool, gal_task_fn fn, void *context, size_t count) {
    int outside = self; /* the caller may itself be a thread of another pool */
    self = 0;
    if (pool && pool->threads > 1 && count > 1)
        run_shared(pool, fn, context, count);
    else
        for (size_t i = 0; i < count; i++) fn(context, i);
    self = outside;
}

int gal_pool_self(void) {
    return self;
}

int gal_pool_available_threads(void) {
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    double quota = gal_cgroup_cpus();
    if (quota > 0 && ceil(quota) < cores) cores = (int)ceil(quota);
    return cores < 1 ? 1 : cores;
}

static galen_status start_workers(gal_pool *pool, galen_error *err) {
    pool->worker = gal_calloc((size_t)pool->threads - 1, sizeof *pool->worker);
    if (!pool->worker) return gal_fail_memory(err, "the thread pool", (size_t)pool->threads * sizeof *pool->worker);
    for (; pool->started < pool->threads - 1; pool->started++) {
        struct gal_worker *worker = &pool->worker[pool->started];
        *worker = (struct gal_worker){.pool = pool, .number = pool->started + 1};
        if (pthread_create(&worker->thread, NULL, work, worker) != 0)
            return gal_fail(err, GALEN_ERR_MEMORY, "cannot start %d threads; ask for fewer", pool->threads);
    }
    return GALEN_OK;
}

galen_status gal_pool_create(int threads, gal_pool **out, galen_error *err) {
    *out = NULL;
    if (threads < 0 || threads > MAX_THREADS)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%d threads; ask for 0 (all available) to %d", threads, MAX_THREADS);
    gal_pool *pool = gal_calloc(1, sizeof *pool);
    if (!pool) return gal_fail_memory(err, "the thread pool", sizeof *pool);
    pool->threads = threads ? threads : gal_pool_available_threads();
    pthread_mutex_init(&pool->caller, NULL);
    galen_status status = start_workers(pool, err);
    if (status != GALEN_OK) {
        gal_pool_destroy(pool);
        return status;
    }
    *out = pool;
    return GALEN_OK;
}

void gal_pool_destroy(gal_pool *pool) {
    if (!pool) return;
    atomic_store(&pool->quit, true);
    call_workers(pool);
    for (int i = 0; i < pool->started; i++) pthread_join(pool->worker[i].thread, NULL);
    pthread_mutex_destroy(&pool->caller);
    gal_free(pool->worker);
    gal_free(pool);
}

int gal_pool_threads(const gal_pool *pool) {
    return pool ? pool->threads : 1;
}
