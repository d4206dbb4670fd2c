/*
 * Small graphs of bytes. Scales are powers of two and sums stay below 2^24, so that the floats of a QDQ graph are exact
 * and its integer form must give the same bits, ties included.
 */
#ifndef GAL_TEST_SMALL_QUANTIZED_H
#define GAL_TEST_SMALL_QUANTIZED_H

#include "small_graph.h"

/* One scale and zero point for a tensor. */
typedef struct byte_kind {
    float scale;
    galen_dtype dtype;
    int zero;
} byte_kind;

static const byte_kind kind_x = {0x1p-6f, GALEN_U8, 121}, kind_y = {0x1p-3f, GALEN_U8, 130};
static const byte_kind kind_z = {0x1p-4f, GALEN_U8, 117}, kind_sx = {0x1p-6f, GALEN_I8, -7};
static const byte_kind kind_sy = {0x1p-3f, GALEN_I8, 5};

static inline gal_value *q_scalar(gal_graph *g, float v) {
    gal_value *value;
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_F32, 0, NULL, &value, &small_err), small_err);
    *(float *)value->constant->data = v;
    return value;
}

/* A zero point: `n` equal bytes, or one without dimensions when n is 0. */
static inline gal_value *q_zero(gal_graph *g, galen_dtype dtype, int v, int64_t n) {
    gal_value *value;
    assert_ok(gal_graph_new_constant(g, NULL, dtype, n > 0, &n, &value, &small_err), small_err);
    memset(value->constant->data, v, (size_t)(n > 0 ? n : 1));
    return value;
}

/* Random whole numbers in [-40, 40] about `middle`. */
static inline gal_value *q_numbers(gal_graph *g, galen_dtype dtype, int middle, int rank, const int64_t *dim) {
    gal_value *value;
    assert_ok(gal_graph_new_constant(g, NULL, dtype, rank, dim, &value, &small_err), small_err);
    for (int64_t i = 0, n = galen_tensor_elements(value->constant); i < n; i++) {
        int v = middle + (int)(40 * small_random());
        if (dtype == GALEN_I32)
            ((int32_t *)value->constant->data)[i] = v;
        else
            ((uint8_t *)value->constant->data)[i] = (uint8_t)v;
    }
    return value;
}

/* Powers of two, one a channel. */
static inline gal_value *q_scales(gal_graph *g, int64_t n) {
    gal_value *value;
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_F32, 1, &n, &value, &small_err), small_err);
    for (int64_t i = 0; i < n; i++) ((float *)value->constant->data)[i] = ldexpf(1, -5 - (int)(i % 3));
    return value;
}

static inline gal_value *q_op3(gal_graph *g, const char *op, gal_value *a, gal_value *b, gal_value *c) {
    gal_value *in[3] = {a, b, c};
    return small_node(g, op, c != NULL ? 3 : 2, in, 0, NULL)->out[0];
}

static inline gal_value *q_to_bytes(gal_graph *g, gal_value *x, byte_kind k) {
    return q_op3(g, "QuantizeLinear", x, q_scalar(g, k.scale), q_zero(g, k.dtype, k.zero, 0));
}

static inline gal_value *q_to_floats(gal_graph *g, gal_value *x, byte_kind k) {
    return q_op3(g, "DequantizeLinear", x, q_scalar(g, k.scale), q_zero(g, k.dtype, k.zero, 0));
}

/* QuantizeLinear and DequantizeLinear. */
static inline gal_value *q_round(gal_graph *g, gal_value *x, byte_kind k) {
    return q_to_floats(g, q_to_bytes(g, x, k), k);
}

/* Weights in QDQ form: one scale for all, or (axis >= 0) one for each index of an axis. */
static inline gal_value *q_weights(gal_graph *g, galen_dtype dtype, int zero, int axis, int rank, const int64_t *dim) {
    gal_value *w = q_numbers(g, dtype, zero, rank, dim);
    if (axis < 0) return q_to_floats(g, w, (byte_kind){0x1p-5f, dtype, zero});
    gal_value *in[3] = {w, q_scales(g, dim[axis]), q_zero(g, dtype, zero, dim[axis])};
    const gal_attr attr = small_int("axis", axis);
    return small_node(g, "DequantizeLinear", 3, in, 1, &attr)->out[0];
}

/* 3x3, padding 1, stride 2; `bias` may be NULL. */
static inline gal_value *q_conv(gal_graph *g, gal_value *x, gal_value *w, gal_value *bias) {
    static const int64_t strides[2] = {2, 2}, pads[4] = {1, 1, 1, 1};
    const gal_attr attr[2] = {small_list("strides", strides, 2), small_list("pads", pads, 4)};
    gal_value *in[3] = {x, w, bias};
    return small_node(g, "Conv", bias != NULL ? 3 : 2, in, 2, attr)->out[0];
}

/* A convolution of an image of four channels into eight, bytes per tensor. */
static inline gal_value *q_plain_conv(gal_graph *g, gal_value *x) {
    static const int64_t dim[4] = {8, 4, 3, 3};
    return q_conv(g, x, q_weights(g, GALEN_I8, 0, -1, 4, dim), NULL);
}

static inline gal_value *q_image(gal_graph *g, const char *name, byte_kind k) {
    return q_round(g, small_input(g, name, 4, 7, 6), k);
}

/* What is left, op by op, without the moves of channels at the border. */
static inline void q_list(const gal_graph *g, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (const gal_node *node = g->first; node != NULL && used < size; node = node->next) {
        if (strcmp(node->op->name, "Transpose") == 0) continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? " " : "", node->op->name);
    }
}

/* All passes: `ops` is what they leave, and every output has its bits. Destroys the graph. */
static inline void q_check(gal_graph *g, const char *ops) {
    static small_result before, after;
    char text[512];
    small_run(g, &before);
    assert_ok(gal_pass_run_all(g, false, &small_err), small_err);
    assert_ok(gal_graph_verify(g, &small_err), small_err);
    q_list(g, text, sizeof text);
    assert_string_equal(text, ops);
    small_run(g, &after);
    assert_int_equal(after.n, before.n);
    for (size_t i = 0; i < after.n; i++)
        if (memcmp(&before.y[i], &after.y[i], sizeof(float)) != 0)
            fail_msg("%s: element %zu: %.9g became %.9g", ops, i, (double)before.y[i], (double)after.y[i]);
    gal_graph_destroy(g);
}

/* The same for what comes out of `x` as bytes of kind k. */
static inline void q_finish(gal_graph *g, gal_value *x, byte_kind k, const char *ops) {
    small_output(g, q_round(g, x, k));
    q_check(g, ops);
}

#endif
