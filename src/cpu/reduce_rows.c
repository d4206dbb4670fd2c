/*
 * ReduceSum over the pixels of each image, [N, h, w, c] to [N, 1, 1, c]: the gradient of what a channel's gate or a
 * bias was repeated over. Sums of f32 within slices of pixels, and slices in order; in 16 bits one rounding at the end.
 */
#include "cpu/levels.h"
#include "cpu/rows.h"
#include "cpu/train_loops.h"
#include "graph/ops/types.h"

#include <string.h>

enum { SLICE = 128 /* pixels */ };

static const char *reject(const gal_node *node) {
    const gal_shape *x = &node->in[0]->shape, *y = &node->out[0]->shape;
    if (x->rank != 4 || y->rank != 4 || x->dim[1].batch || x->dim[2].batch || x->dim[3].batch ||
        !gal_dim_equal(x->dim[0], y->dim[0]) || !gal_dim_equal(x->dim[3], y->dim[3]) || y->dim[1].size != 1 ||
        y->dim[2].size != 1)
        return "is for sums over the pixels of images";
    return x->dim[1].size * x->dim[2].size * x->dim[3].size < 1 ? "there is nothing to compute" : NULL;
}

/* Two rows of channels an image. */
static void find_needs(const gal_node *node, int64_t batch, gal_kernel_needs *needs) {
    const gal_dim *n = &node->in[0]->shape.dim[0];
    *needs = (gal_kernel_needs){0};
    if (reject(node) != NULL) return;
    needs->scratch_bytes =
        (size_t)((n->batch ? batch * n->size : n->size) * node->in[0]->shape.dim[3].size) * 2 * sizeof(float);
}

typedef struct sum_job {
    const gal_train_loops *loops;
    galen_dtype dtype;
    const char *x;
    char *y;
    float *scratch;
    size_t pixels, c;
} sum_job;

static void one_image(void *context, size_t n) {
    const sum_job *j = context;
    size_t size = j->loops->element, c = j->c;
    const char *x = j->x + n * j->pixels * c * size;
    float *total = j->scratch + n * 2 * c, *part = total + c;
    for (size_t at = 0; at < j->pixels; at += SLICE) {
        size_t rows = j->pixels - at < SLICE ? j->pixels - at : SLICE;
        j->loops->channel_sum(x + at * c * size, rows, c, at == 0 ? total : part);
        for (size_t i = 0; at > 0 && i < c; i++) total[i] += part[i];
    }
    if (j->dtype == GALEN_F32)
        memcpy(j->y + n * c * size, total, c * size);
    else
        gal_f32_to_half_row(j->dtype, total, (uint16_t *)(void *)(j->y + n * c * size), c);
}

static void run(const gal_call *call, const gal_train_loops *loops) {
    const galen_tensor *x = call->in[0];
    sum_job j = {.loops = loops,
                 .dtype = x->dtype,
                 .x = x->data,
                 .y = call->out[0]->data,
                 .scratch = call->scratch,
                 .pixels = (size_t)(x->dim[1] * x->dim[2]),
                 .c = (size_t)x->dim[3]};
    gal_pool_run(call->pool, one_image, &j, (size_t)x->dim[0]);
}

#define ROW(suffix, loops)                                                                                             \
    const char *gal_pixel_sum_##suffix##_reject(const gal_node *node) {                                                \
        return reject(node);                                                                                           \
    }                                                                                                                  \
    void gal_pixel_sum_##suffix##_needs(const gal_node *node, int64_t max_batch, int threads,                          \
                                        gal_kernel_needs *needs) {                                                     \
        (void)threads;                                                                                                 \
        find_needs(node, max_batch, needs);                                                                            \
    }                                                                                                                  \
    galen_status gal_pixel_sum_##suffix##_run(const gal_call *call, galen_error *err) {                                \
        (void)err;                                                                                                     \
        run(call, &gal_train_loops_##loops);                                                                           \
        return GALEN_OK;                                                                                               \
    }
#define LEVEL(level) ROW(f32_##level, level)
GAL_EACH_LEVEL(LEVEL)
#if defined(__x86_64__)
ROW(bf16_avx512bf16, avx512bf16)
ROW(f16_avx512, f16_avx512)
ROW(f16_avx2, f16_avx2)
#endif
