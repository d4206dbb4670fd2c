/*
 * Gradients added up in place (train/dense_grad.h). The walk back leaves Add(Slice(wider gradient, first channels),
 * BatchNormGrad). With d = dY where Relu let it through, a normalisation's gradient is
 *
 *     factor d  -  factor mean(d)  -  factor (x - mean) istd^2 mean(d (x - mean))
 *
 * whose first term needs no sums. Layers that read the same feature share its mean, so that the other two of all of
 * them are one line through x: galen.NormGradSum adds the first term while it makes the sums, and galen.NormGradEnd
 * adds the line at the end.
 */
#include "train/dense_grad.h"

#include "base/error.h"
#include "base/mem.h"
#include "pass/rewrite.h"

/* One Add of a row of them and what takes its place. */
typedef struct sum_link {
    gal_node *add, *norm; /* norm: the BatchNormGrad */
    gal_node *sum;        /* the NormGradSum */
} sum_link;

typedef struct sums {
    gal_graph *graph;
    sum_link *link;
    uint32_t n_link;
    uint32_t n_value;    /* before anything was added */
    const sum_link **of; /* by id of an Add's output */
} sums;

static int64_t width_of(const gal_value *value) {
    return value->shape.dim[value->shape.rank - 1].size;
}

/* Channels [*start, *end) of everything else in its first input. */
static bool cuts_channels(const gal_node *node, int64_t *start, int64_t *end) {
    gal_dim at[3];
    if (!gal_is_op(node, "", "Slice") || node->n_in != 4) return false;
    for (uint32_t i = 0; i < 3; i++) {
        const gal_value *v = node->in[i + 1];
        if (v == NULL || v->constant == NULL || v->dtype != GALEN_I64 || gal_fixed_elements(v) != 1) return false;
        at[i] = gal_dim_fixed(*(const int64_t *)v->constant->data);
    }
    *start = at[0].size, *end = at[1].size;
    return at[2].size == node->in[0]->shape.rank - 1 && *start >= 0 && *end <= width_of(node->in[0]);
}

/* The first channels of a wider gradient, read by one node only. */
static const gal_node *cut_of(const gal_value *value) {
    int64_t start, end;
    const gal_node *cut = gal_sole_producer(value);
    return cut != NULL && cuts_channels(cut, &start, &end) && start == 0 ? cut : NULL;
}

/* The gradient of a normalisation that shares its moments. */
static gal_node *norm_of(const gal_value *value) {
    gal_node *norm = gal_sole_producer(value);
    if (norm == NULL || !gal_is_op(norm, "galen", "BatchNormGrad") || norm->out[0] != value) return NULL;
    const gal_node *forward = norm->in[3]->producer;
    if (forward == NULL || !gal_is_op(forward, "galen", "BatchNorm")) return NULL;
    return forward->n_in == 7 && forward->in[5] != NULL ? norm : NULL;
}

static galen_status add_sum(sums *c, gal_node *add, const gal_node *cut, gal_node *norm, galen_error *err) {
    gal_value *wide = cut->in[0];
    const sum_link *before = wide->id < c->n_value ? c->of[wide->id] : NULL;
    sum_link *link = &c->link[c->n_link++];
    gal_value *in[8] = {before != NULL ? before->sum->out[0] : wide};
    for (uint32_t i = 0; i < norm->n_in; i++) in[i + 1] = norm->in[i];
    in[7] = before != NULL ? before->sum->out[3] : NULL;
    const gal_node_spec spec = {.domain = "galen",
                                .op = "NormGradSum",
                                .n_in = 8,
                                .n_out = 4,
                                .in = in,
                                .attr = norm->attr,
                                .n_attr = norm->n_attr,
                                .before = add};
    *link = (sum_link){.add = add, .norm = norm};
    c->of[add->out[0]->id] = link;
    return gal_graph_node(c->graph, &spec, &link->sum, err);
}

static galen_status add_sums(sums *c, galen_error *err) {
    for (gal_node *node = c->graph->first; node != NULL; node = node->next) {
        if (!gal_is_op(node, "", "Add") || node->out[0]->is_output) continue;
        for (uint32_t k = 0; k < 2; k++) {
            const gal_node *cut = cut_of(node->in[k]);
            gal_node *norm = norm_of(node->in[1 - k]);
            if (cut == NULL || norm == NULL) continue;
            GAL_TRY(add_sum(c, node, cut, norm, err));
            break;
        }
    }
    return GALEN_OK;
}

/* Channels [start, end) of a Concat of Concats where one value holds just them, else NULL. */
static gal_value *find_part(gal_value *x, int64_t start, int64_t end) {
    while (end - start != width_of(x)) {
        const gal_node *concat = x->producer;
        uint32_t i = 0;
        if (!gal_train_joins_channels(concat)) return NULL;
        while (start >= width_of(concat->in[i])) {
            start -= width_of(concat->in[i]), end -= width_of(concat->in[i]);
            i++;
        }
        x = concat->in[i];
        if (end > width_of(x)) return NULL;
    }
    return x;
}

/* `node` cuts those channels out of the gradient, or is NULL: they are all of it. */
static galen_status add_end(const sums *c, const sum_link *link, gal_node *node, int64_t start, int64_t end,
                            gal_node **made, galen_error *err) {
    gal_value *x = link->norm->in[1], *part = find_part(x, start, end);
    gal_value *in[4] = {link->sum->out[0], part, link->norm->in[3], link->sum->out[3]};
    const gal_attr first = gal_attr_of_int("start", start);
    if (part == NULL) {
        gal_value *cut[4] = {x, node->in[1], node->in[2], node->in[3]};
        const gal_node_spec spec = {.op = "Slice", .n_in = 4, .n_out = 1, .in = cut, .before = link->add};
        GAL_TRY(gal_graph_node(c->graph, &spec, made, err));
        in[1] = (*made)->out[0];
    }
    const gal_node_spec spec = {.domain = "galen",
                                .op = "NormGradEnd",
                                .n_in = 4,
                                .n_out = 1,
                                .in = in,
                                .attr = &first,
                                .n_attr = 1,
                                .before = link->add};
    return gal_graph_node(c->graph, &spec, made, err);
}

/* Whoever reads the Add's output reads an end instead. */
static galen_status replace_readers(const sums *c, const sum_link *link, galen_error *err) {
    gal_value *whole = link->add->out[0];
    gal_node *made, *all = NULL;
    while (whole->uses != NULL) {
        gal_node *reader = whole->uses->node;
        int64_t start, end;
        if (cuts_channels(reader, &start, &end)) {
            GAL_TRY(add_end(c, link, reader, start, end, &made, err));
            gal_graph_replace(c->graph, reader->out[0], made->out[0]);
            gal_graph_remove(c->graph, reader);
            continue;
        }
        if (all == NULL) GAL_TRY(add_end(c, link, NULL, 0, width_of(whole), &all, err));
        gal_node_set_input(reader, whole->uses->index, all->out[0]);
    }
    return GALEN_OK;
}

/* From the last Add to the first: when a link's turn comes nobody reads what the next one cut out of it. */
static galen_status add_ends(const sums *c, galen_error *err) {
    for (uint32_t i = c->n_link; i-- > 0;) {
        const sum_link *link = &c->link[i];
        GAL_TRY(replace_readers(c, link, err));
        for (uint32_t k = 1; k < 3; k++) gal_graph_replace(c->graph, link->norm->out[k], link->sum->out[k]);
        gal_node *cut =
            link->add->in[0] == link->norm->out[0] ? link->add->in[1]->producer : link->add->in[0]->producer;
        gal_graph_remove(c->graph, link->add);
        gal_graph_remove(c->graph, link->norm);
        gal_graph_remove(c->graph, cut);
    }
    return GALEN_OK;
}

static uint32_t count_adds(const gal_graph *graph) {
    uint32_t n = 1;
    for (const gal_node *node = graph->first; node != NULL; node = node->next) n += gal_is_op(node, "", "Add");
    return n;
}

galen_status gal_train_sum_dense(gal_graph *graph, galen_error *err) {
    uint32_t n = count_adds(graph);
    sums c = {.graph = graph, .n_value = graph->n_value};
    galen_status status = GALEN_OK;
    c.link = gal_calloc(n, sizeof *c.link);
    c.of = gal_calloc(c.n_value > 0 ? c.n_value : 1, sizeof(sum_link *));
    if (c.link == NULL || c.of == NULL) status = gal_fail_memory(err, "sums of gradients", n * sizeof *c.link);
    if (status == GALEN_OK) status = add_sums(&c, err);
    if (status == GALEN_OK) status = add_ends(&c, err);
    gal_free(c.link);
    gal_free((void *)c.of);
    return status;
}
