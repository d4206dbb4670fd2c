/*
 * The rows of Resize: nearest and linear over height and width, channels last. A pixel is at most four others, each
 * times its share; the reference's shares, rounded to f32.
 */
#include "graph/ops/resize.h"

#include "base/error.h"
#include "cpu/elementwise.h"
#include "cpu/levels.h"
#include "cpu/loops_half.h"
#include "cpu/rows.h"

enum { PIECE = 16384 /* elements a task handles, about */ };

/* What makes one output row (or column): at most two input rows, those of no weight left out, as numbers that are not
 * finite may lie there. */
typedef struct place {
    double weight[2];
    size_t at[2]; /* elements from the image's (or the row's) start */
    int count;
} place;

typedef struct job {
    gal_blend_fn blend;
    size_t size; /* of an element */
    int64_t in_h, in_w, out_h, out_w, c, rows, bands;
    place *row, *column; /* of every output row and column: they are the same in all images */
    const char *x;
    char *y;
} job;

static void find_places(const gal_resize *resize, int d, int64_t in, int64_t out, int64_t step, place *places) {
    for (int64_t o = 0; o < out; o++) {
        gal_resize_taps taps;
        gal_resize_find(resize, d, o, in, &taps);
        places[o].count = 0;
        for (int t = 0; t < taps.count; t++) {
            if (taps.weight[t] == 0) continue;
            places[o].weight[places[o].count] = taps.weight[t];
            places[o].at[places[o].count++] = (size_t)(taps.index[t] * step);
        }
    }
}

/* Both directions together. */
static size_t join(const place *h, const place *w, size_t *tap, float *weight) {
    size_t taps = 0;
    for (int a = 0; a < h->count; a++) {
        for (int b = 0; b < w->count; b++) {
            tap[taps] = h->at[a] + w->at[b];
            weight[taps++] = (float)(h->weight[a] * w->weight[b]);
        }
    }
    return taps;
}

static void run_band(void *context, size_t index) {
    const job *j = context;
    int64_t n = (int64_t)index / j->bands, first = (int64_t)index % j->bands * j->rows;
    int64_t end = first + j->rows < j->out_h ? first + j->rows : j->out_h;
    const char *x = j->x + (size_t)(n * j->in_h * j->in_w * j->c) * j->size;
    char *y = j->y + (size_t)((n * j->out_h + first) * j->out_w * j->c) * j->size;
    for (int64_t oh = first; oh < end; oh++) {
        for (int64_t ow = 0; ow < j->out_w; ow++, y += (size_t)j->c * j->size) {
            size_t tap[4];
            float weight[4];
            size_t taps = join(&j->row[oh], &j->column[ow], tap, weight);
            j->blend(x, tap, weight, taps, y, (size_t)j->c);
        }
    }
}

static const char *reject(const gal_node *node) {
    gal_resize r;
    if (gal_resize_read(node, &r, NULL) != GALEN_OK) return "the size is not understood";
    if (r.rank != 4 || !r.kept[0] || !r.kept[3]) return "more is resized than height and width, channels last";
    if (r.mode == GAL_RESIZE_CUBIC) return "cubic";
    if (r.coordinates == GAL_RESIZE_TF_CROP_AND_RESIZE) return "cropped to a roi";
    if (r.out[1].size < 1 || r.out[2].size < 1 || r.out[3].size < 1) return "there is nothing to compute";
    return NULL;
}

static void needs(const gal_node *node, gal_kernel_needs *needs) {
    const gal_shape *y = &node->out[0]->shape;
    *needs = (gal_kernel_needs){.scratch_bytes = (size_t)(y->dim[1].size + y->dim[2].size) * sizeof(place)};
}

static galen_status run(const gal_call *call, gal_blend_fn blend, galen_error *err) {
    const galen_tensor *x = call->in[0], *y = call->out[0];
    job j = {.blend = blend, .size = galen_dtype_size(x->dtype), .x = x->data, .y = y->data};
    gal_resize resize;
    GAL_TRY(gal_resize_read(call->node, &resize, err));
    j.in_h = x->dim[1], j.in_w = x->dim[2], j.out_h = y->dim[1], j.out_w = y->dim[2], j.c = y->dim[3];
    j.rows = PIECE / (j.out_w * j.c) + 1;
    j.bands = (j.out_h + j.rows - 1) / j.rows;
    j.row = call->scratch, j.column = j.row + j.out_h;
    find_places(&resize, 1, j.in_h, j.out_h, j.in_w * j.c, j.row);
    find_places(&resize, 2, j.in_w, j.out_w, j.c, j.column);
    gal_pool_run(call->pool, run_band, &j, (size_t)(x->dim[0] * j.bands));
    return GALEN_OK;
}

#define ROW(name, how)                                                                                                 \
    const char *gal_resize_##name##_reject(const gal_node *node) {                                                     \
        return reject(node);                                                                                           \
    }                                                                                                                  \
    void gal_resize_##name##_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *out) {      \
        (void)max_batch, (void)threads;                                                                                \
        needs(node, out);                                                                                              \
    }                                                                                                                  \
    galen_status gal_resize_##name##_run(const gal_call *call, galen_error *err) {                                     \
        return run(call, how, err);                                                                                    \
    }
#define LEVEL(level) ROW(f32_##level, gal_elementwise_##level.blend)

GAL_EACH_LEVEL(LEVEL)
#if defined(__x86_64__)
ROW(bf16_avx512bf16, gal_loops_bf16_avx512bf16.blend)
ROW(f16_avx512, gal_loops_f16_avx512.blend)
ROW(f16_avx2, gal_loops_f16_avx2.blend)
#elif defined(__aarch64__)
ROW(bf16_neonbf16, gal_loops_bf16_neonbf16.blend)
#endif
