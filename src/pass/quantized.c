/*
 * Integer graphs. A model in QDQ form says DequantizeLinear -> op -> QuantizeLinear where it means an op on bytes: each
 * such op becomes one of the integer ops of quantized.h, from the QuantizeLinear upwards, and DequantizeLinear moves
 * down through ops that only move elements, so that the two meet and vanish. QLinearConv and QLinearMatMul become the
 * same ops, and ConvInteger and MatMulInteger ops
 * whose scales are found at run time (quantized_dynamic.c). What is left between bytes and floats stays as it is, and
 * is right.
 */
#include "pass/quantized.h"

#include "base/error.h"
#include "pass/pass.h"

#include <math.h>
#include <string.h>

/* Scale and zero point of inputs 1 and 2; false when they are not one constant number each. */
static bool read_parameters(const gal_node *node, galen_dtype dtype, gal_quant *out) {
    const gal_value *zero = node->n_in > 2 ? node->in[2] : NULL;
    *out = (gal_quant){.dtype = dtype};
    if ((dtype != GALEN_U8 && dtype != GALEN_I8) || !gal_const_scalar(node->in[1], &out->scale)) return false;
    if (zero != NULL && (zero->constant == NULL || gal_fixed_elements(zero) != 1)) return false;
    out->zero = gal_zero_at(zero != NULL ? zero->constant : NULL, 0);
    return out->scale > 0 && isfinite(out->scale);
}

bool gal_read_dequantize(const gal_value *value, gal_bytes *out) {
    const gal_node *node = value != NULL ? value->producer : NULL;
    if (!gal_is_op(node, "", "DequantizeLinear")) return false;
    out->value = node->in[0];
    return read_parameters(node, out->value->dtype, &out->quant);
}

bool gal_read_quantize(const gal_node *node, gal_quant *out) {
    return gal_is_op(node, "", "QuantizeLinear") && node->in[0]->dtype == GALEN_F32 &&
           read_parameters(node, node->out[0]->dtype, out);
}

bool gal_same_quant(const gal_quant *a, const gal_quant *b) {
    return a->scale == b->scale && a->zero == b->zero && a->dtype == b->dtype;
}

uint32_t gal_quant_attrs(const gal_quant *quant, const char *scale, const char *zero, const char *type,
                         gal_attr *more) {
    more[0] = gal_attr_of_float(scale, quant->scale);
    more[1] = gal_attr_of_int(zero, quant->zero);
    if (type == NULL) return 2;
    more[2] = gal_attr_of_int(type, quant->dtype);
    return 3;
}

uint32_t gal_wanted_attrs(const gal_wanted *wanted, gal_attr *more) {
    uint32_t n = 0;
    if (wanted->quant.dtype == GALEN_F32)
        more[n++] = gal_attr_of_int("y_type", GALEN_F32);
    else
        n = gal_quant_attrs(&wanted->quant, "y_scale", "y_zero", "y_type", more);
    if (wanted->act == NULL) return n;
    more[n++] = gal_attr_of_text("activation", wanted->act);
    more[n++] = gal_attr_of_float("act_alpha", wanted->act_alpha);
    more[n++] = gal_attr_of_float("act_beta", wanted->act_beta);
    return n;
}

galen_status gal_to_last(gal_quantized *q, gal_value *value, gal_node *before, gal_value **out, galen_error *err) {
    static const int64_t perm[4] = {0, 2, 3, 1};
    return gal_add_transpose(q->graph, value, perm, 4, before, out, err);
}

galen_status gal_to_first(gal_quantized *q, gal_value *value, gal_node *before, gal_value **out, galen_error *err) {
    static const int64_t perm[4] = {0, 3, 1, 2};
    return gal_add_transpose(q->graph, value, perm, 4, before, out, err);
}

void gal_stand_in(gal_quantized *q, const gal_wanted *wanted, gal_value *by) {
    gal_graph_replace(q->graph, wanted->last->out[0], by);
    gal_graph_remove(q->graph, wanted->last);
    *q->changed = true;
}

/* A bound of Clip: absent is unbounded. */
static bool clip_bound(const gal_node *node, uint32_t index, float *out) {
    return node->n_in <= index || node->in[index] == NULL || gal_const_scalar(node->in[index], out);
}

/* `value` is a clamp of what only it reads: the clamp goes into `wanted`. */
static gal_value *take_clamp(gal_value *value, gal_wanted *wanted) {
    const gal_node *node = gal_sole_producer(value);
    if (gal_is_op(node, "", "Relu")) {
        wanted->act = "Relu";
        return node->in[0];
    }
    float low = -INFINITY, high = INFINITY;
    if (!gal_is_op(node, "", "Clip") || !clip_bound(node, 1, &low) || !clip_bound(node, 2, &high) || !(low <= high))
        return value;
    wanted->act = "Clip", wanted->act_alpha = low, wanted->act_beta = high;
    return node->in[0];
}

static const struct {
    const char *op;
    galen_status (*quantize)(gal_quantized *q, gal_node *op, const gal_wanted *wanted, bool *done, galen_error *err);
} rules[] = {
    {"Add", gal_quantize_add},
    {"AveragePool", gal_quantize_pool},
    {"BatchNormalization", gal_quantize_norm},
    {"Concat", gal_quantize_concat},
    {"Conv", gal_quantize_product},
    {"Gemm", gal_quantize_product},
    {"GlobalAveragePool", gal_quantize_pool},
    {"MatMul", gal_quantize_product},
    {"Mul", gal_quantize_mul},
};

/* The op whose output is `value`, which nobody else reads, as an integer op. */
static galen_status try_rules(gal_quantized *q, gal_value *value, const gal_wanted *wanted, bool *done,
                              galen_error *err) {
    gal_node *op = gal_sole_producer(value);
    for (size_t i = 0; op != NULL && i < sizeof rules / sizeof *rules; i++)
        if (gal_is_op(op, "", rules[i].op)) return rules[i].quantize(q, op, wanted, done, err);
    return GALEN_OK;
}

/* QuantizeLinear(Reshape(y)) is Reshape(QuantizeLinear(y)): what makes y is then seen. */
static galen_status hoist(gal_quantized *q, gal_node *node, gal_node *moved, bool *done, galen_error *err) {
    static const char *const ops[] = {"Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"};
    bool found = false;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) found |= gal_is_op(moved, "", ops[i]);
    if (!found || gal_sole_producer(moved->in[0]) == NULL) return GALEN_OK;
    gal_value *rounded[3] = {moved->in[0], node->in[1], node->n_in > 2 ? node->in[2] : NULL};
    gal_value *in[2] = {NULL, moved->n_in > 1 ? moved->in[1] : NULL};
    gal_node *above, *made;
    GAL_TRY(gal_graph_node(
        q->graph,
        &(gal_node_spec){.op = "QuantizeLinear", .n_in = node->n_in, .n_out = 1, .in = rounded, .before = node}, &above,
        err));
    in[0] = above->out[0];
    const gal_remake spec = {.like = moved,
                             .domain = "",
                             .op = moved->op->name,
                             .n_in = moved->n_in,
                             .in = in,
                             .stands_for = moved->stands_for,
                             .before = node};
    GAL_TRY(gal_remake_node(q->graph, &spec, &made, err));
    gal_stand_in(q, &(gal_wanted){.last = node}, made->out[0]);
    *done = true;
    return GALEN_OK;
}

/* From a QuantizeLinear upwards: what it rounds is an op on bytes. */
static galen_status visit_quantize(gal_quantized *q, gal_node *node, galen_error *err) {
    gal_wanted wanted = {.last = node};
    gal_bytes x;
    bool done = false;
    if (!gal_read_quantize(node, &wanted.quant)) return GALEN_OK;
    if (gal_read_dequantize(node->in[0], &x)) {
        if (!gal_same_quant(&x.quant, &wanted.quant)) return gal_quantize_map(q, NULL, &x, &wanted, &done, err);
        if (gal_can_replace(node->out[0], x.value)) gal_stand_in(q, &wanted, x.value);
        return GALEN_OK;
    }
    gal_node *op = gal_sole_producer(node->in[0]);
    if (op != NULL && op->n_in > 0 && gal_read_dequantize(op->in[0], &x))
        GAL_TRY(gal_quantize_map(q, op, &x, &wanted, &done, err));
    if (done) return GALEN_OK;
    if (op != NULL) GAL_TRY(hoist(q, node, op, &done, err));
    if (done) return GALEN_OK;
    GAL_TRY(try_rules(q, node->in[0], &wanted, &done, err));
    if (done) return GALEN_OK;
    gal_value *clamped = take_clamp(node->in[0], &wanted);
    return wanted.act != NULL ? try_rules(q, clamped, &wanted, &done, err) : GALEN_OK;
}

/* ---- ops that move elements ---- */

static bool moves(const gal_node *node) {
    static const char *const ops[] = {"Concat",  "Flatten", "Identity", "MaxPool",   "Reshape",
                                      "Squeeze", "Slice",   "Split",    "Transpose", "Unsqueeze"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (gal_is_op(node, "", ops[i])) return true;
    return false;
}

/* The inputs that are moved: all of a Concat, else the first. */
static uint32_t moved_inputs(const gal_node *node) {
    return gal_is_op(node, "", "Concat") ? node->n_in : 1;
}

static bool is_read(const gal_value *value) {
    return value != NULL && (value->uses != NULL || value->is_output);
}

/* All that is read is moved elements: not so MaxPool's indices. */
static bool moves_all(const gal_node *node) {
    bool split = gal_is_op(node, "", "Split");
    for (uint32_t i = 1; i < node->n_out && !split; i++)
        if (is_read(node->out[i])) return false;
    return node->out[0] != NULL;
}

/* Every output of `node` is DequantizeLinear, as `above`, of what `moved` gives. */
static galen_status dequantize_all(gal_quantized *q, gal_node *node, const gal_node *above, const gal_node *moved,
                                   galen_error *err) {
    for (uint32_t i = 0; i < node->n_out; i++) {
        if (!is_read(node->out[i])) continue;
        gal_value *in[3] = {moved->out[i], above->in[1], above->n_in > 2 ? above->in[2] : NULL};
        gal_node *dq;
        GAL_TRY(gal_graph_node(
            q->graph,
            &(gal_node_spec){.op = "DequantizeLinear", .n_in = above->n_in, .n_out = 1, .in = in, .before = node}, &dq,
            err));
        gal_graph_replace(q->graph, node->out[i], dq->out[0]);
    }
    gal_graph_remove(q->graph, node);
    *q->changed = true;
    return GALEN_OK;
}

/* move(DequantizeLinear(x)) is DequantizeLinear(move(x)) when all that is moved has one scale. */
static galen_status sink_dequantize(gal_quantized *q, gal_node *node, galen_error *err) {
    enum { MAX_INPUTS = 512 };
    gal_value *in[MAX_INPUTS];
    gal_bytes first, other;
    if (node->n_in == 0 || node->n_in > MAX_INPUTS || !moves_all(node) || !gal_read_dequantize(node->in[0], &first))
        return GALEN_OK;
    memcpy(in, node->in, node->n_in * sizeof *in);
    for (uint32_t i = 0; i < moved_inputs(node); i++) {
        if (!gal_read_dequantize(node->in[i], &other) || !gal_same_quant(&first.quant, &other.quant)) return GALEN_OK;
        in[i] = other.value;
    }
    const gal_remake spec = {.like = node,
                             .domain = "",
                             .op = node->op->name,
                             .n_in = node->n_in,
                             .in = in,
                             .stands_for = node->stands_for,
                             .before = node};
    gal_node *moved;
    const gal_node *above = node->in[0]->producer;
    GAL_TRY(gal_remake_node(q->graph, &spec, &moved, err));
    return dequantize_all(q, node, above, moved, err);
}

/* ---- the walk ---- */

static galen_status visit(gal_quantized *q, gal_node *node, galen_error *err) {
    bool done = false;
    if (node->n_in == 0 || node->in[0] == NULL || node->n_out == 0) return GALEN_OK;
    if (gal_is_op(node, "", "QuantizeLinear")) return visit_quantize(q, node, err);
    if (moves(node)) GAL_TRY(sink_dequantize(q, node, err));
    return gal_quantize_linear(q, node, &done, err);
}

/* A product of bytes that nobody rounds to bytes again gives f32: the last layer. */
static galen_status visit_float_result(gal_quantized *q, gal_node *node, galen_error *err) {
    bool done = false;
    if (!gal_is_op(node, "", "Conv") && !gal_is_op(node, "", "Gemm") && !gal_is_op(node, "", "MatMul")) return GALEN_OK;
    const gal_wanted wanted = {.quant = {1, 0, GALEN_F32}, .last = node};
    return gal_quantize_product(q, node, &wanted, &done, err);
}

static galen_status visit_biased_result(gal_quantized *q, gal_node *node, galen_error *err) {
    bool done = false;
    const gal_wanted wanted = {.quant = {1, 0, GALEN_F32}, .last = node};
    return gal_is_op(node, "", "Add") ? gal_quantize_biased(q, node, &wanted, &done, err) : GALEN_OK;
}

typedef galen_status (*visit_fn)(gal_quantized *q, gal_node *node, galen_error *err);

static galen_status walk(gal_quantized *q, visit_fn fn, galen_error *err) {
    gal_node *next;
    for (gal_node *node = q->graph->first; node != NULL; node = next) {
        next = node->next;
        GAL_TRY(fn(q, node, err));
    }
    return GALEN_OK;
}

/* DequantizeLinear of a constant that no integer op took in: the numbers themselves, computed once. */
static galen_status fold_dequantize(gal_quantized *q, gal_node *node, galen_error *err) {
    if (!gal_is_op(node, "", "DequantizeLinear")) return GALEN_OK;
    return gal_pass_fold_node(q->graph, node, q->changed, err);
}

galen_status gal_pass_quantized(gal_graph *graph, bool *changed, galen_error *err) {
    gal_quantized q = {graph, changed};
    bool more = true;
    while (more) { /* an op made of bytes lets its reader be made of them */
        more = false;
        q.changed = &more;
        GAL_TRY(walk(&q, visit, err));
        if (more) GAL_TRY(gal_pass_remove_dead(graph, &more, err));
        *changed |= more;
    }
    q.changed = changed;
    GAL_TRY(walk(&q, visit_biased_result, err)); /* before the MatMul alone is taken */
    GAL_TRY(gal_pass_remove_dead(graph, changed, err));
    GAL_TRY(walk(&q, visit_float_result, err));
    GAL_TRY(gal_pass_remove_dead(graph, changed, err));
    GAL_TRY(walk(&q, gal_quantize_dynamic, err));
    GAL_TRY(gal_pass_remove_dead(graph, changed, err));
    GAL_TRY(walk(&q, fold_dequantize, err));
    return walk(&q, gal_quantized_entry, err);
}
