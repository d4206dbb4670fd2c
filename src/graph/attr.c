/* Attribute look-up. */
#include "graph/graph.h"

#include <string.h>

const gal_attr *gal_attr_find(const gal_node *node, const char *name) {
    for (uint32_t i = 0; i < node->n_attr; i++)
        if (strcmp(node->attr[i].name, name) == 0) return &node->attr[i];
    return NULL;
}

int64_t gal_attr_int(const gal_node *node, const char *name, int64_t otherwise) {
    const gal_attr *a = gal_attr_find(node, name);
    return a && a->type == GAL_ATTR_INT ? a->i : otherwise;
}

float gal_attr_float(const gal_node *node, const char *name, float otherwise) {
    const gal_attr *a = gal_attr_find(node, name);
    return a && a->type == GAL_ATTR_FLOAT ? a->f : otherwise;
}

const char *gal_attr_string(const gal_node *node, const char *name, const char *otherwise) {
    const gal_attr *a = gal_attr_find(node, name);
    return a && a->type == GAL_ATTR_STRING ? a->s : otherwise;
}

const int64_t *gal_attr_ints(const gal_node *node, const char *name, size_t *count) {
    const gal_attr *a = gal_attr_find(node, name);
    bool found = a && a->type == GAL_ATTR_INTS;
    *count = found ? a->count : 0;
    return found ? a->ints : NULL;
}
