/* The public face: models, sessions and predictors on the model that ships with the project. */
#include "support/shared.h"

#include <galen/predictor.h>
#include <galen/session.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char model_path[] = "models/cxr64-small.onnx";
static galen_error err;

static void ports_are_as_declared(void **state) {
    (void)state;
    galen_model *m;
    assert_ok(galen_model_load(model_path, &m, &err), err);
    assert_int_equal(galen_model_inputs(m), 1);
    assert_int_equal(galen_model_outputs(m), 1);
    galen_port in = galen_model_input(m, 0), out = galen_model_output(m, 0);
    assert_string_equal(in.name, "image");
    assert_string_equal(out.name, "logits");
    assert_int_equal(in.tensor.dtype, GALEN_F32);
    assert_int_equal(in.tensor.rank, 4);
    assert_int_equal(in.tensor.dim[0], -2);
    assert_int_equal(in.tensor.dim[2], 64);
    assert_int_equal(strlen(galen_model_sha256(m)), 64);
    assert_non_null(strstr(galen_model_metadata(m, "galen.card"), "PNEUMONIA"));
    assert_null(galen_model_metadata(m, "nothing"));
    galen_model_free(m);
}

static void sessions_run_and_refuse(void **state) {
    (void)state;
    galen_model *m;
    galen_session *s, *second;
    static float image[3 * 64 * 64], logit[3], one;
    for (int i = 0; i < 3 * 64 * 64; i++) image[i] = (float)((i * 2654435761u >> 8) & 255) / 64.0f - 2.0f;
    assert_ok(galen_model_load(model_path, &m, &err), err);
    galen_session_options o = galen_session_default_options();
    o.batch = 3;
    assert_ok(galen_session_open(m, &o, &s, &err), err);
    assert_int_equal(galen_session_open(m, &o, &second, &err), GALEN_ERR_ARGUMENT);
    const void *in[] = {image};
    void *out[] = {logit};
    assert_ok(galen_session_run(s, 3, in, out, &err), err);
    for (int i = 0; i < 3; i++) {
        in[0] = image + i * 64 * 64;
        out[0] = &one;
        assert_ok(galen_session_run(s, 1, in, out, &err), err);
        assert_memory_equal(&one, &logit[i], sizeof one);
    }
    assert_int_equal(galen_session_run(s, 4, in, out, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(galen_session_run(s, 0, in, out, &err), GALEN_ERR_ARGUMENT);
    image[5] = NAN;
    in[0] = image;
    assert_int_equal(galen_session_run(s, 1, in, out, &err), GALEN_ERR_NUMERIC);
    galen_session_close(s);
    galen_model_free(m);
    o.isa = "quantum";
    assert_ok(galen_model_load(model_path, &m, &err), err);
    assert_int_equal(galen_session_open(m, &o, &s, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "quantum"));
    galen_model_free(m);
}

static int told;

/* Another precision is asked for by name; what is not a number stays one. */
static void precision_is_asked_for(void **state) {
    (void)state;
    galen_model *m;
    galen_session *s;
    static float image[64 * 64];
    float f32, bf16, f16, *logit[] = {&f32, &bf16, &f16};
    const char *const name[] = {"f32", "bf16", "f16"};
    for (int i = 0; i < 64 * 64; i++) image[i] = (float)((i * 2654435761u >> 8) & 255) / 64.0f - 2.0f;
    galen_session_options o = galen_session_default_options();
    for (int k = 0; k < 3; k++) {
        o.precision = name[k];
        image[7] = 0;
        assert_ok(galen_model_load(model_path, &m, &err), err);
        assert_ok(galen_session_open(m, &o, &s, &err), err);
        assert_ok(galen_session_run(s, 1, (const void *[]){image}, (void *[]){logit[k]}, &err), err);
        float after;
        image[7] = NAN;
        assert_int_equal(galen_session_run(s, 1, (const void *[]){image}, (void *[]){&after}, &err), GALEN_ERR_NUMERIC);
        /* More than f16 holds is an error there, not a saturated answer. */
        image[7] = 1e5f;
        assert_int_equal(galen_session_run(s, 1, (const void *[]){image}, (void *[]){&after}, &err),
                         k == 2 ? GALEN_ERR_NUMERIC : GALEN_OK);
        galen_session_close(s);
        galen_model_free(m);
    }
    assert_true(f32 != f16 && fabsf(f32 - f16) <= 0.04f);
    assert_true(f32 != bf16 && fabsf(f32 - bf16) <= 0.3f);
    o.precision = "f8";
    assert_ok(galen_model_load(model_path, &m, &err), err);
    assert_int_equal(galen_session_open(m, &o, &s, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "'f8'"));
    assert_null(s);
    o.precision = NULL;
    assert_ok(galen_session_open(m, &o, &s, &err), err); /* the refusal took nothing */
    galen_session_close(s);
    galen_model_free(m);
}

static void count_errors(void *user, const galen_prediction *p) {
    const char *const *expected = user;
    assert_string_equal(p->file, expected[told]);
    assert_int_not_equal(p->status, GALEN_OK);
    assert_non_null(strstr(p->error, p->file));
    assert_null(p->scores);
    told++;
}

static void predictors_tell_of_each_file_in_order(void **state) {
    (void)state;
    galen_predictor_options o = galen_predictor_default_options();
    galen_predictor *p;
    o.batch = 2;
    assert_ok(galen_predictor_open(model_path, &o, &p, &err), err);
    const galen_predictor_facts *f = galen_predictor_get_facts(p);
    assert_int_equal(f->task, GALEN_TASK_BINARY);
    assert_int_equal(f->n_scores, 1);
    assert_int_equal(f->positive, 1);
    assert_true(f->has_threshold && fabs(f->threshold - 2.77836871) < 1e-6);
    const char *files[] = {"/nonexistent.png", "src", "CMakeLists.txt"};
    told = 0;
    assert_ok(galen_predictor_run(p, files, 3, count_errors, files, &err), err);
    assert_int_equal(told, 3);
    galen_predictor_close(p);
    o.batch = 0;
    assert_int_equal(galen_predictor_open(model_path, &o, &p, &err), GALEN_ERR_ARGUMENT);
    o.batch = 1;
    o.frame = -1;
    assert_int_equal(galen_predictor_open(model_path, &o, &p, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(galen_predictor_open("CMakeLists.txt", NULL, &p, &err), GALEN_ERR_FORMAT);
}

/* Opening survives the failure of any allocation and says what happened; nothing leaks (the sanitizer run watches). */
static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    galen_predictor_options o = galen_predictor_default_options();
    o.threads = 1;
    long n = 1;
    for (; n < 1000000; n++) {
        galen_predictor *p = NULL;
        test_fail_allocation(n, 0);
        galen_status status = galen_predictor_open(model_path, &o, &p, &err);
        bool reached = test_allocations() >= n;
        test_fail_allocation(0, 0);
        if (status == GALEN_OK) galen_predictor_close(p);
        if (!reached) break;
        if (status != GALEN_OK) assert_int_equal(status, GALEN_ERR_MEMORY);
    }
    assert_in_range(n, 50, 999999);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_are_as_declared),       cmocka_unit_test(sessions_run_and_refuse),
        cmocka_unit_test(precision_is_asked_for),      cmocka_unit_test(predictors_tell_of_each_file_in_order),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
