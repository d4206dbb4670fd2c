/* The run in f64 and the run under test, step by step. */
#include "analyze/numerics.h"

#include "analyze/numerics_compare.h"
#include "base/error.h"
#include "base/mem.h"
#include "graph/op.h"
#include "graph/ops/types.h"
#include "pass/pass.h"

#include <math.h>
#include <string.h>

/* A value of the reference run, as it came out for the item in work. */
typedef struct kept {
    double *element;
    int64_t n;
} kept;

typedef struct layer {
    size_t step;
    gal_comparison compare;
} layer;

struct gal_numerics {
    gal_graph *plain, *truth; /* truth: the one that is run in f64 */
    gal_session *tested, *reference;
    const gal_graph *tested_graph;
    kept *kept; /* by value id of `truth` */
    uint32_t n_kept;
    layer *layer;
    size_t n_layer, unmatched;
    uint32_t *layer_of;           /* by step of the tested session; UINT32_MAX: none */
    void **in, **out, **wide_out; /* the reference's inputs; outputs of both */
    double *score_reference, *score_got;
    size_t n_score;
    bool any;
};

/* ---- matching ---- */

/* The computed value of the parent that `value` of the quantised model stands for: the one of that name, or of what was
 * quantised to make it. Only names that the parent's file gave count: those made up here are alike in every file. */
static const gal_value *find_parent(const gal_graph *parent, const gal_value *value) {
    for (int steps = 0; value != NULL && steps < 4; steps++) {
        /* Made up now, or before the file was written (gal_graph_value). */
        bool nameless = value->made_up || (value->name[0] == '_' && value->name[1] >= '0' && value->name[1] <= '9');
        const gal_value *found = nameless ? NULL : gal_graph_find(parent, value->name);
        if (found != NULL && found->origin == found->name && found->producer != NULL) return found;
        const gal_node *node = value->producer;
        bool quantises = node != NULL && (strcmp(node->op->name, "QuantizeLinear") == 0 ||
                                          strcmp(node->op->name, "DequantizeLinear") == 0);
        value = quantises ? node->in[0] : NULL;
    }
    return NULL;
}

/* A graph output of the quantised model is the parent's output of the same number, whatever their names. */
static const gal_value *truth_of(const gal_numerics *n, const gal_value *value) {
    if (n->truth == n->plain) return value;
    const gal_value *found = find_parent(n->truth, value);
    for (uint32_t i = 0; found == NULL && i < n->plain->n_output && i < n->truth->n_output; i++)
        if (n->plain->output[i] == value) found = n->truth->output[i];
    return found;
}

static int64_t elements_of(const gal_value *value) {
    galen_tensor t;
    gal_shape_at(&value->shape, value->dtype, 1, &t);
    return galen_tensor_elements(&t);
}

static galen_status match(gal_numerics *n, size_t step, galen_error *err) {
    gal_step_info info = gal_session_step(n->tested, step);
    const gal_value *got = info.node->n_out > 0 ? info.node->out[0] : NULL;
    if (info.is_view || got == NULL) return GALEN_OK;
    const char *name = gal_value_origin(got);
    const gal_value *value = name != NULL ? gal_graph_find(n->plain, name) : NULL;
    const gal_value *truth = value != NULL ? truth_of(n, value) : NULL;
    layer *l = &n->layer[n->n_layer];
    if (truth != NULL && truth->producer == NULL) return GALEN_OK; /* an input in another form */
    if (truth == NULL || !gal_comparison_make(&l->compare, value, truth, &got->shape, got->dtype)) {
        n->unmatched++;
        return GALEN_OK;
    }
    l->step = step;
    n->layer_of[step] = (uint32_t)n->n_layer++;
    kept *k = &n->kept[truth->id];
    if (k->element != NULL) return GALEN_OK;
    k->n = elements_of(truth);
    k->element = k->n < 0 ? NULL : gal_calloc((size_t)k->n + 1, sizeof(double));
    return k->element != NULL ? GALEN_OK : gal_fail_memory(err, truth->name, (unsigned long long)k->n * 8);
}

/* ---- making ---- */

static galen_status make_buffers(gal_value *const *value, uint32_t n, void ***out, galen_error *err) {
    *out = gal_calloc(n + 1, sizeof **out);
    if (*out == NULL) return gal_fail_memory(err, "the list of buffers", n * sizeof **out);
    for (uint32_t i = 0; i < n; i++) {
        galen_tensor t;
        gal_shape_at(&value[i]->shape, value[i]->dtype, 1, &t);
        int64_t bytes = galen_tensor_bytes(&t);
        if (bytes < 0 || ((*out)[i] = gal_alloc_aligned((size_t)bytes)) == NULL)
            return gal_fail_memory(err, value[i]->name, (unsigned long long)bytes);
    }
    return GALEN_OK;
}

static galen_status check_same_ends(const gal_graph *a, const gal_graph *b, galen_error *err) {
    bool same = a->n_input == b->n_input && a->n_output > 0 && b->n_output > 0;
    for (uint32_t i = 0; same && i < a->n_input; i++) same = elements_of(a->input[i]) == elements_of(b->input[i]);
    if (same && elements_of(a->output[0]) == elements_of(b->output[0])) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT,
                    "the reference takes other inputs or gives other outputs than the model; name the model it was "
                    "made from");
}

static galen_status make_sessions(gal_numerics *n, gal_graph *tested, const gal_numerics_options *options,
                                  galen_error *err) {
    gal_session_options o = gal_session_default_options();
    o.isa = options->isa;
    o.precision = options->precision;
    o.threads = options->threads;
    gal_graph_note_origins(tested);
    gal_graph_note_origins(n->truth);
    GAL_TRY(gal_pass_float_ports(tested, err));
    GAL_TRY(gal_pass_widen(n->plain, &(bool){false}, err));
    if (n->truth != n->plain) GAL_TRY(gal_pass_widen(n->truth, &(bool){false}, err));
    GAL_TRY(gal_session_create(tested, &o, &n->tested, err));
    o.isa = GAL_ISA_REFERENCE;
    o.precision = GALEN_F32; /* of the options: the graph is in f64 and no pass runs */
    o.optimise = false;
    return gal_session_create(n->truth, &o, &n->reference, err);
}

static galen_status make(gal_numerics *n, gal_graph *tested, const gal_numerics_options *options, galen_error *err) {
    GAL_TRY(check_same_ends(tested, n->truth, err));
    GAL_TRY(make_sessions(n, tested, options, err));
    size_t steps = gal_session_steps(n->tested);
    n->tested_graph = tested;
    n->n_kept = n->truth->n_value;
    n->n_score = (size_t)elements_of(n->truth->output[0]);
    n->kept = gal_calloc((size_t)n->n_kept + 1, sizeof *n->kept);
    n->layer = gal_calloc(steps + 1, sizeof *n->layer);
    n->layer_of = gal_calloc(steps + 1, sizeof *n->layer_of);
    n->score_reference = gal_calloc(n->n_score + 1, sizeof(double));
    n->score_got = gal_calloc(n->n_score + 1, sizeof(double));
    if (!n->kept || !n->layer || !n->layer_of || !n->score_reference || !n->score_got)
        return gal_fail_memory(err, "the layers to compare", steps * sizeof *n->layer);
    for (size_t i = 0; i < steps; i++) {
        n->layer_of[i] = UINT32_MAX;
        GAL_TRY(match(n, i, err));
    }
    GAL_TRY(make_buffers(n->truth->input, n->truth->n_input, &n->in, err));
    GAL_TRY(make_buffers(n->truth->output, n->truth->n_output, &n->wide_out, err));
    return make_buffers(tested->output, tested->n_output, &n->out, err);
}

galen_status gal_numerics_create(gal_graph *tested, gal_graph *plain, gal_graph *parent,
                                 const gal_numerics_options *options, gal_numerics **out, galen_error *err) {
    gal_numerics *n = gal_calloc(1, sizeof *n);
    *out = NULL;
    if (n == NULL) return gal_fail_memory(err, "the numerics", sizeof *n);
    n->plain = plain;
    n->truth = parent != NULL ? parent : plain;
    galen_status status = make(n, tested, options, err);
    if (status != GALEN_OK) {
        gal_numerics_destroy(n);
        return status;
    }
    *out = n;
    return GALEN_OK;
}

static void free_buffers(void **buffer, uint32_t n) {
    for (uint32_t i = 0; buffer != NULL && i < n; i++) gal_free(buffer[i]);
    gal_free(buffer);
}

void gal_numerics_destroy(gal_numerics *n) {
    if (n == NULL) return;
    free_buffers(n->in, n->truth->n_input);
    free_buffers(n->wide_out, n->truth->n_output);
    free_buffers(n->out, n->tested_graph != NULL ? n->tested_graph->n_output : 0);
    for (uint32_t i = 0; n->kept != NULL && i < n->n_kept; i++) gal_free(n->kept[i].element);
    gal_free(n->kept);
    gal_free(n->layer);
    gal_free(n->layer_of);
    gal_free(n->score_reference);
    gal_free(n->score_got);
    gal_session_destroy(n->tested);
    gal_session_destroy(n->reference);
    gal_free(n);
}

/* ---- running ---- */

static void to_f64(const galen_tensor *t, double *out) {
    size_t size = galen_dtype_size(t->dtype);
    int64_t n = galen_tensor_elements(t);
    for (int64_t i = 0; i < n; i++) out[i] = gal_load_f64(t->dtype, (const char *)t->data + (size_t)i * size);
}

static galen_status keep(void *context, size_t step, const galen_tensor *const *out, int64_t pitch, galen_error *err) {
    gal_numerics *n = context;
    const gal_node *node = gal_session_step(n->reference, step).node;
    (void)pitch, (void)err; /* references write dense tensors */
    for (uint32_t i = 0; i < node->n_out; i++)
        if (node->out[i] != NULL && n->kept[node->out[i]->id].element != NULL)
            to_f64(out[i], n->kept[node->out[i]->id].element);
    return GALEN_OK;
}

static galen_status compare(void *context, size_t step, const galen_tensor *const *out, int64_t pitch,
                            galen_error *err) {
    gal_numerics *n = context;
    uint32_t at = n->layer_of[step];
    (void)err;
    if (at == UINT32_MAX) return GALEN_OK;
    gal_comparison *c = &n->layer[at].compare;
    gal_comparison_add(c, n->kept[c->truth->id].element, out[0], pitch);
    return GALEN_OK;
}

/* The item in the reference's types. */
static void widen_inputs(gal_numerics *n, const void *const *in) {
    for (uint32_t i = 0; i < n->truth->n_input; i++) {
        const gal_value *from = n->tested_graph->input[i], *to = n->truth->input[i];
        galen_tensor t;
        gal_shape_at(&from->shape, from->dtype, 1, &t);
        t.data = (void *)(uintptr_t)in[i];
        if (to->dtype == GALEN_F64)
            to_f64(&t, n->in[i]);
        else
            memcpy(n->in[i], in[i], (size_t)galen_tensor_bytes(&t));
    }
}

static void take_scores(gal_numerics *n) {
    galen_tensor t;
    const gal_value *a = n->truth->output[0], *b = n->tested_graph->output[0];
    gal_shape_at(&a->shape, a->dtype, 1, &t);
    t.data = n->wide_out[0];
    to_f64(&t, n->score_reference);
    gal_shape_at(&b->shape, b->dtype, 1, &t);
    t.data = n->out[0];
    to_f64(&t, n->score_got);
    n->any = true;
}

galen_status gal_numerics_add(gal_numerics *n, const void *const *in, galen_error *err) {
    widen_inputs(n, in);
    galen_status status = gal_session_observe(n->reference, (const void *const *)n->in, n->wide_out, keep, n, err);
    if (status != GALEN_OK && status != GALEN_ERR_NUMERIC) return gal_fail_in(err, status, "the run in f64");
    status = gal_session_observe(n->tested, in, n->out, compare, n, err);
    if (status != GALEN_OK && status != GALEN_ERR_NUMERIC) return status;
    take_scores(n);
    return GALEN_OK;
}

/* ---- results ---- */

size_t gal_numerics_layers(const gal_numerics *n, size_t *unmatched) {
    *unmatched = n->unmatched;
    return n->n_layer;
}

gal_numerics_layer gal_numerics_layer_at(const gal_numerics *n, size_t index) {
    const layer *l = &n->layer[index];
    const gal_comparison *c = &l->compare;
    return (gal_numerics_layer){.step = gal_session_step(n->tested, l->step),
                                .value = c->truth->name,
                                .dtype = c->dtype,
                                .elements = c->elements,
                                .max_error = c->max_error,
                                .mean_error = c->elements > 0 ? c->sum_error / c->elements : 0,
                                .scale = c->largest,
                                .snr_db = c->square_error > 0 ? 10 * log10(c->square / c->square_error) : INFINITY,
                                .at_low = c->at_low,
                                .at_high = c->at_high,
                                .not_finite = c->not_finite};
}

size_t gal_numerics_scores(const gal_numerics *n, const double **reference, const double **got) {
    *reference = n->any ? n->score_reference : NULL;
    *got = n->any ? n->score_got : NULL;
    return n->n_score;
}

const gal_session *gal_numerics_session(const gal_numerics *n) {
    return n->tested;
}
