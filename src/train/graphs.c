/* The two graphs of a trainer: a run (loss and gradients) and an update (the optimiser's step). */
#include "base/error.h"
#include "base/mem.h"
#include "graph/ops/types.h"
#include "pass/rewrite.h"
#include "train/backward.h"
#include "train/dense_grad.h"
#include "train/internal.h"

#include <string.h>

/* ---- a run ---- */

static const char *kind_of(const gal_train_loss *loss) {
    return loss->categorical ? "categorical" : "binary";
}

/* What the targets say. */
static galen_status add_targets(gal_trainer *t, gal_value **loss, galen_error *err) {
    gal_graph *graph = t->net.graph;
    gal_value *logits = t->net.logits, *in[3] = {logits};
    const gal_train_loss *how = &t->options.loss;
    gal_node *made;
    GAL_TRY(gal_graph_input(graph, NULL, logits->dtype, &logits->shape, &in[1], err));
    if (how->weight != NULL) {
        int64_t classes = logits->shape.dim[1].size;
        GAL_TRY(gal_graph_new_constant(graph, NULL, logits->dtype, 1, &classes, &in[2], err));
        for (int64_t c = 0; c < classes; c++) {
            if (logits->dtype == GALEN_F64)
                ((double *)in[2]->constant->data)[c] = (double)how->weight[c];
            else
                ((float *)in[2]->constant->data)[c] = how->weight[c];
        }
    }
    const gal_attr attr[3] = {gal_attr_of_text("kind", kind_of(how)), gal_attr_of_float("smoothing", how->smoothing),
                              gal_attr_of_float("gamma", how->gamma)};
    const gal_node_spec spec = {.domain = "galen",
                                .op = "Loss",
                                .name = "loss",
                                .n_in = in[2] != NULL ? 3 : 2,
                                .n_out = 2,
                                .in = in,
                                .attr = attr,
                                .n_attr = 3};
    GAL_TRY(gal_graph_node(graph, &spec, &made, err));
    *loss = made->out[0];
    return GALEN_OK;
}

static galen_status add_op(gal_graph *graph, const char *op, gal_value *a, gal_value *b, gal_value **out,
                           galen_error *err) {
    gal_value *in[2] = {a, b};
    gal_node *made;
    const gal_node_spec spec = {.op = op, .n_in = b != NULL ? 2 : 1, .n_out = 1, .in = in};
    GAL_TRY(gal_graph_node(graph, &spec, &made, err));
    *out = made->out[0];
    return GALEN_OK;
}

/* x times a number. */
static galen_status add_times(gal_graph *graph, gal_value *x, double factor, gal_value **out, galen_error *err) {
    const int64_t one = 1;
    gal_value *number;
    GAL_TRY(gal_graph_new_constant(graph, NULL, x->dtype, 1, &one, &number, err));
    gal_store_float(x->dtype, number->constant->data, factor);
    return add_op(graph, "Mul", x, number, out, err);
}

/* T^2 times the cross-entropy of what logits say and what `wanted` does. */
static galen_status add_entropy(gal_trainer *t, gal_value *logits, gal_value *wanted, float temperature,
                                gal_value **out, galen_error *err) {
    gal_value *in[2] = {logits, wanted};
    gal_node *made;
    const gal_attr attr[2] = {gal_attr_of_text("kind", kind_of(&t->options.loss)),
                              gal_attr_of_float("temperature", temperature)};
    const gal_node_spec spec = {
        .domain = "galen", .op = "Loss", .n_in = 2, .n_out = 2, .in = in, .attr = attr, .n_attr = 2};
    GAL_TRY(gal_graph_node(t->net.graph, &spec, &made, err));
    *out = made->out[0];
    return GALEN_OK;
}

/* T^2 KL(teacher || student): the cross-entropy less the teacher's own entropy, which leaves 0 where they agree. */
static galen_status add_teacher(gal_trainer *t, gal_value **divergence, galen_error *err) {
    gal_graph *graph = t->net.graph;
    const gal_train_loss *how = &t->options.loss;
    gal_value *logits = t->net.logits, *teacher, *wanted, *cross, *own;
    float temperature = how->temperature > 0 ? how->temperature : 1;
    GAL_TRY(gal_graph_input(graph, NULL, logits->dtype, &logits->shape, &teacher, err));
    GAL_TRY(add_times(graph, teacher, 1 / (double)temperature, &wanted, err));
    GAL_TRY(add_op(graph, how->categorical ? "Softmax" : "Sigmoid", wanted, NULL, &wanted, err));
    GAL_TRY(add_entropy(t, logits, wanted, temperature, &cross, err));
    GAL_TRY(add_entropy(t, teacher, wanted, temperature, &own, err));
    return add_op(graph, "Sub", cross, own, divergence, err);
}

static galen_status add_loss(gal_trainer *t, gal_value **loss, galen_error *err) {
    double alpha = (double)t->options.loss.alpha;
    gal_value *hard, *soft;
    GAL_TRY(add_targets(t, loss, err));
    if (alpha == 0) return GALEN_OK;
    GAL_TRY(add_teacher(t, &soft, err));
    GAL_TRY(add_times(t->net.graph, *loss, 1 - alpha, &hard, err));
    GAL_TRY(add_times(t->net.graph, soft, alpha, &soft, err));
    return add_op(t->net.graph, "Add", hard, soft, loss, err);
}

/* As an output of its own, even where the walk gives two parameters the same gradient. */
static galen_status mark(gal_graph *graph, gal_value *value, galen_error *err) {
    gal_node *made;
    if (value->is_output || value->producer == NULL) {
        const gal_node_spec copy = {.op = "Identity", .n_in = 1, .n_out = 1, .in = &value};
        GAL_TRY(gal_graph_node(graph, &copy, &made, err));
        value = made->out[0];
    }
    return gal_graph_mark_output(graph, value, err);
}

static galen_status mark_gradient(gal_trainer *t, const gal_train_slot *slot, gal_value *gradient, galen_error *err) {
    gal_graph *graph = t->net.graph;
    gal_value *in[2];
    gal_node *made;
    if (gradient == NULL)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "parameter '%s' has no influence on the loss; freeze it",
                        slot->name);
    if (!t->options.accumulate) return mark(graph, gradient, err);
    GAL_TRY(gal_graph_constant(graph, NULL, &slot->gradient, &in[0], err));
    in[0]->is_variable = true;
    in[1] = gradient;
    const gal_node_spec add = {.op = "Add", .n_in = 2, .n_out = 1, .in = in};
    GAL_TRY(gal_graph_node(graph, &add, &made, err));
    return gal_graph_mark_output(graph, made->out[0], err);
}

/* What the gradients are multiplied by, an input of runs; NULL where they need no scale. */
static galen_status add_scale(gal_trainer *t, const gal_value *loss, gal_value **scale, galen_error *err) {
    *scale = NULL;
    if (!t->is_scaled) return GALEN_OK;
    return gal_graph_input(t->net.graph, NULL, loss->dtype, &loss->shape, scale, err);
}

galen_status gal_train_build_run(gal_trainer *t, galen_error *err) {
    gal_value **target = gal_calloc(2 * t->n_slot, sizeof *target), **gradient = target + t->n_slot, *loss, *scale;
    if (target == NULL) return gal_fail_memory(err, "the gradient walk", 2 * t->n_slot * sizeof *target);
    for (size_t i = 0; i < t->n_slot; i++) target[i] = t->slot[i].narrow != NULL ? t->slot[i].narrow : t->slot[i].value;
    galen_status status = add_loss(t, &loss, err);
    if (status == GALEN_OK) status = add_scale(t, loss, &scale, err);
    if (status == GALEN_OK) status = gal_train_backward(t->net.graph, loss, scale, target, t->n_slot, gradient, err);
    if (status == GALEN_OK) status = gal_graph_mark_output(t->net.graph, loss, err);
    for (size_t i = 0; i < t->n_slot && status == GALEN_OK; i++)
        status = mark_gradient(t, &t->slot[i], gradient[i], err);
    for (size_t i = 0; i < t->n_running && status == GALEN_OK; i++)
        status = gal_graph_mark_output(t->net.graph, t->running[i].next, err);
    if (status == GALEN_OK) status = gal_train_sum_dense(t->net.graph, err);
    if (status == GALEN_OK)
        status = gal_train_recompute(t->net.graph, loss, t->options.segments, t->options.batch, &t->again, err);
    gal_free(target);
    return status;
}

size_t gal_train_run_outputs(gal_trainer *t, void **out) {
    size_t n = 2 + t->n_slot + t->n_running;
    if (out == NULL) return n;
    *out++ = t->predictions;
    *out++ = &t->loss;
    for (size_t i = 0; i < t->n_slot; i++) *out++ = t->slot[i].gradient.data;
    for (size_t i = 0; i < t->n_running; i++) *out++ = t->running[i].tensor.data;
    return n;
}

/* ---- an update ---- */

typedef struct builder {
    gal_trainer *t;
    gal_graph *graph;
    gal_value *hyper, *control;
} builder;

static galen_status variable(const builder *b, const galen_tensor *tensor, gal_value **out, galen_error *err) {
    GAL_TRY(gal_graph_constant(b->graph, NULL, tensor, out, err));
    (*out)->is_variable = true;
    return GALEN_OK;
}

/* One control for the gradients of all slots. */
static galen_status add_norm(builder *b, gal_value *const *gradient, galen_error *err) {
    size_t n = b->t->n_slot;
    gal_value **in = gal_arena_alloc(&b->graph->arena, n + 1, sizeof *in);
    gal_node *made;
    if (in == NULL) return gal_fail_memory(err, "the optimiser's graph", (n + 1) * sizeof *in);
    in[0] = b->hyper;
    memcpy(in + 1, gradient, n * sizeof *in);
    const gal_node_spec spec = {.domain = "galen", .op = "GradNorm", .n_in = (uint32_t)n + 1, .n_out = 1, .in = in};
    GAL_TRY(gal_graph_node(b->graph, &spec, &made, err));
    b->control = made->out[0];
    return gal_graph_mark_output(b->graph, b->control, err);
}

static galen_status add_average(const builder *b, const gal_train_slot *slot, gal_value *parameter, galen_error *err) {
    gal_value *in[4] = {NULL, parameter, b->hyper, b->control};
    gal_node *made;
    const gal_node_spec spec = {.domain = "galen", .op = "Ema", .n_in = 4, .n_out = 1, .in = in};
    GAL_TRY(variable(b, &slot->average, &in[0], err));
    GAL_TRY(gal_graph_node(b->graph, &spec, &made, err));
    return gal_graph_mark_output(b->graph, made->out[0], err);
}

static galen_status add_step(const builder *b, const gal_train_slot *slot, gal_value *gradient, galen_error *err) {
    const gal_trainer_options *o = &b->t->options;
    bool adam = o->optimizer != GAL_OPTIMIZER_SGD;
    gal_value *in[6] = {NULL, gradient};
    uint32_t n = 2;
    gal_node *made;
    GAL_TRY(variable(b, &slot->parameter, &in[0], err));
    GAL_TRY(variable(b, &slot->momentum, &in[n++], err));
    if (adam) GAL_TRY(variable(b, &slot->square, &in[n++], err));
    in[n++] = b->hyper, in[n++] = b->control;
    const gal_attr attr[3] = {gal_attr_of_int("decay", o->decay_all || slot->parameter.rank > 1),
                              adam ? gal_attr_of_int("decoupled", o->optimizer == GAL_OPTIMIZER_ADAMW)
                                   : gal_attr_of_int("nesterov", o->nesterov),
                              gal_attr_of_int("to", slot->rounded.dtype)};
    const gal_node_spec spec = {.domain = "galen",
                                .op = adam ? "Adam" : "Sgd",
                                .name = slot->name,
                                .n_in = n,
                                .n_out = (adam ? 3U : 2U) + (slot->rounded.data != NULL),
                                .in = in,
                                .attr = attr,
                                .n_attr = slot->rounded.data != NULL ? 3 : 2};
    GAL_TRY(gal_graph_node(b->graph, &spec, &made, err));
    for (uint32_t i = 0; i < made->n_out; i++) GAL_TRY(gal_graph_mark_output(b->graph, made->out[i], err));
    return o->average ? add_average(b, slot, made->out[0], err) : GALEN_OK;
}

galen_status gal_train_build_update(gal_trainer *t, galen_error *err) {
    builder b = {.t = t};
    const gal_shape shape = {.rank = 1, .dim = {{GAL_HYPER_COUNT, false}}};
    GAL_TRY(gal_graph_create("update", &t->update, err));
    b.graph = t->update;
    gal_value **gradient = gal_arena_alloc(&b.graph->arena, t->n_slot, sizeof *gradient);
    if (gradient == NULL) return gal_fail_memory(err, "the optimiser's graph", t->n_slot * sizeof *gradient);
    GAL_TRY(gal_graph_input(b.graph, "hyper", GALEN_F64, &shape, &b.hyper, err));
    for (size_t i = 0; i < t->n_slot; i++) GAL_TRY(variable(&b, &t->slot[i].gradient, &gradient[i], err));
    GAL_TRY(add_norm(&b, gradient, err));
    for (size_t i = 0; i < t->n_slot; i++) GAL_TRY(add_step(&b, &t->slot[i], gradient[i], err));
    return GALEN_OK;
}

size_t gal_train_update_outputs(gal_trainer *t, void **out) {
    size_t n = 0;
    if (out != NULL) out[n] = t->control;
    n++;
    for (size_t i = 0; i < t->n_slot; i++) {
        const gal_train_slot *slot = &t->slot[i];
        void *const data[] = {slot->parameter.data, slot->momentum.data, slot->square.data, slot->rounded.data,
                              slot->average.data};
        for (size_t k = 0; k < sizeof data / sizeof *data; k++) {
            if (data[k] == NULL) continue;
            if (out != NULL) out[n] = data[k];
            n++;
        }
    }
    return n;
}
