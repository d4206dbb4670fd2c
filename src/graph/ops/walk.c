/* The walker over strided inputs. */
#include "graph/ops/walk.h"

#include <string.h>

enum { CHUNK = 16384 };

void gal_dense_strides(const galen_tensor *tensor, int64_t stride[GALEN_MAX_RANK]) {
    int64_t step = (int64_t)galen_dtype_size(tensor->dtype);
    for (int i = tensor->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= tensor->dim[i];
    }
}

static bool can_merge(const gal_walk *w, int outer, int inner) {
    for (uint32_t k = 0; k < w->n_in; k++)
        if (w->stride[k][outer] != w->stride[k][inner] * w->dim[inner]) return false;
    return true;
}

/* Drops dimensions of one element and joins neighbours that every input crosses evenly. */
static void merge(gal_walk *w) {
    int rank = 0;
    for (int i = 0; i < w->rank; i++) {
        if (w->dim[i] == 1) continue;
        w->dim[rank] = w->dim[i];
        for (uint32_t k = 0; k < w->n_in; k++) w->stride[k][rank] = w->stride[k][i];
        if (rank > 0 && can_merge(w, rank - 1, rank)) {
            w->dim[rank - 1] *= w->dim[rank];
            for (uint32_t k = 0; k < w->n_in; k++) w->stride[k][rank - 1] = w->stride[k][rank];
        } else {
            rank++;
        }
    }
    if (rank == 0) {
        w->dim[0] = 1;
        for (uint32_t k = 0; k < w->n_in; k++) w->stride[k][0] = 0;
        rank = 1;
    }
    w->rank = rank;
}

static void locate(const gal_walk *w, int64_t at, int64_t index[GAL_WALK_RANK], int64_t offset[GAL_WALK_IN]) {
    for (uint32_t k = 0; k < w->n_in; k++) offset[k] = 0;
    for (int i = w->rank - 1; i >= 0; i--) {
        index[i] = at % w->dim[i];
        at /= w->dim[i];
        for (uint32_t k = 0; k < w->n_in; k++) offset[k] += index[i] * w->stride[k][i];
    }
}

/* Moves to the start of the next run. */
static void advance(const gal_walk *w, int64_t index[GAL_WALK_RANK], int64_t offset[GAL_WALK_IN]) {
    int last = w->rank - 1;
    for (uint32_t k = 0; k < w->n_in; k++) offset[k] -= index[last] * w->stride[k][last];
    index[last] = 0;
    for (int i = last - 1; i >= 0; i--) {
        index[i]++;
        for (uint32_t k = 0; k < w->n_in; k++) offset[k] += w->stride[k][i];
        if (index[i] < w->dim[i]) return;
        for (uint32_t k = 0; k < w->n_in; k++) offset[k] -= w->dim[i] * w->stride[k][i];
        index[i] = 0;
    }
}

static int64_t count_of(const gal_walk *w) {
    int64_t count = 1;
    for (int i = 0; i < w->rank; i++) count *= w->dim[i];
    return count;
}

static void run_chunk(void *context, size_t chunk) {
    const gal_walk *w = context;
    int64_t total = count_of(w), at = (int64_t)chunk * CHUNK, end = at + CHUNK < total ? at + CHUNK : total;
    int last = w->rank - 1;
    int64_t index[GAL_WALK_RANK], offset[GAL_WALK_IN];
    locate(w, at, index, offset);
    gal_lane lane = {.context = w->context};
    for (uint32_t k = 0; k < w->n_in; k++) lane.step[k] = w->stride[k][last];
    while (at < end) {
        int64_t n = w->dim[last] - index[last];
        if (n > end - at) n = end - at;
        for (uint32_t k = 0; k < w->n_in; k++) lane.in[k] = w->in[k] + offset[k];
        lane.out = w->out + (size_t)at * w->out_size;
        lane.count = (size_t)n;
        w->fn(&lane);
        at += n;
        advance(w, index, offset);
    }
}

void gal_walk_run(gal_walk *walk, gal_pool *pool) {
    for (int i = 0; i < walk->rank; i++)
        if (walk->dim[i] <= 0) return;
    merge(walk);
    gal_pool_run(pool, run_chunk, walk, (size_t)((count_of(walk) + CHUNK - 1) / CHUNK));
}

void gal_walk_broadcast(const galen_tensor *const *in, uint32_t n_in, galen_tensor *out, gal_lane_fn fn,
                        const void *context, gal_pool *pool) {
    gal_walk w = {.rank = out->rank, .n_in = n_in, .out = out->data, .fn = fn, .context = context};
    w.out_size = galen_dtype_size(out->dtype);
    for (int i = 0; i < out->rank; i++) w.dim[i] = out->dim[i];
    for (uint32_t k = 0; k < n_in; k++) {
        int64_t stride[GALEN_MAX_RANK];
        gal_dense_strides(in[k], stride);
        int shift = out->rank - in[k]->rank;
        for (int i = 0; i < out->rank; i++)
            w.stride[k][i] = i < shift || in[k]->dim[i - shift] == 1 ? 0 : stride[i - shift];
        w.in[k] = in[k]->data;
    }
    gal_walk_run(&w, pool);
}

#define COPY(name, type)                                                                                               \
    static void name(const gal_lane *l) {                                                                              \
        const uint8_t *in = l->in[0];                                                                                  \
        type *out = (type *)l->out;                                                                                    \
        if (l->step[0] == (int64_t)sizeof(type)) {                                                                     \
            if ((const void *)in != (void *)out) memcpy(out, in, l->count * sizeof(type));                             \
            return;                                                                                                    \
        }                                                                                                              \
        for (size_t i = 0; i < l->count; i++, in += l->step[0]) out[i] = *(const type *)in;                            \
    }

COPY(copy1, uint8_t)
COPY(copy2, uint16_t)
COPY(copy4, uint32_t)
COPY(copy8, uint64_t)

gal_lane_fn gal_lane_copy(size_t element_size) {
    switch (element_size) {
    case 1: return copy1;
    case 2: return copy2;
    case 4: return copy4;
    default: return copy8;
    }
}
