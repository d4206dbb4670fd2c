/* Calibration curves: fitting and applying. */
#include "clinic/choose/recalibrate.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/refmath.h"
#include "clinic/choose/isotonic.h"
#include "clinic/choose/logistic.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {
    [GAL_CALIBRATION_NONE] = "none",   [GAL_CALIBRATION_TEMPERATURE] = "temperature",
    [GAL_CALIBRATION_PLATT] = "platt", [GAL_CALIBRATION_ISOTONIC] = "isotonic",
    [GAL_CALIBRATION_BETA] = "beta",
};

void gal_calibration_free(gal_calibration *c) {
    gal_free(c->logit);
    gal_free(c->probability);
    *c = (gal_calibration){0};
}

const char *gal_calibration_name(gal_calibration_method method) {
    return names[method];
}

galen_status gal_calibration_parse(const char *name, gal_calibration_method *out, galen_error *err) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *out = (gal_calibration_method)i;
        return GALEN_OK;
    }
    return gal_fail(err, GALEN_ERR_ARGUMENT,
                    "a calibration '%.40s'; there are temperature, platt, isotonic, beta and none", name);
}

double gal_logit_of(double probability) {
    const double least = 1e-15;
    double p = fmin(fmax(probability, least), 1 - least);
    return gal_ref_log(p) - gal_ref_log1p(-p);
}

/* ---- fitting ---- */

static galen_status refuse(const gal_scores *s, galen_error *err) {
    size_t positives = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!isfinite(s->score[i]))
            return gal_fail(err, GALEN_ERR_NUMERIC, "the score of case %zu is %g; calibration needs finite logits",
                            i + 1, s->score[i]);
        positives += s->positive[i] != 0;
    }
    if (positives > 0 && positives < s->count) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT, "%zu positive and %zu negative cases; calibration needs both", positives,
                    s->count - positives);
}

static galen_status ranks_below(galen_error *err) {
    return gal_fail(err, GALEN_ERR_NUMERIC,
                    "the scores rank positive cases no higher than negative ones; no rising curve makes probabilities "
                    "of them");
}

/* ln(1 + e^z), which is -ln(1 - p), and of -z -ln p. */
static double softplus(double z) {
    return fmax(z, 0) + gal_ref_log1p(gal_ref_exp(-fabs(z)));
}

/* What a method's line is made of. */
typedef void (*terms_fn)(double logit, double *x);

static void temperature_terms(double z, double *x) {
    x[0] = z;
}
static void platt_terms(double z, double *x) {
    x[0] = z, x[1] = 1;
}
static void beta_terms(double z, double *x) {
    x[0] = -softplus(-z), x[1] = softplus(z), x[2] = 1;
}
/* Beta calibration with b, with a kept at 0. */
static void beta_a_terms(double z, double *x) {
    x[0] = -softplus(-z), x[1] = 1;
}
static void beta_b_terms(double z, double *x) {
    x[0] = softplus(z), x[1] = 1;
}

typedef struct line {
    terms_fn fn;
    int terms;
    bool smooth; /* targets by Platt: a positive is one of n + 2 cases of which n + 1 are positive, and so on */
} line;

static void set_targets(const gal_scores *s, bool smooth, double *target) {
    double positives = 0, one = 1, zero = 0;
    for (size_t i = 0; i < s->count; i++) positives += s->positive[i] != 0;
    if (smooth) one = (positives + 1) / (positives + 2), zero = 1 / ((double)s->count - positives + 2);
    for (size_t i = 0; i < s->count; i++) target[i] = s->positive[i] ? one : zero;
}

static galen_status fit_line(const gal_scores *s, const line *l, double *weight, double *loss, galen_error *err) {
    double *x = gal_calloc(s->count, (size_t)l->terms * sizeof *x), *target = gal_calloc(s->count, sizeof *target);
    galen_status status = GALEN_OK;
    if (x && target) {
        for (size_t i = 0; i < s->count; i++) l->fn(s->score[i], x + i * (size_t)l->terms);
        set_targets(s, l->smooth, target);
        status = gal_logistic_fit(&(gal_logistic_data){x, target, s->count, l->terms}, weight, loss, err);
    } else {
        status = gal_fail_memory(err, "fitting a calibration", s->count * sizeof *x);
    }
    gal_free(x);
    gal_free(target);
    return status;
}

static galen_status fit_temperature(const gal_scores *s, gal_calibration *out, galen_error *err) {
    double inverse;
    GAL_TRY(fit_line(s, &(line){temperature_terms, 1, false}, &inverse, NULL, err));
    if (!(inverse > 0)) return ranks_below(err);
    out->parameter[0] = 1 / inverse;
    return GALEN_OK;
}

static galen_status fit_platt(const gal_scores *s, gal_calibration *out, galen_error *err) {
    GAL_TRY(fit_line(s, &(line){platt_terms, 2, true}, out->parameter, NULL, err));
    return out->parameter[0] > 0 ? GALEN_OK : ranks_below(err);
}

/* The loss is convex: where its lowest point has a or b below 0, the best allowed one has a = 0 or b = 0. */
static galen_status fit_beta(const gal_scores *s, gal_calibration *out, galen_error *err) {
    double *p = out->parameter, without_b[2], without_a[2], loss_a, loss_b;
    GAL_TRY(fit_line(s, &(line){beta_terms, 3, false}, p, NULL, err));
    if (p[0] >= 0 && p[1] >= 0) return p[0] + p[1] > 0 ? GALEN_OK : ranks_below(err);
    GAL_TRY(fit_line(s, &(line){beta_a_terms, 2, false}, without_b, &loss_a, err));
    GAL_TRY(fit_line(s, &(line){beta_b_terms, 2, false}, without_a, &loss_b, err));
    if (!(without_b[0] > 0 || without_a[0] > 0)) return ranks_below(err);
    bool keep_a = without_b[0] > 0 && (!(without_a[0] > 0) || loss_a <= loss_b);
    p[0] = keep_a ? without_b[0] : 0;
    p[1] = keep_a ? 0 : without_a[0];
    p[2] = keep_a ? without_b[1] : without_a[1];
    return GALEN_OK;
}

static galen_status fit_isotonic(const gal_scores *s, gal_calibration *out, galen_error *err) {
    gal_isotonic_block *block;
    size_t blocks;
    GAL_TRY(gal_isotonic(s, &block, &blocks, err));
    out->logit = gal_calloc(2 * blocks, sizeof *out->logit);
    out->probability = gal_calloc(2 * blocks, sizeof *out->probability);
    for (size_t i = 0; out->logit && out->probability && i < blocks; i++) {
        double ends[] = {block[i].low, block[i].high};
        for (int k = 0; k < (block[i].low < block[i].high ? 2 : 1); k++) {
            out->logit[out->knots] = ends[k];
            out->probability[out->knots++] = (double)block[i].positives / (double)block[i].cases;
        }
    }
    gal_free(block);
    return out->knots ? GALEN_OK : gal_fail_memory(err, "an isotonic curve", 4 * blocks * sizeof(double));
}

galen_status gal_calibration_fit(gal_calibration_method method, const gal_scores *s, gal_calibration *out,
                                 galen_error *err) {
    galen_status status = GALEN_OK;
    *out = (gal_calibration){.method = method};
    GAL_TRY(refuse(s, err));
    switch (method) {
    case GAL_CALIBRATION_NONE: break;
    case GAL_CALIBRATION_TEMPERATURE: status = fit_temperature(s, out, err); break;
    case GAL_CALIBRATION_PLATT: status = fit_platt(s, out, err); break;
    case GAL_CALIBRATION_ISOTONIC: status = fit_isotonic(s, out, err); break;
    case GAL_CALIBRATION_BETA: status = fit_beta(s, out, err); break;
    }
    if (status != GALEN_OK) gal_calibration_free(out);
    return status;
}

/* ---- applying ---- */

/* The last knot at or below z, of which there is one. */
static size_t knot_below(const gal_calibration *c, double z) {
    size_t low = 0, high = c->knots;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(c->logit[middle] <= z ? &low : &high) = middle;
    }
    return low;
}

static double isotonic_at(const gal_calibration *c, double z) {
    if (!(z > c->logit[0])) return c->probability[0];
    size_t k = knot_below(c, z);
    if (k + 1 == c->knots) return c->probability[k];
    double part = (z - c->logit[k]) / (c->logit[k + 1] - c->logit[k]);
    return c->probability[k] + part * (c->probability[k + 1] - c->probability[k]);
}

double gal_calibration_apply(const gal_calibration *c, double z) {
    const double *p = c->parameter;
    if (isnan(z)) return z;
    switch (c->method) {
    case GAL_CALIBRATION_NONE: break;
    case GAL_CALIBRATION_TEMPERATURE: return gal_ref_sigmoid(z / p[0]);
    case GAL_CALIBRATION_PLATT: return gal_ref_sigmoid(p[0] * z + p[1]);
    case GAL_CALIBRATION_ISOTONIC: return isotonic_at(c, z);
    case GAL_CALIBRATION_BETA: return gal_ref_sigmoid(p[1] * softplus(z) - p[0] * softplus(-z) + p[2]);
    }
    return gal_ref_sigmoid(z);
}

void gal_calibration_apply_classes(const gal_calibration *c, const double *logit, size_t classes, double *out) {
    double temperature = c->method == GAL_CALIBRATION_TEMPERATURE ? c->parameter[0] : 1, top = logit[0], sum = 0;
    for (size_t i = 1; i < classes; i++) top = fmax(top, logit[i]);
    for (size_t i = 0; i < classes; i++) sum += out[i] = gal_ref_exp((logit[i] - top) / temperature);
    for (size_t i = 0; i < classes; i++) out[i] /= sum;
}
