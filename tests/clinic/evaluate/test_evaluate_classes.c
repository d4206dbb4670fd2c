/* Many classes against golden and published figures, by hand, written out, and without memory. */
#include "clinic/evaluate/evaluate.h"

#include "base/rng.h"
#include "clinic/evaluate/class_draws.h"
#include "clinic/golden.h"

enum { CASES = 4096, CLASSES = 8 };

static galen_error err;
static double score[CASES * CLASSES], probability[CASES * CLASSES];
static uint32_t label[CASES], patient[CASES];
static uint8_t positive[CASES * CLASSES];
static const char *names[CLASSES] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static gal_case_set set_of(gal_case_kind kind, size_t count, int classes) {
    return (gal_case_set){.kind = kind,
                          .count = count,
                          .classes = classes,
                          .class_name = names,
                          .score = score,
                          .probability = probability,
                          .label = kind == GAL_CASE_MULTICLASS ? label : NULL,
                          .positive = kind == GAL_CASE_MULTILABEL ? positive : NULL};
}

static gal_eval_settings settings_with(size_t draws) {
    gal_eval_settings settings = gal_eval_defaults();
    settings.has_threshold = true, settings.threshold = 0.5, settings.draws = draws;
    return settings;
}

/* A model's probabilities of the dermatoscope pictures, put right to add up to 1. */
static gal_case_set derma(const char *path) {
    gal_npz *npz = golden_arrays(path);
    const galen_tensor *probs = golden_array(npz, "probs"), *labels = golden_array(npz, "labels");
    size_t count = (size_t)probs->dim[0], classes = (size_t)probs->dim[1];
    assert_in_range(count, 1, CASES);
    assert_in_range(classes, 2, CLASSES);
    for (size_t i = 0; i < count; i++) {
        const float *row = (const float *)probs->data + i * classes;
        double sum = 0;
        for (size_t c = 0; c < classes; c++) sum += (double)row[c];
        for (size_t c = 0; c < classes; c++)
            score[i * classes + c] = probability[i * classes + c] = (double)row[c] / sum;
        label[i] = (uint32_t)((const int64_t *)labels->data)[i];
    }
    gal_npz_free(npz);
    return set_of(GAL_CASE_MULTICLASS, count, (int)classes);
}

static void same_confusion(const gal_classes_evaluation *e, const json_t *wanted) {
    assert_int_equal(json_array_size(wanted), e->classes);
    for (int c = 0; c < e->classes; c++)
        for (int k = 0; k < e->classes; k++)
            assert_int_equal(e->confusion[c * e->classes + k],
                             json_integer_value(json_array_get(json_array_get(wanted, (size_t)c), (size_t)k)));
}

static void near(const gal_classes_evaluation *e, gal_class_figure figure, double wanted, double tolerance) {
    golden_near(e->figure[figure].value, wanted, tolerance, gal_class_figure_name(figure));
}

static void numbers_are_golden(void **state) {
    (void)state;
    json_t *root = golden_open(), *entry;
    const char *name;
    size_t compared = 0;
    json_object_foreach(json_object_get(root, "multiclass"), name, entry) {
        char path[160];
        snprintf(path, sizeof path, "predictions/%s", name);
        gal_case_set set = derma(path);
        gal_eval_settings settings = settings_with(0);
        gal_evaluation e;
        assert_ok(gal_evaluate(&set, &settings, NULL, &e, &err), err);
        near(&e.classes, GAL_CLASSES_ACCURACY, golden_number(entry, "accuracy"), 1e-12);
        near(&e.classes, GAL_CLASSES_BALANCED_ACCURACY, golden_number(entry, "balanced_accuracy"), 1e-12);
        near(&e.classes, GAL_CLASSES_MACRO_F1, golden_number(entry, "macro_f1"), 1e-12);
        near(&e.classes, GAL_CLASSES_MACRO_AUC, golden_number(entry, "macro_auc_ovr"), 1e-12);
        same_confusion(&e.classes, json_object_get(entry, "confusion"));
        const json_t *areas = json_object_get(entry, "auc_per_class");
        for (int c = 0; c < e.classes.classes; c++)
            golden_near(e.classes.of_class[c].figure[GAL_AUC].value,
                        json_number_value(json_array_get(areas, (size_t)c)), 1e-12, "AUC of a class");
        gal_evaluation_free(&e);
        compared++;
    }
    assert_true(compared >= 15);
    json_decref(root);
}

/* The figures that were published with the probabilities, all of their 16 digits. */
static void published_figures_are_reproduced(void **state) {
    (void)state;
    static const char *const runs[] = {"baseline_resnet_derma", "res224", "res224_tta", "res224_val", "tta", "val"};
    static const int seeds[] = {42, 1337, 2024};
    const double last = 1e-15;
    for (size_t k = 0; k < 18; k++) {
        char path[160];
        json_error_t why;
        snprintf(path, sizeof path, "predictions/dermamnist_resnet50/%s_seed%d_probs.npz", runs[k / 3], seeds[k % 3]);
        gal_case_set set = derma(path);
        snprintf(path, sizeof path, "predictions/dermamnist_resnet50/%s_seed%d.json", runs[k / 3], seeds[k % 3]);
        json_t *root = json_load_file(test_shared(path), 0, &why);
        if (root == NULL) fail_msg("%s: %s", path, why.text);
        gal_eval_settings settings = settings_with(0);
        gal_evaluation e;
        assert_ok(gal_evaluate(&set, &settings, NULL, &e, &err), err);
        const json_t *all = json_object_get(root, "overall"), *auc = json_object_get(root, "auc");
        near(&e.classes, GAL_CLASSES_ACCURACY, golden_number(all, "accuracy"), last);
        near(&e.classes, GAL_CLASSES_BALANCED_ACCURACY, golden_number(all, "balanced_accuracy"), last);
        near(&e.classes, GAL_CLASSES_MACRO_F1, golden_number(all, "macro_f1"), last);
        near(&e.classes, GAL_CLASSES_WEIGHTED_F1, golden_number(all, "weighted_f1"), last);
        near(&e.classes, GAL_CLASSES_MACRO_AUC, golden_number(auc, "macro_ovr"), last);
        near(&e.classes, GAL_CLASSES_WEIGHTED_AUC, golden_number(auc, "weighted_ovr"), last);
        same_confusion(&e.classes, json_object_get(json_object_get(root, "confusion_matrix"), "counts"));
        for (int c = 0; c < e.classes.classes; c++) {
            const json_t *wanted = json_array_get(json_object_get(root, "per_class"), (size_t)c);
            const char *name = json_string_value(json_object_get(wanted, "class_name"));
            const gal_estimate *figure = e.classes.of_class[c].figure;
            assert_int_equal(e.classes.of_class[c].positives, golden_number(wanted, "support"));
            golden_near(figure[GAL_PPV].value, golden_number(wanted, "precision"), last, name);
            golden_near(figure[GAL_SENSITIVITY].value, golden_number(wanted, "recall"), last, name);
            golden_near(figure[GAL_F1].value, golden_number(wanted, "f1"), last, name);
            golden_near(figure[GAL_AUC].value, golden_number(json_object_get(auc, "per_class_ovr"), name), last, name);
        }
        gal_evaluation_free(&e);
        json_decref(root);
    }
}

static void put(size_t i, uint32_t is, double a, double b, double c) {
    score[3 * i] = probability[3 * i] = a;
    score[3 * i + 1] = probability[3 * i + 1] = b;
    score[3 * i + 2] = probability[3 * i + 2] = c;
    label[i] = is;
}

/* Confusion [[2, 1, 0], [0, 1, 0], [1, 0, 1]]; the third class ties once with the first, which is called. */
static void classes_by_hand(void **state) {
    (void)state;
    put(0, 0, 0.8, 0.1, 0.1);
    put(1, 0, 0.5, 0.3, 0.2);
    put(2, 0, 0.2, 0.5, 0.3);
    put(3, 1, 0.1, 0.7, 0.2);
    put(4, 2, 0.4, 0.2, 0.4);
    put(5, 2, 0.1, 0.1, 0.8);
    gal_case_set set = set_of(GAL_CASE_MULTICLASS, 6, 3);
    gal_eval_settings settings = settings_with(0);
    settings.bins = 1;
    gal_evaluation e;
    assert_ok(gal_evaluate(&set, &settings, NULL, &e, &err), err);
    near(&e.classes, GAL_CLASSES_ACCURACY, 4.0 / 6, 1e-15);
    near(&e.classes, GAL_CLASSES_BALANCED_ACCURACY, (2.0 / 3 + 1 + 0.5) / 3, 1e-15);
    near(&e.classes, GAL_CLASSES_TOP_2, 5.0 / 6, 1e-15); /* case 3's class is last, case 5's second */
    assert_true(isnan(e.classes.figure[GAL_CLASSES_TOP_3].value));
    double chance = (3.0 * 3 + 1 * 2 + 2 * 1) / 36;
    near(&e.classes, GAL_CLASSES_KAPPA, (4.0 / 6 - chance) / (1 - chance), 1e-15);
    near(&e.classes, GAL_CLASSES_MCC, (4 * 6 - 13) / sqrt((36.0 - 14) * (36 - 14)), 1e-15);
    near(&e.classes, GAL_CLASSES_MACRO_PRECISION, (2.0 / 3 + 0.5 + 1) / 3, 1e-15);
    near(&e.classes, GAL_CLASSES_WEIGHTED_PRECISION, (3 * 2.0 / 3 + 0.5 + 2) / 6, 1e-15);
    near(&e.classes, GAL_CLASSES_MICRO_F1, 4.0 / 6, 1e-15);
    near(&e.classes, GAL_CLASSES_LOG_LOSS, -log(0.8 * 0.5 * 0.2 * 0.7 * 0.4 * 0.8) / 6, 1e-15);
    double brier = (0.06 + 0.38 + 0.98 + 0.14 + 0.56 + 0.06) / 6;
    near(&e.classes, GAL_CLASSES_BRIER, brier, 1e-15);
    near(&e.classes, GAL_CLASSES_ECE, fabs(3.7 - 4) / 6, 1e-15);
    golden_near(e.classes.figure[GAL_CLASSES_ACCURACY].interval.low, gal_wilson(4, 6, GAL_Z95).low, 1e-15, "low");
    gal_evaluation_free(&e);
}

/* Four cases, three labels; the third is true of none and never called, so averages leave it out. */
static void labels_by_hand(void **state) {
    (void)state;
    put(0, 0, 0.9, 0.2, 0.1), put(1, 0, 0.6, 0.7, 0.2), put(2, 0, 0.3, 0.5, 0.3), put(3, 0, 0.2, 0.4, 0.4);
    static const uint8_t truth[12] = {1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0};
    memcpy(positive, truth, sizeof truth);
    gal_case_set set = set_of(GAL_CASE_MULTILABEL, 4, 3);
    gal_eval_settings settings = settings_with(0);
    gal_evaluation e;
    assert_ok(gal_evaluate(&set, &settings, NULL, &e, &err), err);
    near(&e.classes, GAL_CLASSES_SUBSET_ACCURACY, 1.0 / 4, 1e-15);
    near(&e.classes, GAL_CLASSES_HAMMING_LOSS, 4.0 / 12, 1e-15);
    near(&e.classes, GAL_CLASSES_MACRO_F1, 0.5, 1e-15);
    near(&e.classes, GAL_CLASSES_MICRO_PRECISION, 2.0 / 4, 1e-15);
    near(&e.classes, GAL_CLASSES_MICRO_RECALL, 2.0 / 4, 1e-15);
    near(&e.classes, GAL_CLASSES_MACRO_AUC, (3.0 / 4 + 3.0 / 4) / 2, 1e-15);
    near(&e.classes, GAL_CLASSES_MEAN_AVERAGE_PRECISION, ((1 + 2.0 / 3) / 2 + (1 + 2.0 / 3) / 2) / 2, 1e-15);
    assert_true(isnan(e.classes.figure[GAL_CLASSES_ACCURACY].value));
    assert_true(isnan(e.classes.of_class[2].figure[GAL_AUC].value) && e.classes.confusion == NULL);
    settings.has_threshold = false;
    gal_evaluation undecided;
    assert_ok(gal_evaluate(&set, &settings, NULL, &undecided, &err), err);
    assert_true(isnan(undecided.classes.figure[GAL_CLASSES_MACRO_F1].value));
    near(&undecided.classes, GAL_CLASSES_MACRO_AUC, 0.75, 1e-15);
    json_t *json = gal_evaluation_json(&undecided);
    const json_t *figures = json_object_get(json_object_get(json, "multilabel"), "figures");
    assert_int_equal(json_object_size(figures), 3);
    json_decref(json);
    gal_evaluation_free(&e);
    gal_evaluation_free(&undecided);
}

/* Scores in steps of 1/20, so that some are equal. */
static gal_case_set draw(gal_case_kind kind, size_t count, int classes, uint64_t seed) {
    gal_rng rng = gal_rng_make(seed, 2);
    for (size_t i = 0; i < count; i++) {
        double sum = 0, *row = score + i * (size_t)classes;
        label[i] = (uint32_t)(pow(gal_rng_uniform(&rng), 2) * classes);
        patient[i] = gal_rng_u32(&rng) % 40;
        if (i < 40) patient[i] = (uint32_t)i;
        for (int c = 0; c < classes; c++) {
            size_t at = i * (size_t)classes + (size_t)c;
            positive[at] = gal_rng_uniform(&rng) < 0.3;
            bool is = kind == GAL_CASE_MULTICLASS ? label[i] == (uint32_t)c : positive[at];
            sum += row[c] = (1 + floor(gal_rng_uniform(&rng) * 10 + (is ? 8 : 0))) / 20;
        }
        for (int c = 0; c < classes; c++)
            probability[i * (size_t)classes + (size_t)c] = kind == GAL_CASE_MULTICLASS ? row[c] / sum : row[c];
    }
    return set_of(kind, count, classes);
}

/* One sample's cases written out behind each other. */
static gal_case_set write_out(const gal_case_set *from, const gal_class_draws *d, const gal_weights *weight, int lane) {
    static double s[CASES * CLASSES], p[CASES * CLASSES];
    static uint32_t l[CASES];
    static uint8_t y[CASES * CLASSES];
    size_t at = 0, classes = (size_t)from->classes;
    for (size_t i = 0; i < from->count; i++)
        for (int copy = 0; copy < weight[d->units.of[i]][lane]; copy++, at++) {
            memcpy(s + at * classes, score + i * classes, classes * sizeof *s);
            memcpy(p + at * classes, probability + i * classes, classes * sizeof *p);
            memcpy(y + at * classes, positive + i * classes, classes);
            l[at] = label[i];
        }
    gal_case_set out = *from;
    out.count = at, out.score = s, out.probability = p, out.patient = NULL;
    if (out.label) out.label = l;
    if (out.positive) out.positive = y;
    return out;
}

static void figures_are_those_of_cases_written_out(void **state) {
    (void)state;
    for (int k = 0; k < 4; k++) {
        gal_case_kind kind = k % 2 ? GAL_CASE_MULTICLASS : GAL_CASE_MULTILABEL;
        gal_case_set set = draw(kind, 150, 6, (uint64_t)k);
        if (k >= 2) set.patient = patient, set.patients = 40;
        gal_eval_settings settings = settings_with(0);
        uint32_t predicted[150];
        static uint8_t called[6 * 150];
        for (size_t i = 0; i < 150; i++) {
            predicted[i] = 0;
            for (uint32_t c = 0; c < 6; c++) {
                called[c * 150 + i] = score[6 * i + c] >= 0.5;
                if (score[6 * i + c] > score[6 * i + predicted[i]]) predicted[i] = c;
            }
        }
        gal_class_draws d;
        gal_weights weight[150];
        double out[GAL_CLASS_FIGURES][GAL_LANES];
        assert_ok(gal_class_draws_make(&set, predicted, called, settings.bins, &d, &err), err);
        gal_strata strata = {d.units.stratum, d.units.strata};
        gal_draw_weights(&strata, 5, 0, weight);
        gal_class_statistic(&d, weight, out);
        for (int lane = 0; lane < GAL_LANES; lane++) {
            gal_case_set written = write_out(&set, &d, weight, lane);
            gal_classes_evaluation e;
            assert_ok(gal_evaluate_classes(&written, &settings, NULL, &e, &err), err);
            for (int f = 0; f < GAL_CLASS_FIGURES; f++) {
                assert_int_equal(isnan(out[f][lane]), isnan(e.figure[f].value));
                if (!isnan(out[f][lane]))
                    golden_near(out[f][lane], e.figure[f].value, 1e-12, gal_class_figure_name((gal_class_figure)f));
            }
            gal_classes_evaluation_free(&e);
        }
        gal_class_draws_free(&d);
    }
}

static void intervals_of_every_figure(void **state) {
    (void)state;
    for (int k = 0; k < 4; k++) {
        gal_case_kind kind = k % 2 ? GAL_CASE_MULTICLASS : GAL_CASE_MULTILABEL;
        gal_case_set set = draw(kind, 200, 4, 7);
        if (k >= 2) set.patient = patient, set.patients = 40;
        gal_eval_settings settings = settings_with(200);
        gal_evaluation e, other;
        gal_pool *pool;
        assert_ok(gal_pool_create(2, &pool, &err), err);
        assert_ok(gal_evaluate(&set, &settings, NULL, &e, &err), err);
        assert_ok(gal_evaluate(&set, &settings, pool, &other, &err), err);
        gal_pool_destroy(pool);
        static const char *const method[] = {"BCa bootstrap", "BCa bootstrap (stratified)",
                                             "BCa bootstrap (by patient)", "BCa bootstrap (by patient)"};
        assert_string_equal(e.classes.figure[GAL_CLASSES_MACRO_F1].method, method[k]);
        gal_class_figure share = k % 2 ? GAL_CLASSES_ACCURACY : GAL_CLASSES_SUBSET_ACCURACY;
        assert_string_equal(e.classes.figure[share].method, k >= 2 ? method[k] : "Wilson");
        for (int f = 0; f < GAL_CLASS_FIGURES; f++) {
            const gal_estimate *figure = &e.classes.figure[f];
            assert_memory_equal(&figure->interval, &other.classes.figure[f].interval, sizeof figure->interval);
            if (isnan(figure->value)) continue;
            assert_non_null(figure->method);
            assert_true(figure->interval.low < figure->interval.high);
        }
        gal_evaluation_free(&e);
        gal_evaluation_free(&other);
    }
}

static void one_class_and_wrong_input(void **state) {
    (void)state;
    gal_eval_settings settings = settings_with(50);
    gal_evaluation e;
    gal_case_set set = draw(GAL_CASE_MULTICLASS, 1, 3, 3);
    assert_ok(gal_evaluate(&set, &settings, NULL, &e, &err), err);
    assert_true(isnan(e.classes.figure[GAL_CLASSES_MACRO_AUC].value));
    assert_false(isnan(e.classes.figure[GAL_CLASSES_ACCURACY].interval.low));
    gal_evaluation_free(&e);
    set = draw(GAL_CASE_MULTICLASS, 20, 3, 3);
    score[10] = NAN;
    assert_int_equal(gal_evaluate(&set, &settings, NULL, &e, &err), GALEN_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "case 4"));
    set.count = 0;
    assert_int_equal(gal_evaluate(&set, &settings, NULL, &e, &err), GALEN_ERR_ARGUMENT);
    set.count = 1, set.classes = GAL_EVAL_CLASSES + 1;
    assert_int_equal(gal_evaluate(&set, &settings, NULL, &e, &err), GALEN_ERR_LIMIT);
}

static long json_allocations;

static void *some_json(size_t size) {
    return json_allocations-- > 0 ? malloc(size) : NULL;
}

static void memory_may_fail(void **state) {
    (void)state;
    gal_eval_settings settings = settings_with(16);
    for (int kind = GAL_CASE_MULTICLASS; kind <= GAL_CASE_MULTILABEL; kind++) {
        gal_case_set set = draw((gal_case_kind)kind, 60, 3, 3);
        gal_evaluation e;
        galen_status status = GALEN_ERR_MEMORY;
        for (long n = 1; status != GALEN_OK; n++) {
            test_fail_allocation(n, 0);
            status = gal_evaluate(&set, &settings, NULL, &e, &err);
            test_fail_allocation(0, 0);
            assert_true(status == GALEN_OK || status == GALEN_ERR_MEMORY);
            assert_true(n < 1000);
        }
        json_t *json = NULL;
        json_set_alloc_funcs(some_json, free);
        for (long n = 0; json == NULL; n += 7) {
            json_allocations = n;
            json = gal_evaluation_json(&e);
            assert_true(n < 100000);
        }
        json_set_alloc_funcs(malloc, free);
        const json_t *result = json_object_get(json, kind == GAL_CASE_MULTICLASS ? "multiclass" : "multilabel");
        assert_int_equal(json_array_size(json_object_get(result, "per_class")), 3);
        assert_string_equal(json_string_value(json_array_get(json_object_get(result, "classes"), 1)), "b");
        json_decref(json);
        gal_evaluation_free(&e);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_golden),
        cmocka_unit_test(published_figures_are_reproduced),
        cmocka_unit_test(classes_by_hand),
        cmocka_unit_test(labels_by_hand),
        cmocka_unit_test(figures_are_those_of_cases_written_out),
        cmocka_unit_test(intervals_of_every_figure),
        cmocka_unit_test(one_class_and_wrong_input),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
