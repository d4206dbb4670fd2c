/* The Winograd rows of conv.def, F(2x2) and F(4x4), and of conv_grad.def, F(4x4), which a batch nearly always takes. */
#include "base/half.h"
#include "cpu/conv_grad_input.h"
#include "cpu/conv_wino.h"
#include "cpu/levels.h"
#include "cpu/rows.h"

#include <math.h>

static const float largest_weight = 1e30f; /* beyond, sums of transformed weights may overflow */

static float weight(const galen_tensor *weights, int64_t i) {
    if (weights->dtype == GALEN_F32) return ((const float *)weights->data)[i];
    uint16_t x = ((const uint16_t *)weights->data)[i];
    return weights->dtype == GALEN_BF16 ? gal_bf16_to_f32(x) : gal_f16_to_f32(x);
}

static bool moderate(const galen_tensor *weights) {
    int64_t n = galen_tensor_elements(weights);
    bool all = true;
    for (int64_t i = 0; i < n; i++) all &= fabsf(weight(weights, i)) <= largest_weight;
    return all;
}

/* The convolution a node asks for, and its weights. */
typedef const char *(*decode_fn)(const gal_node *node, const gal_wino_level *level, int m, gal_wino *wino);
typedef gal_wino_weights (*weights_fn)(const gal_node *node, const gal_wino *wino);

static const char *reject(const gal_node *node, const gal_wino_level *level, int m, decode_fn decode) {
    gal_wino wino;
    const char *why = decode(node, level, m, &wino);
    if (why == NULL && wino.dtype != GALEN_F32 && wino.cv.act.kind > GAL_ACT_CLIP)
        return "in 16 bits takes no such activation";
    if (why == NULL && !moderate(node->in[1]->constant)) why = "the weights hold NaN, infinity or more than 1e30";
    return why;
}

static void find_needs(const gal_node *node, const gal_wino_level *level, int m, int64_t batch, int threads,
                       decode_fn decode, gal_kernel_needs *needs) {
    gal_wino wino;
    *needs = (gal_kernel_needs){0};
    if (decode(node, level, m, &wino) != NULL) return;
    needs->packed_bytes = wino.size * sizeof(float);
    needs->outputs = wino.cv.k;
    needs->scratch_bytes = gal_wino_slot_bytes(&wino, level->gemm, batch) * (size_t)threads;
}

static void pack(const gal_node *node, const gal_wino_level *level, int m, decode_fn decode, weights_fn weights,
                 gal_columns part, void *packed) {
    gal_wino wino;
    if (decode(node, level, m, &wino) != NULL) return;
    const gal_wino_weights from = weights(node, &wino);
    gal_wino_pack(&wino, level, &from, part, packed);
}

/* ---- convolution ---- */

static gal_wino_weights conv_weights(const gal_node *node, const gal_wino *wino) {
    const gal_value *bias = node->n_in > 2 ? node->in[2] : NULL;
    return (gal_wino_weights){.w = node->in[1]->constant->data,
                              .bias = bias != NULL ? bias->constant->data : NULL,
                              .column = 9 * wino->cv.c,
                              .channel = 9};
}

/* ---- its input gradient: a convolution of dY, channels for outputs and the taps in reverse order ---- */

static const char *grad_decode(const gal_node *node, const gal_wino_level *level, int m, gal_wino *wino) {
    gal_conv_grad g;
    gal_shape shape;
    if (gal_conv_grad_input_shape(node, &g, &shape, NULL) != GALEN_OK) return "the window is not understood";
    const gal_window *w = &g.window;
    if (node->in[1]->constant == NULL) return "the weights are not constant";
    if (node->in[0]->dtype != level->dtype || node->in[1]->dtype != level->dtype) return "is for another element type";
    if (g.channels < 1 || g.outputs < 1 || w->in[1] < 1 || w->in[2] < 1 || w->out[1] < 1 || w->out[2] < 1)
        return "there is nothing to compute";
    if (w->stride[1] != 1 || w->stride[2] != 1) return "is for stride 1";
    const gal_grad_axis down = gal_grad_axis_of(w, 1, 0), across = gal_grad_axis_of(w, 2, 0);
    gal_conv cv = {.h = w->out[1], .w = w->out[2], .c = g.outputs, .oh = w->in[1], .ow = w->in[2], .k = g.channels};
    cv.r = w->kernel[1], cv.s = w->kernel[2], cv.sh = cv.sw = 1, cv.dh = w->dilation[1], cv.dw = w->dilation[2];
    cv.top = down.pad, cv.left = across.pad, cv.group = g.group, cv.cg = cv.c, cv.kg = cv.k;
    cv.act = gal_cpu_activation_make(GAL_ACT_NONE, 0, 0);
    return gal_wino_make(&cv, level, true, m, wino);
}

static gal_wino_weights grad_weights(const gal_node *node, const gal_wino *wino) {
    return (gal_wino_weights){
        .w = node->in[1]->constant->data, .column = 9, .channel = 9 * wino->cv.k, .reversed = true};
}

/* ---- the rows of each level ---- */

#define ROW(name, type, level, m, decode, weights)                                                                     \
    const char *gal_##name##m##_##type##_##level##_reject(const gal_node *node) {                                      \
        return reject(node, &gal_wino_##type##_##level, m, decode);                                                    \
    }                                                                                                                  \
    void gal_##name##m##_##type##_##level##_needs(const gal_node *node, int64_t max_batch, int threads,                \
                                                  gal_kernel_needs *needs) {                                           \
        find_needs(node, &gal_wino_##type##_##level, m, max_batch, threads, decode, needs);                            \
    }                                                                                                                  \
    void gal_##name##m##_##type##_##level##_pack(const gal_node *node, gal_columns part, void *packed) {               \
        pack(node, &gal_wino_##type##_##level, m, decode, weights, part, packed);                                      \
    }                                                                                                                  \
    galen_status gal_##name##m##_##type##_##level##_run(const gal_call *call, galen_error *err) {                      \
        (void)err;                                                                                                     \
        gal_wino_run(&gal_wino_##type##_##level, call);                                                                \
        return GALEN_OK;                                                                                               \
    }
#define LEVEL(level)                                                                                                   \
    ROW(conv_wino, f32, level, 2, gal_wino_decode, conv_weights)                                                       \
    ROW(conv_wino, f32, level, 4, gal_wino_decode, conv_weights)                                                       \
    ROW(conv_grad_input_wino, f32, level, 4, grad_decode, grad_weights)

#define F16(level)                                                                                                     \
    ROW(conv_wino, f16, level, 2, gal_wino_decode, conv_weights)                                                       \
    ROW(conv_wino, f16, level, 4, gal_wino_decode, conv_weights)

GAL_EACH_LEVEL(LEVEL)
GAL_EACH_LEVEL(F16)
#if defined(__x86_64__)
ROW(conv_wino, bf16, avx512bf16, 4, gal_wino_decode, conv_weights)
ROW(conv_grad_input_wino, bf16, avx512bf16, 4, grad_decode, grad_weights)
#endif
