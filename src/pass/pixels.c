/*
 * Pictures enter as bytes. A table makes numbers of them at the first step, in the layout and type that the first layer
 * reads, so that a batch waiting for its run takes a quarter of the memory and is gone through once.
 */
#include "base/error.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

#include <string.h>

enum { LEVELS = 256, MAX_INPUTS = 3 };

static galen_status add_pixels(gal_graph *graph, gal_value *pixels, gal_value *table, const char *stands_for,
                               gal_node *before, gal_node **out, galen_error *err) {
    gal_value *in[2] = {pixels, table};
    const gal_node_spec spec = {
        .domain = "galen", .op = "Pixels", .n_in = 2, .n_out = 1, .in = in, .stands_for = stands_for, .before = before};
    return gal_graph_node(graph, &spec, out, err);
}

/* Every reader of the input but `pixels` reads `planes` instead. The input keeps its name. */
static void redirect(gal_graph *graph, gal_value *input, const gal_node *pixels, gal_value *planes) {
    for (gal_use *use = input->uses, *next; use != NULL; use = next) {
        next = use->next;
        if (use->node != pixels) gal_node_set_input(use->node, use->index, planes);
    }
    for (uint32_t i = 0; i < graph->n_output; i++)
        if (graph->output[i] == input) graph->output[i] = planes;
    planes->is_output = input->is_output;
    input->is_output = false;
}

/* The Transpose back to planes is for whoever reads planes: in front of a convolution the layout pass takes it away. */
galen_status gal_pass_take_pixels(gal_graph *graph, const float *table, galen_error *err) {
    static const int64_t to_first[4] = {0, 3, 1, 2};
    gal_value *input = graph->input[0], *constant, *planes;
    const gal_shape s = input->shape;
    const int64_t dim[4] = {1, LEVELS, 1, s.dim[1].size};
    gal_node *first = graph->first, *made;
    GAL_TRY(gal_graph_new_constant(graph, NULL, GALEN_F32, 4, dim, &constant, err));
    memcpy(constant->constant->data, table, (size_t)(LEVELS * dim[3]) * sizeof *table);
    input->dtype = GALEN_U8;
    input->shape.dim[1] = s.dim[2], input->shape.dim[2] = s.dim[3], input->shape.dim[3] = s.dim[1];
    GAL_TRY(add_pixels(graph, input, constant, NULL, first, &made, err));
    GAL_TRY(gal_add_transpose(graph, made->out[0], to_first, 4, first, &planes, err));
    redirect(graph, input, made, planes);
    return GALEN_OK;
}

/* What `node` makes of all levels is the table of both. */
static galen_status fold(gal_graph *graph, gal_node *node, const gal_node *pixels, galen_error *err) {
    gal_value *in[MAX_INPUTS];
    gal_node *levels, *made;
    memcpy(in, node->in, node->n_in * sizeof *in);
    in[0] = pixels->in[1];
    const gal_node_spec spec = {.domain = node->op->domain,
                                .op = node->op->name,
                                .n_in = node->n_in,
                                .n_out = 1,
                                .n_attr = node->n_attr,
                                .in = in,
                                .attr = node->attr,
                                .before = node};
    GAL_TRY(gal_graph_node(graph, &spec, &levels, err));
    GAL_TRY(add_pixels(graph, pixels->in[0], levels->out[0], node->stands_for, node, &made, err));
    gal_graph_replace(graph, node->out[0], made->out[0]);
    gal_graph_remove(graph, node);
    return gal_pass_fold_node(graph, levels, &(bool){false}, err);
}

/* Rounding by constants, the same for all pixels of a channel. */
static bool rounds(const gal_node *node) {
    if (gal_is_op(node, "galen", "Narrow")) return true;
    if (gal_is_op(node, "galen", "Quantize")) return gal_attr_int(node, "planes", 0) == 0;
    if (!gal_is_op(node, "", "QuantizeLinear") || node->in[1]->shape.rank != 0) return false;
    for (uint32_t i = 1; i < node->n_in; i++)
        if (node->in[i] != NULL && node->in[i]->constant == NULL) return false;
    return true;
}

galen_status gal_pass_fold_pixels(gal_graph *graph, bool *changed, galen_error *err) {
    bool any = false;
    gal_node *next;
    for (gal_node *node = graph->first; node != NULL; node = next) {
        next = node->next;
        if (!rounds(node) || !gal_is_op(node->in[0]->producer, "galen", "Pixels")) continue;
        GAL_TRY(fold(graph, node, node->in[0]->producer, err));
        any = true;
    }
    *changed |= any;
    return any ? gal_pass_remove_dead(graph, changed, err) : GALEN_OK;
}
