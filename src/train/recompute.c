/*
 * Recomputation (Chen, Xu, Zhang and Guestrin, "Training deep nets with sublinear memory cost", 2016). A segment's
 * copies are made when the first node of the backward pass asks for one, in the forward pass's order, and only those it
 * needs.
 */
#include "train/recompute.h"

#include "base/error.h"
#include "base/mem.h"
#include "graph/op.h"
#include "pass/rewrite.h"
#include "train/dense_grad.h"

#include <string.h>

enum { NOWHERE = UINT32_MAX };

/* Arithmetic in the time of moving a byte: puts both into one estimate. */
static const double FLOP_PER_BYTE = 8;

typedef struct recomputer {
    gal_graph *graph;
    int64_t batch;
    uint32_t n_value, n_node; /* values before anything was copied, nodes of the forward pass */
    gal_node **node;          /* the forward pass, by position */
    uint32_t *at, *until;     /* by value id: position of its node, and of its last reader in the forward pass */
    bool *read;               /* by value id: the backward pass reads it */
    gal_value **copy;         /* by value id */
    double *crossing, *saved; /* by position: bytes that cross in front of it; bytes read later, made in front of it */
    bool *cut;                /* by position: a segment begins here */
    uint32_t *segment;        /* by position: counted from 0 */
    bool *needed;             /* by position */
    uint32_t n_segment;
    double work; /* of the copies */
} recomputer;

/* ---- what is there ---- */

static galen_status take_room(recomputer *r, galen_error *err) {
    size_t v = r->n_value, n = (size_t)r->n_node + 1;
    r->node = gal_calloc(n, sizeof(gal_node *));
    r->at = gal_calloc(v, sizeof *r->at);
    r->until = gal_calloc(v, sizeof *r->until);
    r->read = gal_calloc(v, sizeof *r->read);
    r->copy = gal_calloc(v, sizeof(gal_value *));
    r->crossing = gal_calloc(n + 1, sizeof *r->crossing);
    r->saved = gal_calloc(n + 1, sizeof *r->saved);
    r->cut = gal_calloc(n, sizeof *r->cut);
    r->segment = gal_calloc(n, sizeof *r->segment);
    r->needed = gal_calloc(n, sizeof *r->needed);
    if (r->node != NULL && r->at != NULL && r->until != NULL && r->read != NULL && r->copy != NULL &&
        r->crossing != NULL && r->saved != NULL && r->cut != NULL && r->segment != NULL && r->needed != NULL)
        return GALEN_OK;
    return gal_fail_memory(err, "the plan of recomputation", v * sizeof(gal_value *));
}

static void give_back(recomputer *r) {
    gal_free(r->node);
    gal_free(r->at);
    gal_free(r->until);
    gal_free(r->read);
    gal_free(r->copy);
    gal_free(r->crossing);
    gal_free(r->saved);
    gal_free(r->cut);
    gal_free(r->segment);
    gal_free(r->needed);
}

/* Kept wherever the cuts are: small, or in memory that is held anyway. */
static bool is_free(const gal_value *value) {
    if (value->is_output || gal_shape_is_fixed(&value->shape) || gal_train_joins_channels(value->producer)) return true;
    for (const gal_use *use = value->uses; use != NULL; use = use->next)
        if (gal_train_joins_channels(use->node)) return true;
    return false;
}

static double bytes_of(const recomputer *r, const gal_value *value) {
    galen_tensor tensor;
    gal_shape_at(&value->shape, value->dtype, r->batch, &tensor);
    return (double)galen_tensor_bytes(&tensor);
}

static bool is_forward(const recomputer *r, const gal_value *value) {
    return value != NULL && value->id < r->n_value && r->at[value->id] != NOWHERE;
}

static void note_readers(recomputer *r, const gal_node *loss) {
    uint32_t position = 0;
    bool forward = true;
    for (const gal_node *node = r->graph->first; node != NULL; node = node->next, position++) {
        for (uint32_t i = 0; i < node->n_in; i++) {
            if (!is_forward(r, node->in[i])) continue;
            if (forward)
                r->until[node->in[i]->id] = position;
            else
                r->read[node->in[i]->id] = true;
        }
        forward = forward && node != loss;
    }
}

/* Bytes by position: what crosses as differences that are added up, what is read later likewise. */
static void add_up(recomputer *r) {
    for (uint32_t p = 0; p < r->n_node; p++) {
        for (uint32_t i = 0; i < r->node[p]->n_out; i++) {
            const gal_value *value = r->node[p]->out[i];
            if (value == NULL || is_free(value)) continue;
            double bytes = bytes_of(r, value);
            r->crossing[p + 1] += bytes;
            r->crossing[(r->until[value->id] > p ? r->until[value->id] : p) + 1] -= bytes;
            if (r->read[value->id]) r->saved[p + 1] += bytes;
        }
    }
    for (uint32_t p = 1; p <= r->n_node; p++) {
        r->crossing[p] += r->crossing[p - 1];
        r->saved[p] += r->saved[p - 1];
    }
}

static void look(recomputer *r, gal_node *loss) {
    memset(r->at, 0xff, r->n_value * sizeof *r->at);
    uint32_t position = 0;
    for (gal_node *node = r->graph->first; position < r->n_node; node = node->next, position++) {
        r->node[position] = node;
        for (uint32_t i = 0; i < node->n_out; i++)
            if (node->out[i] != NULL) r->at[node->out[i]->id] = position;
    }
    note_readers(r, loss);
    add_up(r);
}

/* ---- where to cut ---- */

static double work_of(const recomputer *r, const gal_node *node) {
    gal_cost cost;
    gal_node_cost(node, r->batch, &cost);
    return (double)cost.flop + FLOP_PER_BYTE * (double)(cost.bytes_read + cost.bytes_written);
}

/* A better place to begin a segment: less crosses, or as much and the node in front is dearer to compute again. */
static bool is_better(const recomputer *r, uint32_t p, uint32_t than) {
    if (r->crossing[p] != r->crossing[than]) return r->crossing[p] < r->crossing[than];
    return work_of(r, r->node[p - 1]) > work_of(r, r->node[than - 1]);
}

/* Segments of about as many saved bytes each; every border is looked for half a segment to both sides. */
static void choose_cuts(recomputer *r, int64_t segments) {
    double total = r->saved[r->n_node], each = total / (double)segments;
    uint32_t p = 1;
    for (int64_t k = 1; k < segments; k++) {
        uint32_t best = 0;
        while (p < r->n_node && r->saved[p] <= ((double)k - 0.5) * each) p++;
        for (; p < r->n_node && r->saved[p] <= ((double)k + 0.5) * each; p++)
            if (best == 0 || is_better(r, p, best)) best = p;
        if (best > 0) r->cut[best] = true;
    }
    for (uint32_t q = 0, segment = 0; q < r->n_node; q++) {
        segment += r->cut[q];
        r->segment[q] = segment;
        r->n_segment = segment + 1;
    }
}

static bool is_kept(const recomputer *r, const gal_value *value) {
    if (!is_forward(r, value) || is_free(value)) return true;
    uint32_t from = r->segment[r->at[value->id]];
    return from + 1 == r->n_segment || r->segment[r->until[value->id]] > from;
}

/* ---- copies ---- */

/* Outputs that the backward pass has from the first time are left out. */
static galen_status copy_node(recomputer *r, gal_node *node, gal_node *before, galen_error *err) {
    gal_arena *arena = &r->graph->arena;
    gal_value **in = gal_arena_alloc(arena, node->n_in, sizeof(gal_value *));
    const char **name = gal_arena_alloc(arena, node->n_out, sizeof(char *));
    const char *again = gal_arena_printf(arena, "%s.again", node->name);
    gal_node *made;
    if (in == NULL || name == NULL || again == NULL)
        return gal_fail_memory(err, "the copy of a node", (node->n_in + node->n_out) * sizeof(gal_value *));
    for (uint32_t i = 0; i < node->n_in; i++) in[i] = is_kept(r, node->in[i]) ? node->in[i] : r->copy[node->in[i]->id];
    for (uint32_t i = 0; i < node->n_out; i++) {
        bool left_out = node->out[i] == NULL || (i >= node->op->min_out && is_free(node->out[i]));
        name[i] = left_out ? "" : NULL;
    }
    const gal_node_spec spec = {.domain = node->op->domain,
                                .op = node->op->name,
                                .name = again,
                                .n_in = node->n_in,
                                .n_out = node->n_out,
                                .n_attr = node->n_attr,
                                .in = in,
                                .out_name = name,
                                .attr = node->attr,
                                .stands_for = node->stands_for,
                                .before = before};
    r->work += work_of(r, node);
    GAL_TRY(gal_graph_node(r->graph, &spec, &made, err));
    for (uint32_t i = 0; i < node->n_out; i++)
        if (node->out[i] != NULL) r->copy[node->out[i]->id] = made->out[i];
    return GALEN_OK;
}

/* Marks the nodes of the segment that `value` follows from and that have no copy yet; the first position of it. */
static uint32_t mark_needed(recomputer *r, const gal_value *value) {
    uint32_t last = r->at[value->id], p = last;
    r->needed[last] = true;
    for (;; p--) {
        const gal_node *node = r->node[p];
        for (uint32_t i = 0; r->needed[p] && i < node->n_in; i++) {
            const gal_value *in = node->in[i];
            if (in != NULL && !is_kept(r, in) && r->copy[in->id] == NULL) r->needed[r->at[in->id]] = true;
        }
        if (p == 0 || r->cut[p]) return p;
    }
}

/* The value's copy, made in front of `before` with all it follows from. */
static galen_status copy_value(recomputer *r, const gal_value *value, gal_node *before, galen_error *err) {
    for (uint32_t p = mark_needed(r, value); p <= r->at[value->id]; p++) {
        if (!r->needed[p]) continue;
        r->needed[p] = false;
        GAL_TRY(copy_node(r, r->node[p], before, err));
    }
    return GALEN_OK;
}

static galen_status read_copies(recomputer *r, gal_node *first, galen_error *err) {
    for (gal_node *node = first; node != NULL; node = node->next) {
        for (uint32_t i = 0; i < node->n_in; i++) {
            gal_value *value = node->in[i];
            if (value == NULL || is_kept(r, value)) continue;
            if (r->copy[value->id] == NULL) GAL_TRY(copy_value(r, value, node, err));
            gal_node_set_input(node, i, r->copy[value->id]);
        }
    }
    return GALEN_OK;
}

static galen_status rewrite(recomputer *r, gal_node *loss, int64_t segments, gal_recomputation *out, galen_error *err) {
    double whole = 0;
    uint32_t before = r->graph->n_node;
    GAL_TRY(take_room(r, err));
    for (const gal_node *node = r->graph->first; node != NULL; node = node->next) whole += work_of(r, node);
    look(r, loss);
    choose_cuts(r, segments);
    GAL_TRY(read_copies(r, loss->next, err));
    out->nodes = r->graph->n_node - before;
    out->share = whole > 0 ? r->work / whole : 0;
    return GALEN_OK;
}

galen_status gal_train_recompute(gal_graph *graph, const gal_value *loss, int64_t segments, int64_t batch,
                                 gal_recomputation *out, galen_error *err) {
    recomputer r = {.graph = graph, .batch = batch, .n_value = graph->n_value, .n_node = 1};
    *out = (gal_recomputation){0};
    if (segments < 2 || loss->producer == NULL) return GALEN_OK;
    for (const gal_node *node = graph->first; node != loss->producer; node = node->next) r.n_node++;
    galen_status status = rewrite(&r, loss->producer, segments, out, err);
    give_back(&r);
    return status;
}
