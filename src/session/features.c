/* Finding the features of a classifier. */
#include "session/features.h"

#include "graph/op.h"

#include <string.h>

enum { MAX_WIDTH = 1 << 16, MAX_STEPS = 16 };

static bool is_one_of(const char *name, const char *const *names) {
    for (; *names; names++)
        if (!strcmp(name, *names)) return true;
    return false;
}

static bool is_usable(const gal_value *value, int *width) {
    gal_dim rest;
    const gal_shape *s = &value->shape;
    bool real = value->dtype == GALEN_F32 || value->dtype == GALEN_F16 || value->dtype == GALEN_BF16;
    if (!real || s->rank < 2 || value->is_input) return false;
    if (!gal_shape_product(s, 1, s->rank, &rest) || rest.batch || rest.size < 1 || rest.size > MAX_WIDTH) return false;
    *width = (int)rest.size;
    return s->dim[0].size == 1;
}

gal_value *gal_features_find(const gal_graph *graph, int *width) {
    static const char *const last[] = {"Gemm", "MatMul", "Conv", NULL};
    static const char *const after[] = {"Sigmoid", "Softmax",   "LogSoftmax", "Flatten", "Reshape",
                                        "Squeeze", "Unsqueeze", "Identity",   "Dropout", NULL};
    gal_value *at = graph->n_output ? graph->output[0] : NULL;
    for (int step = 0; at && at->producer && step < MAX_STEPS; step++) {
        const gal_node *node = at->producer;
        if (is_one_of(node->op->name, last)) return is_usable(node->in[0], width) ? node->in[0] : NULL;
        bool bias = !strcmp(node->op->name, "Add");
        if (!bias && !is_one_of(node->op->name, after)) return NULL;
        at = bias && node->in[0]->constant ? node->in[1] : node->in[0];
    }
    return NULL;
}
