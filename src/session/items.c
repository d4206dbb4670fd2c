/*
 * Which nodes treat the items of a batch apart, so that running them on a few images at a time gives every image the
 * same numbers. The rule errs on the safe side: what it does not know runs on the whole batch.
 */
#include "session/internal.h"

#include <string.h>

static bool depends_on_batch(const gal_value *value) {
    return value != NULL && !gal_shape_is_fixed(&value->shape);
}

/* [N, fixed...]: an item is a piece of memory of fixed size. */
static bool is_items(const gal_value *value) {
    const gal_shape *shape = &value->shape;
    if (shape->rank < 1 || !shape->dim[0].batch || shape->dim[0].size != 1) return false;
    for (int i = 1; i < shape->rank; i++)
        if (shape->dim[i].batch) return false;
    return true;
}

/* Every value that depends on N is a row of items, and every output is: this alone rules out reductions over the batch,
 * shapes with N elsewhere and what reads the batch size. */
static bool has_item_shapes(const gal_node *node) {
    bool any = false;
    for (uint32_t i = 0; i < node->n_in; i++)
        if (depends_on_batch(node->in[i]) && !is_items(node->in[i])) return false;
    for (uint32_t i = 0; i < node->n_out; i++) {
        if (node->out[i] == NULL) continue;
        if (!is_items(node->out[i])) return false;
        any = true;
    }
    return any;
}

/* Inputs from `first` on are the same for every item. */
static bool fixed_from(const gal_node *node, uint32_t first) {
    for (uint32_t i = first; i < node->n_in; i++)
        if (depends_on_batch(node->in[i])) return false;
    return depends_on_batch(node->in[0]);
}

static bool first_only(const gal_node *node) {
    return fixed_from(node, 1);
}

/* A broadcast that cannot move the batch: an operand with items has them in the output's first dimension. */
static bool element_wise(const gal_node *node) {
    int rank = node->out[0] != NULL ? node->out[0]->shape.rank : 0;
    for (uint32_t i = 0; i < node->n_in; i++) {
        const gal_value *in = node->in[i];
        if (in == NULL) continue;
        if (depends_on_batch(in) ? in->shape.rank != rank : in->shape.rank == rank && in->shape.dim[0].size != 1)
            return false;
    }
    return true;
}

/* The axis the op works along, with the default of its specification, is not the batch. */
static bool axis_behind(const gal_node *node, int64_t otherwise) {
    int64_t axis = gal_attr_int(node, "axis", otherwise);
    return first_only(node) && axis != 0 && axis != -node->in[0]->shape.rank;
}

static bool axis_0(const gal_node *node) {
    return axis_behind(node, 0);
}

static bool axis_last(const gal_node *node) {
    return axis_behind(node, -1);
}

static bool concat(const gal_node *node) {
    int64_t axis = gal_attr_int(node, "axis", 0);
    for (uint32_t i = 0; i < node->n_in; i++)
        if (!depends_on_batch(node->in[i])) return false;
    return axis != 0 && axis != -node->in[0]->shape.rank;
}

/* In training its statistics are those of the batch. */
static bool batch_norm(const gal_node *node) {
    return first_only(node) && gal_attr_int(node, "training_mode", 0) == 0;
}

/* The indices count through the whole tensor, batch included. */
static bool max_pool(const gal_node *node) {
    return first_only(node) && (node->n_out < 2 || node->out[1] == NULL);
}

/* A row of A is an item; C may have one row for each. */
static bool gemm(const gal_node *node) {
    const gal_value *c = node->n_in > 2 ? node->in[2] : NULL;
    if (gal_attr_int(node, "transA", 0) != 0 || !depends_on_batch(node->in[0]) || depends_on_batch(node->in[1]))
        return false;
    if (c == NULL || c->shape.rank < 2) return !depends_on_batch(c);
    return depends_on_batch(c) || c->shape.dim[0].size == 1;
}

/* Rows times one matrix, or item times item. */
static bool mat_mul(const gal_node *node) {
    const gal_value *a = node->in[0], *b = node->in[1];
    if (!depends_on_batch(a) || a->shape.rank < 2) return false;
    if (!depends_on_batch(b)) return b->shape.rank <= 2;
    return a->shape.rank > 2 && b->shape.rank == a->shape.rank;
}

static bool mat_mul_int(const gal_node *node) {
    uint32_t b = strcmp(node->op->name, "QLinearMatMul") == 0 ? 3 : 1;
    return first_only(node) && node->in[0]->shape.rank >= 2 && node->in[b]->shape.rank <= 2;
}

/* The roi may turn the batch around. */
static bool resize(const gal_node *node) {
    const char *mode = gal_attr_string(node, "coordinate_transformation_mode", "half_pixel");
    return first_only(node) && strcmp(mode, "tf_crop_and_resize") != 0;
}

/* ONNX operators beside the element-wise ones, by name. Shape operands that depend on N are refused by their ops where
 * they would cut or pad the batch; a reduction over the batch has no items left in its output. */
static const struct {
    const char *op;
    bool (*apart)(const gal_node *node);
} known[] = {
    {"ArgMax", first_only},
    {"ArgMin", first_only},
    {"AveragePool", first_only},
    {"BatchNormalization", batch_norm},
    {"Concat", concat},
    {"Conv", first_only},
    {"ConvInteger", first_only},
    {"ConvTranspose", first_only},
    {"DepthToSpace", first_only},
    {"DequantizeLinear", first_only},
    {"Flatten", first_only},
    {"Gather", axis_0},
    {"Gemm", gemm},
    {"GlobalAveragePool", first_only},
    {"GlobalLpPool", first_only},
    {"GlobalMaxPool", first_only},
    {"InstanceNormalization", first_only},
    {"LRN", first_only},
    {"LayerNormalization", axis_last},
    {"LogSoftmax", axis_last},
    {"LpPool", first_only},
    {"MatMul", mat_mul},
    {"MatMulInteger", mat_mul_int},
    {"MaxPool", max_pool},
    {"Pad", first_only},
    {"QLinearConv", first_only},
    {"QLinearMatMul", mat_mul_int},
    {"QuantizeLinear", first_only},
    {"ReduceL1", first_only},
    {"ReduceL2", first_only},
    {"ReduceLogSum", first_only},
    {"ReduceLogSumExp", first_only},
    {"ReduceMax", first_only},
    {"ReduceMean", first_only},
    {"ReduceMin", first_only},
    {"ReduceProd", first_only},
    {"ReduceSum", first_only},
    {"ReduceSumSquare", first_only},
    {"Reshape", first_only},
    {"Resize", resize},
    {"Slice", first_only},
    {"Softmax", axis_last},
    {"SpaceToDepth", first_only},
    {"Split", axis_0},
    {"Squeeze", first_only},
    {"TopK", axis_last},
    {"Transpose", first_only},
    {"Unsqueeze", first_only},
};

/* Its statistics are those of the batch, also where nobody asked for them. */
static bool learns_statistics(const gal_node *node) {
    static const char *const ops[] = {"BatchNorm", "BatchNormGrad", "NormGradSum"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(node->op->name, ops[i]) == 0) return true;
    return false;
}

bool gal_session_treats_items_apart(const gal_node *node) {
    if (!has_item_shapes(node) || learns_statistics(node)) return false;
    if (node->op->flags & GAL_OP_PRIVATE) return node->n_in > 0 && depends_on_batch(node->in[0]);
    if (node->op->domain[0] != '\0') return false;
    if (node->op->flags & GAL_OP_LAYOUT_FREE) return element_wise(node);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].op, node->op->name) == 0) return known[i].apart(node);
    return false;
}
