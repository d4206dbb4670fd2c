/* The Winograd rows of conv.def: F(2x2) and F(4x4) at each level. */
#include "cpu/conv_wino.h"
#include "cpu/levels.h"
#include "cpu/rows.h"

#include <math.h>

static const float largest_weight = 1e30f; /* beyond, sums of transformed weights may overflow */

static bool moderate(const galen_tensor *weights) {
    const float *w = weights->data;
    int64_t n = galen_tensor_elements(weights);
    bool all = true;
    for (int64_t i = 0; i < n; i++) all &= fabsf(w[i]) <= largest_weight;
    return all;
}

static const char *reject(const gal_node *node, const gal_gemm_f32 *gemm, int m) {
    gal_wino wino;
    if (node->n_in > 1 && node->in[1]->is_variable) return "transforming the weights anew in every run does not pay";
    const char *why = gal_wino_decode(node, gemm, m, &wino);
    if (why == NULL && !moderate(node->in[1]->constant)) why = "the weights hold NaN, infinity or more than 1e30";
    return why;
}

static void find_needs(const gal_node *node, const gal_gemm_f32 *gemm, int m, int threads, gal_kernel_needs *needs) {
    gal_wino wino;
    *needs = (gal_kernel_needs){0};
    if (gal_wino_decode(node, gemm, m, &wino) != NULL) return;
    needs->packed_bytes = wino.size * sizeof(float);
    needs->outputs = wino.cv.k;
    needs->scratch_bytes = gal_wino_slot_bytes(&wino, gemm) * (size_t)threads;
}

static void pack(const gal_node *node, const gal_gemm_f32 *gemm, int m, gal_columns part, void *packed) {
    gal_wino wino;
    if (gal_wino_decode(node, gemm, m, &wino) == NULL) gal_wino_pack(&wino, node, gemm, part, packed);
}

#define WINO(m, level)                                                                                                 \
    const char *gal_conv_wino##m##_f32_##level##_reject(const gal_node *node) {                                        \
        return reject(node, &gal_tile_##level, m);                                                                     \
    }                                                                                                                  \
    void gal_conv_wino##m##_f32_##level##_needs(const gal_node *node, int64_t max_batch, int threads,                  \
                                                gal_kernel_needs *needs) {                                             \
        (void)max_batch;                                                                                               \
        find_needs(node, &gal_tile_##level, m, threads, needs);                                                        \
    }                                                                                                                  \
    void gal_conv_wino##m##_f32_##level##_pack(const gal_node *node, gal_columns part, void *packed) {                 \
        pack(node, &gal_tile_##level, m, part, packed);                                                                \
    }                                                                                                                  \
    galen_status gal_conv_wino##m##_f32_##level##_run(const gal_call *call, galen_error *err) {                        \
        (void)err;                                                                                                     \
        gal_wino_run(&gal_wino_##level, call);                                                                         \
        return GALEN_OK;                                                                                               \
    }

#define WINO_BOTH(level) WINO(2, level) WINO(4, level)

GAL_EACH_LEVEL(WINO_BOTH)
