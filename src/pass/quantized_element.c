/* Sums, products, tables, pools and what is left of BatchNormalization on bytes. */
#include "pass/quantized.h"

#include "base/error.h"
#include "graph/ops/activation.h"

#include <math.h>
#include <string.h>

enum { MAX_MORE = 16, TABLE = 256 };

/* ---- tables ---- */

static const int64_t table_size = TABLE;

/* The number a byte pattern stands for, as DequantizeLinear computes it. */
static float number_of(const gal_quant *quant, int pattern) {
    int32_t v = quant->dtype == GALEN_U8 ? pattern : (int8_t)(uint8_t)pattern;
    return (float)((double)(v - quant->zero) * (double)quant->scale);
}

/* The byte pattern QuantizeLinear makes of a number, clamped before as `wanted` says. */
static uint8_t pattern_of(const gal_wanted *wanted, float v) {
    uint8_t byte;
    if (wanted->act != NULL && strcmp(wanted->act, "Relu") == 0) v = gal_activate(GAL_ACT_RELU, 0, 0, v);
    if (wanted->act != NULL && strcmp(wanted->act, "Clip") == 0)
        v = gal_activate(GAL_ACT_CLIP, wanted->act_alpha, wanted->act_beta, v);
    gal_store_byte(wanted->quant.dtype, &byte, 0, (double)(v / wanted->quant.scale), wanted->quant.zero);
    return byte;
}

static galen_status make_map(gal_quantized *q, gal_value *x, const uint8_t *table, const gal_wanted *wanted,
                             const char *name, galen_error *err) {
    gal_value *in[2] = {x, NULL};
    gal_node *made;
    GAL_TRY(gal_graph_new_constant(q->graph, NULL, wanted->quant.dtype, 1, &table_size, &in[1], err));
    memcpy(in[1]->constant->data, table, TABLE);
    const gal_node_spec spec = {.domain = "galen",
                                .op = "QMap",
                                .name = wanted->last->name,
                                .n_in = 2,
                                .n_out = 1,
                                .in = in,
                                .stands_for = name,
                                .before = wanted->last};
    GAL_TRY(gal_graph_node(q->graph, &spec, &made, err));
    gal_stand_in(q, wanted, made->out[0]);
    return GALEN_OK;
}

/* An activation of one input with its parameters. */
static bool read_activation(const gal_node *node, gal_activation *kind, float *alpha, float *beta) {
    static const struct {
        const char *op;
        gal_activation kind;
    } known[] = {{"HardSwish", GAL_ACT_HARD_SWISH},
                 {"Relu", GAL_ACT_RELU},
                 {"Sigmoid", GAL_ACT_SIGMOID},
                 {"Tanh", GAL_ACT_TANH}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!gal_is_op(node, "", known[i].op)) continue;
        *kind = known[i].kind;
        return true;
    }
    if (gal_is_op(node, "", "LeakyRelu")) {
        *kind = GAL_ACT_LEAKY_RELU, *alpha = gal_attr_float(node, "alpha", 0.01f);
        return true;
    }
    if (gal_is_op(node, "", "HardSigmoid")) {
        *kind = GAL_ACT_HARD_SIGMOID;
        *alpha = gal_attr_float(node, "alpha", 0.2f), *beta = gal_attr_float(node, "beta", 0.5f);
        return true;
    }
    if (!gal_is_op(node, "", "Clip")) return false;
    *kind = GAL_ACT_CLIP, *alpha = -INFINITY, *beta = INFINITY;
    for (uint32_t i = 1; i < node->n_in; i++)
        if (node->in[i] != NULL && !gal_const_scalar(node->in[i], i == 1 ? alpha : beta)) return false;
    return true;
}

galen_status gal_quantize_map(gal_quantized *q, const gal_node *op, const gal_bytes *x, const gal_wanted *wanted,
                              bool *done, galen_error *err) {
    gal_activation kind = GAL_ACT_NONE;
    float alpha = 0, beta = 0;
    uint8_t table[TABLE];
    if (op != NULL && !read_activation(op, &kind, &alpha, &beta)) return GALEN_OK;
    for (int i = 0; i < TABLE; i++)
        table[i] = pattern_of(wanted, gal_activate(kind, alpha, beta, number_of(&x->quant, i)));
    GAL_TRY(
        make_map(q, x->value, table, wanted, op != NULL ? gal_name_of(op) : "DequantizeLinear+QuantizeLinear", err));
    *done = true;
    return GALEN_OK;
}

/* ---- pairs ---- */

static galen_status make_pair(gal_quantized *q, const gal_node *op, const char *name, const gal_bytes *a,
                              const gal_bytes *b, const gal_wanted *wanted, galen_error *err) {
    gal_value *in[2] = {a->value, b->value};
    gal_attr more[MAX_MORE];
    gal_node *made;
    uint32_t n = gal_quant_attrs(&a->quant, "x_scale", "x_zero", NULL, more);
    n += gal_quant_attrs(&b->quant, "r_scale", "r_zero", NULL, more + n);
    n += gal_wanted_attrs(wanted, more + n);
    const gal_remake spec = {.like = op,
                             .domain = "galen",
                             .op = name,
                             .n_in = 2,
                             .in = in,
                             .more = more,
                             .n_more = n,
                             .stands_for = gal_name_of(op),
                             .before = wanted->last};
    GAL_TRY(gal_remake_node(q->graph, &spec, &made, err));
    gal_stand_in(q, wanted, made->out[0]);
    return GALEN_OK;
}

/* The galen.QConv whose bytes, back in the model's order, only `dq` reads; it must still have room for a residual. */
static gal_node *bare_conv(const gal_value *dequantized) {
    const gal_node *dq = gal_sole_producer(dequantized);
    const gal_node *back = dq != NULL ? gal_sole_producer(dq->in[0]) : NULL;
    gal_node *conv = gal_is_op(back, "", "Transpose") ? gal_sole_producer(back->in[0]) : NULL;
    if (!gal_is_op(conv, "galen", "QConv") || conv->in[3] != NULL || (conv->n_in > 5 && conv->in[5] != NULL))
        return NULL;
    return gal_attr_string(conv, "activation", "")[0] == '\0' ? conv : NULL;
}

/* conv + residual in one op: what was the convolution's own rounding becomes the one in the middle. */
static galen_status merge_residual(gal_quantized *q, const gal_node *conv, const gal_bytes *residual,
                                   const gal_wanted *wanted, galen_error *err) {
    gal_value *in[5] = {conv->in[0], conv->in[1], conv->in[2], NULL, conv->in[4]}, *y;
    const gal_quant mid = gal_quant_of(conv, 'y', gal_quant_output(conv));
    gal_attr more[MAX_MORE];
    gal_node *made;
    GAL_TRY(gal_to_last(q, residual->value, wanted->last, &in[3], err));
    uint32_t n = gal_quant_attrs(&mid, "mid_scale", "mid_zero", "mid_type", more);
    n += gal_quant_attrs(&residual->quant, "r_scale", "r_zero", NULL, more + n);
    n += gal_wanted_attrs(wanted, more + n);
    const char *name = gal_merged_name(q->graph, conv, "Add");
    const gal_remake spec = {.like = conv,
                             .domain = "galen",
                             .op = "QConv",
                             .n_in = 5,
                             .in = in,
                             .more = more,
                             .n_more = n,
                             .stands_for = name,
                             .before = wanted->last};
    GAL_TRY(gal_remake_node(q->graph, &spec, &made, err));
    GAL_TRY(gal_to_first(q, made->out[0], wanted->last, &y, err));
    gal_stand_in(q, wanted, y);
    return GALEN_OK;
}

/* Of two candidates the one that comes later: its residual is there by then. */
static bool comes_after(const gal_node *a, const gal_node *b) {
    for (const gal_node *node = b->next; node != NULL; node = node->next)
        if (node == a) return true;
    return false;
}

galen_status gal_quantize_add(gal_quantized *q, gal_node *op, const gal_wanted *wanted, bool *done, galen_error *err) {
    gal_bytes side[2];
    for (int i = 0; i < 2; i++)
        if (!gal_read_dequantize(op->in[i], &side[i])) return gal_quantize_biased(q, op, wanted, done, err);
    gal_node *conv[2] = {bare_conv(op->in[0]), bare_conv(op->in[1])};
    bool same = gal_shape_equal(&op->in[0]->shape, &op->in[1]->shape) && op->in[0] != op->in[1];
    int which = conv[0] == NULL || (conv[1] != NULL && comes_after(conv[1], conv[0])) ? 1 : 0;
    *done = true;
    if (same && conv[which] != NULL) return merge_residual(q, conv[which], &side[1 - which], wanted, err);
    return make_pair(q, op, "QAdd", &side[0], &side[1], wanted, err);
}

/* Bytes that are a table of other bytes: x * Sigmoid(x) is then one table of x. */
static const gal_node *map_of(const gal_value *gate, const gal_value *x) {
    const gal_node *map = gate->producer;
    return gal_is_op(map, "galen", "QMap") && map->in[0] == x ? map : NULL;
}

static galen_status make_gate(gal_quantized *q, const gal_bytes *x, const gal_bytes *gate, const gal_node *map,
                              const gal_wanted *wanted, galen_error *err) {
    const uint8_t *inner = map->in[1]->constant->data;
    uint8_t table[TABLE];
    for (int i = 0; i < TABLE; i++)
        table[i] = pattern_of(wanted, number_of(&x->quant, i) * number_of(&gate->quant, inner[i]));
    return make_map(q, x->value, table, wanted, gal_merged_name(q->graph, map, "Mul"), err);
}

galen_status gal_quantize_mul(gal_quantized *q, gal_node *op, const gal_wanted *wanted, bool *done, galen_error *err) {
    gal_bytes side[2];
    for (int i = 0; i < 2; i++)
        if (!gal_read_dequantize(op->in[i], &side[i])) return GALEN_OK;
    float factor = side[0].quant.scale * side[1].quant.scale / wanted->quant.scale;
    if (!(factor > 0) || !isfinite(factor)) return GALEN_OK;
    *done = true;
    for (int i = 0; i < 2; i++) {
        const gal_node *map = map_of(side[1 - i].value, side[i].value);
        if (map != NULL) return make_gate(q, &side[i], &side[1 - i], map, wanted, err);
    }
    return make_pair(q, op, "QMul", &side[0], &side[1], wanted, err);
}

/* ---- channels last ---- */

static bool is_image(const gal_value *value) {
    const gal_shape *s = &value->shape;
    return s->rank == 4 && !s->dim[1].batch && !s->dim[2].batch && !s->dim[3].batch;
}

/* `made` in place of wanted->last, back in the model's order. */
static galen_status finish_image(gal_quantized *q, const gal_node *made, const gal_wanted *wanted, bool *done,
                                 galen_error *err) {
    gal_value *y;
    GAL_TRY(gal_to_first(q, made->out[0], wanted->last, &y, err));
    gal_stand_in(q, wanted, y);
    *done = true;
    return GALEN_OK;
}

galen_status gal_quantize_pool(gal_quantized *q, gal_node *op, const gal_wanted *wanted, bool *done, galen_error *err) {
    const int64_t most = 1 << 22; /* elements of a window whose sum surely fits 32 bits */
    gal_bytes x;
    gal_attr more[MAX_MORE];
    gal_node *made;
    if (!gal_read_dequantize(op->in[0], &x) || !is_image(op->in[0]) || !is_image(op->out[0])) return GALEN_OK;
    if (op->in[0]->shape.dim[2].size * op->in[0]->shape.dim[3].size > most) return GALEN_OK;
    size_t n_kernel;
    const int64_t *kernel = gal_attr_ints(op, "kernel_shape", &n_kernel);
    for (size_t i = 0; i < n_kernel; i++)
        if (kernel[i] > 1024) return GALEN_OK;
    gal_value *in[1];
    GAL_TRY(gal_to_last(q, x.value, wanted->last, &in[0], err));
    uint32_t n = gal_quant_attrs(&x.quant, "x_scale", "x_zero", NULL, more);
    n += gal_wanted_attrs(wanted, more + n);
    bool global = gal_is_op(op, "", "GlobalAveragePool");
    const gal_remake spec = {.like = op,
                             .domain = "galen",
                             .op = global ? "QGlobalAveragePool" : "QAveragePool",
                             .n_in = 1,
                             .in = in,
                             .more = more,
                             .n_more = n,
                             .stands_for = gal_name_of(op),
                             .before = wanted->last};
    GAL_TRY(gal_remake_node(q->graph, &spec, &made, err));
    return finish_image(q, made, wanted, done, err);
}

/* scale[c] and shift[c] of a BatchNormalization from bytes to steps of the output. */
static bool norm_factors(const gal_node *op, const gal_quant *x, float y_scale, float *scale, float *shift) {
    const float *p[4];
    int64_t channels = op->in[0]->shape.dim[1].size;
    for (int i = 0; i < 4; i++) {
        p[i] = gal_const_f32(op->in[i + 1]);
        if (p[i] == NULL || gal_fixed_elements(op->in[i + 1]) != channels) return false;
    }
    double epsilon = (double)gal_attr_float(op, "epsilon", 1e-5f);
    for (int64_t c = 0; c < channels; c++) {
        double a = (double)p[0][c] / sqrt((double)p[3][c] + epsilon), b = (double)p[1][c] - (double)p[2][c] * a;
        scale[c] = (float)(a * (double)x->scale / (double)y_scale);
        shift[c] = (float)(b / (double)y_scale);
        if (!isfinite(scale[c]) || !isfinite(shift[c])) return false;
    }
    return true;
}

static bool only_first_is_read(const gal_node *node) {
    for (uint32_t i = 1; i < node->n_out; i++)
        if (node->out[i] != NULL && (node->out[i]->uses != NULL || node->out[i]->is_output)) return false;
    return true;
}

galen_status gal_quantize_norm(gal_quantized *q, gal_node *op, const gal_wanted *wanted, bool *done, galen_error *err) {
    gal_bytes x;
    gal_value *in[3];
    gal_attr more[MAX_MORE];
    gal_node *made;
    if (!gal_read_dequantize(op->in[0], &x) || !is_image(op->in[0]) || !only_first_is_read(op) ||
        gal_attr_int(op, "training_mode", 0) != 0)
        return GALEN_OK;
    int64_t channels = op->in[0]->shape.dim[1].size;
    for (int i = 1; i < 3; i++) GAL_TRY(gal_graph_new_constant(q->graph, NULL, GALEN_F32, 1, &channels, &in[i], err));
    if (!norm_factors(op, &x.quant, wanted->quant.scale, in[1]->constant->data, in[2]->constant->data)) return GALEN_OK;
    GAL_TRY(gal_to_last(q, x.value, wanted->last, &in[0], err));
    more[0] = gal_attr_of_int("x_zero", x.quant.zero);
    uint32_t n = 1 + gal_wanted_attrs(wanted, more + 1);
    const gal_remake spec = {.like = op,
                             .domain = "galen",
                             .op = "QScaleShift",
                             .n_in = 3,
                             .in = in,
                             .more = more,
                             .n_more = n,
                             .drop = "epsilon momentum training_mode",
                             .stands_for =
                                 wanted->act != NULL ? gal_merged_name(q->graph, op, wanted->act) : gal_name_of(op),
                             .before = wanted->last};
    GAL_TRY(gal_remake_node(q->graph, &spec, &made, err));
    return finish_image(q, made, wanted, done, err);
}

/* Parts of other scales pass through a table first. */
galen_status gal_quantize_concat(gal_quantized *q, gal_node *op, const gal_wanted *wanted, bool *done,
                                 galen_error *err) {
    gal_bytes part;
    if (wanted->act != NULL) return GALEN_OK;
    for (uint32_t i = 0; i < op->n_in; i++)
        if (!gal_read_dequantize(op->in[i], &part)) return GALEN_OK;
    const gal_node *like = wanted->last;
    for (uint32_t i = 0; i < op->n_in; i++) {
        gal_node *made, *dq;
        gal_read_dequantize(op->in[i], &part);
        if (gal_same_quant(&part.quant, &wanted->quant)) continue;
        gal_value *in[3] = {op->in[i], like->in[1], like->n_in > 2 ? like->in[2] : NULL};
        gal_node_spec spec = {.op = "QuantizeLinear", .n_in = like->n_in, .n_out = 1, .in = in, .before = op};
        GAL_TRY(gal_graph_node(q->graph, &spec, &made, err));
        in[0] = made->out[0];
        spec.op = "DequantizeLinear";
        GAL_TRY(gal_graph_node(q->graph, &spec, &dq, err));
        gal_node_set_input(op, i, dq->out[0]);
        *q->changed = true; /* the new pair becomes a table and the Concat one of bytes when next visited */
    }
    (void)done;
    return GALEN_OK;
}
