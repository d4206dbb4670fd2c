/* Numbers of cases: against every smaller number, published examples, and the test's own power. */
#include "clinic/plan/sample_size.h"

#include "clinic/golden.h"
#include "clinic/stats/difference.h"

static galen_error err;

static size_t share(double expected, double half, gal_proportion_method method) {
    size_t n;
    assert_ok(gal_plan_share(expected, half, method, 0.95, &n, &err), err);
    return n;
}

static bool fits(double expected, double half, gal_proportion_method method, size_t n) {
    for (int up = 0; up < 2; up++) {
        double hits = expected * (double)n;
        gal_interval in = gal_proportion_interval(method, (size_t)(up ? ceil(hits) : floor(hits)), n, 0.95);
        if ((in.high - in.low) / 2 > half) return false;
    }
    return true;
}

static void shares_are_the_least(void **state) {
    (void)state;
    static const double expected[] = {0, 0.03, 0.3, 0.5, 0.81, 0.9, 0.985, 1}, half[] = {0.2, 0.07, 0.031};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        for (size_t k = 0; k < sizeof half / sizeof *half; k++)
            for (int m = 0; m < GAL_PROPORTIONS; m++) {
                size_t n = 1;
                while (!fits(expected[i], half[k], (gal_proportion_method)m, n)) n++;
                assert_int_equal(share(expected[i], half[k], (gal_proportion_method)m), n);
            }
    assert_true(share(0.95, 0.0005, GAL_CLOPPER_PEARSON) > 700000);
}

/* Hanley and McNeil's own example, and Hajian-Tilaki's of Obuchowski's formula (J. Biomedical Informatics 48, 2014). */
static void areas_are_published(void **state) {
    (void)state;
    size_t positives, negatives;
    golden_near(sqrt(gal_planned_auc_variance(GAL_HANLEY_MCNEIL, 0.893, 51, 58)), 0.032, 0.0006, "standard error");
    assert_ok(gal_plan_auc(GAL_OBUCHOWSKI, 0.7, 0.07, 1, 0.95, &positives, &negatives, &err), err);
    assert_int_equal(positives, 114);
    assert_int_equal(negatives, 114);
    assert_ok(gal_plan_auc(GAL_HANLEY_MCNEIL, 0.9, 0.03, 3, 0.95, &positives, &negatives, &err), err);
    assert_int_equal(negatives, 3 * positives);
    for (int less = 0; less < 2; less++) {
        double n = (double)positives - less, v = gal_planned_auc_variance(GAL_HANLEY_MCNEIL, 0.9, n, 3 * n);
        assert_true((GAL_Z95 * sqrt(v) <= 0.03) == !less);
    }
}

/* The probability that Tango's interval lies above the margin, over all tables of n cases. */
static double true_power(const gal_plan_paired *p, size_t n) {
    double first = (p->discordance + p->difference) / 2, second = (p->discordance - p->difference) / 2, sum = 0;
    for (size_t a = 0; a <= n; a++)
        for (size_t b = 0; a + b <= n; b++) {
            double log_mass = lgamma((double)n + 1) - lgamma((double)a + 1) - lgamma((double)b + 1) -
                              lgamma((double)(n - a - b) + 1) + (double)a * log(first) + (double)b * log(second) +
                              (double)(n - a - b) * log1p(-p->discordance);
            if (log_mass < -25) continue;
            gal_paired counts = {.only_first = a, .only_second = b, .neither = n - a - b};
            if (gal_tango(&counts, GAL_Z95).low > -p->margin) sum += exp(log_mass);
        }
    return sum;
}

static void power_is_the_tests(void **state) {
    (void)state;
    static const gal_plan_paired plans[] = {
        {0.05, 0.1, 0, 0.025}, {0.1, 0.2, 0.02, 0.025}, {0.05, 0.05, -0.01, 0.025}, {0.08, 0.3, 0, 0.025}};
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        size_t n;
        assert_ok(gal_plan_noninferior(&plans[i], 0.8, &n, &err), err);
        assert_true(gal_planned_power(&plans[i], (double)n) >= 0.8);
        assert_true(gal_planned_power(&plans[i], (double)n - 1) < 0.8);
        golden_near(true_power(&plans[i], n), 0.8, 0.025, "power");
    }
    assert_true(isnan(gal_planned_power(&(gal_plan_paired){0, 0.1, 0, 0.025}, 100)));
}

static void totals(void **state) {
    (void)state;
    assert_int_equal(gal_plan_total(10, 0.1), 100);
    assert_int_equal(gal_plan_total(10, 0.3), 34);
    assert_int_equal(gal_plan_total(0, 0.3), 0);
    assert_int_equal(gal_plan_total_assured(0, 0.3, 0.9), 0);
    /* One is among n with 1 - 0.9^n: 22 for nine in ten. */
    assert_int_equal(gal_plan_total_assured(1, 0.1, 0.9), 22);
    assert_int_equal(gal_plan_total_assured(2, 0.5, 0.75), 5); /* 1 - 6 / 32; of 4 there are 11 / 16 */
    assert_int_equal(gal_plan_total(GAL_PLAN_MOST, 0.5), GAL_PLAN_MOST + 1);
}

static void plans(void **state) {
    (void)state;
    gal_plan_settings s = gal_plan_defaults();
    gal_plan plan;
    assert_int_equal(gal_plan_make(&s, &plan, &err), GALEN_ERR_ARGUMENT); /* nothing is asked for */
    s.sensitivity = 0.95, s.specificity = 0.9, s.auc = 0.95, s.prevalence = 0.1, s.half_width = 0.03;
    s.sensitivity_margin = s.specificity_margin = 0.03, s.freeze_sensitivity = 0.98;
    assert_int_equal(gal_plan_make(&s, &plan, &err), GALEN_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "discordance"));
    s.discordance = 0.05;
    assert_ok(gal_plan_make(&s, &plan, &err), err);
    assert_int_equal(plan.rows, 7);
    assert_int_equal(plan.row[0].positives, share(0.95, 0.03, GAL_WILSON));
    assert_int_equal(plan.row[0].total, 10 * plan.row[0].positives);
    assert_int_equal(plan.row[6].positives, 149);
    for (size_t i = 0; i < plan.rows; i++) {
        assert_true(plan.row[i].assured > plan.row[i].total);
        assert_true(plan.all.assured >= plan.row[i].assured && plan.all.positives >= plan.row[i].positives);
    }
    json_t *json = gal_plan_json(&plan);
    assert_int_equal(json_array_size(json_object_get(json, "rows")), 7);
    const json_t *first = json_array_get(json_object_get(json, "rows"), 0);
    assert_true(json_is_null(json_object_get(first, "negatives")));
    golden_near(golden_number(first, "positives"), (double)plan.row[0].positives, 0, "positives");
    json_decref(json);
}

static void wrong_input_is_refused(void **state) {
    (void)state;
    size_t n, m;
    static const double none = (double)NAN, wrong[] = {0, -1, 0.5, 2, none};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(gal_plan_share(0.9, wrong[i], GAL_WILSON, 0.95, &n, &err), GALEN_ERR_ARGUMENT);
        assert_int_equal(gal_plan_auc(GAL_OBUCHOWSKI, 0.9, wrong[i], 1, 0.95, &n, &m, &err), GALEN_ERR_ARGUMENT);
    }
    assert_int_equal(gal_plan_share(none, 0.1, GAL_WILSON, 0.95, &n, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_plan_share(0.9, 0.1, GAL_WILSON, 1, &n, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_plan_share(0.5, 1e-6, GAL_WILSON, 0.95, &n, &err), GALEN_ERR_LIMIT);
    assert_int_equal(gal_plan_auc(GAL_OBUCHOWSKI, 1, 0.1, 1, 0.95, &n, &m, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_plan_auc(GAL_OBUCHOWSKI, 0.9, 0.1, 0, 0.95, &n, &m, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_plan_auc(GAL_OBUCHOWSKI, 0.9, 1e-6, 1, 0.95, &n, &m, &err), GALEN_ERR_LIMIT);
    static const gal_plan_paired plans[] = {{0, 0.1, 0, 0.025},    {0.1, 0, 0, 0.025}, {0.1, 0.1, -0.1, 0.025},
                                            {0.1, 0.1, 0.2, 0.02}, {0.1, 0.1, 0, 0},   {0.1, 0.1, none, 0.025}};
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
        assert_int_equal(gal_plan_noninferior(&plans[i], 0.8, &n, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_plan_noninferior(&(gal_plan_paired){1e-5, 0.5, 0, 0.025}, 0.8, &n, &err), GALEN_ERR_LIMIT);
    assert_int_equal(gal_plan_noninferior(&(gal_plan_paired){0.1, 0.1, 0, 0.025}, 1, &n, &err), GALEN_ERR_ARGUMENT);
    gal_plan_settings s = gal_plan_defaults();
    gal_plan plan;
    s.sensitivity = 0.9, s.prevalence = 0;
    assert_int_equal(gal_plan_make(&s, &plan, &err), GALEN_ERR_ARGUMENT);
    s.prevalence = 1e-7;
    assert_int_equal(gal_plan_make(&s, &plan, &err), GALEN_ERR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_the_least),
        cmocka_unit_test(areas_are_published),
        cmocka_unit_test(power_is_the_tests),
        cmocka_unit_test(totals),
        cmocka_unit_test(plans),
        cmocka_unit_test(wrong_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
