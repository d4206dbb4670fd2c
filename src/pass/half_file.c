/*
 * Files whose weights are f16 or bf16. Run as they are written they round after every op, and only the plain references
 * do that; read as f32, which holds every such number, they are what gal_pass_narrow makes 16-bit graphs of.
 */
#include "base/error.h"
#include "graph/ops/types.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

static bool multiplies(const gal_node *node) {
    static const char *const ops[] = {"Conv", "ConvTranspose", "Gemm", "MatMul"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (gal_is_op(node, "", ops[i])) return true;
    return false;
}

galen_dtype gal_graph_half_type(const gal_graph *graph) {
    galen_dtype found = GALEN_DTYPE_NONE;
    bool several = false, half = false;
    for (const gal_node *node = graph->first; node != NULL; node = node->next) {
        if (!multiplies(node)) continue;
        galen_dtype type = node->in[0]->dtype;
        several |= found != GALEN_DTYPE_NONE && found != type;
        half |= gal_dtype_is_half(type);
        found = type;
    }
    return !half ? GALEN_DTYPE_NONE : several ? GALEN_F32 : found;
}

/* Input `value` is of type `outside`, and its readers read it in type `inside`. */
static galen_status enter(gal_graph *graph, gal_value *value, galen_dtype outside, galen_dtype inside,
                          galen_error *err) {
    const gal_attr to = gal_attr_of_int("to", inside);
    gal_node *cast;
    value->dtype = outside;
    const gal_node_spec spec = {
        .op = "Cast", .n_in = 1, .n_out = 1, .n_attr = 1, .in = &value, .attr = &to, .before = graph->first};
    GAL_TRY(gal_graph_node(graph, &spec, &cast, err));
    for (gal_use *use = value->uses, *next; use != NULL; use = next) {
        next = use->next;
        if (use->node != cast) gal_node_set_input(use->node, use->index, cast->out[0]);
    }
    return GALEN_OK;
}

/* Output `value` leaves through a node that only the output list reads, under its name. */
static galen_status leave(gal_graph *graph, gal_value *value, const char *domain, const char *op, galen_dtype outside,
                          galen_error *err) {
    const gal_attr to = gal_attr_of_int("to", outside);
    gal_node *last;
    const gal_node_spec spec = {
        .domain = domain, .op = op, .n_in = 1, .n_out = 1, .n_attr = 1, .in = &value, .attr = &to};
    GAL_TRY(gal_graph_node(graph, &spec, &last, err));
    gal_value *out = last->out[0];
    gal_graph_replace(graph, value, out);
    while (out->uses != NULL) gal_node_set_input(out->uses->node, out->uses->index, value);
    return GALEN_OK;
}

galen_status gal_pass_float_ports(gal_graph *graph, galen_error *err) {
    for (uint32_t i = 0; i < graph->n_input; i++) {
        gal_value *value = graph->input[i];
        if (gal_dtype_is_half(value->dtype)) GAL_TRY(enter(graph, value, GALEN_F32, value->dtype, err));
    }
    for (uint32_t i = 0; i < graph->n_output; i++)
        if (gal_dtype_is_half(graph->output[i]->dtype))
            GAL_TRY(leave(graph, graph->output[i], "", "Cast", GALEN_F32, err));
    return GALEN_OK;
}

galen_status gal_pass_raise_half(gal_graph *graph, galen_error *err) {
    galen_dtype *declared = gal_arena_alloc(&graph->arena, graph->n_output + 1, sizeof *declared);
    if (declared == NULL) return gal_fail_memory(err, "the types of outputs", graph->n_output * sizeof *declared);
    for (uint32_t i = 0; i < graph->n_output; i++) declared[i] = graph->output[i]->dtype;
    for (uint32_t i = 0; i < graph->n_input; i++) {
        gal_value *value = graph->input[i];
        if (gal_dtype_is_half(value->dtype)) GAL_TRY(enter(graph, value, value->dtype, GALEN_F32, err));
    }
    GAL_TRY(gal_pass_widen_to(graph, GALEN_F32, err));
    for (uint32_t i = 0; i < graph->n_output; i++)
        if (gal_dtype_is_half(declared[i]) && graph->output[i]->dtype == GALEN_F32)
            GAL_TRY(leave(graph, graph->output[i], "galen", "Narrow", declared[i], err));
    return GALEN_OK;
}
