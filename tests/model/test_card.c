/* Model cards: what is read, what is assumed, and what is refused. */
#include "model/card.h"
#include "model/onnx.h"
#include "proto.h"
#include "support/shared.h"

#include <stdio.h>

/* A model [N, channels, 64, 64] -> [N, channels, 64, 64]; rank 2 when channels is 0: [N, k] -> [N, k]. */
static gal_model *model(int channels, int k) {
    const int64_t picture[] = {-1, channels, 64, 64}, row[] = {-1, k};
    int rank = channels ? 4 : 2;
    gal_buf g = pb_new();
    pb_nest(&g, 11, pb_value("image", rank, channels ? picture : row, "batch"));
    pb_nest(&g, 12, pb_value("y", 2, row, "batch"));
    if (channels) {
        pb_nest(&g, 1, pb_node("GlobalAveragePool", "p", "image", NULL, "z"));
        pb_nest(&g, 1, pb_node("Flatten", "f", "z", NULL, "y"));
    } else {
        pb_nest(&g, 1, pb_node("Relu", "r", "image", NULL, "y"));
    }
    gal_buf b = pb_model(g, 17);
    galen_error err = {0};
    gal_model *m = NULL;
    assert_ok(gal_onnx_parse(b.data, b.size, NULL, &m, &err), err);
    gal_buf_free(&b);
    return m;
}

static const char golden[] =
    "{\"task\": \"binary\", \"labels\": [\"NORMAL\", \"PNEUMONIA\"], \"positive\": \"PNEUMONIA\", \"input\": {\"color\": \"grey\","
    " \"size\": [64, 64], \"resize\": \"bilinear, antialiased (Pillow), no crop\", \"range\": [0, 1], \"mean\": 0.5, \"std\": 0.25},"
    " \"threshold\": {\"logit\": 0.6288006901741028, \"chosen\": \"validation, sensitivity >= 0.98\"}, \"training\": {\"epochs\": 16}}";

static void a_whole_card_is_read(void **state) {
    (void)state;
    gal_model *m = model(1, 1);
    galen_error err = {0};
    gal_card card;
    assert_ok(gal_card_read(golden, m->graph, &card, &err), err);
    assert_true(card.present && card.has_recipe && card.has_threshold);
    assert_int_equal(card.task, GAL_TASK_BINARY);
    assert_int_equal(card.n_label, 2);
    assert_string_equal(card.label[card.positive], "PNEUMONIA");
    assert_true(card.threshold_logit == 0.6288006901741028);
    assert_string_equal(card.threshold_chosen, "validation, sensitivity >= 0.98");
    assert_string_equal(card.training, "{\"epochs\":16}");
    const gal_recipe *r = &card.recipe;
    assert_true(r->channels == 1 && r->height == 64 && r->width == 64 && r->filter == GALEN_FILTER_BILINEAR);
    assert_true(r->rule == GAL_RESIZE_STRETCH && r->low == 0 && r->high == 1 && r->mean[0] == 0.5f &&
                r->std[0] == 0.25f);
    assert_int_equal(card.n_missing, 1); /* intended use */
    gal_card_free(&card);
    gal_model_destroy(m);
}

static int has_missing(const gal_card *card, const char *text) {
    for (int i = 0; i < card->n_missing; i++)
        if (strstr(card->missing[i], text)) return 1;
    return 0;
}

static void what_is_missing_is_listed(void **state) {
    (void)state;
    gal_model *m = model(3, 3);
    galen_error err = {0};
    gal_card card;
    assert_ok(gal_card_read(NULL, m->graph, &card, &err), err);
    assert_false(card.present || card.has_recipe || card.has_threshold);
    assert_int_equal(card.task, GAL_TASK_MULTICLASS);
    assert_int_equal(card.positive, -1);
    assert_int_equal(card.recipe.channels, 3);
    assert_int_equal(card.recipe.width, 64);
    assert_true(card.recipe.std[2] == 1 && card.recipe.high == 1);
    assert_true(has_missing(&card, "card: none") && has_missing(&card, "labels") && has_missing(&card, "mean and std"));
    gal_card_free(&card);
    gal_model_destroy(m);
    m = model(0, 1);
    assert_ok(gal_card_read("{}", m->graph, &card, &err), err);
    assert_true(card.present);
    assert_true(has_missing(&card, "decision threshold") && has_missing(&card, "no single picture"));
    gal_card_free(&card);
    gal_model_destroy(m);
}

static void resize_rules_are_read(void **state) {
    (void)state;
    static const char *const text[] = {
        "\"bicubic, short side 72, centre crop\"",
        "\"bicubic, antialiased, short side 72, center crop\"",
        "{\"filter\": \"bicubic\", \"rule\": \"short-side\", \"to\": 72}",
    };
    gal_model *m = model(1, 1);
    for (int i = 0; i < 3; i++) {
        char json[256];
        galen_error err = {0};
        gal_card card;
        snprintf(json, sizeof json, "{\"input\": {\"resize\": %s}}", text[i]);
        assert_ok(gal_card_read(json, m->graph, &card, &err), err);
        assert_int_equal(card.recipe.rule, GAL_RESIZE_SHORT_SIDE);
        assert_int_equal(card.recipe.resize_to, 72);
        assert_int_equal(card.recipe.filter, GALEN_FILTER_BICUBIC);
        gal_card_free(&card);
    }
    gal_model_destroy(m);
}

static void damaged_cards_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *json, *text;
    } bad[] = {
        {"", "not valid JSON"},
        {"[1]", "not a JSON object"},
        {"{\"task\": \"binary\", \"task\": \"binary\"}", "not valid JSON"},
        {"{\"task\": \"guess\"}", "task must be"},
        {"{\"task\": 3}", "task must be"},
        {"{\"labels\": \"A\"}", "labels must be"},
        {"{\"labels\": [\"A\", \"A\"]}", "'A' twice"},
        {"{\"labels\": [\"A\", \"\"]}", "labels must be"},
        {"{\"labels\": [\"A\", \"B\", \"C\"]}", "3 labels"},
        {"{\"labels\": [\"A\", \"B\"], \"positive\": \"C\"}", "positive must be"},
        {"{\"labels\": [\"A\", \"B\"], \"positive\": 2}", "positive must be"},
        {"{\"input\": []}", "input must be an object"},
        {"{\"input\": {\"window\": [0, 80]}}", "'window'"},
        {"{\"input\": {\"color\": \"blue\"}}", "input.color"},
        {"{\"input\": {\"color\": \"rgb\"}}", "3 channels where the model takes 1"},
        {"{\"input\": {\"size\": [64, 0]}}", "input.size"},
        {"{\"input\": {\"size\": [32, 64]}}", "32 rows where the model takes 64"},
        {"{\"input\": {\"size\": [64]}}", "input.size"},
        {"{\"input\": {\"resize\": \"magic\"}}", "'magic'"},
        {"{\"input\": {\"resize\": \"bilinear, padded\"}}", "'padded'"},
        {"{\"input\": {\"resize\": \"bilinear, short side 72\"}}", "input.resize"},
        {"{\"input\": {\"resize\": \"bilinear, centre crop\"}}", "input.resize"},
        {"{\"input\": {\"resize\": \"bilinear, short side 32, centre crop\"}}", "from a short side of 32"},
        {"{\"input\": {\"resize\": \"\"}}", "input.resize"},
        {"{\"input\": {\"range\": [1, 0]}}", "input.range"},
        {"{\"input\": {\"mean\": 0.5, \"std\": 0}}", "input.std"},
        {"{\"input\": {\"mean\": 0.5}}", "input.std"},
        {"{\"input\": {\"mean\": [1, 2, 3], \"std\": 1}}", "input.mean"},
        {"{\"threshold\": {\"logit\": \"high\"}}", "threshold.logit"},
        {"{\"threshold\": {\"probability\": 0.5}}", "'probability'"},
        {"{\"threshold\": 0.5}", "threshold must be"},
        {"{\"task\": \"multiclass\", \"threshold\": {\"logit\": 1}}", "needs a binary model"},
    };
    gal_model *m = model(1, 1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        galen_error err = {0};
        gal_card card;
        assert_int_not_equal(gal_card_read(bad[i].json, m->graph, &card, &err), GALEN_OK);
        if (!strstr(err.message, bad[i].text)) fail_msg("%s: \"%s\"", bad[i].json, err.message);
    }
    gal_model_destroy(m);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    gal_model *m = model(1, 1);
    galen_error err = {0};
    gal_card card;
    test_count_reset();
    assert_ok(gal_card_read(golden, m->graph, &card, &err), err);
    gal_card_free(&card);
    long total = test_allocations();
    for (long n = 1; n <= total; n++) {
        test_fail_allocation(n, 1);
        galen_status status = gal_card_read(golden, m->graph, &card, &err);
        test_fail_allocation(0, 0);
        if (status == GALEN_OK) gal_card_free(&card);
    }
    gal_model_destroy(m);
}

static void golden_models_have_whole_cards(void **state) {
    (void)state;
    static const char *const files[] = {"golden/cxr64-small.onnx", "golden/cxr64-resnet18.onnx"};
    for (int i = 0; i < 2; i++) {
        galen_error err = {0};
        gal_model *m = NULL;
        gal_card card;
        assert_ok(gal_onnx_load(test_shared(files[i]), NULL, &m, &err), err);
        assert_ok(gal_card_read(gal_model_meta(m, "galen.card"), m->graph, &card, &err), err);
        assert_true(card.has_recipe && card.has_threshold);
        assert_int_equal(card.recipe.channels, i ? 3 : 1);
        gal_card_free(&card);
        gal_model_destroy(m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_card_is_read),    cmocka_unit_test(what_is_missing_is_listed),
        cmocka_unit_test(resize_rules_are_read),   cmocka_unit_test(damaged_cards_are_refused),
        cmocka_unit_test(any_allocation_may_fail), cmocka_unit_test(golden_models_have_whole_cards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
