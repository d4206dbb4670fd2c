/* The public face of models and sessions. */
#include "base/error.h"
#include "base/mem.h"
#include "model/onnx.h"
#include "session/session.h"

#include <galen/session.h>

struct galen_model {
    gal_model *file;
    bool in_use; /* a session has rewritten the graph for itself */
    galen_port *port;
    size_t n_input, n_output;
};

struct galen_session {
    gal_session *plan;
    int64_t max_batch;
};

static galen_port port_of(const gal_value *v) {
    galen_port p = {.name = v->name, .tensor = {.dtype = v->dtype, .rank = v->shape.rank}};
    for (int i = 0; i < v->shape.rank; i++)
        p.tensor.dim[i] = v->shape.dim[i].batch ? -1 - v->shape.dim[i].size : v->shape.dim[i].size;
    return p;
}

/* Noted at load: a session rewrites the graph, its ports stay as the file declares them. */
static galen_status note_ports(galen_model *m, galen_error *err) {
    const gal_graph *g = m->file->graph;
    m->n_input = g->n_input;
    m->n_output = g->n_output;
    m->port = gal_calloc(m->n_input + m->n_output, sizeof *m->port);
    if (!m->port) return gal_fail_memory(err, "the model's ports", (m->n_input + m->n_output) * sizeof *m->port);
    for (size_t i = 0; i < m->n_input; i++) m->port[i] = port_of(g->input[i]);
    for (size_t i = 0; i < m->n_output; i++) m->port[m->n_input + i] = port_of(g->output[i]);
    return GALEN_OK;
}

galen_status galen_model_load(const char *path, galen_model **out, galen_error *err) {
    *out = NULL;
    galen_model *m = gal_calloc(1, sizeof *m);
    if (!m) return gal_fail_memory(err, "the model", sizeof *m);
    galen_status status = gal_onnx_load(path, NULL, &m->file, err);
    if (status == GALEN_OK) status = note_ports(m, err);
    if (status != GALEN_OK) {
        galen_model_free(m);
        return status;
    }
    *out = m;
    return GALEN_OK;
}

void galen_model_free(galen_model *m) {
    if (!m) return;
    gal_model_destroy(m->file);
    gal_free(m->port);
    gal_free(m);
}

size_t galen_model_inputs(const galen_model *m) {
    return m->n_input;
}

size_t galen_model_outputs(const galen_model *m) {
    return m->n_output;
}

galen_port galen_model_input(const galen_model *m, size_t index) {
    return m->port[index];
}

galen_port galen_model_output(const galen_model *m, size_t index) {
    return m->port[m->n_input + index];
}

const char *galen_model_sha256(const galen_model *m) {
    return gal_model_sha256(m->file);
}

const char *galen_model_metadata(const galen_model *m, const char *key) {
    return gal_model_meta(m->file, key);
}

galen_session_options galen_session_default_options(void) {
    return (galen_session_options){.batch = 1};
}

static galen_status plan(galen_session *s, galen_model *m, const galen_session_options *o, galen_error *err) {
    gal_session_options internal = gal_session_default_options();
    internal.max_batch = s->max_batch = o->batch;
    internal.threads = o->threads;
    if (o->isa) GAL_TRY(gal_isa_parse(o->isa, &internal.isa, err));
    GAL_TRY(gal_precision_parse(o->precision, &internal.precision, err));
    m->in_use = true;
    internal.file = m->file->file;
    internal.n_file = m->file->n_file;
    internal.cache = o->cache;
    internal.hash = m->file->hash;
    return gal_session_create(m->file->graph, &internal, &s->plan, err);
}

galen_status galen_session_open(galen_model *model, const galen_session_options *options, galen_session **out,
                                galen_error *err) {
    galen_session_options defaults = galen_session_default_options();
    *out = NULL;
    if (model->in_use)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "this model already serves a session; load it again for a second one");
    galen_session *s = gal_calloc(1, sizeof *s);
    if (!s) return gal_fail_memory(err, "the session", sizeof *s);
    galen_status status = plan(s, model, options ? options : &defaults, err);
    if (status != GALEN_OK) {
        gal_free(s);
        return status;
    }
    *out = s;
    return GALEN_OK;
}

void galen_session_close(galen_session *s) {
    if (!s) return;
    gal_session_destroy(s->plan);
    gal_free(s);
}

galen_status galen_session_run(galen_session *s, int64_t batch, const void *const *in, void *const *out,
                               galen_error *err) {
    return gal_session_run(s->plan, batch, in, out, err);
}
