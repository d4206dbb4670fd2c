/* Differences of paired shares. */
#include "clinic/stats/difference.h"

#include "base/error.h"

#include <math.h>
#include <stdbool.h>

static gal_interval cut(double low, double high) {
    return (gal_interval){fmax(low, -1), fmin(high, 1)};
}

/* The correlation of the two decisions, its covariance drawn towards 0 by half a case where it is positive. */
static double correlation(double both, double first, double second, double neither) {
    double margins = sqrt(both + first) * sqrt(second + neither) * sqrt(both + second) * sqrt(first + neither);
    double covariance = both * neither - first * second;
    if (covariance > 0) covariance = fmax(covariance - (both + first + second + neither) / 2, 0);
    return margins > 0 ? covariance / margins : 0;
}

/* The sides of two intervals added as correlated errors are; the square may be an ulp below 0. */
static double joint(double a, double b, double phi) {
    return sqrt(fmax(a * a - 2 * phi * a * b + b * b, 0));
}

gal_interval gal_newcombe(const gal_paired *c, double z) {
    size_t cases = c->both + c->only_first + c->only_second + c->neither;
    if (cases == 0) return (gal_interval){-1, 1};
    double n = (double)cases, p = (double)(c->both + c->only_first) / n, q = (double)(c->both + c->only_second) / n;
    double phi = correlation((double)c->both, (double)c->only_first, (double)c->only_second, (double)c->neither);
    gal_interval first = gal_wilson(c->both + c->only_first, cases, z);
    gal_interval second = gal_wilson(c->both + c->only_second, cases, z);
    double difference = ((double)c->only_first - (double)c->only_second) / n;
    return cut(difference - joint(p - first.low, second.high - q, phi),
               difference + joint(first.high - p, q - second.low, phi));
}

/* Is `difference` within z standard errors of what was seen? The error is that of the likeliest shares which differ by
 * it: the greater root q of 2 n q^2 + B q + C, the share that only the second has. */
static bool accepted(double first, double second, double n, double difference, double z) {
    double b = (2 * n - first + second) * difference - first - second, c = -second * difference * (1 - difference);
    double root = sqrt(fmax(b * b - 8 * n * c, 0));
    double q = b > 0 ? -2 * c / (b + root) : (root - b) / (4 * n);
    double variance = fmax(n * (2 * q + difference * (1 - difference)), 0);
    return fabs(first - second - n * difference) <= z * sqrt(variance);
}

gal_interval gal_tango(const gal_paired *c, double z) {
    double n = (double)c->both + (double)c->only_first + (double)c->only_second + (double)c->neither;
    if (n == 0) return (gal_interval){-1, 1};
    double first = (double)c->only_first, second = (double)c->only_second, end[2];
    for (int side = 0; side < 2; side++) {
        double in = (first - second) / n, out = side == 0 ? -1 : 1;
        for (double middle = in + (out - in) / 2; middle != in && middle != out; middle = in + (out - in) / 2)
            *(accepted(first, second, n, middle, z) ? &in : &out) = middle;
        end[side] = in;
    }
    return (gal_interval){end[0], end[1]};
}

const char *gal_verdict_name(gal_verdict verdict) {
    static const char *const name[] = {"pass", "fail", "insufficient evidence"};
    return name[verdict];
}

galen_status gal_noninferior(gal_interval difference, double margin, gal_verdict *out, galen_error *err) {
    if (!(margin > 0 && margin <= 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a margin of %g; it must be above 0 and at most 1", margin);
    if (isnan(difference.low) || isnan(difference.high))
        return gal_fail(err, GALEN_ERR_NUMERIC, "an interval of NaN; there is nothing to compare with the margin");
    *out = difference.low > -margin    ? GAL_VERDICT_PASS
           : difference.high < -margin ? GAL_VERDICT_FAIL
                                       : GAL_VERDICT_INSUFFICIENT;
    return GALEN_OK;
}
