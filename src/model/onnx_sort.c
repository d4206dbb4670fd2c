/* Puts nodes in an order in which everything is made before it is read. */
#include "base/error.h"
#include "base/mem.h"
#include "model/onnx_proto.h"

static bool is_sorted(const gal_onnx_reader *reader) {
    for (uint32_t n = 0; n < reader->n_node; n++) {
        const gal_onnx_node *node = &reader->node[n];
        for (uint32_t i = 0; i < node->n_in; i++) {
            const gal_onnx_name *name = &reader->names.entry[node->in[i]];
            if (name->kind == GAL_NAME_NODE && name->node >= n) return false;
        }
    }
    return true;
}

/* Readers of each node, as one list per node: reader[first[n]] ... reader[first[n + 1] - 1]. */
typedef struct edges {
    uint32_t *first, *reader, *waiting; /* waiting[n]: inputs of n not made yet */
} edges;

static galen_status build_edges(gal_onnx_reader *r, edges *e, galen_error *err) {
    size_t total = 0;
    for (uint32_t n = 0; n < r->n_node; n++) total += r->node[n].n_in;
    e->first = gal_arena_alloc(&r->scratch, (size_t)r->n_node + 2, sizeof *e->first);
    e->waiting = gal_arena_alloc(&r->scratch, r->n_node, sizeof *e->waiting);
    e->reader = gal_arena_alloc(&r->scratch, total, sizeof *e->reader);
    if (!e->first || !e->waiting || !e->reader)
        return gal_fail_memory(err, "sorting the nodes", total * sizeof *e->reader);
    /* Counted two places up, so that filling leaves first[n] at the start of n's list. */
    for (int fill = 0; fill < 2; fill++) {
        for (uint32_t n = 0; n < r->n_node; n++) {
            for (uint32_t i = 0; i < r->node[n].n_in; i++) {
                const gal_onnx_name *name = &r->names.entry[r->node[n].in[i]];
                if (name->kind != GAL_NAME_NODE) continue;
                if (fill) {
                    e->reader[e->first[name->node + 1]++] = n;
                } else {
                    e->first[name->node + 2]++;
                    e->waiting[n]++;
                }
            }
        }
        for (uint32_t n = 0; !fill && n < r->n_node; n++) e->first[n + 1] += e->first[n];
    }
    return GALEN_OK;
}

/* Follows unmade inputs backwards from a stuck node: after n_node steps we stand on a cycle. */
static const gal_onnx_node *find_cycle(const gal_onnx_reader *r, const edges *e, uint32_t at) {
    for (uint32_t step = 0; step < r->n_node; step++) {
        const gal_onnx_node *node = &r->node[at];
        for (uint32_t i = 0; i < node->n_in; i++) {
            const gal_onnx_name *name = &r->names.entry[node->in[i]];
            if (name->kind == GAL_NAME_NODE && e->waiting[name->node]) {
                at = name->node;
                break;
            }
        }
    }
    return &r->node[at];
}

galen_status gal_onnx_sort(gal_onnx_reader *reader, uint32_t **out, galen_error *err) {
    uint32_t n_node = reader->n_node, made = 0;
    uint32_t *order = gal_arena_alloc(&reader->scratch, n_node, sizeof *order);
    if (!order) return gal_fail_memory(err, "sorting the nodes", n_node * sizeof *order);
    *out = order;
    if (is_sorted(reader)) {
        for (uint32_t n = 0; n < n_node; n++) order[n] = n;
        return GALEN_OK;
    }
    edges e = {0};
    GAL_TRY(build_edges(reader, &e, err));
    for (uint32_t n = 0; n < n_node; n++)
        if (e.waiting[n] == 0) order[made++] = n;
    for (uint32_t i = 0; i < made; i++)
        for (uint32_t k = e.first[order[i]]; k < e.first[order[i] + 1]; k++)
            if (--e.waiting[e.reader[k]] == 0) order[made++] = e.reader[k];
    for (uint32_t n = 0; n < n_node; n++) {
        if (e.waiting[n] == 0) continue;
        const gal_onnx_node *node = find_cycle(reader, &e, n);
        return gal_fail(err, GALEN_ERR_FORMAT, "node '%s' (%s) reads its own result: the graph has a cycle", node->name,
                        node->op);
    }
    return GALEN_OK;
}
