/*
 * Offsets for buffers with known lifetimes. Two greedy orders are tried, largest first and oldest first, each putting a
 * buffer into the smallest gap between those alive at the same time; the smaller arena wins. When that is not near the
 * bound, the order is mended by what reached highest.
 */
#include "session/memory.h"

#include "base/error.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Largest first compares every pair; beyond this many buffers only the order of time, which is near linear, is used. */
enum { BY_SIZE_MAX = 6000 };

/* Rounds of mending a plan that is still more than a fortieth above the bound, and the most buffers it is tried for. */
enum { MEND_ROUNDS = 24, MEND_MAX = 1000, MEND_SHARE = 40 };

/* With more than this many buffers alive at once gaps are no longer looked for: a hostile graph must not cost minutes.
 */
enum { SEARCH_MAX = 4096 };

typedef struct item {
    const gal_span *span;
    size_t room; /* bytes with alignment and tail, 0 for an empty buffer */
    size_t offset;
    size_t index;
} item;

typedef struct event {
    uint32_t step;
    bool ends; /* at a given step all beginnings come before the ends, which are counted at last + 1 */
    size_t room;
} event;

static bool room_of(size_t bytes, size_t *room) {
    size_t padded;
    *room = 0;
    if (bytes == 0) return true;
    if (!gal_size_add(bytes, GAL_TAIL_PAD + GAL_ALIGN - 1, &padded)) return false;
    *room = padded / GAL_ALIGN * GAL_ALIGN;
    return true;
}

static int larger_first(const void *a, const void *b) {
    const item *x = a, *y = b;
    if (x->room != y->room) return x->room > y->room ? -1 : 1;
    if (x->span->first != y->span->first) return x->span->first < y->span->first ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int older_first(const void *a, const void *b) {
    const item *x = a, *y = b;
    if (x->span->first != y->span->first) return x->span->first < y->span->first ? -1 : 1;
    return larger_first(a, b);
}

static bool alive_together(const gal_span *a, const gal_span *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* The smallest gap that holds `it` between the placed items (sorted by offset) that are alive with it, else behind
 * them. */
static size_t best_gap(const item *it, item *const *placed, size_t n) {
    size_t end = 0, best = SIZE_MAX, best_gap_size = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        const item *other = placed[i];
        if (!alive_together(it->span, other->span)) continue;
        if (other->offset > end) {
            size_t gap = other->offset - end;
            if (gap >= it->room && gap < best_gap_size) {
                best_gap_size = gap;
                best = end;
            }
        }
        if (other->offset + other->room > end) end = other->offset + other->room;
    }
    return best != SIZE_MAX ? best : end;
}

static void insert_by_offset(item **placed, size_t n, item *it) {
    size_t at = n;
    while (at > 0 && placed[at - 1]->offset > it->offset) {
        placed[at] = placed[at - 1];
        at--;
    }
    placed[at] = it;
}

/* Drops items that ended before `step`, keeping the order. */
static size_t drop_dead(item **placed, size_t n, uint32_t step) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (placed[i]->span->last >= step) placed[kept++] = placed[i];
    return kept;
}

/* Places the items in their present order; returns the arena's size or SIZE_MAX when it does not fit. */
static size_t place(item *items, size_t n, item **placed, bool in_time) {
    size_t n_placed = 0, total = 0, sweep = 64;
    for (size_t i = 0; i < n; i++) {
        item *it = &items[i];
        it->offset = 0;
        if (it->room == 0) continue;
        if (in_time && n_placed >= sweep) {
            n_placed = drop_dead(placed, n_placed, it->span->first);
            sweep = 2 * n_placed + 64;
        }
        it->offset = in_time && n_placed > SEARCH_MAX ? total : best_gap(it, placed, n_placed);
        size_t end;
        if (!gal_size_add(it->offset, it->room, &end)) return SIZE_MAX;
        if (end > total) total = end;
        insert_by_offset(placed, n_placed++, it);
    }
    return total;
}

static int by_step(const void *a, const void *b) {
    const event *x = a, *y = b;
    if (x->step != y->step) return x->step < y->step ? -1 : 1;
    return (int)y->ends - (int)x->ends; /* what ended before a step makes room for what begins in it */
}

static bool lower_bound(const item *items, size_t n, event *events, size_t *bound) {
    size_t n_event = 0, now = 0;
    *bound = 0;
    for (size_t i = 0; i < n; i++) {
        const gal_span *span = items[i].span;
        events[n_event++] = (event){span->first, false, items[i].room};
        if (span->last < UINT32_MAX) events[n_event++] = (event){span->last + 1, true, items[i].room};
    }
    qsort(events, n_event, sizeof *events, by_step);
    for (size_t i = 0; i < n_event; i++) {
        if (events[i].ends)
            now -= events[i].room;
        else if (!gal_size_add(now, events[i].room, &now))
            return false;
        if (now > *bound) *bound = now;
    }
    return true;
}

static void take_offsets(const item *items, size_t n, gal_span *spans) {
    for (size_t i = 0; i < n; i++) spans[items[i].index].offset = items[i].offset;
}

static galen_status make_items(const gal_span *spans, size_t n, item *items, galen_error *err) {
    for (size_t i = 0; i < n; i++) {
        items[i] = (item){.span = &spans[i], .index = i};
        if (spans[i].last < spans[i].first)
            return gal_fail(err, GALEN_ERR_INTERNAL, "buffer %zu ends before it begins", i);
        if (!room_of(spans[i].bytes, &items[i].room)) return gal_fail_memory(err, "activations", spans[i].bytes);
    }
    return GALEN_OK;
}

galen_status gal_memory_bound(const gal_span *spans, size_t count, size_t *bound, galen_error *err) {
    *bound = 0;
    if (count == 0) return GALEN_OK;
    item *items = gal_calloc(count, sizeof *items);
    event *events = gal_calloc(count, 2 * sizeof *events);
    galen_status status = GALEN_OK;
    if (items == NULL || events == NULL)
        status = gal_fail_memory(err, "the plan of the arena", (unsigned long long)count * sizeof *items);
    if (status == GALEN_OK) status = make_items(spans, count, items, err);
    if (status == GALEN_OK && !lower_bound(items, count, events, bound))
        status = gal_fail_memory(err, "activations", SIZE_MAX);
    gal_free(items);
    gal_free(events);
    return status;
}

/* The item that reaches highest is placed before all others; again and again, and the best plan stays. */
static void mend(gal_span *spans, size_t n, item *items, item **placed, size_t bound, size_t *total) {
    for (int round = 0; round<MEND_ROUNDS && * total - bound> bound / MEND_SHARE; round++) {
        size_t top = 0;
        for (size_t i = 1; i < n; i++)
            if (items[i].offset + items[i].room > items[top].offset + items[top].room) top = i;
        item highest = items[top];
        memmove(items + 1, items, top * sizeof *items);
        items[0] = highest;
        size_t now = place(items, n, placed, false);
        if (now >= *total) continue;
        *total = now;
        take_offsets(items, n, spans);
    }
}

static galen_status plan(gal_span *spans, size_t n, item *items, item **placed, event *events, size_t *total,
                         size_t *bound, galen_error *err) {
    GAL_TRY(make_items(spans, n, items, err));
    if (!lower_bound(items, n, events, bound)) return gal_fail_memory(err, "activations", SIZE_MAX);
    qsort(items, n, sizeof *items, older_first);
    *total = place(items, n, placed, true);
    take_offsets(items, n, spans);
    if (n <= BY_SIZE_MAX && *total > *bound) {
        qsort(items, n, sizeof *items, larger_first);
        size_t by_size = place(items, n, placed, false);
        if (by_size < *total) {
            *total = by_size;
            take_offsets(items, n, spans);
        }
        if (n <= MEND_MAX && *total != SIZE_MAX) mend(spans, n, items, placed, *bound, total);
    }
    return *total == SIZE_MAX ? gal_fail_memory(err, "activations", SIZE_MAX) : GALEN_OK;
}

galen_status gal_memory_plan(gal_span *spans, size_t count, size_t *total, size_t *bound, galen_error *err) {
    *total = *bound = 0;
    if (count == 0) return GALEN_OK;
    item *items = gal_calloc(count, sizeof *items);
    item **placed = gal_calloc(count, sizeof *placed);
    event *events = gal_calloc(count, 2 * sizeof *events);
    galen_status status = GALEN_OK;
    if (items == NULL || placed == NULL || events == NULL)
        status = gal_fail_memory(err, "the plan of the arena", (unsigned long long)count * sizeof *items);
    else
        status = plan(spans, count, items, placed, events, total, bound, err);
    gal_free(items);
    gal_free(placed);
    gal_free(events);
    return status;
}
