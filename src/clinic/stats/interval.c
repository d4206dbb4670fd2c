/* Intervals of shares. */
#include "clinic/stats/interval.h"

#include "base/refmath.h"
#include "clinic/stats/beta.h"

#include <math.h>

double gal_z_of(double level) {
    return level > 0 && level < 1 ? gal_ref_normal_quantile((1 + level) / 2) : (double)NAN;
}

static gal_interval cut(double low, double high) {
    return (gal_interval){fmax(low, 0), fmin(high, 1)};
}

gal_interval gal_wilson(size_t hits, size_t cases, double z) {
    if (cases == 0) return (gal_interval){0, 1};
    double n = (double)cases, p = (double)hits / n, z2 = z * z;
    double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
    double half = z / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    gal_interval out = cut(centre - half, centre + half);
    /* Exact by the formula; in floating point they may be an ulp off. */
    if (hits == 0) out.low = 0;
    if (hits == cases) out.high = 1;
    return out;
}

/* What the normal distribution leaves beyond z, by erfc for the sake of its small values. */
static double tail_of(double z) {
    return erfc(z / sqrt(2)) / 2;
}

/* Of a quantile near 1 the distance from 1 is found, which keeps its digits. */
static double upper_quantile(double a, double b, double tail) {
    return 1 - gal_beta_quantile(b, a, tail);
}

gal_interval gal_exact_effective(double hits, double cases, double z) {
    double tail = tail_of(z);
    gal_interval out = {0, 1};
    if (hits > 0) out.low = gal_beta_quantile(hits, cases - hits + 1, tail);
    if (hits < cases) out.high = upper_quantile(hits + 1, cases - hits, tail);
    return out;
}

gal_interval gal_clopper_pearson(size_t hits, size_t cases, double z) {
    return gal_exact_effective((double)hits, (double)cases, z);
}

gal_interval gal_jeffreys(size_t hits, size_t cases, double z) {
    if (cases == 0) return (gal_interval){0, 1};
    double a = (double)hits + 0.5, b = (double)(cases - hits) + 0.5, tail = tail_of(z);
    return (gal_interval){gal_beta_quantile(a, b, tail), upper_quantile(a, b, tail)};
}
