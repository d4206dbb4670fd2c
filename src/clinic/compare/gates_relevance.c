/* Clinical relevance: is acting on the candidate better than treating everybody or nobody? */
#include "base/error.h"
#include "base/mem.h"
#include "clinic/compare/gates_parts.h"
#include "clinic/evaluate/decision_curve.h"

#include <math.h>

static const double step = 0.01;
static const char gate_name[] = "clinical relevance", figure[] = "thresholds of use";

/* Of a curve's points: how many are of use, surely so, surely not. */
static gal_gate judge_curve(const gal_decision_curve *curve, const char *of, double at_least) {
    gal_gate g = gal_gate_absent(gate_name, figure, at_least, NULL);
    size_t use = 0, surely = 0, surely_not = 0;
    for (size_t i = 0; i < curve->count; i++) {
        const gal_net_benefit *b = &curve->point[i];
        use += b->model > 0 && b->over_all > 0;
        surely += b->model_interval.low > 0 && b->over_all_interval.low > 0;
        surely_not += b->model_interval.high <= 0 || b->over_all_interval.high <= 0;
    }
    double n = (double)curve->count;
    g.of = of;
    g.method = "net benefit, by threshold";
    g.value = (double)use / n;
    g.interval = (gal_interval){(double)surely / n, 1 - (double)surely_not / n};
    gal_gate_decide(&g);
    return g;
}

/* One question's cases: what is true, and the candidate's probability. */
static void fill(const gal_case_set *cases, size_t column, uint8_t *positive, double *probability) {
    size_t classes = (size_t)cases->classes;
    for (size_t k = 0; k < cases->count; k++) {
        positive[k] =
            cases->kind == GAL_CASE_MULTICLASS ? cases->label[k] == column : cases->positive[k * classes + column] != 0;
        probability[k] = cases->probability[k * classes + column];
    }
}

static galen_status judge_question(const gal_policy *policy, const gal_binary_cases *cases, gal_pool *pool,
                                   const char *of, gal_gate *out, galen_error *err) {
    const gal_decision_settings s = {policy->from, policy->to, step, policy->level};
    gal_decision_curve curve;
    galen_status status = gal_decision_curve_make(cases, &s, pool, &curve, err);
    if (status == GALEN_OK) *out = judge_curve(&curve, of, policy->clinical_relevance);
    gal_decision_curve_free(&curve);
    return status;
}

static galen_status judge_all(const gal_policy *policy, const gal_case_set *cases, gal_pool *pool, uint8_t *positive,
                              double *probability, gal_gate *out, galen_error *err) {
    for (int c = 0; c < cases->classes; c++) {
        gal_gate g;
        fill(cases, (size_t)c, positive, probability);
        const gal_binary_cases one = {.scores = {probability, positive, cases->count},
                                      .probability = probability,
                                      .patient = cases->patient,
                                      .patients = cases->patients};
        GAL_TRY(judge_question(policy, &one, pool, cases->classes > 1 ? cases->class_name[c] : NULL, &g, err));
        gal_gate_keep_worse(out, &g, c == 0);
    }
    return GALEN_OK;
}

galen_status gal_gate_relevance(const gal_policy *policy, const gal_gate_evidence *e, gal_gate *out, galen_error *err) {
    *out = gal_gate_absent(gate_name, figure, policy->clinical_relevance, "no probabilities");
    if (!e->pairs) return GALEN_OK;
    gal_case_set cases = gal_case_pairs_candidate(e->pairs);
    uint8_t *positive = gal_calloc(cases.count, 1);
    double *probability = gal_calloc(cases.count, sizeof *probability);
    galen_status status = positive && probability
                              ? judge_all(policy, &cases, e->pool, positive, probability, out, err)
                              : gal_fail_memory(err, "a decision curve", cases.count * sizeof *probability);
    gal_free(positive);
    gal_free(probability);
    return status;
}
