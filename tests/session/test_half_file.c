/* Files in f16 and bf16: on the fast kernels, with the bits of the same numbers in f32 under --precision. */
#include "base/half.h"
#include "graph/op.h"
#include "graph/ops/types.h"
#include "model/onnx.h"
#include "pass/small_graph.h"
#include "session/predictor.h"
#include "session/session.h"

#include <galen/session.h>

enum { PIXELS = 64 * 64, BATCH = 3 };

static const galen_dtype types[] = {GALEN_F16, GALEN_BF16};

static uint16_t rounded(galen_dtype type, float v) {
    return type == GALEN_F16 ? gal_f32_to_f16(v) : gal_f32_to_bf16(v);
}

static float widened(galen_dtype type, uint16_t v) {
    return type == GALEN_F16 ? gal_f16_to_f32(v) : gal_bf16_to_f32(v);
}

/* The weights rounded to `type`, and kept as f32 in `twin`. Shape operands stay as they are. */
static void round_constants(gal_graph *g, gal_graph *twin, galen_dtype type) {
    for (uint32_t i = 0; i < g->n_value; i++) {
        gal_value *v = g->value[i];
        if (v->constant == NULL || v->dtype != GALEN_F32 || v->uses == NULL) continue;
        if (v->uses->node->op->shape_in >> v->uses->index & 1) continue;
        int64_t n = galen_tensor_elements(v->constant);
        galen_tensor *half = gal_arena_alloc(&g->arena, 1, sizeof *half),
                     *same = gal_arena_alloc(&twin->arena, 1, sizeof *same);
        uint16_t *to = gal_arena_alloc(&g->arena, (size_t)n, sizeof *to);
        float *wide = gal_arena_alloc(&twin->arena, (size_t)n, sizeof *wide);
        for (int64_t k = 0; k < n; k++) {
            to[k] = rounded(type, ((const float *)v->constant->data)[k]);
            wide[k] = widened(type, to[k]);
        }
        *half = *same = *v->constant;
        half->dtype = v->dtype = type, half->data = to, same->data = wide;
        v->constant = half;
        twin->value[i]->constant = same;
    }
}

static void write(const gal_model *model, const char *path) {
    gal_buf bytes;
    gal_buf_init(&bytes, 1 << 26);
    assert_ok(gal_onnx_write(model, &bytes, &small_err), small_err);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, f), bytes.size);
    assert_int_equal(fclose(f), 0);
    gal_buf_free(&bytes);
}

/* A trained model as file `half`, input and output too in 16 bits, and as file `twin`, the same numbers in f32. */
static void write_both(galen_dtype type, const char *half, const char *twin) {
    gal_model *a, *b;
    assert_ok(gal_onnx_load("models/cxr64-small.onnx", NULL, &a, &small_err), small_err);
    assert_ok(gal_onnx_load("models/cxr64-small.onnx", NULL, &b, &small_err), small_err);
    round_constants(a->graph, b->graph, type);
    a->graph->input[0]->dtype = type;
    assert_ok(gal_graph_infer(a->graph, &small_err), small_err);
    assert_int_equal(a->graph->output[0]->dtype, type);
    write(a, half);
    write(b, twin);
    gal_model_destroy(a);
    gal_model_destroy(b);
}

static char half_path[4096], twin_path[4096];

static void make_files(galen_dtype type) {
    snprintf(half_path, sizeof half_path, "%s/%s.onnx", test_tmp(), galen_dtype_name(type));
    snprintf(twin_path, sizeof twin_path, "%s/%s-twin.onnx", test_tmp(), galen_dtype_name(type));
    write_both(type, half_path, twin_path);
}

/* The public session, with what the file declares; `precision` NULL for the file's own. */
static void run(const char *path, const char *precision, const void *in, void *out) {
    galen_session_options o = galen_session_default_options();
    galen_model *model;
    galen_session *session;
    o.batch = BATCH, o.precision = precision;
    assert_ok(galen_model_load(path, &model, &small_err), small_err);
    assert_ok(galen_session_open(model, &o, &session, &small_err), small_err);
    assert_ok(galen_session_run(session, BATCH, (const void *[]){in}, (void *[]){out}, &small_err), small_err);
    galen_session_close(session);
    galen_model_free(model);
}

static void sessions_keep_the_bits(void **state) {
    (void)state;
    static const char *const precision[] = {NULL, "f16", "bf16", "f32"};
    static uint16_t x[BATCH * PIXELS];
    static float wide[BATCH * PIXELS];
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        galen_dtype type = types[t];
        make_files(type);
        small_noise = 5;
        for (size_t i = 0; i < BATCH * PIXELS; i++) wide[i] = widened(type, x[i] = rounded(type, 2 * small_random()));
        for (size_t k = 0; k < sizeof precision / sizeof *precision; k++) {
            uint16_t got[BATCH];
            float want[BATCH];
            run(half_path, precision[k], x, got);
            run(twin_path, precision[k] != NULL ? precision[k] : galen_dtype_name(type), wide, want);
            for (int i = 0; i < BATCH; i++) assert_int_equal(got[i], rounded(type, want[i]));
        }
    }
}

static void take_score(void *user, const galen_prediction *p) {
    if (p->status != GALEN_OK) fail_msg("%s", p->error);
    *(float *)user = p->scores[0];
}

static float predicted(const char *path, const char *precision, const char *named) {
    galen_predictor_options o = galen_predictor_default_options();
    galen_predictor *p;
    float score = NAN;
    o.precision = precision;
    assert_ok(galen_predictor_open(path, &o, &p, &small_err), small_err);
    assert_string_equal(galen_predictor_get_facts(p)->precision, named);
    const char *file = test_shared("images/cxr_samples/00000001_000.png");
    assert_ok(galen_predictor_run(p, &file, 1, take_score, &score, &small_err), small_err);
    galen_predictor_close(p);
    return score;
}

/* Pictures are rounded once, scores not at all. */
static void predictions_keep_the_bits(void **state) {
    (void)state;
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        const char *name = galen_dtype_name(types[t]);
        make_files(types[t]);
        float score = predicted(half_path, NULL, name), twin = predicted(twin_path, NULL, "f32");
        assert_true(score == predicted(twin_path, name, name));
        assert_true(predicted(half_path, "f32", "f32") == twin);
        assert_true(score != twin && fabsf(score - twin) < (types[t] == GALEN_F16 ? 0.02f : 0.3f));
    }
}

static size_t fast_convolutions(const char *path, galen_dtype precision, galen_dtype named) {
    gal_session_options o = gal_session_default_options();
    gal_session *session;
    gal_model *model;
    size_t n = 0;
    o.precision = precision;
    assert_ok(gal_onnx_load(path, NULL, &model, &small_err), small_err);
    assert_ok(gal_session_create(model->graph, &o, &session, &small_err), small_err);
    assert_int_equal(gal_session_precision(session), named);
    for (size_t i = 0; i < gal_session_steps(session); i++) {
        gal_step_info step = gal_session_step(session, i);
        if (strcmp(step.node->op->name, "Conv") == 0 && step.node->in[0]->dtype == named) n += step.row != NULL;
    }
    gal_session_destroy(session);
    gal_model_destroy(model);
    return n;
}

/* As many as the twin has on this machine. */
static void fast_kernels_are_used(void **state) {
    (void)state;
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        make_files(types[t]);
        size_t n = fast_convolutions(half_path, GALEN_DTYPE_NONE, types[t]);
        print_message("%zu fast convolutions in %s\n", n, galen_dtype_name(types[t]));
        assert_int_equal(n, fast_convolutions(twin_path, types[t], types[t]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_keep_the_bits),
        cmocka_unit_test(predictions_keep_the_bits),
        cmocka_unit_test(fast_kernels_are_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
