/* Fitting and measuring how strange a picture is to a model. */
#include "clinic/watch/ood.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FOLD = 5, SEED = 20261126 };

const char *gal_ood_name(gal_ood_measure measure) {
    static const char *const name[GAL_OOD_MEASURES] = {"mahalanobis", "neighbours", "energy"};
    return name[measure];
}

void gal_ood_free(gal_ood *ood) {
    gal_free(ood->mean);
    gal_free(ood->deviation);
    gal_free(ood->factor);
    gal_free(ood->bank);
    *ood = (gal_ood){0};
}

/* ---- measures ---- */

/* Many features become few by sums with signs by chance (Johnson and Lindenstrauss; Achlioptas, JCSS 66, 2003), drawn
 * by place so that nothing need be kept. */
static void to_axes(int width, int axes, const float *feature, double *out) {
    if (width == axes) {
        for (int i = 0; i < axes; i++) out[i] = (double)feature[i];
        return;
    }
    memset(out, 0, (size_t)axes * sizeof *out);
    for (int i = 0; i < width; i++) {
        gal_rng rng = gal_rng_make(SEED, (uint64_t)i);
        uint32_t word[4];
        gal_rng_block(&rng, word);
        for (int k = 0; k < axes; k++) {
            if (word[k / 32 % 4] >> k % 32 & 1)
                out[k] += (double)feature[i];
            else
                out[k] -= (double)feature[i];
        }
    }
}

/* The squared length of the deviations after the correlations are taken out: solves factor y = z. */
static double mahalanobis(const gal_ood *ood, const double *axis) {
    double y[GAL_OOD_AXES], sum = 0;
    const float *row = ood->factor;
    for (int i = 0; i < ood->axes; row += ++i) {
        double z = (axis[i] - (double)ood->mean[i]) / (double)ood->deviation[i];
        for (int k = 0; k < i; k++) z -= (double)row[k] * y[k];
        y[i] = z / (double)row[i];
        sum += y[i] * y[i];
    }
    return sqrt(sum);
}

static void to_direction(const double *axis, int axes, double *out) {
    double length = 0;
    for (int i = 0; i < axes; i++) length += axis[i] * axis[i];
    length = sqrt(length);
    for (int i = 0; i < axes; i++) out[i] = length > 0 ? axis[i] / length : 0;
}

static double neighbours(const gal_ood *ood, const double *axis) {
    double direction[GAL_OOD_AXES], near[GAL_OOD_NEIGHBOUR];
    int found = 0;
    to_direction(axis, ood->axes, direction);
    for (int b = 0; b < ood->kept; b++) {
        double sum = 0;
        for (int i = 0; i < ood->axes; i++) {
            double d = direction[i] - ood->scale * ood->bank[b * ood->axes + i];
            sum += d * d;
        }
        if (found == GAL_OOD_NEIGHBOUR && sum >= near[found - 1]) continue;
        int at = found < GAL_OOD_NEIGHBOUR ? found++ : found - 1;
        for (; at > 0 && near[at - 1] > sum; at--) near[at] = near[at - 1];
        near[at] = sum;
    }
    return found ? sqrt(near[found - 1]) : 0;
}

static double energy(const float *logit, int n) {
    double top = n == 1 ? fmax((double)logit[0], 0) : (double)logit[0], sum = 0;
    for (int i = 1; i < n; i++)
        if ((double)logit[i] > top) top = (double)logit[i]; /* GCC 12 for aarch64 fails on fmax here */
    for (int i = 0; i < n; i++) sum += exp((double)logit[i] - top);
    if (n == 1) sum += exp(-top);
    return -(top + log(sum));
}

void gal_ood_measure_of(const gal_ood *ood, const float *feature, const float *logit, double out[GAL_OOD_MEASURES]) {
    double axis[GAL_OOD_AXES];
    to_axes(ood->width, ood->axes, feature, axis);
    out[GAL_OOD_MAHALANOBIS] = mahalanobis(ood, axis);
    out[GAL_OOD_NEIGHBOURS] = neighbours(ood, axis);
    out[GAL_OOD_ENERGY] = energy(logit, ood->scores);
    bool finite = true;
    for (int i = 0; i < ood->width; i++) finite = finite && isfinite(feature[i]);
    for (int m = 0; m < GAL_OOD_MEASURES; m++)
        if (!finite || isnan(out[m])) out[m] = INFINITY;
}

/* ---- fitting ---- */

typedef struct fitting {
    const gal_ood_cases *cases;
    gal_ood *out;
    double *axis;    /* [count][axes] */
    double *scatter; /* [axes][axes] correlations */
    size_t used;     /* cases that are not of the fifth fold */
} fitting;

static bool held_out(size_t i) {
    return i % FOLD == FOLD - 1;
}

static void find_spread(const fitting *f) {
    int axes = f->out->axes;
    double widest = 0, deviation[GAL_OOD_AXES];
    for (int k = 0; k < axes; k++) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < f->cases->count; i++)
            if (!held_out(i)) sum += f->axis[i * (size_t)axes + (size_t)k];
        f->out->mean[k] = (float)(sum / (double)f->used);
        for (size_t i = 0; i < f->cases->count; i++) {
            double d = f->axis[i * (size_t)axes + (size_t)k] - (double)f->out->mean[k];
            if (!held_out(i)) square += d * d;
        }
        deviation[k] = sqrt(square / (double)(f->used - 1));
        widest = fmax(widest, deviation[k]);
    }
    /* A feature that never moved would make any picture that moves it infinitely strange. */
    for (int k = 0; k < axes; k++) f->out->deviation[k] = (float)fmax(deviation[k], widest > 0 ? 1e-2 * widest : 1);
}

static void find_correlations(const fitting *f) {
    int axes = f->out->axes;
    memset(f->scatter, 0, (size_t)axes * (size_t)axes * sizeof *f->scatter);
    for (size_t i = 0; i < f->cases->count; i++) {
        double z[GAL_OOD_AXES];
        if (held_out(i)) continue;
        for (int k = 0; k < axes; k++)
            z[k] = (f->axis[i * (size_t)axes + (size_t)k] - (double)f->out->mean[k]) / (double)f->out->deviation[k];
        for (int a = 0; a < axes; a++)
            for (int b = 0; b <= a; b++) f->scatter[a * axes + b] += z[a] * z[b] / (double)(f->used - 1);
    }
}

/* Towards the identity times the mean variance, by as much as the number of cases asks for. */
static void shrink(const fitting *f) {
    int axes = f->out->axes;
    double trace = 0, square = 0, p = axes, n = (double)f->used;
    for (int a = 0; a < axes; a++) {
        trace += f->scatter[a * axes + a];
        for (int b = 0; b <= a; b++) square += (a == b ? 1 : 2) * f->scatter[a * axes + b] * f->scatter[a * axes + b];
    }
    double above = (1 - 2 / p) * square + trace * trace, below = (n + 1 - 2 / p) * (square - trace * trace / p);
    double share = below > 0 ? fmin(above / below, 1) : 1;
    f->out->shrinkage = share;
    for (int a = 0; a < axes; a++) {
        for (int b = 0; b <= a; b++) f->scatter[a * axes + b] *= 1 - share;
        f->scatter[a * axes + a] += share * trace / p + 1e-9;
    }
}

/* Lower factor of the correlations, in place, then kept in f32. */
static galen_status factor(const fitting *f, galen_error *err) {
    int axes = f->out->axes;
    double *s = f->scatter;
    float *to = f->out->factor;
    for (int a = 0; a < axes; a++) {
        for (int b = 0; b <= a; b++) {
            double sum = s[a * axes + b];
            for (int k = 0; k < b; k++) sum -= s[a * axes + k] * s[b * axes + k];
            if (a == b && !(sum > 0))
                return gal_fail(err, GALEN_ERR_NUMERIC, "the features' spread cannot be measured: use more pictures");
            s[a * axes + b] = a == b ? sqrt(sum) : sum / s[b * axes + b];
        }
        for (int b = 0; b <= a; b++) *to++ = (float)s[a * axes + b];
    }
    return GALEN_OK;
}

/* Evenly spaced over the cases, so that every part of the data is in it. */
static void keep_bank(const fitting *f) {
    gal_ood *out = f->out;
    double direction[GAL_OOD_AXES], largest = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int b = 0; b < out->kept; b++) {
            size_t i = (size_t)b * f->cases->count / (size_t)out->kept;
            if (held_out(i)) i--;
            to_direction(&f->axis[i * (size_t)out->axes], out->axes, direction);
            for (int k = 0; k < out->axes; k++) {
                largest = fmax(largest, fabs(direction[k]));
                if (pass) out->bank[b * out->axes + k] = (int8_t)lround(direction[k] / out->scale);
            }
        }
        out->scale = largest > 0 ? largest / 127 : 1;
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void find_limits(const fitting *f, double *value) {
    gal_ood *out = f->out;
    for (int m = 0; m < GAL_OOD_MEASURES; m++) {
        size_t n = 0;
        for (size_t i = 0; i < f->cases->count; i++) {
            double all[GAL_OOD_MEASURES];
            if (!held_out(i)) continue;
            gal_ood_measure_of(out, &f->cases->feature[i * (size_t)out->width],
                               &f->cases->logit[i * (size_t)out->scores], all);
            value[n++] = all[m];
        }
        qsort(value, n, sizeof *value, ascending);
        size_t rank = (size_t)ceil((double)(n + 1) * (1 - out->alpha) - 1e-9 * (double)n);
        out->limit[m] = value[rank - 1];
        out->cases = n;
    }
}

double gal_ood_least(double alpha) {
    return fmax(FOLD * (ceil(1 / alpha) - 1), 2 * FOLD);
}

static galen_status check(const gal_ood_cases *cases, double alpha, galen_error *err) {
    if (!(alpha > 0 && alpha < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "alpha is %g: the share beyond the limits lies between 0 and 1",
                        alpha);
    if (cases->width < 1 || cases->width > GAL_OOD_MAX_WIDTH || cases->scores < 1)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%d features: from 1 to %d can be watched", cases->width,
                        GAL_OOD_MAX_WIDTH);
    size_t held = cases->count / FOLD;
    if (floor((double)(held + 1) * alpha + 1e-9) < 1 || cases->count < 2 * FOLD)
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "%zu pictures are too few for limits that a share of %g exceeds: %.0f are needed", cases->count,
                        alpha, gal_ood_least(alpha));
    for (size_t i = 0; i < cases->count * (size_t)cases->width; i++)
        if (!isfinite(cases->feature[i]))
            return gal_fail(err, GALEN_ERR_NUMERIC, "a feature of picture %zu is no finite number",
                            i / (size_t)cases->width + 1);
    return GALEN_OK;
}

static galen_status fit(fitting *f, galen_error *err) {
    gal_ood *out = f->out;
    size_t axes = (size_t)out->axes, count = f->cases->count;
    for (size_t i = 0; i < count; i++)
        to_axes(out->width, out->axes, &f->cases->feature[i * (size_t)out->width], &f->axis[i * axes]);
    find_spread(f);
    find_correlations(f);
    shrink(f);
    GAL_TRY(factor(f, err));
    keep_bank(f);
    find_limits(f, f->axis); /* what is in there has been used */
    return GALEN_OK;
}

galen_status gal_ood_make(gal_ood *out, galen_error *err) {
    size_t axes = (size_t)out->axes;
    out->mean = gal_calloc(axes, sizeof *out->mean);
    out->deviation = gal_calloc(axes, sizeof *out->deviation);
    out->factor = gal_calloc(axes * (axes + 1) / 2, sizeof *out->factor);
    out->bank = gal_calloc((size_t)out->kept * axes, sizeof *out->bank);
    if (out->mean && out->deviation && out->factor && out->bank) return GALEN_OK;
    return gal_fail_memory(err, "the kinds of pictures", axes * axes * sizeof *out->factor);
}

galen_status gal_ood_fit(const gal_ood_cases *cases, double alpha, gal_ood *out, galen_error *err) {
    *out = (gal_ood){.alpha = alpha, .width = cases->width, .scores = cases->scores};
    GAL_TRY(check(cases, alpha, err));
    out->axes = cases->width < GAL_OOD_AXES ? cases->width : GAL_OOD_AXES;
    size_t used = cases->count - cases->count / FOLD, axes = (size_t)out->axes;
    out->kept = used < GAL_OOD_BANK ? (int)used : GAL_OOD_BANK;
    fitting f = {.cases = cases, .out = out, .used = used};
    galen_status status = gal_ood_make(out, err);
    if (status == GALEN_OK) {
        f.axis = gal_calloc(cases->count, axes * sizeof *f.axis);
        f.scatter = gal_calloc(axes * axes, sizeof *f.scatter);
        status =
            f.axis && f.scatter ? fit(&f, err) : gal_fail_memory(err, "the kinds of pictures", cases->count * axes * 8);
    }
    gal_free(f.axis);
    gal_free(f.scatter);
    if (status != GALEN_OK) gal_ood_free(out);
    return status;
}
