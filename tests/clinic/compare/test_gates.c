/* The gates: bounds by hand and by enumeration, the worst class, and evidence that is not there. */
#include "clinic/compare/gates.h"

#include "clinic/sets.h"

static galen_error err;

/* A policy with all demands that a comparison alone can answer. */
static gal_policy demands(void) {
    return (gal_policy){.name = "own",
                        .level = 0.95,
                        .medical_accuracy = 0.98,
                        .safety = 0.99,
                        .clinical_relevance = (double)NAN,
                        .bias = (double)NAN,
                        .sensitivity_margin = 0.01,
                        .specificity_margin = (double)NAN};
}

/* A binary set of which reference and candidate miss so many positives, the candidate's among the reference's, and the
 * candidate calls so many negatives positive; compared. */
static void judged(const size_t positives, size_t reference_misses, size_t candidate_misses, size_t negatives,
                   size_t alarms, const gal_policy *policy, gal_gates *out) {
    static const char *const names[GAL_SIDES] = {"a", "b"};
    size_t n = positives + negatives;
    double *score[2] = {calloc(n, sizeof(double)), calloc(n, sizeof(double))};
    uint8_t *truth = calloc(n, 1);
    gal_case_set set[2];
    gal_case_pairs pairs;
    gal_case_comparison c;
    for (size_t k = 0; k < n; k++) {
        truth[k] = k < positives;
        score[0][k] = truth[k] ? k >= reference_misses : 0;
        score[1][k] = truth[k] ? k >= candidate_misses : k - positives < alarms;
    }
    for (int side = 0; side < 2; side++) sets_binary(score[side], truth, n, false, &set[side]);
    assert_ok(gal_case_pairs_make(&set[0], &set[1], names, &pairs, &err), err);
    gal_compare_settings s = gal_policy_settings(policy);
    s.has_threshold = true;
    s.threshold[0] = s.threshold[1] = 0.5;
    assert_ok(gal_compare_cases(&pairs, &s, &c, &err), err);
    assert_ok(gal_gates_judge(policy, &(gal_gate_evidence){.pairs = &pairs, .comparison = &c, .certificate = false},
                              out, &err),
              err);
    gal_case_comparison_free(&c);
    gal_case_pairs_free(&pairs);
    for (int side = 0; side < 2; side++) {
        gal_case_set_free(&set[side]);
        free(score[side]);
    }
    free(truth);
}

static const gal_gate *find(const gal_gates *gates, const char *gate, const char *figure) {
    for (int i = 0; i < gates->count; i++)
        if (!strcmp(gates->gate[i].gate, gate) && strstr(gates->gate[i].figure, figure)) return &gates->gate[i];
    fail_msg("no gate %s, %s", gate, figure);
    return NULL;
}

/* Clopper and Pearson's upper end of 0 in n is 1 - 0.025^(1/n): 0.0092 of 400 and 0.0122 of 300. */
static void many_cases_without_error(void **state) {
    (void)state;
    gal_policy p = demands();
    gal_gates g;
    judged(400, 0, 0, 400, 0, &p, &g);
    assert_int_equal(g.count, 4);
    assert_int_equal(g.verdict, GAL_VERDICT_PASS);
    const gal_gate *missed = find(&g, "safety", "1 - missed");
    golden_near(missed->interval.low, pow(0.025, 1.0 / 400), 1e-12, "safety");
    assert_true(missed->value == 1 && missed->interval.high == 1);
    judged(300, 0, 0, 400, 0, &p, &g);
    missed = find(&g, "safety", "1 - missed");
    assert_int_equal(missed->verdict, GAL_VERDICT_INSUFFICIENT);
    assert_int_equal(missed->needed, 368); /* 0.025^(1/n) >= 0.99 from log(0.025) / log(0.99) = 367.04 on */
    assert_int_equal(g.verdict, GAL_VERDICT_INSUFFICIENT);
}

/* With as many positives as are said to be needed, the same share of misses passes. */
static void needed_is_enough(void **state) {
    (void)state;
    gal_policy p = demands();
    gal_gates g;
    judged(500, 1, 1, 500, 0, &p, &g);
    size_t needed = find(&g, "safety", "1 - missed")->needed;
    assert_in_range(needed, 501, 2000);
    judged(needed, 1, (needed + 499) / 500, 500, 0, &p, &g);
    assert_int_equal(find(&g, "safety", "1 - missed")->verdict, GAL_VERDICT_PASS);
    judged(500, 0, 5, 500, 0, &p, &g); /* one in a hundred: no number will do */
    assert_int_equal(find(&g, "safety", "1 - missed")->needed, 0);
    /* Two that never differ: Tango's lower end is -z^2 / (n + z^2). */
    judged(200, 0, 0, 200, 0, &p, &g);
    const gal_gate *n = find(&g, "non-inferiority", "sensitivity");
    assert_int_equal(n->verdict, GAL_VERDICT_INSUFFICIENT);
    assert_in_range(n->needed, 381, 2000);
    judged(n->needed, 0, 0, 200, 0, &p, &g);
    assert_int_equal(find(&g, "non-inferiority", "sensitivity")->verdict, GAL_VERDICT_PASS);
}

static void few_cases_never_pass(void **state) {
    (void)state;
    gal_policy p = demands();
    for (size_t n = 1; n < 60; n++) {
        gal_gates g;
        judged(n, 0, 0, n, 0, &p, &g);
        for (int i = 0; i < g.count; i++) assert_int_equal(g.gate[i].verdict, GAL_VERDICT_INSUFFICIENT);
        assert_int_equal(g.verdict, GAL_VERDICT_INSUFFICIENT);
    }
}

static void one_failure_fails(void **state) {
    (void)state;
    gal_policy p = demands();
    gal_gates g;
    judged(1000, 0, 60, 1000, 0, &p, &g); /* newly missed 6 % */
    assert_int_equal(find(&g, "safety", "1 - newly missed")->verdict, GAL_VERDICT_FAIL);
    assert_int_equal(find(&g, "non-inferiority", "sensitivity")->verdict, GAL_VERDICT_FAIL);
    assert_int_equal(g.verdict, GAL_VERDICT_FAIL);
    judged(1000, 60, 60, 1000, 0, &p, &g); /* as bad as the reference, and not good enough */
    assert_int_equal(find(&g, "safety", "1 - newly missed")->verdict, GAL_VERDICT_PASS);
    assert_int_equal(find(&g, "safety", "1 - missed")->verdict, GAL_VERDICT_FAIL);
    assert_int_equal(find(&g, "non-inferiority", "sensitivity")->verdict, GAL_VERDICT_PASS);
    assert_int_equal(g.verdict, GAL_VERDICT_FAIL);
    judged(1000, 0, 0, 1000, 200, &p, &g);
    assert_int_equal(find(&g, "medical accuracy", "")->verdict, GAL_VERDICT_FAIL);
    assert_true(find(&g, "medical accuracy", "")->value == 0.9);
    assert_int_equal(find(&g, "safety", "1 - missed")->verdict, GAL_VERDICT_PASS);
    assert_int_equal(g.verdict, GAL_VERDICT_FAIL);
}

/* ---- the interval of balanced accuracy ---- */

static gal_gate accuracy_of(size_t tp, size_t positives, size_t tn, size_t negatives) {
    gal_policy p = demands();
    gal_binary_comparison q = {.positives = positives,
                               .negatives = negatives,
                               .decided = true,
                               .sensitivity = {.design_effect = 1},
                               .specificity = {.design_effect = 1}};
    gal_gates g;
    q.confusion[GAL_CANDIDATE] = (gal_confusion){tp, negatives - tn, positives - tp, tn};
    gal_case_comparison c = {
        .kind = GAL_CASE_BINARY, .settings = gal_policy_settings(&p), .decided = true, .question = &q, .questions = 1};
    assert_ok(gal_gates_judge(&p, &(gal_gate_evidence){.comparison = &c, .certificate = false}, &g, &err), err);
    return *find(&g, "medical accuracy", "");
}

static double binomial(size_t k, size_t n, double p) {
    double log_of = lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1);
    return exp(log_of + (double)k * log(p) + (double)(n - k) * log1p(-p));
}

/* How often it covers the truth, every pair of counts weighed by its probability; the nominal level is 95 %. */
static void balanced_accuracy_is_covered(void **state) {
    (void)state;
    enum { POSITIVES = 60, NEGATIVES = 40 };
    static const double share[] = {0.6, 0.8, 0.9, 0.95, 0.99};
    static gal_interval at[POSITIVES + 1][NEGATIVES + 1];
    double mean = 0, least = 1;
    for (size_t i = 0; i <= POSITIVES; i++)
        for (size_t j = 0; j <= NEGATIVES; j++) at[i][j] = accuracy_of(i, POSITIVES, j, NEGATIVES).interval;
    for (size_t a = 0; a < 5; a++)
        for (size_t b = 0; b < 5; b++) {
            double covered = 0, truth = (share[a] + share[b]) / 2;
            for (size_t i = 0; i <= POSITIVES; i++)
                for (size_t j = 0; j <= NEGATIVES; j++)
                    if (at[i][j].low <= truth && truth <= at[i][j].high)
                        covered += binomial(i, POSITIVES, share[a]) * binomial(j, NEGATIVES, share[b]);
            mean += covered / 25;
            least = fmin(least, covered);
        }
    if (!(fabs(mean - 0.95) < 0.01 && least > 0.93)) fail_msg("covered %.4f on average, %.4f at least", mean, least);
}

static void balanced_accuracy_by_hand(void **state) {
    (void)state;
    gal_interval a = gal_wilson(57, 60, GAL_Z95), b = gal_wilson(30, 40, GAL_Z95);
    gal_gate g = accuracy_of(57, 60, 30, 40);
    golden_near(g.value, (0.95 + 0.75) / 2, 1e-15, "balanced accuracy");
    golden_near(g.interval.low, 0.85 - hypot(0.95 - a.low, 0.75 - b.low) / 2, 1e-14, "low");
    golden_near(g.interval.high, 0.85 + hypot(a.high - 0.95, b.high - 0.75) / 2, 1e-14, "high");
    assert_true(accuracy_of(3, 3, 3, 3).interval.low < 0.7); /* no error in six cases proves little */
    g = accuracy_of(0, 0, 3, 3);
    assert_int_equal(g.verdict, GAL_VERDICT_INSUFFICIENT);
    assert_non_null(g.why);
}

/* ---- classes ---- */

static void the_worst_class_counts(void **state) {
    (void)state;
    gal_policy p = demands();
    gal_binary_comparison q[3] = {{.name = "A", .positives = 1000, .negatives = 2000, .decided = true},
                                  {.name = "B", .positives = 1000, .negatives = 2000, .decided = true},
                                  {.name = "C", .positives = 1000, .negatives = 2000, .decided = true}};
    gal_case_comparison c = {.kind = GAL_CASE_MULTICLASS,
                             .settings = gal_policy_settings(&p),
                             .decided = true,
                             .question = q,
                             .questions = 3};
    gal_gates g;
    static const size_t missed[3] = {0, 300, 2};
    for (int i = 0; i < 3; i++) {
        q[i].confusion[GAL_CANDIDATE] = (gal_confusion){1000 - missed[i], 0, missed[i], 2000};
        q[i].sensitivity.cases = 1000;
        q[i].sensitivity.design_effect = q[i].specificity.design_effect = 1;
        q[i].missed = gal_estimate_share("missed", missed[i], 1000, GAL_CLOPPER_PEARSON, 0.95);
        q[i].newly_missed = gal_estimate_share("newly_missed", i == 2, 1000, GAL_CLOPPER_PEARSON, 0.95);
        q[i].sensitivity.tango = (gal_interval){i == 2 ? -0.02 : -0.001, 0.001};
        q[i].sensitivity_verdict = i == 2 ? GAL_VERDICT_INSUFFICIENT : GAL_VERDICT_PASS;
    }
    assert_ok(gal_gates_judge(&p, &(gal_gate_evidence){.comparison = &c, .certificate = false}, &g, &err), err);
    golden_near(find(&g, "medical accuracy", "")->value, (1 + 0.7 + 0.998) / 3, 1e-15, "mean sensitivity");
    assert_string_equal(find(&g, "safety", "1 - missed")->of, "B");
    assert_int_equal(find(&g, "safety", "1 - missed")->verdict, GAL_VERDICT_FAIL);
    assert_string_equal(find(&g, "safety", "1 - newly missed")->of, "C");
    assert_string_equal(find(&g, "non-inferiority", "sensitivity")->of, "C");
    assert_int_equal(find(&g, "non-inferiority", "sensitivity")->verdict, GAL_VERDICT_INSUFFICIENT);
    /* A label without positives cannot be judged, however good the others are. */
    q[1] = (gal_binary_comparison){.name = "B",
                                   .negatives = 3000,
                                   .decided = true,
                                   .sensitivity = {.design_effect = 1},
                                   .specificity = {.design_effect = 1}};
    c.kind = GAL_CASE_MULTILABEL;
    assert_ok(gal_gates_judge(&p, &(gal_gate_evidence){.comparison = &c, .certificate = false}, &g, &err), err);
    assert_string_equal(find(&g, "safety", "1 - missed")->of, "B");
    assert_string_equal(find(&g, "safety", "1 - missed")->why, "there are no positives");
    assert_int_equal(g.verdict, GAL_VERDICT_INSUFFICIENT);
}

/* ---- clinical relevance ---- */

/* Of n cases of which a third is positive, a candidate's probabilities. */
static gal_gate relevance_of(size_t n, double (*probability)(size_t k, bool positive)) {
    static const char *const names[GAL_SIDES] = {"a", "b"};
    gal_policy p = demands();
    gal_case_set set;
    gal_case_pairs pairs;
    gal_case_comparison c = {.kind = GAL_CASE_BINARY, .settings = gal_policy_settings(&p)};
    gal_gates g;
    double *score = calloc(n, sizeof *score);
    uint8_t *truth = calloc(n, 1);
    for (size_t k = 0; k < n; k++) {
        truth[k] = k % 3 == 0;
        score[k] = probability(k, truth[k]);
    }
    p.clinical_relevance = 0.9, p.from = 0.1, p.to = 0.5;
    sets_binary(score, truth, n, false, &set);
    assert_ok(gal_case_pairs_make(&set, &set, names, &pairs, &err), err);
    assert_ok(
        gal_gates_judge(&p, &(gal_gate_evidence){.pairs = &pairs, .comparison = &c, .certificate = false}, &g, &err),
        err);
    gal_case_pairs_free(&pairs);
    gal_case_set_free(&set);
    free(score);
    free(truth);
    return *find(&g, "clinical relevance", "");
}

static double knows(size_t k, bool positive) {
    (void)k;
    return positive;
}

static double knows_nothing(size_t k, bool positive) {
    (void)k, (void)positive;
    return 0.9;
}

/* Wrong for one in four, each time surely. */
static double boasts(size_t k, bool positive) {
    return k % 4 == 0 ? !positive : positive;
}

static void relevance_is_a_share_of_thresholds(void **state) {
    (void)state;
    gal_gate g = relevance_of(600, knows);
    assert_true(g.value == 1 && g.interval.low == 1 && g.verdict == GAL_VERDICT_PASS);
    g = relevance_of(600, knows_nothing); /* the same as treating everybody, at each threshold */
    assert_true(g.value == 0 && g.interval.high == 0 && g.verdict == GAL_VERDICT_FAIL);
    /* Of 12 cases 3 true and 2 false positives, 1 missed, 6 of 8 negatives right: over treating nobody 3 - 2 w of 12,
     * over everybody 6 w - 1 of 12 with w = t / (1 - t), of use from t > 1/7 to t < 3/5: 15 to 50 of 10 to 50 percent.
     */
    g = relevance_of(1200, boasts);
    golden_near(g.value, 36.0 / 41, 1e-12, "share");
    assert_true(g.interval.low <= g.value && g.value <= g.interval.high && g.interval.low > 0.7);
    gal_gate few = relevance_of(24, boasts);
    assert_true(few.value == g.value && few.interval.low < g.interval.low && few.verdict == GAL_VERDICT_INSUFFICIENT);
}

/* ---- bias ---- */

/* 2 n cases, half of them positive, of women and men in turn; of the men's positives one in `missed` is missed (0:
 * none). "note" is another text for each case. */
static gal_gate bias_of(size_t n, size_t missed, const char *const *group, size_t groups) {
    static const char *const names[GAL_SIDES] = {"a", "b"};
    gal_policy p = demands();
    gal_case_set set;
    gal_case_pairs pairs;
    gal_case_comparison c;
    gal_gates g;
    double *score = calloc(2 * n, sizeof *score);
    uint8_t *truth = calloc(2 * n, 1);
    const char **sex = calloc(2 * n, sizeof *sex), **note = calloc(2 * n, sizeof *note);
    for (size_t k = 0; k < 2 * n; k++) {
        sex[k] = k % 2 ? "M" : "F";
        truth[k] = k < n;
        score[k] = truth[k] && !(missed && k % 2 && k / 2 % missed == 0);
    }
    p.bias = 0.85, p.smallest_group = 30;
    sets_binary(score, truth, 2 * n, false, &set);
    for (size_t k = 0; k < 2 * n; k++) note[k] = set.id[k];
    assert_ok(gal_case_set_attribute(&set, "sex", sex, &err), err);
    assert_ok(gal_case_set_attribute(&set, "note", note, &err), err);
    assert_ok(gal_case_pairs_make(&set, &set, names, &pairs, &err), err);
    gal_compare_settings s = gal_policy_settings(&p);
    s.has_threshold = true;
    s.threshold[0] = s.threshold[1] = 0.5;
    assert_ok(gal_compare_cases(&pairs, &s, &c, &err), err);
    const gal_gate_evidence e = {.pairs = &pairs, .comparison = &c, .group = group, .groups = groups};
    assert_ok(gal_gates_judge(&p, &e, &g, &err), err);
    gal_gate out = *find(&g, "bias", "");
    if (out.of) out.of = !strcmp(out.of, "sex") ? "sex" : "another";
    gal_case_comparison_free(&c);
    gal_case_pairs_free(&pairs);
    gal_case_set_free(&set);
    free(score), free(truth), free(sex), free(note);
    return out;
}

static void bias_is_the_largest_gap(void **state) {
    (void)state;
    static const char *const sex[] = {"sex"}, *const note[] = {"note"}, *const typo[] = {"sx"};
    gal_gate g = bias_of(400, 0, NULL, 0);
    assert_true(g.value == 1 && g.interval.high == 1 && g.verdict == GAL_VERDICT_PASS);
    assert_string_equal(g.of, "sex");
    g = bias_of(400, 2, NULL, 0); /* half of the men's */
    golden_near(g.value, 0.5, 1e-12, "1 - gap");
    assert_int_equal(g.verdict, GAL_VERDICT_FAIL);
    g = bias_of(400, 10, NULL, 0); /* a gap of 0.1, of which 0.15 is not excluded */
    golden_near(g.value, 0.9, 1e-12, "1 - gap");
    assert_int_equal(g.verdict, GAL_VERDICT_INSUFFICIENT);
    g = bias_of(50, 0, NULL, 0); /* 25 positives of each, 30 are asked for */
    assert_int_equal(g.verdict, GAL_VERDICT_INSUFFICIENT);
    assert_string_equal(g.why, "no two groups are large enough");
    assert_int_equal(bias_of(400, 0, sex, 1).verdict, GAL_VERDICT_PASS);
    g = bias_of(400, 0, note, 1); /* what is named must be measured */
    assert_int_equal(g.verdict, GAL_VERDICT_INSUFFICIENT);
    assert_string_equal(g.why, "its groups are too small");
    g = bias_of(400, 0, typo, 1);
    assert_int_equal(g.verdict, GAL_VERDICT_INSUFFICIENT);
    assert_string_equal(g.why, "no such column");
}

/* ---- what is not there ---- */

static void absent_evidence_is_no_pass(void **state) {
    (void)state;
    gal_policy p = demands();
    gal_binary_comparison q = {.positives = 1000, .negatives = 1000};
    gal_case_comparison c = {
        .kind = GAL_CASE_BINARY, .settings = gal_policy_settings(&p), .question = &q, .questions = 1};
    gal_gates g;
    p.certificate = true;
    p.bias = p.clinical_relevance = 0.5;
    assert_ok(gal_gates_judge(&p, &(gal_gate_evidence){.comparison = &c, .certificate = false}, &g, &err),
              err); /* no threshold */
    assert_int_equal(g.count, 7);
    for (int i = 0; i < g.count; i++) {
        assert_int_equal(g.gate[i].verdict, GAL_VERDICT_INSUFFICIENT);
        assert_non_null(g.gate[i].why);
    }
    json_t *json = gal_gates_json(&g);
    assert_int_equal(json_array_size(json), 7);
    assert_true(json_is_null(json_object_get(json_array_get(json, 0), "low")));
    json_decref(json);
    assert_ok(gal_gates_judge(&p, &(gal_gate_evidence){.comparison = &c, .certificate = true}, &g, &err), err);
    assert_int_equal(find(&g, "certificate", "")->verdict, GAL_VERDICT_PASS);
    p.level = 0.9; /* a comparison at another level answers another question */
    assert_int_equal(gal_gates_judge(&p, &(gal_gate_evidence){.comparison = &c, .certificate = true}, &g, &err),
                     GALEN_ERR_ARGUMENT);
    p = demands();
    p.sensitivity_margin = 0.001;
    assert_int_equal(gal_gates_judge(&p, &(gal_gate_evidence){.comparison = &c, .certificate = true}, &g, &err),
                     GALEN_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_cases_without_error),
                                       cmocka_unit_test(few_cases_never_pass),
                                       cmocka_unit_test(needed_is_enough),
                                       cmocka_unit_test(one_failure_fails),
                                       cmocka_unit_test(balanced_accuracy_is_covered),
                                       cmocka_unit_test(balanced_accuracy_by_hand),
                                       cmocka_unit_test(the_worst_class_counts),
                                       cmocka_unit_test(relevance_is_a_share_of_thresholds),
                                       cmocka_unit_test(bias_is_the_largest_gap),
                                       cmocka_unit_test(absent_evidence_is_no_pass)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
