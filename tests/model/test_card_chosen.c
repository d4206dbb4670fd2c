/* Cards with what was chosen on validation cases: written, read back, and refused when damaged or of another model. */
#include "base/mem.h"
#include "base/refmath.h"
#include "model/card.h"
#include "model/onnx.h"
#include "proto.h"
#include "support/shared.h"

#include <string.h>

static galen_error err;
static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* [N, scores] in and out. */
static gal_model *model(int scores) {
    const int64_t row[] = {-1, scores};
    gal_model *m = NULL;
    gal_buf g = pb_new();
    pb_nest(&g, 11, pb_value("x", 2, row, "batch"));
    pb_nest(&g, 12, pb_value("y", 2, row, "batch"));
    pb_nest(&g, 1, pb_node("Relu", "r", "x", NULL, "y"));
    gal_buf b = pb_model(g, 17);
    assert_ok(gal_onnx_parse(b.data, b.size, NULL, &m, &err), err);
    gal_buf_free(&b);
    return m;
}

static const gal_frozen_point point = {.at = {.threshold = 0.625, .true_positives = 390, .false_negatives = 3},
                                       .wanted = 0.98,
                                       .confidence = 0.95,
                                       .bound = 0.981};

static void a_choice_is_read_back(void **state) {
    (void)state;
    const char *sample[] = {digest, digest};
    double logit[] = {-1, 0.5}, probability[] = {0.25, 0.75};
    const gal_calibration curves[] = {
        {.method = GAL_CALIBRATION_TEMPERATURE, .parameter = {1.7}},
        {.method = GAL_CALIBRATION_PLATT, .parameter = {1.31, -0.1}},
        {.method = GAL_CALIBRATION_BETA, .parameter = {0, 1.25, 0.1}},
        {.method = GAL_CALIBRATION_ISOTONIC, .knots = 2, .logit = logit, .probability = probability}};
    gal_data_mark mark;
    gal_model *m = model(1);
    assert_ok(gal_data_mark_make(digest, sample, 2, &mark, &err), err);
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        char *text;
        gal_card card;
        gal_card_choice choice = {.threshold = &point, .calibration = &curves[i], .data = &mark};
        assert_ok(gal_card_choose("{\"task\": \"binary\", \"training\": {\"epochs\": 3}}", &choice, &text, &err), err);
        assert_ok(gal_card_read(text, m->graph, &card, &err), err);
        assert_true(card.has_threshold && card.threshold_logit == 0.625);
        assert_string_equal(card.threshold_chosen,
                            "sensitivity >= 0.98 with 95 % confidence: 390 of 393 positives found");
        assert_string_equal(card.threshold_data.digest, digest);
        assert_int_equal(card.threshold_data.samples, 1);
        assert_string_equal(card.training, "{\"epochs\":3}");
        assert_int_equal(card.calibration.method, curves[i].method);
        assert_int_equal(card.calibration_data.cases, 2);
        for (double z = -3; z < 3; z += 0.7)
            assert_true(gal_calibration_apply(&card.calibration, z) == gal_calibration_apply(&curves[i], z));
        gal_card_free(&card);
        /* The threshold alone: the calibration stays; none: it goes. */
        char *other;
        choice = (gal_card_choice){.calibration = &(gal_calibration){0}, .data = &mark};
        assert_ok(gal_card_choose(text, &choice, &other, &err), err);
        assert_ok(gal_card_read(other, m->graph, &card, &err), err);
        assert_true(card.calibration.method == GAL_CALIBRATION_NONE && card.threshold_logit == 0.625);
        gal_card_free(&card);
        gal_free(other);
        gal_free(text);
    }
    gal_data_mark_free(&mark);
    gal_model_destroy(m);
}

/* A probability as threshold still calls the case positive that it is the probability of. */
static void probabilities_keep_their_case(void **state) {
    (void)state;
    gal_model *m = model(1);
    gal_data_mark mark;
    assert_ok(gal_data_mark_make(digest, NULL, 5, &mark, &err), err);
    for (double p = 0.0009765; p < 1; p += 0.00731) {
        gal_frozen_point at = point;
        at.at.threshold = (double)(float)p;
        gal_card card;
        char *text;
        gal_card_choice choice = {.threshold = &at, .probability = true, .data = &mark};
        assert_ok(gal_card_choose(NULL, &choice, &text, &err), err);
        assert_ok(gal_card_read(text, m->graph, &card, &err), err);
        double reached = gal_ref_sigmoid(card.threshold_logit);
        assert_true(reached <= at.at.threshold && reached > at.at.threshold - 1e-12);
        gal_card_free(&card);
        gal_free(text);
    }
    gal_model_destroy(m);
}

#define DATA  "\"digest\": \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\", \"cases\": 7"
#define PLATT "\"method\": \"platt\", \"parameters\": {\"slope\": 1, \"intercept\": 0}"

static void damaged_cards_are_refused(void **state) {
    (void)state;
    static const struct {
        int scores;
        const char *json, *text;
    } bad[] = {
        {1, "{\"calibration\": 3}", "calibration must be an object"},
        {1, "{\"calibration\": {" PLATT "}}", "calibration.fitted_on must be an object"},
        {1, "{\"calibration\": {" PLATT ", \"fitted_on\": {" DATA "}, \"more\": 1}}", "'more'"},
        {1, "{\"calibration\": {\"method\": \"guess\", \"parameters\": {}, \"fitted_on\": {" DATA "}}}",
         "method must be"},
        {1, "{\"calibration\": {\"method\": \"platt\", \"parameters\": {\"slope\": 1}, \"fitted_on\": {" DATA "}}}",
         "parameters must be"},
        {1, "{\"threshold\": {\"logit\": 1, \"frozen_on\": {\"cases\": 7}}}", "threshold.frozen_on must be"},
        {3, "{\"calibration\": {" PLATT ", \"fitted_on\": {" DATA "}}}", "takes a temperature"},
        {3,
         "{\"task\": \"multilabel\", \"calibration\": {\"method\": \"temperature\", \"parameters\": {\"temperature\": 2}, "
         "\"fitted_on\": {" DATA "}}}",
         "multilabel model cannot use"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gal_model *m = model(bad[i].scores);
        gal_card card;
        assert_int_not_equal(gal_card_read(bad[i].json, m->graph, &card, &err), GALEN_OK);
        if (!strstr(err.message, bad[i].text)) fail_msg("%s: \"%s\"", bad[i].json, err.message);
        gal_model_destroy(m);
    }
    gal_data_mark mark;
    char *text;
    assert_ok(gal_data_mark_make(digest, NULL, 5, &mark, &err), err);
    gal_card_choice choice = {.threshold = &point, .data = &mark};
    assert_int_equal(gal_card_choose("[1]", &choice, &text, &err), GALEN_ERR_FORMAT);
    assert_int_equal(gal_card_choose("{", &choice, &text, &err), GALEN_ERR_FORMAT);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    static const char json[] =
        "{\"threshold\": {\"logit\": 1, \"frozen_on\": {" DATA
        ", \"samples\": [\"0123456789abcdef\"]}}, \"calibration\": {\"method\": \"isotonic\", "
        "\"parameters\": {\"logit\": [0, 1], \"probability\": [0, 1]}, \"fitted_on\": {" DATA "}}}";
    gal_model *m = model(1);
    gal_card card;
    test_count_reset();
    assert_ok(gal_card_read(json, m->graph, &card, &err), err);
    gal_card_free(&card);
    long total = test_allocations();
    for (long n = 1; n <= total; n++) {
        test_fail_allocation(n, 1);
        galen_status status = gal_card_read(json, m->graph, &card, &err);
        test_fail_allocation(0, 0);
        if (status == GALEN_OK) gal_card_free(&card);
    }
    gal_model_destroy(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_choice_is_read_back),
        cmocka_unit_test(probabilities_keep_their_case),
        cmocka_unit_test(damaged_cards_are_refused),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
