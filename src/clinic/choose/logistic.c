/* Newton's method for the log loss. */
#include "clinic/choose/logistic.h"

#include "base/error.h"
#include "base/refmath.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { MOST = GAL_LOGISTIC_TERMS, MOST_STEPS = 200 };

static double dot(const double *a, const double *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* ln(1 + e^z) - t z, both parts above 0. */
static double loss_of(double z, double t) {
    return z >= 0 ? (1 - t) * z + gal_ref_log1p(gal_ref_exp(-z)) : gal_ref_log1p(gal_ref_exp(z)) - t * z;
}

static double total_loss(const gal_logistic_data *d, const double *weight) {
    double sum = 0;
    for (size_t i = 0; i < d->count; i++)
        sum += loss_of(dot(d->x + i * (size_t)d->terms, weight, d->terms), d->target[i]);
    return sum;
}

/* First and second derivatives of the loss; of the second the lower triangle. */
static void derive(const gal_logistic_data *d, const double *weight, double *slope, double curve[MOST][MOST]) {
    memset(slope, 0, MOST * sizeof *slope);
    memset(curve, 0, sizeof(double[MOST][MOST]));
    for (size_t i = 0; i < d->count; i++) {
        const double *x = d->x + i * (size_t)d->terms;
        double z = dot(x, weight, d->terms), p = gal_ref_sigmoid(z), spread = p * gal_ref_sigmoid(-z);
        for (int j = 0; j < d->terms; j++) {
            slope[j] += (p - d->target[i]) * x[j];
            for (int k = 0; k <= j; k++) curve[j][k] += spread * x[j] * x[k];
        }
    }
}

/* Solves curve * step = -slope by Cholesky's factors; false where curve is singular to rounding. */
static bool solve(double curve[MOST][MOST], const double *slope, int n, double *step) {
    for (int j = 0; j < n; j++) {
        double own = curve[j][j];
        for (int k = 0; k < j; k++) curve[j][j] -= curve[j][k] * curve[j][k];
        if (!(curve[j][j] > 1e-14 * own)) return false;
        curve[j][j] = sqrt(curve[j][j]);
        for (int i = j + 1; i < n; i++) {
            for (int k = 0; k < j; k++) curve[i][j] -= curve[i][k] * curve[j][k];
            curve[i][j] /= curve[j][j];
        }
    }
    for (int j = 0; j < n; j++) {
        step[j] = -slope[j];
        for (int k = 0; k < j; k++) step[j] -= curve[j][k] * step[k];
        step[j] /= curve[j][j];
    }
    for (int j = n; j-- > 0;) {
        for (int k = j + 1; k < n; k++) step[j] -= curve[k][j] * step[k];
        step[j] /= curve[j][j];
    }
    return true;
}

static double largest_change(const gal_logistic_data *d, const double *step) {
    double most = 0;
    for (size_t i = 0; i < d->count; i++) most = fmax(most, fabs(dot(d->x + i * (size_t)d->terms, step, d->terms)));
    return most;
}

/* Goes along `step`, or a half, a quarter, ... of it: the first that lowers the loss by a part of what its slope
 * promises (Armijo). Where less is promised than rounding hides, the whole step is right. */
static void advance(const gal_logistic_data *d, const double *step, double promise, double *weight, double *loss) {
    for (double part = 1; part > 1e-10; part /= 2) {
        double next[MOST];
        for (int j = 0; j < d->terms; j++) next[j] = weight[j] + part * step[j];
        double now = total_loss(d, next);
        if (!(now <= *loss - 1e-4 * part * promise) && promise > 1e-9 * *loss) continue;
        memcpy(weight, next, (size_t)d->terms * sizeof *weight);
        *loss = now;
        return;
    }
}

galen_status gal_logistic_fit(const gal_logistic_data *d, double *weight, double *loss, galen_error *err) {
    double found[MOST] = {0}, slope[MOST], step[MOST], curve[MOST][MOST], least = total_loss(d, found);
    for (int i = 0; i < MOST_STEPS; i++) {
        derive(d, found, slope, curve);
        if (!solve(curve, slope, d->terms, step)) break;
        double promise = -dot(slope, step, d->terms);
        /* Where kinds do not overlap the loss falls for ever by steps that stay as long as the first. */
        bool done = promise <= 1e-22 * (double)d->count && largest_change(d, step) <= 1e-6;
        advance(d, step, promise, found, &least);
        if (!done) continue;
        memcpy(weight, found, (size_t)d->terms * sizeof *weight);
        if (loss) *loss = least;
        return GALEN_OK;
    }
    return gal_fail(err, GALEN_ERR_NUMERIC,
                    "no curve fits best: the scores of positive and negative cases do not overlap, or hardly differ");
}
