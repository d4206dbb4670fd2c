/* One ONNX backend test: a model, its inputs and the outputs it must give. Shared by the test programs of this folder.
 */
#ifndef GAL_TEST_ONNX_CASE_H
#define GAL_TEST_ONNX_CASE_H

#include "base/error.h"
#include "base/half.h"
#include "model/onnx.h"
#include "session/session.h"
#include "support/shared.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CASE_MAX = 16 };

/* A tensor read from a file of a test. */
typedef struct case_tensor {
    char name[64];
    galen_tensor tensor;
    unsigned char *bytes;
    bool bound; /* given at load */
} case_tensor;

typedef struct onnx_case {
    case_tensor in[CASE_MAX], out[CASE_MAX];
    int n_in, n_out;
    gal_arena arena;
    double worst; /* largest |got - expected| / (|expected| + 1e-4) of its f32 outputs */
    galen_error err;
} onnx_case;

typedef enum case_result { CASE_PASS, CASE_REFUSED, CASE_WRONG } case_result;

static inline galen_status case_read(onnx_case *c, const char *path, case_tensor *to) {
    size_t size;
    const char *name = "";
    to->bytes = test_read(path, &size);
    GAL_TRY(gal_onnx_tensor(to->bytes, size, &c->arena, &to->tensor, &name, &c->err));
    snprintf(to->name, sizeof to->name, "%s", name ? name : "");
    return GALEN_OK;
}

/* Reads input_0.pb ... and output_0.pb ... of a folder. */
static inline galen_status case_open(onnx_case *c, const char *folder) {
    char path[PATH_MAX + 64];
    memset(c, 0, sizeof *c);
    gal_arena_init(&c->arena, (size_t)1 << 30);
    for (int out = 0; out < 2; out++)
        for (int i = 0; i < CASE_MAX; i++) {
            snprintf(path, sizeof path, "%s/test_data_set_0/%s_%d.pb", folder, out ? "output" : "input", i);
            if (access(path, R_OK) != 0) break;
            GAL_TRY(case_read(c, path, out ? &c->out[c->n_out++] : &c->in[c->n_in++]));
        }
    return GALEN_OK;
}

static inline void case_close(onnx_case *c) {
    for (int i = 0; i < CASE_MAX; i++) {
        free(c->in[i].bytes);
        free(c->out[i].bytes);
    }
    gal_arena_free(&c->arena);
}

/* Marks an input that the message says must be known at load; false when it names none that is not bound yet. */
static inline bool case_bind_named(onnx_case *c) {
    char quoted[80];
    for (int i = 0; i < c->n_in; i++) {
        snprintf(quoted, sizeof quoted, "('%s')", c->in[i].name);
        if (c->in[i].bound || !*c->in[i].name || !strstr(c->err.message, quoted)) continue;
        c->in[i].bound = true;
        return true;
    }
    return false;
}

/* Loads the model, giving it those inputs that it must know at load (shapes, axes, ...). */
static inline galen_status case_load(onnx_case *c, const char *path, gal_model **model) {
    for (;;) {
        gal_input_binding binding[CASE_MAX];
        gal_onnx_options options = {.input = binding};
        for (int i = 0; i < c->n_in; i++)
            if (c->in[i].bound) binding[options.n_input++] = (gal_input_binding){c->in[i].name, c->in[i].tensor};
        galen_status status = gal_onnx_load(path, &options, model, &c->err);
        if (status != GALEN_ERR_UNSUPPORTED || !case_bind_named(c)) return status;
    }
}

/* Older test data store bf16 as u16. */
static inline bool case_shape(onnx_case *c, const gal_value *value, galen_tensor *want) {
    galen_tensor t;
    if (value->dtype == GALEN_BF16 && want->dtype == GALEN_U16) want->dtype = GALEN_BF16;
    gal_shape_at(&value->shape, value->dtype, 1, &t);
    bool same = t.dtype == want->dtype && t.rank == want->rank;
    for (int i = 0; same && i < t.rank; i++) same = t.dim[i] == want->dim[i];
    if (!same) gal_fail(&c->err, GALEN_ERR_INTERNAL, "'%s' has another type or shape than expected", value->name);
    return same;
}

static inline double case_number(galen_dtype dtype, const void *data, int64_t i) {
    switch (dtype) {
    case GALEN_F32: return (double)((const float *)data)[i];
    case GALEN_F64: return ((const double *)data)[i];
    case GALEN_F16: return (double)gal_f16_to_f32(((const uint16_t *)data)[i]);
    default: return (double)gal_bf16_to_f32(((const uint16_t *)data)[i]);
    }
}

/*
 * ONNX's own tolerance for floats (rtol 1e-3, atol 1e-7), equality for all else. bf16 has 8 bits: ONNX does not say how
 * to round to it and its test data truncates, so one unit in the last place is allowed.
 */
static inline bool case_equal(onnx_case *c, const galen_tensor *want, const void *got) {
    int64_t n = galen_tensor_elements(want);
    bool is_float =
        want->dtype == GALEN_F32 || want->dtype == GALEN_F64 || want->dtype == GALEN_F16 || want->dtype == GALEN_BF16;
    if (!is_float) {
        size_t bytes = (size_t)galen_tensor_bytes(want);
        if (bytes == 0 || memcmp(want->data, got, bytes) == 0) return true;
        gal_fail(&c->err, GALEN_ERR_INTERNAL, "integers differ");
        return false;
    }
    double rtol = want->dtype == GALEN_BF16 ? 1.0 / 128 : 1e-3;
    for (int64_t i = 0; i < n; i++) {
        double a = case_number(want->dtype, got, i), b = case_number(want->dtype, want->data, i);
        if ((isnan(a) && isnan(b)) || a == b) continue;
        if (!(fabs(a - b) <= 1e-7 + rtol * fabs(b))) {
            gal_fail(&c->err, GALEN_ERR_INTERNAL, "element %lld is %.9g, expected %.9g", (long long)i, a, b);
            return false;
        }
        double error = fabs(a - b) / (fabs(b) + 1e-4);
        if (want->dtype == GALEN_F32 && error > c->worst) c->worst = error;
    }
    return true;
}

/* Data of the graph's input by name, else the next one that was not given at load. */
static inline const void *case_data(const onnx_case *c, const gal_value *value, int *next) {
    for (int i = 0; i < c->n_in; i++)
        if (strcmp(c->in[i].name, value->name) == 0) return c->in[i].tensor.data;
    while (*next < c->n_in && c->in[*next].bound) ++*next;
    return *next < c->n_in ? c->in[(*next)++].tensor.data : NULL;
}

/* Runs once and compares. NaN and infinity are allowed here: some tests expect them. */
static inline case_result case_execute(onnx_case *c, gal_model *model, bool optimise, gal_isa isa, gal_pool *pool) {
    gal_graph *g = model->graph;
    const void *in[CASE_MAX] = {NULL};
    void *out[CASE_MAX] = {NULL};
    int next = 0;
    bool good = g->n_input <= CASE_MAX && g->n_output <= CASE_MAX && (int)g->n_output <= c->n_out;
    if (!good) gal_fail(&c->err, GALEN_ERR_INTERNAL, "%u inputs and %u outputs", g->n_input, g->n_output);
    for (uint32_t i = 0; good && i < g->n_input; i++) good = (in[i] = case_data(c, g->input[i], &next)) != NULL;
    for (uint32_t i = 0; good && i < g->n_output; i++) {
        good = case_shape(c, g->output[i], &c->out[i].tensor);
        out[i] = calloc(1, (size_t)galen_tensor_bytes(&c->out[i].tensor) + 1);
    }
    gal_session *session = NULL;
    gal_session_options options = {.max_batch = 1, .isa = isa, .optimise = optimise, .pool = pool};
    galen_status status = good ? gal_session_create(g, &options, &session, &c->err) : GALEN_ERR_INTERNAL;
    if (status == GALEN_OK) status = gal_session_run(session, 1, in, out, &c->err);
    good = status == GALEN_OK || status == GALEN_ERR_NUMERIC;
    for (uint32_t i = 0; good && i < g->n_output; i++) good = case_equal(c, &c->out[i].tensor, out[i]);
    gal_session_destroy(session);
    for (int i = 0; i < CASE_MAX; i++) free(out[i]);
    return good ? CASE_PASS : CASE_WRONG;
}

/* Loads and runs model.onnx of a test folder. */
static inline case_result case_run(onnx_case *c, const char *folder, bool optimise, gal_isa isa, gal_pool *pool) {
    char path[PATH_MAX + 64];
    gal_model *model = NULL;
    galen_status data = case_open(c, folder); /* fails on strings and sequences, where the model must be refused */
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    galen_status status = case_load(c, path, &model);
    if (status == GALEN_ERR_UNSUPPORTED) return CASE_REFUSED;
    if (status != GALEN_OK) return CASE_WRONG;
    case_result result = data == GALEN_OK ? case_execute(c, model, optimise, isa, pool) : CASE_WRONG;
    gal_model_destroy(model);
    return result;
}

#endif
