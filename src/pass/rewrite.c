/* Helpers of rewrites. */
#include "pass/rewrite.h"

#include "base/error.h"

#include <string.h>

enum { MAX_ATTRS = 24, MAX_OUTPUTS = 64 };

bool gal_is_op(const gal_node *node, const char *domain, const char *op) {
    return node != NULL && strcmp(node->op->name, op) == 0 && strcmp(node->op->domain, domain) == 0;
}

gal_node *gal_sole_producer(const gal_value *value) {
    return value != NULL && gal_value_has_one_use(value) ? value->producer : NULL;
}

const float *gal_const_f32(const gal_value *value) {
    return value != NULL && value->constant != NULL && value->dtype == GALEN_F32 ? value->constant->data : NULL;
}

int64_t gal_fixed_elements(const gal_value *value) {
    galen_tensor tensor;
    if (!gal_shape_is_fixed(&value->shape)) return -1;
    gal_shape_at(&value->shape, value->dtype, 1, &tensor);
    return galen_tensor_elements(&tensor);
}

bool gal_const_scalar(const gal_value *value, float *out) {
    const float *data = gal_const_f32(value);
    if (data == NULL || gal_fixed_elements(value) != 1) return false;
    *out = data[0];
    return true;
}

const float *gal_const_per_axis(const gal_value *value, int rank, int axis, int64_t size, int *step) {
    const float *data = gal_const_f32(value);
    if (data == NULL || value->shape.rank > rank) return NULL;
    int64_t n = gal_fixed_elements(value);
    if (n != 1 && n != size) return NULL;
    int own = axis - (rank - value->shape.rank);
    if (n != 1 && (own < 0 || value->shape.dim[own].size != size)) return NULL;
    *step = n != 1;
    return data;
}

bool gal_can_replace(const gal_value *old, const gal_value *by) {
    return !old->is_output || (by->producer != NULL && !by->is_output && !by->is_input);
}

const char *gal_merged_name(gal_graph *graph, const gal_node *node, const char *more) {
    return gal_arena_printf(&graph->arena, "%s+%s", node->stands_for != NULL ? node->stands_for : node->op->name, more);
}

static bool listed(const char *list, const char *name) {
    size_t n = strlen(name);
    while (list != NULL && *list) {
        size_t len = strcspn(list, " ");
        if (len == n && memcmp(list, name, n) == 0) return true;
        list += len + (list[len] == ' ');
    }
    return false;
}

static bool overridden(const gal_remake *spec, const char *name) {
    for (uint32_t i = 0; i < spec->n_more; i++)
        if (strcmp(spec->more[i].name, name) == 0) return true;
    return listed(spec->drop, name);
}

galen_status gal_remake_node(gal_graph *graph, const gal_remake *spec, gal_node **out, galen_error *err) {
    gal_attr attr[MAX_ATTRS];
    uint32_t n = 0;
    for (uint32_t i = 0; i < spec->like->n_attr && n < MAX_ATTRS; i++)
        if (!overridden(spec, spec->like->attr[i].name)) attr[n++] = spec->like->attr[i];
    for (uint32_t i = 0; i < spec->n_more && n < MAX_ATTRS; i++) attr[n++] = spec->more[i];
    const char *name[MAX_OUTPUTS];
    /* The number of outputs of a Split says in how many parts: the same op keeps those that nobody reads. */
    bool same =
        gal_is_op(spec->like, spec->domain != NULL ? spec->domain : "", spec->op) && spec->like->n_out <= MAX_OUTPUTS;
    uint32_t n_out = same ? spec->like->n_out : 1;
    for (uint32_t i = 0; i < spec->like->n_out && i < MAX_OUTPUTS; i++) {
        const gal_value *value = spec->like->out[i];
        bool used = value != NULL && (value->uses != NULL || value->is_output);
        name[i] = used || i == 0 ? NULL : "";
        if (used && !same) n_out = i + 1;
    }
    const gal_node_spec made = {.domain = spec->domain,
                                .op = spec->op,
                                .name = spec->like->name,
                                .n_in = spec->n_in,
                                .n_out = n_out,
                                .n_attr = n,
                                .in = spec->in,
                                .out_name = name,
                                .attr = attr,
                                .stands_for = spec->stands_for,
                                .before = spec->before};
    return gal_graph_node(graph, &made, out, err);
}

gal_attr gal_attr_of_ints(const char *name, const int64_t *v, size_t n) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INTS, .ints = v, .count = n};
}

gal_attr gal_attr_of_int(const char *name, int64_t v) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INT, .i = v};
}

gal_attr gal_attr_of_float(const char *name, float v) {
    return (gal_attr){.name = name, .type = GAL_ATTR_FLOAT, .f = v};
}

gal_attr gal_attr_of_text(const char *name, const char *v) {
    return (gal_attr){.name = name, .type = GAL_ATTR_STRING, .s = v};
}

galen_status gal_add_transpose(gal_graph *graph, gal_value *x, const int64_t *perm, int rank, gal_node *before,
                               gal_value **y, galen_error *err) {
    const gal_attr attr = gal_attr_of_ints("perm", perm, (size_t)rank);
    gal_node *node;
    GAL_TRY(gal_graph_node(
        graph,
        &(gal_node_spec){
            .op = "Transpose", .n_in = 1, .n_out = 1, .n_attr = 1, .in = &x, .attr = &attr, .before = before},
        &node, err));
    *y = node->out[0];
    return GALEN_OK;
}
