/*
 * Fuzzes everything behind the ONNX reader: passes, planner, reference and fast kernels. A model that is accepted must
 * give the same numbers as written, rewritten, and rewritten on the best level of the machine, at every batch size, and
 * the same bits when its steps run image by image on two threads.
 * Only float outputs of models without a step in them are compared. Links galen_session.
 */
#include "graph/op.h"
#include "model/onnx.h"
#include "session/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 3, PORTS = 16, MAX_VALUES = 2000, MAX_BYTES = 32 << 20, MAX_FLOP = 200 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ops where a rounding error decides between two answers, or that amplify it without bound. */
static bool is_steep(const char *op) {
    static const char *const names[] = {"ArgMax",
                                        "ArgMin",
                                        "Cast",
                                        "Ceil",
                                        "Equal",
                                        "Exp",
                                        "Floor",
                                        "Greater",
                                        "GreaterOrEqual",
                                        "Less",
                                        "LessOrEqual",
                                        "Mod",
                                        "Not",
                                        "Pow",
                                        "Round",
                                        "Sign",
                                        "Tan",
                                        "TopK",
                                        "QuantizeLinear",
                                        "DynamicQuantizeLinear",
                                        "NonZero",
                                        "HardSigmoid",
                                        "Div",
                                        "Reciprocal",
                                        "Log",
                                        "InstanceNormalization",
                                        "Sub",
                                        "LpNormalization",
                                        "MeanVarianceNormalization",
                                        "Unique",
                                        "Where"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(op, names[i]) == 0) return true;
    return false;
}

static int64_t bytes_at(const gal_value *value, int64_t batch) {
    galen_tensor tensor;
    gal_shape_at(&value->shape, value->dtype, batch, &tensor);
    return galen_tensor_bytes(&tensor);
}

/* Small enough to be run many times a second. */
static bool is_small(const gal_graph *g) {
    int64_t bytes = 0, flop = 0;
    if (g->n_input > PORTS || g->n_output > PORTS || g->n_value > MAX_VALUES) return false;
    for (uint32_t i = 0; i < g->n_value; i++) {
        int64_t more = g->value[i]->dtype == GALEN_DTYPE_NONE ? 0 : bytes_at(g->value[i], BATCH);
        if (more < 0 || (bytes += more > MAX_BYTES ? MAX_BYTES + 1 : more) > MAX_BYTES) return false;
    }
    for (const gal_node *node = g->first; node; node = node->next) {
        gal_cost cost = {0};
        gal_node_cost(node, BATCH, &cost);
        if (cost.flop < 0 || (flop += cost.flop > MAX_FLOP ? MAX_FLOP + 1 : cost.flop) > MAX_FLOP) return false;
    }
    return true;
}

static bool is_smooth(const gal_graph *g) {
    for (const gal_node *node = g->first; node; node = node->next)
        if (is_steep(node->op->name)) return false;
    return true;
}

/* Outputs of one way to run the model, for batches 1 to BATCH; NULL data when that run failed. */
typedef struct way {
    galen_dtype dtype[PORTS];
    int64_t bytes[BATCH][PORTS];
    void *out[BATCH][PORTS];
    galen_status made, ran[BATCH];
    bool smooth;
    uint32_t n_output;
    galen_error err;
} way;

/* Exactly as many bytes as the tensor has, so that a sanitizer sees the first one behind. */
static void *fill(const gal_value *value, int64_t batch) {
    int64_t bytes = bytes_at(value, batch);
    uint8_t *data = calloc(1, (size_t)bytes ? (size_t)bytes : 1);
    if (!data) exit(2);
    if (value->dtype == GALEN_F32)
        for (int64_t i = 0; i < bytes / 4; i++) ((float *)(void *)data)[i] = sinf((float)(i + 1) * 0.7f);
    else if (galen_dtype_size(value->dtype) == 8 && value->dtype != GALEN_F64)
        for (int64_t i = 0; i < bytes / 8; i++) ((int64_t *)(void *)data)[i] = i % 3;
    else if (galen_dtype_size(value->dtype) == 1)
        for (int64_t i = 0; i < bytes; i++) data[i] = (uint8_t)(i & 1);
    return data;
}

static void run_batch(gal_session *session, const gal_graph *g, int64_t batch, way *w) {
    void *in[PORTS] = {NULL}, **out = w->out[batch - 1];
    for (uint32_t i = 0; i < g->n_input; i++) in[i] = fill(g->input[i], batch);
    for (uint32_t i = 0; i < g->n_output; i++) {
        int64_t bytes = w->bytes[batch - 1][i] = bytes_at(g->output[i], batch);
        out[i] = malloc(bytes ? (size_t)bytes : 1);
        if (!out[i]) exit(2);
        memset(out[i], 0xa5, (size_t)bytes);
        w->dtype[i] = g->output[i]->dtype;
    }
    w->ran[batch - 1] = gal_session_run(session, batch, (const void *const *)in, out, &w->err);
    for (uint32_t i = 0; i < g->n_input; i++) free(in[i]);
}

/* false: the model cannot be run here at all. */
static bool run_way(const uint8_t *data, size_t size, bool optimise, gal_isa isa, int64_t group, way *w) {
    gal_model *model = NULL;
    gal_session *session = NULL;
    gal_session_options options = {
        .max_batch = BATCH, .threads = group > 0 ? 2 : 1, .isa = isa, .optimise = optimise, .group = group, .cut = 3};
    memset(w, 0, sizeof *w);
    bool good = gal_onnx_parse(data, size, NULL, &model, &w->err) == GALEN_OK && is_small(model->graph);
    if (good) {
        w->smooth = is_smooth(model->graph);
        w->n_output = model->graph->n_output;
        w->made = gal_session_create(model->graph, &options, &session, &w->err);
        for (int64_t batch = BATCH; batch >= 1 && w->made == GALEN_OK; batch--)
            run_batch(session, model->graph, batch, w);
    }
    gal_session_destroy(session);
    gal_model_destroy(model);
    return good;
}

static void complain(const char *what, const way *w, int batch, uint32_t output) {
    fprintf(stderr, "%s: batch %d, output %u: %s\n", what, batch, output, w->err.message);
    abort();
}

static void compare_output(const way *a, const way *b, int k, uint32_t o) {
    const float *x = a->out[k][o], *y = b->out[k][o];
    double top = 1e-3;
    if (a->bytes[k][o] != b->bytes[k][o]) complain("sizes differ", b, k + 1, o);
    if (a->dtype[o] != GALEN_F32) return;
    for (int64_t i = 0; i < a->bytes[k][o] / 4; i++)
        if (isfinite(x[i]) && fabs((double)x[i]) > top) top = fabs((double)x[i]);
    for (int64_t i = 0; i < a->bytes[k][o] / 4 && top < 1e30; i++) {
        if (!isfinite(x[i]) && !isfinite(y[i])) continue;
        if (!(fabs((double)x[i] - (double)y[i]) <= 1e-3 * top)) {
            fprintf(stderr, "element %lld: %g and %g\n", (long long)i, (double)x[i], (double)y[i]);
            complain("wrong number", b, k + 1, o);
        }
    }
}

/* The same bits; a NaN is a NaN. */
static void same_output(const way *a, const way *b, int k, uint32_t o) {
    int64_t n = a->bytes[k][o], size = a->dtype[o] == GALEN_F32 ? 4 : 1;
    const uint8_t *x = a->out[k][o], *y = b->out[k][o];
    for (int64_t i = 0; i < n; i += size) {
        float u = 0, v = 0;
        if (memcmp(x + i, y + i, (size_t)size) == 0) continue;
        if (size == 4) memcpy(&u, x + i, 4), memcpy(&v, y + i, 4);
        if (!isnan(u) || !isnan(v)) complain("other bits in groups", b, k + 1, o);
    }
}

static void compare_groups(const way *a, const way *b) {
    if (a->made != b->made) complain("one session was made, the other not", a->made ? a : b, 0, 0);
    for (int k = 0; k < BATCH && a->made == GALEN_OK; k++) {
        if (a->ran[k] != b->ran[k]) complain("one ran, the other not", b, k + 1, 0);
        for (uint32_t o = 0; o < a->n_output && a->ran[k] == GALEN_OK; o++) same_output(a, b, k, o);
    }
}

static void compare(const way *a, const way *b) {
    if (a->made == GALEN_ERR_INTERNAL || b->made == GALEN_ERR_INTERNAL) complain("internal error", b, 0, 0);
    if (a->made != b->made) complain("one session was made, the other not", a->made ? a : b, 0, 0);
    for (int k = 0; k < BATCH && a->made == GALEN_OK; k++) {
        bool a_ran = a->ran[k] == GALEN_OK || a->ran[k] == GALEN_ERR_NUMERIC;
        bool b_ran = b->ran[k] == GALEN_OK || b->ran[k] == GALEN_ERR_NUMERIC;
        if (a_ran != b_ran) complain("one ran, the other not", a_ran ? b : a, k + 1, 0);
        for (uint32_t o = 0; o < a->n_output && a_ran && a->smooth; o++) compare_output(a, b, k, o);
    }
}

static void release(way *w) {
    for (int k = 0; k < BATCH; k++)
        for (uint32_t o = 0; o < PORTS; o++) {
            free(w->out[k][o]);
            w->out[k][o] = NULL;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static way written, rewritten, fast, grouped;
    if (!run_way(data, size, false, GAL_ISA_REFERENCE, 0, &written)) return 0;
    if (run_way(data, size, true, GAL_ISA_REFERENCE, 0, &rewritten)) compare(&written, &rewritten);
    if (run_way(data, size, true, gal_isa_detect(), 0, &fast)) compare(&written, &fast);
    if (run_way(data, size, true, gal_isa_detect(), 1, &grouped)) compare_groups(&fast, &grouped);
    release(&grouped);
    if (size % 2 == 0 && run_way(data, size, false, GAL_ISA_REFERENCE, 1, &grouped)) compare_groups(&written, &grouped);
    release(&written);
    release(&rewritten);
    release(&fast);
    release(&grouped);
    return 0;
}
