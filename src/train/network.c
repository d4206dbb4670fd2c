/*
 * Making a graph trainable. BatchNormalization becomes galen.BatchNorm, which learns its statistics, before the layout
 * pass moves everything to channels last; where its parameters are frozen it stays what it is in inference.
 */
#include "train/network.h"

#include "base/error.h"
#include "pass/pass.h"
#include "pass/rewrite.h"
#include "train/dense_grad.h"

#include <string.h>

enum { MAX_ROUNDS = 16 };

typedef struct maker {
    gal_graph *graph;
    const gal_train_network_options *options;
    gal_train_network *net;
} maker;

static bool is_frozen(const maker *m, const gal_value *value) {
    for (size_t i = 0; i < m->options->n_frozen; i++)
        if (strncmp(value->name, m->options->frozen[i], strlen(m->options->frozen[i])) == 0) return true;
    return false;
}

/* A name that no weight begins with is a slip of the pen, not a wish. */
static galen_status check_frozen(const maker *m, galen_error *err) {
    for (size_t i = 0; i < m->options->n_frozen; i++) {
        const char *prefix = m->options->frozen[i], *some = NULL;
        bool found = false;
        for (const gal_node *node = m->graph->first; node != NULL && !found; node = node->next)
            for (uint32_t k = 1; k < node->n_in && !found; k++) {
                const gal_value *value = node->in[k];
                if (value == NULL || value->constant == NULL) continue;
                found = strncmp(value->name, prefix, strlen(prefix)) == 0;
                if (gal_is_op(node, "", "Conv") || gal_is_op(node, "", "Gemm")) some = value->name;
            }
        if (found) continue;
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "to be frozen: no weight's name begins with '%.60s'; one is called '%.100s'", prefix,
                        some != NULL ? some : "");
    }
    return GALEN_OK;
}

static bool is_float(const gal_value *value) {
    return value->dtype == GALEN_F32 || value->dtype == GALEN_F64;
}

static bool is_listed(const gal_train_weight *list, size_t n, const gal_value *value) {
    for (size_t i = 0; i < n; i++)
        if (list[i].value == value) return true;
    return false;
}

/* Input `i` of the node is a weight: listed unless it is frozen or no constant of the model. */
static void note_parameter(maker *m, const gal_node *node, uint32_t i) {
    gal_train_network *net = m->net;
    gal_value *value = i < node->n_in ? node->in[i] : NULL;
    if (value == NULL || value->constant == NULL || !is_float(value) || is_frozen(m, value)) return;
    if (is_listed(net->parameter, net->n_parameter, value)) return;
    net->parameter[net->n_parameter++].value = value;
}

/* The bias that follows a MatMul. */
static bool adds_bias(const gal_node *node) {
    if (!gal_is_op(node, "", "Add")) return false;
    for (int i = 0; i < 2; i++) {
        const gal_node *from = node->in[i]->producer;
        if (from != NULL && gal_is_op(from, "", "MatMul") && node->in[1 - i]->shape.rank == 1) return true;
    }
    return false;
}

static bool learns(const maker *m, const gal_node *norm) {
    for (uint32_t i = 1; i < 5; i++)
        if (norm->in[i]->constant == NULL || !is_float(norm->in[i])) return false;
    return !is_frozen(m, norm->in[1]) && !is_frozen(m, norm->in[2]);
}

static void note_parameters(maker *m, const gal_node *node) {
    bool layer = gal_is_op(node, "", "Conv") || gal_is_op(node, "", "Gemm");
    if (layer || gal_is_op(node, "", "MatMul")) note_parameter(m, node, 1);
    if (layer) note_parameter(m, node, 2);
    if (adds_bias(node)) note_parameter(m, node, 0), note_parameter(m, node, 1);
    if (!gal_is_op(node, "", "BatchNormalization") || !learns(m, node)) return;
    note_parameter(m, node, 1);
    note_parameter(m, node, 2);
}

static galen_status list_parameters(maker *m, galen_error *err) {
    gal_train_network *net = m->net;
    size_t most = 4 * (size_t)m->graph->n_node;
    net->parameter = gal_arena_alloc(&m->graph->arena, most, sizeof *net->parameter);
    net->statistic = gal_arena_alloc(&m->graph->arena, most, sizeof *net->statistic);
    if (net->parameter == NULL || net->statistic == NULL)
        return gal_fail_memory(err, "the list of parameters", most * sizeof *net->parameter);
    for (const gal_node *node = m->graph->first; node != NULL; node = node->next) note_parameters(m, node);
    if (net->n_parameter == 0)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "nothing is left to train: no weights, or all of them are frozen");
    return GALEN_OK;
}

/* ---- normalisation ---- */

/* The Relu that alone reads `value`, or NULL. */
static gal_node *sole_relu(const gal_value *value) {
    if (value->is_output || value->uses == NULL || value->uses->next != NULL) return NULL;
    return gal_is_op(value->uses->node, "", "Relu") ? value->uses->node : NULL;
}

static void note_statistic(maker *m, gal_value *value, gal_value *next) {
    m->net->statistic[m->net->n_statistic++] = (gal_train_weight){.value = value, .next = next};
}

/* ONNX counts momentum as the share of the old value, galen.BatchNorm as that of the new one. */
static galen_status add_norm(maker *m, const gal_node *node, gal_value *x, bool relu, gal_node *before, gal_node **made,
                             galen_error *err) {
    gal_value *in[7] = {x, node->in[1], node->in[2], node->in[3], node->in[4]}; /* moments: gal_train_nest */
    const gal_attr attr[3] = {gal_attr_of_float("epsilon", gal_attr_float(node, "epsilon", 1e-5F)),
                              gal_attr_of_float("momentum", 1 - gal_attr_float(node, "momentum", 0.9F)),
                              gal_attr_of_text("activation", "Relu")};
    const gal_node_spec spec = {.domain = "galen",
                                .op = "BatchNorm",
                                .name = node->name,
                                .n_in = 7,
                                .n_out = 5,
                                .in = in,
                                .attr = attr,
                                .n_attr = relu ? 3 : 2,
                                .stands_for = relu ? "BatchNormalization+Relu" : "BatchNormalization",
                                .before = before};
    GAL_TRY(gal_graph_node(m->graph, &spec, made, err));
    note_statistic(m, node->in[3], (*made)->out[3]);
    note_statistic(m, node->in[4], (*made)->out[4]);
    return GALEN_OK;
}

static galen_status convert_norm(maker *m, gal_node *node, galen_error *err) {
    static const int64_t to_last[4] = {0, 2, 3, 1}, to_second[4] = {0, 3, 1, 2};
    int rank = node->in[0]->shape.rank;
    gal_value *x = node->in[0], *y;
    gal_node *made, *relu = sole_relu(node->out[0]);
    if (!learns(m, node)) return GALEN_OK;
    if (rank != 2 && rank != 4)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "only [N, C] and [N, C, H, W] can be trained");
    if (is_listed(m->net->statistic, m->net->n_statistic, node->in[3]))
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "its statistics are shared with another layer's");
    if (rank == 4) GAL_TRY(gal_add_transpose(m->graph, x, to_last, 4, node, &x, err));
    GAL_TRY(add_norm(m, node, x, relu != NULL, node, &made, err));
    y = made->out[0];
    if (rank == 4) GAL_TRY(gal_add_transpose(m->graph, y, to_second, 4, node, &y, err));
    gal_graph_replace(m->graph, relu != NULL ? relu->out[0] : node->out[0], y);
    if (relu != NULL) gal_graph_remove(m->graph, relu);
    gal_graph_remove(m->graph, node);
    return GALEN_OK;
}

static galen_status convert_norms(maker *m, galen_error *err) {
    gal_node *next;
    for (gal_node *node = m->graph->first; node != NULL; node = next) {
        next = node->next;
        while (next != NULL && gal_is_op(next, "", "Relu")) next = next->next; /* may be merged */
        if (gal_is_op(node, "", "BatchNormalization")) GAL_TRY(convert_norm(m, node, err));
    }
    return GALEN_OK;
}

/* ---- ends ---- */

/* The loss computes what an output activation would, more exactly. */
static galen_status find_logits(maker *m, galen_error *err) {
    gal_train_network *net = m->net;
    const gal_graph *graph = m->graph;
    if (graph->n_input != 1 || graph->n_output != 1)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "%u inputs and %u outputs; training needs one of each",
                        graph->n_input, graph->n_output);
    net->image = graph->input[0];
    net->logits = graph->output[0];
    const gal_node *last = net->logits->producer;
    net->drops_softmax = last != NULL && (gal_is_op(last, "", "Softmax") || gal_is_op(last, "", "LogSoftmax"));
    net->drops_sigmoid = last != NULL && gal_is_op(last, "", "Sigmoid");
    if (net->drops_softmax || net->drops_sigmoid) net->logits = last->in[0];
    const gal_shape *s = &net->logits->shape;
    if (s->rank == 2 && s->dim[0].batch && s->dim[0].size == 1 && !s->dim[1].batch && is_float(net->logits))
        return GALEN_OK;
    return gal_fail(err, GALEN_ERR_UNSUPPORTED, "output '%s' must be [N, classes] in floating point",
                    net->logits->name);
}

/* In front of the layer that makes the logits. */
static galen_status add_dropout(maker *m, galen_error *err) {
    gal_node *last = m->net->logits->producer, *made;
    const gal_shape one = {.rank = 1, .dim = {{1, false}}};
    if (m->options->dropout == 0) return GALEN_OK;
    if (last == NULL || !(gal_is_op(last, "", "Gemm") || gal_is_op(last, "", "MatMul")))
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "no last layer to drop inputs of; train without dropout");
    GAL_TRY(gal_graph_input(m->graph, NULL, GALEN_I64, &one, &m->net->seed, err));
    gal_value *in[2] = {last->in[0], m->net->seed};
    const gal_attr ratio = gal_attr_of_float("ratio", m->options->dropout);
    const gal_node_spec spec = {
        .domain = "galen", .op = "Drop", .n_in = 2, .n_out = 1, .in = in, .attr = &ratio, .n_attr = 1, .before = last};
    GAL_TRY(gal_graph_node(m->graph, &spec, &made, err));
    gal_node_set_input(last, 0, made->out[0]);
    return GALEN_OK;
}

static galen_status tidy(gal_graph *graph, bool layout, galen_error *err) {
    bool changed = true;
    for (int round = 0; round < MAX_ROUNDS && changed; round++) {
        changed = false;
        GAL_TRY(gal_pass_fold_constants(graph, &changed, err));
        GAL_TRY(gal_pass_simplify(graph, &changed, err));
        if (layout) GAL_TRY(gal_pass_layout_nhwc(graph, &changed, err));
        GAL_TRY(gal_pass_remove_dead(graph, &changed, err));
    }
    return GALEN_OK;
}

galen_status gal_train_network_make(gal_graph *graph, const gal_train_network_options *options, gal_train_network *out,
                                    galen_error *err) {
    maker m = {.graph = graph, .options = options, .net = out};
    *out = (gal_train_network){.graph = graph};
    GAL_TRY(tidy(graph, false, err));
    GAL_TRY(check_frozen(&m, err));
    GAL_TRY(list_parameters(&m, err));
    GAL_TRY(convert_norms(&m, err));
    GAL_TRY(tidy(graph, true, err));
    GAL_TRY(gal_train_nest(graph, err));
    GAL_TRY(find_logits(&m, err));
    return add_dropout(&m, err);
}
