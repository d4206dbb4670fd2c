/* Intervals against statsmodels' and pROC's numbers, against DeLong's definition by pairs, and wrong input. */
#include "clinic/interval.h"

#include "base/file.h"
#include "base/rng.h"
#include "data/npz.h"
#include "support/shared.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

static galen_error err;
static double score[MOST];
static uint8_t positive[MOST];

static json_t *golden(void) {
    json_error_t why;
    json_t *root = json_load_file(test_shared("golden/metrics.json"), 0, &why);
    if (root == NULL) fail_msg("%s", why.text);
    return root;
}

static void near(double got, double wanted, double tolerance, const char *what) {
    if (!(fabs(got - wanted) <= tolerance)) fail_msg("%s: %.17g, %.17g is wanted", what, got, wanted);
}

static void near_pair(gal_interval got, const json_t *wanted, double tolerance, const char *what) {
    near(got.low, json_number_value(json_array_get(wanted, 0)), tolerance, what);
    near(got.high, json_number_value(json_array_get(wanted, 1)), tolerance, what);
}

static size_t count_of(const json_t *confusion, const char *key) {
    return (size_t)json_integer_value(json_object_get(confusion, key));
}

/* All models and data sets of the golden file: four shares each, three intervals of each. */
static void shares_are_statsmodels(void **state) {
    (void)state;
    static const struct {
        const char *name;
        gal_interval (*of)(size_t, size_t, double);
    } method[] = {{"wilson", gal_wilson}, {"clopper_pearson", gal_clopper_pearson}, {"jeffreys", gal_jeffreys}};
    static const char *const share[][3] = {
        {"sensitivity", "tp", "fn"}, {"specificity", "tn", "fp"}, {"ppv", "tp", "fp"}, {"npv", "tn", "fn"}};
    json_t *root = golden(), *entry;
    const char *name;
    size_t compared = 0;
    json_object_foreach(json_object_get(root, "binary"), name, entry) {
        const json_t *confusion = json_object_get(entry, "confusion");
        for (size_t i = 0; i < 4; i++) {
            size_t hits = count_of(confusion, share[i][1]), misses = count_of(confusion, share[i][2]);
            for (size_t m = 0; m < 3; m++) {
                const json_t *wanted = json_object_get(json_object_get(entry, share[i][0]), method[m].name);
                if (wanted == NULL) continue;
                near_pair(method[m].of(hits, hits + misses, GAL_Z95), wanted, 1e-12, name);
                compared++;
            }
        }
    }
    assert_true(compared > 120);
    json_decref(root);
}

static void near_delong(const json_t *root, const char *name, size_t count) {
    const json_t *wanted = json_object_get(json_object_get(json_object_get(root, "binary"), name), "delong");
    gal_auc got;
    assert_non_null(wanted);
    assert_ok(gal_delong(&(gal_scores){score, positive, count}, GAL_Z95, &got, &err), err);
    near(got.auc, json_number_value(json_object_get(wanted, "auc")), 1e-12, name);
    near(got.variance, json_number_value(json_object_get(wanted, "variance")), 1e-14, name);
    near_pair(got.interval, json_object_get(wanted, "ci95"), 1e-12, name);
}

/* The numbers are printed with 15 digits. */
static void delong_is_proc(void **state) {
    (void)state;
    static const char *const drawn[] = {"ties", "rare"}, *const model[] = {"cxr64-small", "cxr64-resnet18"};
    json_t *root = golden();
    for (size_t i = 0; i < 2; i++) {
        const json_t *set = json_object_get(json_object_get(root, "synthetic"), drawn[i]);
        const json_t *label = json_object_get(set, "label"), *probability = json_object_get(set, "probability");
        size_t n = json_array_size(label);
        assert_in_range(n, 2, MOST);
        for (size_t k = 0; k < n; k++) {
            score[k] = json_number_value(json_array_get(probability, k));
            positive[k] = json_integer_value(json_array_get(label, k)) != 0;
        }
        near_delong(root, drawn[i], n);
    }
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        gal_file file;
        gal_npz *npz;
        const galen_tensor *logit, *label;
        snprintf(path, sizeof path, "golden/%s.expected.npz", model[i]);
        assert_ok(gal_file_map(test_shared(path), SIZE_MAX / 2, &file, &err), err);
        assert_ok(gal_npz_read(file.data, file.size, NULL, &npz, &err), err);
        assert_ok(gal_npz_find(npz, "logit_f64", &logit, &err), err);
        assert_ok(gal_npz_find(npz, "label", &label, &err), err);
        size_t n = (size_t)logit->dim[0], step = (size_t)galen_tensor_bytes(label) / n;
        assert_in_range(n, 2, MOST);
        for (size_t k = 0; k < n; k++) {
            score[k] = ((const double *)logit->data)[k];
            positive[k] = ((const uint8_t *)label->data)[k * step] != 0; /* little-endian 0 and 1 */
        }
        near_delong(root, model[i], n);
        gal_npz_free(npz);
        gal_file_unmap(&file);
    }
    json_decref(root);
}

/* psi of the paper: 1, 1/2 or 0 for a pair. */
static double pair(double up, double down) {
    return up > down ? 1 : up == down ? 0.5 : 0;
}

static double variance_of(const double *v, size_t n, double mean) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (v[i] - mean) * (v[i] - mean);
    return sum / (double)(n - 1) / (double)n;
}

static void delong_is_its_definition(void **state) {
    (void)state;
    enum { N = 120 };
    for (uint64_t seed = 0; seed < 12; seed++) {
        gal_rng rng = gal_rng_make(seed, 0);
        double up[N], down[N], v10[N], v01[N], mean = 0;
        size_t n = 0, p = 0;
        for (size_t i = 0; i < N; i++) {
            double s = gal_rng_uniform(&rng) + 0.3 * (double)(i % 3 == 0);
            score[i] = seed % 2 == 0 ? s : floor(6 * s);
            positive[i] = i % 3 == 0;
            if (positive[i])
                up[p++] = score[i];
            else
                down[n++] = score[i];
        }
        for (size_t i = 0; i < p; i++) {
            v10[i] = 0;
            for (size_t k = 0; k < n; k++) v10[i] += pair(up[i], down[k]) / (double)n;
            mean += v10[i] / (double)p;
        }
        for (size_t k = 0; k < n; k++) {
            v01[k] = 0;
            for (size_t i = 0; i < p; i++) v01[k] += pair(up[i], down[k]) / (double)p;
        }
        gal_auc got;
        assert_ok(gal_delong(&(gal_scores){score, positive, N}, GAL_Z95, &got, &err), err);
        near(got.auc, mean, 1e-12, "area");
        near(got.variance, variance_of(v10, p, mean) + variance_of(v01, n, mean), 1e-14, "variance");
        near(got.interval.low, fmax(0, mean - GAL_Z95 * sqrt(got.variance)), 1e-12, "low");
    }
}

static void ends_are_sensible(void **state) {
    (void)state;
    gal_interval none = gal_wilson(0, 0, GAL_Z95), never = gal_wilson(0, 7, GAL_Z95),
                 always = gal_wilson(7, 7, GAL_Z95);
    assert_true(none.low == 0 && none.high == 1);
    assert_true(never.low == 0 && never.high > 0.3 && never.high < 0.5);
    assert_true(always.high == 1 && fabs(always.low - (1 - never.high)) < 1e-12);
    for (size_t n = 1; n < 400; n++)
        for (size_t hits = 0; hits <= n; hits += 1 + n / 7) {
            gal_interval i = gal_wilson(hits, n, GAL_Z95);
            double p = (double)hits / (double)n;
            assert_true(i.low >= 0 && i.low <= p && p <= i.high && i.high <= 1);
        }
}

/* At the ends the exact interval has a closed form: (tail)^(1/n). One case: the roots of p = tail. */
static void exact_ends_are_powers(void **state) {
    (void)state;
    gal_interval none = gal_clopper_pearson(0, 0, GAL_Z95), one = gal_clopper_pearson(1, 1, GAL_Z95);
    assert_true(none.low == 0 && none.high == 1);
    near(one.low, 0.025, 1e-15, "one of one");
    assert_true(one.high == 1);
    for (size_t n = 1; n < 5000; n += 1 + n / 3) {
        double end = pow(0.025, 1 / (double)n);
        gal_interval never = gal_clopper_pearson(0, n, GAL_Z95), always = gal_clopper_pearson(n, n, GAL_Z95);
        assert_true(never.low == 0 && always.high == 1);
        near(always.low, end, 1e-13, "n of n");
        near(never.high, 1 - end, 1e-13, "0 of n");
    }
    none = gal_jeffreys(0, 0, GAL_Z95);
    assert_true(none.low == 0 && none.high == 1);
    gal_interval never = gal_jeffreys(0, 9, GAL_Z95), always = gal_jeffreys(9, 9, GAL_Z95);
    near(never.low, 1 - always.high, 1e-15, "mirrored");
    near(never.high, 1 - always.low, 1e-15, "mirrored");
    assert_true(never.low > 0 && never.low < 1e-3);
}

static void wrong_input_is_refused(void **state) {
    (void)state;
    double s[4] = {1, 2, 3, 4};
    uint8_t one[4] = {0, 0, 0, 1}, both[4] = {0, 1, 0, 1}, all[4] = {1, 1, 1, 1};
    gal_auc out;
    assert_int_equal(gal_delong(&(gal_scores){s, all, 4}, GAL_Z95, &out, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_delong(&(gal_scores){s, one, 4}, GAL_Z95, &out, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "two of each"));
    assert_ok(gal_delong(&(gal_scores){s, both, 4}, GAL_Z95, &out, &err), err);
    s[2] = (double)NAN;
    assert_int_equal(gal_delong(&(gal_scores){s, both, 4}, GAL_Z95, &out, &err), GALEN_ERR_NUMERIC);
    s[2] = 3;
    for (long n = 1; n <= 2; n++) {
        test_fail_allocation(n, 0);
        assert_int_equal(gal_delong(&(gal_scores){s, both, 4}, GAL_Z95, &out, &err), GALEN_ERR_MEMORY);
        test_fail_allocation(0, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_statsmodels), cmocka_unit_test(exact_ends_are_powers),
        cmocka_unit_test(delong_is_proc),         cmocka_unit_test(delong_is_its_definition),
        cmocka_unit_test(ends_are_sensible),      cmocka_unit_test(wrong_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
