/* The card's "ood", "conformal" and "drift": kept whole, refused where damaged or of another model. */
#include "support/shared.h"

#include "base/mem.h"
#include "model/card.h"
#include "pass/small_graph.h"

#include <stdlib.h>
#include <string.h>

static galen_error err;

/* One grey picture of 8 x 8 in, `scores` out. */
static gal_graph *classifier(int scores) {
    gal_graph *g = small_graph();
    gal_value *x = small_input(g, "x", 1, 8, 8);
    gal_value *pooled = small_op(g, "GlobalAveragePool", small_conv(g, x, scores, 3, 1), NULL);
    gal_attr axis = small_int("axis", 1);
    assert_ok(gal_graph_mark_output(g, small_with(g, "Flatten", pooled, axis), &err), err);
    return g;
}

static json_t *ood_part(void) {
    static float feature[200 * 3], logit[200];
    gal_ood ood;
    for (int i = 0; i < 200; i++)
        feature[3 * i] = (float)(i % 17), feature[3 * i + 1] = (float)(i % 5), feature[3 * i + 2] = 1;
    assert_ok(gal_ood_fit(&(gal_ood_cases){feature, logit, 200, 3, 1}, 0.1, &ood, &err), err);
    json_t *json = gal_ood_json(&ood);
    gal_ood_free(&ood);
    return json;
}

static json_t *conformal_part(void) {
    const double p[] = {0.9, 0.2, 0.7};
    const uint32_t label[] = {1, 0, 1};
    gal_conformal c;
    assert_ok(gal_conformal_fit(&(gal_class_cases){p, label, 3, 1}, 0.4, false, &c, &err), err);
    json_t *json = gal_conformal_json(&c);
    gal_conformal_free(&c);
    return json;
}

static void test_kept(void **state) {
    (void)state;
    json_t *ood = ood_part(), *conformal = conformal_part();
    char *one, *both;
    gal_card card;
    assert_ok(gal_card_put("{\"task\": \"binary\", \"other\": [1, 2]}", "ood", ood, &one, &err), err);
    assert_ok(gal_card_put(one, "conformal", conformal, &both, &err), err);
    assert_non_null(strstr(both, "\"other\""));
    gal_graph *g = classifier(1);
    assert_ok(gal_card_read(both, g, &card, &err), err);
    assert_int_equal(card.ood.width, 3);
    assert_int_equal(card.conformal.classes, 2);
    assert_true(card.conformal.least[1] == 0.7 && card.ood.alpha == 0.1);
    gal_card_free(&card);
    gal_graph_destroy(g);
    g = classifier(4);
    assert_int_equal(gal_card_read(both, g, &card, &err), GALEN_ERR_FORMAT);
    gal_graph_destroy(g);
    gal_free(one);
    gal_free(both);
    assert_ok(gal_card_put(NULL, "ood", ood, &one, &err), err);
    gal_free(one);
    json_decref(ood);
    json_decref(conformal);
}

static void test_drift(void **state) {
    (void)state;
    static double value[70 * GAL_DRIFT_SERIES];
    gal_drift_reference reference;
    gal_card card;
    char *text, *without;
    for (int i = 0; i < 70 * GAL_DRIFT_SERIES; i++) value[i] = (double)(i * 37 % 101) / 7;
    assert_ok(gal_drift_fit(value, 70, &reference, &err), err);
    json_t *part = gal_drift_json(&reference);
    json_object_set_new(part, "data_sha256", json_string("00"));
    assert_ok(gal_card_put("{\"task\": \"binary\"}", "drift", part, &text, &err), err);
    json_decref(part);
    gal_graph *g = classifier(1);
    assert_ok(gal_card_read(text, g, &card, &err), err);
    assert_memory_equal(&card.drift, &reference, sizeof reference);
    gal_card_free(&card);
    assert_ok(gal_card_put(text, "drift", json_null(), &without, &err), err);
    assert_ok(gal_card_read(without, g, &card, &err), err);
    assert_int_equal(card.drift.cases, 0);
    gal_card_free(&card);
    gal_graph_destroy(g);
    gal_free(text);
    gal_free(without);
}

static void test_damaged(void **state) {
    (void)state;
    static const struct {
        const char *card, *says;
    } bad[] = {
        {"{\"ood\": 3}", "ood must be an object"},
        {"{\"ood\": {}}", "ood.width"},
        {"{\"conformal\": {}}", "conformal.method"},
        {"{\"drift\": 3}", "drift.cases"},
        {"{\"drift\": {\"cases\": 50, \"score\": {\"edges\": [2, 1], \"counts\": [20, 20, 10]}}}",
         "the model card: drift.score.edges"},
        {"{\"conformal\": []}", "conformal.method"},
        {"{\"task\": \"multilabel\", \"conformal\": {\"method\": \"split conformal, 1 - probability\", \"alpha\": 0.1, \"by_class\": "
         "false, \"least_probability\": [0, 0], \"cases\": [1, 1]}}",
         "multilabel"}};
    gal_graph *g = classifier(1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gal_card card;
        assert_int_equal(gal_card_read(bad[i].card, g, &card, &err), GALEN_ERR_FORMAT);
        if (!strstr(err.message, bad[i].says)) fail_msg("'%s' does not say '%s'", err.message, bad[i].says);
    }
    gal_graph_destroy(g);
    json_t *large = json_string("x");
    char *out, *text = malloc(GAL_CARD_MAX_BYTES);
    memset(text, ' ', GAL_CARD_MAX_BYTES);
    memcpy(text, "[", 1);
    memcpy(text + GAL_CARD_MAX_BYTES - 2, "]", 2);
    assert_int_equal(gal_card_put(text, "ood", large, &out, &err), GALEN_ERR_FORMAT);
    memset(text, 'y', GAL_CARD_MAX_BYTES - 1);
    text[GAL_CARD_MAX_BYTES - 1] = 0;
    json_string_set(large, text);
    assert_int_equal(gal_card_put("{\"a\": 1}", "ood", large, &out, &err), GALEN_ERR_LIMIT);
    json_decref(large);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kept), cmocka_unit_test(test_drift),
                                       cmocka_unit_test(test_damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
