/* Net benefit over a range of thresholds. */
#include "clinic/evaluate/decision_curve.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>

gal_decision_settings gal_decision_defaults(void) {
    return (gal_decision_settings){.low = 0.01, .high = 0.99, .step = 0.01, .level = 0.95};
}

void gal_decision_curve_free(gal_decision_curve *curve) {
    gal_free(curve->point);
    *curve = (gal_decision_curve){0};
}

static galen_status check_settings(const gal_decision_settings *s, galen_error *err) {
    if (!(s->low > 0 && s->low <= s->high && s->high < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "thresholds from %g to %g; they must be probabilities above 0 and below 1, the lower first",
                        s->low, s->high);
    if (!(s->step > 0 && (s->high - s->low) / s->step < GAL_CURVE_MOST_THRESHOLDS - 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a step of %g; it must be above 0 and give at most %d thresholds",
                        s->step, GAL_CURVE_MOST_THRESHOLDS);
    if (!(s->level > 0 && s->level < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a level of %g; it must lie between 0 and 1", s->level);
    return GALEN_OK;
}

static galen_status check_cases(const gal_binary_cases *c, galen_error *err) {
    if (c->scores.count == 0) return gal_fail(err, GALEN_ERR_ARGUMENT, "no cases; at least one is needed");
    if (!c->probability)
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "net benefit needs probabilities, which these scores are not; give probabilities or logits");
    for (size_t i = 0; i < c->scores.count; i++)
        if (!(c->probability[i] >= 0 && c->probability[i] <= 1))
            return gal_fail(err, GALEN_ERR_NUMERIC, "the probability of case %zu is %g; it must lie in [0, 1]", i + 1,
                            c->probability[i]);
    return GALEN_OK;
}

/* What is summed over cases or over the patients they belong to. */
typedef struct sums {
    size_t cases;
    double called, left; /* benefits of treating those called positive, and the others */
} sums;

/* The mean over cases and its interval. Only[] picks sums: the mean is of called * only[0] + left * only[1]. */
static double mean_of(const sums *unit, size_t units, double cases, const int only[2], double z, gal_interval *out) {
    double total = 0, spread = 0;
    for (size_t u = 0; u < units; u++) total += unit[u].called * only[0] + unit[u].left * only[1];
    double mean = total / cases, n = (double)units;
    for (size_t u = 0; u < units; u++) {
        double off = unit[u].called * only[0] + unit[u].left * only[1] - (double)unit[u].cases * mean;
        spread += off * off;
    }
    double half = units > 1 ? z * sqrt(spread * n / (n - 1)) / cases : INFINITY;
    *out = (gal_interval){mean - half, mean + half};
    return mean;
}

typedef struct work {
    const gal_binary_cases *cases;
    size_t units;
    double z;
    sums *unit; /* [threads][units] */
    gal_net_benefit *point;
} work;

/* Cases of one benefit and one call are alike: where each is a unit of its own, four numbers with their counts do. */
static double mean_of_counts(const size_t count[2][2], double cost, double cases, const int only[2], double z,
                             gal_interval *out) {
    double total = 0, squares = 0;
    for (int called = 0; called < 2; called++)
        for (int positive = 0; positive < 2; positive++)
            total += (double)count[called][positive] * only[!called] * (positive ? 1 : -cost);
    double mean = total / cases;
    for (int called = 0; called < 2; called++)
        for (int positive = 0; positive < 2; positive++) {
            double off = only[!called] * (positive ? 1 : -cost) - mean;
            squares += (double)count[called][positive] * off * off;
        }
    double half = cases > 1 ? z * sqrt(squares / (cases * (cases - 1))) : INFINITY;
    *out = (gal_interval){mean - half, mean + half};
    return mean;
}

static const int of_model[2] = {1, 0}, of_all[2] = {1, 1}, over_all[2] = {0, -1};

static void set_point(const work *w, gal_net_benefit *p) {
    const gal_binary_cases *c = w->cases;
    double cost = p->threshold / (1 - p->threshold), n = (double)c->scores.count;
    size_t count[2][2] = {{0}};
    sums *unit = c->patient ? w->unit + (size_t)gal_pool_self() * w->units : NULL;
    for (size_t u = 0; unit && u < w->units; u++) unit[u] = (sums){0};
    for (size_t i = 0; i < c->scores.count; i++) {
        int called = c->probability[i] >= p->threshold, positive = c->scores.positive[i] != 0;
        count[called][positive]++;
        if (!unit) continue;
        sums *own = &unit[c->patient[i]];
        own->cases++;
        *(called ? &own->called : &own->left) += positive ? 1 : -cost;
    }
    p->true_positives = count[1][1];
    p->false_positives = count[1][0];
    if (unit) {
        p->model = mean_of(unit, w->units, n, of_model, w->z, &p->model_interval);
        p->all = mean_of(unit, w->units, n, of_all, w->z, &p->all_interval);
        p->over_all = mean_of(unit, w->units, n, over_all, w->z, &p->over_all_interval);
    } else {
        p->model = mean_of_counts(count, cost, n, of_model, w->z, &p->model_interval);
        p->all = mean_of_counts(count, cost, n, of_all, w->z, &p->all_interval);
        p->over_all = mean_of_counts(count, cost, n, over_all, w->z, &p->over_all_interval);
    }
}

static void one_threshold(void *context, size_t i) {
    const work *w = context;
    set_point(w, &w->point[i]);
}

galen_status gal_decision_curve_make(const gal_binary_cases *c, const gal_decision_settings *s, gal_pool *pool,
                                     gal_decision_curve *out, galen_error *err) {
    *out = (gal_decision_curve){0};
    GAL_TRY(check_settings(s, err));
    GAL_TRY(check_cases(c, err));
    out->settings = *s;
    out->cases = c->scores.count;
    out->patients = c->patient ? c->patients : 0;
    for (size_t i = 0; i < out->cases; i++) out->positives += c->scores.positive[i] != 0;
    out->count = (size_t)floor((s->high - s->low) / s->step + 1e-9) + 1; /* the last one in spite of rounding */
    size_t units = 0, cells = 0;
    if (c->patient && !gal_size_mul(units = c->patients, (size_t)gal_pool_threads(pool), &cells))
        return gal_fail_memory(err, "sums over patients", SIZE_MAX);
    out->point = gal_calloc(out->count, sizeof *out->point);
    sums *unit = cells ? gal_calloc(cells, sizeof *unit) : NULL;
    if (!out->point || (cells && !unit)) {
        gal_free(unit);
        gal_decision_curve_free(out);
        return gal_fail_memory(err, "a decision curve", cells * sizeof *unit);
    }
    for (size_t i = 0; i < out->count; i++) out->point[i].threshold = fmin(s->low + (double)i * s->step, s->high);
    work w = {c, units, gal_z_of(s->level), unit, out->point};
    gal_pool_run(pool, one_threshold, &w, out->count);
    gal_free(unit);
    return GALEN_OK;
}
