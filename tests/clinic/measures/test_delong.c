/* Areas with their errors against pROC's numbers and against DeLong's definition by pairs; wrong input. */
#include "clinic/measures/delong.h"

#include "base/rng.h"
#include "clinic/golden.h"

enum { N = 120 };

static galen_error err;
static golden_set first, second;

static gal_scores scores_of(const golden_set *set) {
    return (gal_scores){set->score, set->positive, set->count};
}

static void near_delong(const json_t *root, const char *name) {
    const json_t *wanted = json_object_get(json_object_get(json_object_get(root, "binary"), name), "delong");
    gal_scores scores = scores_of(&first);
    gal_auc got;
    assert_non_null(wanted);
    assert_ok(gal_delong(&scores, GAL_Z95, &got, &err), err);
    golden_near(got.auc, golden_number(wanted, "auc"), 1e-12, name);
    golden_near(got.variance, golden_number(wanted, "variance"), 1e-14, name);
    golden_interval(got.interval, json_object_get(wanted, "ci95"), 1e-12, name);
}

/* On the scale of the logit the area is in the middle, and as many standard errors from both ends by the delta method;
 * on a small scale, and far from the ends, both intervals are one. */
static void logit_is_its_definition(void **state) {
    (void)state;
    json_t *root = golden_open();
    gal_auc a;
    golden_drawn(root, "ties", &first);
    gal_scores scores = scores_of(&first);
    assert_ok(gal_delong(&scores, GAL_Z95, &a, &err), err);
    double low = log(a.logit.low / (1 - a.logit.low)), high = log(a.logit.high / (1 - a.logit.high));
    double error = sqrt(a.variance) / (a.auc * (1 - a.auc));
    golden_near((low + high) / 2, log(a.auc / (1 - a.auc)), 1e-12, "middle");
    golden_near((high - low) / 2, GAL_Z95 * error, 1e-12, "half");
    assert_ok(gal_delong(&scores, 1e-4, &a, &err), err);
    golden_near(a.logit.low, a.interval.low, 1e-9, "low");
    golden_near(a.logit.high, a.interval.high, 1e-9, "high");
    json_decref(root);
}

/* Hanley and McNeil's variance of both numbers' mean, and what is in the interval: at its ends z standard errors. */
static void newcombe_is_its_definition(void **state) {
    (void)state;
    static const struct {
        double auc;
        size_t n, m;
    } seen[] = {{0.8, 20, 30}, {0.97, 50, 450}, {0.5, 4, 4}, {0.05, 12, 40}, {1, 15, 20}, {0, 15, 20}, {1, 2, 2}};
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        double auc = seen[i].auc, n = (double)seen[i].n, m = (double)seen[i].m, mean = (n + m) / 2;
        gal_interval in = gal_newcombe_area(auc, seen[i].n, seen[i].m, GAL_Z95);
        const double end[] = {in.low, in.high};
        for (int k = 0; k < 2; k++) {
            double t = end[k], q1 = t / (2 - t), q2 = 2 * t * t / (1 + t);
            double v = (t * (1 - t) + (mean - 1) * (q1 - t * t) + (mean - 1) * (q2 - t * t)) / (n * m);
            if (t != auc) golden_near(fabs(t - auc), GAL_Z95 * sqrt(v), 1e-12, "end");
        }
        assert_true(in.low >= 0 && in.high <= 1 && in.low <= auc && auc <= in.high && in.low < in.high);
        gal_interval turned = gal_newcombe_area(1 - auc, seen[i].m, seen[i].n, GAL_Z95);
        golden_near(turned.low, 1 - in.high, 1e-12, "turned round");
    }
    assert_true(gal_newcombe_area(1, 15, 20, GAL_Z95).high == 1 && gal_newcombe_area(0, 15, 20, GAL_Z95).low == 0);
}

/* The numbers are printed with 15 digits. */
static void one_is_proc(void **state) {
    (void)state;
    static const char *const drawn[] = {"ties", "rare"}, *const model[] = {"cxr64-small", "cxr64-resnet18"};
    json_t *root = golden_open();
    for (size_t i = 0; i < 2; i++) {
        golden_drawn(root, drawn[i], &first);
        near_delong(root, drawn[i]);
        golden_logits(model[i], &first);
        near_delong(root, model[i]);
    }
    json_decref(root);
}

static void two_are_proc(void **state) {
    (void)state;
    json_t *root = golden_open();
    const json_t *wanted = json_object_get(json_object_get(root, "paired"), "cxr64-small|cxr64-resnet18@0.5");
    gal_auc_difference got;
    golden_logits("cxr64-small", &first);
    golden_logits("cxr64-resnet18", &second);
    gal_scores scores = scores_of(&first);
    assert_ok(gal_delong_paired(&scores, second.score, GAL_Z95, &got, &err), err);
    golden_near(got.statistic, golden_number(wanted, "delong_z"), 1e-9, "z");
    golden_near(got.p, golden_number(wanted, "delong_p"), 1e-9, "p");
    json_decref(root);
}

/* psi of the paper: 1, 1/2 or 0 for a pair. */
static double pair(double up, double down) {
    return up > down ? 1 : up == down ? 0.5 : 0;
}

/* Each case's mean of psi over the cases of the other kind; returns the area. */
static double components(const double *score, const uint8_t *positive, double v[N]) {
    double area = 0, ups = 0;
    for (int i = 0; i < N; i++) {
        double others = 0;
        v[i] = 0;
        for (int k = 0; k < N; k++) {
            if (positive[k] == positive[i]) continue;
            v[i] += positive[i] ? pair(score[i], score[k]) : pair(score[k], score[i]);
            others++;
        }
        v[i] /= others;
        if (positive[i]) area += v[i], ups++;
    }
    return area / ups;
}

static double covariance(const double a[N], const double b[N], const uint8_t *positive, double mean_a, double mean_b) {
    double sum[2] = {0}, count[2] = {0};
    for (int i = 0; i < N; i++) {
        sum[positive[i]] += (a[i] - mean_a) * (b[i] - mean_b);
        count[positive[i]]++;
    }
    return sum[0] / (count[0] - 1) / count[0] + sum[1] / (count[1] - 1) / count[1];
}

static void both_are_their_definition(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        gal_rng rng = gal_rng_make(seed, 0);
        double a[N], b[N];
        for (int i = 0; i < N; i++) {
            double shared = gal_rng_uniform(&rng) + 0.3 * (i % 3 == 0), levels = seed % 2 == 0 ? 1e9 : 6;
            first.positive[i] = i % 3 == 0;
            first.score[i] = floor(levels * shared);
            second.score[i] = floor(levels * (shared + 0.5 * gal_rng_uniform(&rng)));
        }
        first.count = N;
        double area = components(first.score, first.positive, a), other = components(second.score, first.positive, b);
        double variance = covariance(a, a, first.positive, area, area);
        gal_scores scores = scores_of(&first);
        gal_auc one;
        assert_ok(gal_delong(&scores, GAL_Z95, &one, &err), err);
        golden_near(one.auc, area, 1e-12, "area");
        golden_near(one.variance, variance, 1e-14, "variance");
        golden_near(one.interval.low, fmax(0, area - GAL_Z95 * sqrt(variance)), 1e-12, "low");
        gal_auc_difference two;
        assert_ok(gal_delong_paired(&scores, second.score, GAL_Z95, &two, &err), err);
        variance += covariance(b, b, first.positive, other, other) - 2 * covariance(a, b, first.positive, area, other);
        golden_near(two.difference, area - other, 1e-12, "difference");
        golden_near(two.variance, variance, 1e-14, "variance of the difference");
        golden_near(two.interval.high, area - other + GAL_Z95 * sqrt(variance), 1e-10, "high");
        golden_near(two.p, erfc(fabs(area - other) / sqrt(variance) / sqrt(2)), 1e-9, "p");
    }
}

static void without_spread(void **state) {
    (void)state;
    double s[6] = {1, 2, 3, 4, 5, 6}, same[6] = {1, 20, 30, 400, 500, 600}, reversed[6] = {6, 5, 4, 3, 2, 1};
    uint8_t positive[6] = {0, 0, 0, 1, 1, 1};
    gal_scores scores = {s, positive, 6};
    gal_auc_difference out;
    double alike[6] = {7, 7, 7, 7, 7, 7};
    gal_auc one;
    assert_ok(gal_delong(&scores, GAL_Z95, &one, &err), err);
    assert_true(one.auc == 1 && one.interval.low == 1 && one.logit.high == 1);
    golden_near(one.logit.low, gal_newcombe_area(1, 3, 3, GAL_Z95).low, 0, "low");
    assert_in_range((int)(100 * one.logit.low), 30, 70); /* three of a kind prove little */
    assert_ok(gal_delong(&(gal_scores){alike, positive, 6}, GAL_Z95, &one, &err), err);
    assert_true(one.auc == 0.5 && one.logit.low < 0.3 && one.logit.high > 0.7);
    assert_ok(gal_delong_paired(&scores, same, GAL_Z95, &out, &err), err);
    assert_true(out.difference == 0 && out.statistic == 0 && out.p == 1);
    assert_ok(gal_delong_paired(&scores, reversed, GAL_Z95, &out, &err), err);
    assert_true(out.difference == 1 && out.variance == 0 && isnan(out.statistic) && isnan(out.p));
}

static void wrong_input_is_refused(void **state) {
    (void)state;
    double s[4] = {1, 2, 3, 4}, other[4] = {4, 1, 3, 2};
    uint8_t one[4] = {0, 0, 0, 1}, both[4] = {0, 1, 0, 1}, all[4] = {1, 1, 1, 1};
    gal_scores scores = {s, both, 4};
    gal_auc out;
    gal_auc_difference two;
    assert_int_equal(gal_delong(&(gal_scores){s, all, 4}, GAL_Z95, &out, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_delong(&(gal_scores){s, one, 4}, GAL_Z95, &out, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "two of each"));
    assert_int_equal(gal_delong(&(gal_scores){s, both, 0}, GAL_Z95, &out, &err), GALEN_ERR_ARGUMENT);
    assert_ok(gal_delong(&scores, GAL_Z95, &out, &err), err);
    s[2] = (double)NAN;
    assert_int_equal(gal_delong(&scores, GAL_Z95, &out, &err), GALEN_ERR_NUMERIC);
    s[2] = 3;
    other[3] = (double)NAN;
    assert_int_equal(gal_delong_paired(&scores, other, GAL_Z95, &two, &err), GALEN_ERR_NUMERIC);
    other[3] = 2;
    for (long n = 1; n <= 6; n++) {
        test_fail_allocation(n, 0);
        if (n <= 3) assert_int_equal(gal_delong(&scores, GAL_Z95, &out, &err), GALEN_ERR_MEMORY);
        test_fail_allocation(n, 0);
        assert_int_equal(gal_delong_paired(&scores, other, GAL_Z95, &two, &err), GALEN_ERR_MEMORY);
        test_fail_allocation(0, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_proc),
        cmocka_unit_test(two_are_proc),
        cmocka_unit_test(logit_is_its_definition),
        cmocka_unit_test(newcombe_is_its_definition),
        cmocka_unit_test(both_are_their_definition),
        cmocka_unit_test(without_spread),
        cmocka_unit_test(wrong_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
