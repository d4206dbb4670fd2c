/* Judging a comparison by a policy. */
#include "clinic/compare/gates_parts.h"

#include "base/error.h"
#include "clinic/plan/sample_size.h"

#include <math.h>

gal_compare_settings gal_policy_settings(const gal_policy *policy) {
    gal_compare_settings s = gal_compare_defaults();
    s.level = policy->level;
    s.sensitivity_margin = policy->sensitivity_margin;
    s.specificity_margin = policy->specificity_margin;
    return s;
}

/* ---- one gate ---- */

void gal_gate_decide(gal_gate *g) {
    g->verdict = g->interval.low >= g->at_least   ? GAL_VERDICT_PASS
                 : g->interval.high < g->at_least ? GAL_VERDICT_FAIL
                                                  : GAL_VERDICT_INSUFFICIENT; /* NaN too */
}

gal_gate gal_gate_absent(const char *gate, const char *figure, double at_least, const char *why) {
    return (gal_gate){.gate = gate,
                      .figure = figure,
                      .value = (double)NAN,
                      .at_least = at_least,
                      .interval = {(double)NAN, (double)NAN},
                      .verdict = GAL_VERDICT_INSUFFICIENT,
                      .why = why};
}

static int badness(gal_verdict verdict) {
    return verdict == GAL_VERDICT_FAIL ? 2 : verdict == GAL_VERDICT_INSUFFICIENT ? 1 : 0;
}

void gal_gate_keep_worse(gal_gate *worst, const gal_gate *next, bool first) {
    int more = badness(next->verdict) - badness(worst->verdict);
    if (more == 0) more = isnan(worst->interval.low) ? 0 : !(next->interval.low >= worst->interval.low);
    if (first || more > 0) *worst = *next;
}

static void add(gal_gates *out, const gal_gate *g) {
    out->gate[out->count++] = *g;
    if (badness(g->verdict) > badness(out->verdict)) out->verdict = g->verdict;
}

/* ---- medical accuracy ---- */

/* Sums of shares of different cases: their distances to the ends of their own intervals add as errors do. */
typedef struct share_sum {
    double value, below, above;
    size_t shares;
    bool defined;
} share_sum;

/* design_effect: as of compare.h; Wilson's interval of n / d cases is that of n at the root of d times z. */
static void add_share(share_sum *sum, size_t hits, size_t cases, double z, double design_effect) {
    gal_interval i = gal_wilson(hits, cases, z * sqrt(design_effect));
    double p = (double)hits / (double)cases;
    sum->defined &= cases > 0;
    sum->value += p;
    sum->below += (p - i.low) * (p - i.low);
    sum->above += (i.high - p) * (i.high - p);
    sum->shares++;
}

static gal_gate judge_mean(const share_sum *sum, const char *of, double at_least) {
    gal_gate g = gal_gate_absent("medical accuracy", "balanced accuracy", at_least, "a class has no cases");
    double n = (double)sum->shares;
    g.of = of;
    if (!sum->defined) return g;
    g.method = "Wilson, recovered variances";
    g.why = NULL;
    g.value = sum->value / n;
    g.interval = (gal_interval){fmax(g.value - sqrt(sum->below) / n, 0), fmin(g.value + sqrt(sum->above) / n, 1)};
    gal_gate_decide(&g);
    return g;
}

static gal_gate judge_accuracy(const gal_case_comparison *c, double at_least) {
    double z = gal_z_of(c->settings.level);
    share_sum classes = {.defined = true};
    gal_gate worst = gal_gate_absent("medical accuracy", "balanced accuracy", at_least, "no threshold to decide with");
    if (!c->decided) return worst;
    for (int i = 0; i < c->questions; i++) {
        const gal_binary_comparison *q = &c->question[i];
        const gal_confusion *m = &q->confusion[GAL_CANDIDATE];
        share_sum both = {.defined = true};
        add_share(&classes, m->true_positives, q->positives, z, q->sensitivity.design_effect);
        add_share(&both, m->true_positives, q->positives, z, q->sensitivity.design_effect);
        add_share(&both, m->true_negatives, q->negatives, z, q->specificity.design_effect);
        gal_gate g = judge_mean(&both, c->questions > 1 ? q->name : NULL, at_least);
        gal_gate_keep_worse(&worst, &g, i == 0);
    }
    return c->kind == GAL_CASE_MULTICLASS ? judge_mean(&classes, NULL, at_least) : worst;
}

/* ---- safety ---- */

/* Does a share of misses as seen, of n positives, have an upper bound that will do? */
static bool would_do(const gal_estimate *missed, double n, const gal_gate *g, double level, double design_effect) {
    double hits = ceil(n * (double)missed->hits / (double)missed->cases) / design_effect;
    return 1 - gal_exact_effective(hits, n / design_effect, gal_z_of(level)).high >= g->at_least;
}

/* By doubling and halving; whole misses make steps, so it is a little more than the least. */
static size_t positives_needed(const gal_estimate *missed, const gal_gate *g, double level, double design_effect) {
    double too_few = (double)missed->cases, enough = 2 * too_few;
    while (enough < GAL_PLAN_MOST && !would_do(missed, enough, g, level, design_effect)) too_few = enough, enough *= 2;
    if (enough >= GAL_PLAN_MOST) return 0;
    while (enough - too_few > 1) {
        double middle = floor((enough + too_few) / 2);
        *(would_do(missed, middle, g, level, design_effect) ? &enough : &too_few) = middle;
    }
    return (size_t)enough;
}

static gal_gate judge_missed(const gal_estimate *missed, const char *figure, const gal_binary_comparison *q,
                             double at_least, double level) {
    gal_gate g = gal_gate_absent("safety", figure, at_least, "there are no positives");
    g.of = q->name;
    if (missed->cases == 0) return g;
    g.method = missed->method;
    g.why = NULL;
    g.value = 1 - missed->value;
    g.interval = (gal_interval){1 - missed->interval.high, 1 - missed->interval.low};
    gal_gate_decide(&g);
    g.needed_of = "positives";
    if (g.verdict == GAL_VERDICT_INSUFFICIENT)
        g.needed = positives_needed(missed, &g, level, q->sensitivity.design_effect);
    return g;
}

static void judge_safety(const gal_case_comparison *c, double at_least, gal_gates *out) {
    static const char *const figure[2] = {"1 - missed", "1 - newly missed"};
    for (int part = 0; part < 2; part++) {
        gal_gate worst = gal_gate_absent("safety", figure[part], at_least, "no threshold to decide with");
        for (int i = 0; c->decided && i < c->questions; i++) {
            const gal_binary_comparison *q = &c->question[i];
            const gal_estimate *missed = part == 0 ? &q->missed : &q->newly_missed;
            gal_gate g = judge_missed(missed, figure[part], q, at_least, c->settings.level);
            if (c->questions == 1) g.of = NULL;
            gal_gate_keep_worse(&worst, &g, i == 0);
        }
        add(out, &worst);
    }
}

/* ---- non-inferiority ---- */

static gal_gate judge_noninferior(const gal_case_comparison *c, bool sensitivity, double margin) {
    const char *figure = sensitivity ? "sensitivity, difference" : "specificity, difference";
    gal_gate worst = gal_gate_absent("non-inferiority", figure, -margin, "no threshold to decide with");
    for (int i = 0; c->decided && i < c->questions; i++) {
        const gal_binary_comparison *q = &c->question[i];
        const gal_share_difference *d = sensitivity ? &q->sensitivity : &q->specificity;
        gal_gate g = gal_gate_absent("non-inferiority", figure, -margin,
                                     sensitivity ? "there are no positives" : "there are no negatives");
        g.of = c->questions > 1 ? q->name : NULL;
        if (d->cases > 0) {
            g.method = "Tango";
            g.why = NULL;
            g.value = d->difference;
            g.interval = d->tango;
            g.verdict = sensitivity ? q->sensitivity_verdict : q->specificity_verdict;
            g.needed = sensitivity ? q->positives_needed : q->negatives_needed;
            g.needed_of = sensitivity ? "positives" : "negatives";
        }
        gal_gate_keep_worse(&worst, &g, i == 0);
    }
    return worst;
}

/* ---- */

/* Two numbers that are equal or both none. */
static bool same(double a, double b) {
    return a == b || (isnan(a) && isnan(b));
}

galen_status gal_gates_judge(const gal_policy *p, const gal_gate_evidence *e, gal_gates *out, galen_error *err) {
    const gal_case_comparison *c = e->comparison;
    *out = (gal_gates){.verdict = GAL_VERDICT_PASS};
    if (c->settings.level != p->level || !same(c->settings.sensitivity_margin, p->sensitivity_margin) ||
        !same(c->settings.specificity_margin, p->specificity_margin))
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "the comparison has another level or margin than the policy '%s': compare with the policy's",
                        p->name);
    if (!isnan(p->medical_accuracy)) {
        gal_gate g = judge_accuracy(c, p->medical_accuracy);
        add(out, &g);
    }
    if (!isnan(p->safety)) judge_safety(c, p->safety, out);
    if (!isnan(p->clinical_relevance)) {
        gal_gate g;
        GAL_TRY(gal_gate_relevance(p, e, &g, err));
        add(out, &g);
    }
    if (!isnan(p->bias)) {
        gal_gate g;
        GAL_TRY(gal_gate_bias(p, e, &g, err));
        add(out, &g);
    }
    for (int i = 0; i < 2; i++) {
        double margin = i == 0 ? p->sensitivity_margin : p->specificity_margin;
        if (isnan(margin)) continue;
        gal_gate g = judge_noninferior(c, i == 0, margin);
        add(out, &g);
    }
    if (p->certificate) {
        gal_gate g = gal_gate_absent("certificate", "asked for", (double)NAN, e->certificate ? NULL : "not asked for");
        if (e->certificate) g.verdict = GAL_VERDICT_PASS;
        add(out, &g);
    }
    return GALEN_OK;
}

json_t *gal_gates_json(const gal_gates *gates) {
    json_t *out = json_array();
    for (int i = 0; out != NULL && i < gates->count; i++) {
        const gal_gate *g = &gates->gate[i];
        json_t *one =
            json_pack("{s:s, s:s, s:s?, s:o, s:o, s:o, s:s?, s:o, s:s, s:s?, s:o, s:s?}", "gate", g->gate, "figure",
                      g->figure, "of", g->of, "value", gal_number_json(g->value), "low",
                      gal_number_json(g->interval.low), "high", gal_number_json(g->interval.high), "method", g->method,
                      "at_least", gal_number_json(g->at_least), "verdict", gal_verdict_name(g->verdict), "why", g->why,
                      "needed", g->needed ? json_integer((json_int_t)g->needed) : json_null(), "needed_of",
                      g->needed ? g->needed_of : NULL);
        if (json_array_append_new(out, one) == 0) continue;
        json_decref(out);
        return NULL;
    }
    return out;
}
