/* Binomial random numbers: inversion and BTRS. */
#include "clinic/stats/binomial.h"

#include "base/refmath.h"

#include <math.h>

/* Steps through the probabilities from 0 on: n p of them on average, so for small n p only. */
static uint64_t invert(gal_rng *rng, double n, double p) {
    double probability = gal_ref_exp(n * gal_ref_log1p(-p)), odds = p / (1 - p), u = gal_rng_uniform(rng), k = 0;
    while (u >= probability && k < n) {
        u -= probability;
        k++;
        probability *= (n - k + 1) / k * odds;
    }
    return (uint64_t)k;
}

/* ln k! less Stirling's (k + 1/2) ln (k + 1) - (k + 1) + ln(2 pi) / 2. */
static double stirling_rest(double k) {
    static const double small[] = {0.08106146679532726,  0.04134069595540929, 0.02767792568499834, 0.02079067210376509,
                                   0.01664469118982119,  0.01387612882307075, 0.01189670994589177, 0.01041126526197209,
                                   0.009255462182712733, 0.008330563433362871};
    if (k <= 9) return small[(int)k];
    double z = k + 1, square = z * z;
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / z;
}

/* Hoermann's names; p at most one half and n p at least 10. */
static uint64_t reject(gal_rng *rng, double n, double p) {
    double root = sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * root, a = -0.0873 + 0.0248 * b + 0.01 * p;
    double c = n * p + 0.5, alpha = (2.83 + 5.1 / b) * root, inside = 0.92 - 4.2 / b;
    double odds = p / (1 - p), m = floor((n + 1) * p);
    for (;;) {
        double u = gal_rng_uniform(rng) - 0.5, v = gal_rng_uniform(rng), us = 0.5 - fabs(u);
        double k = floor((2 * a / us + b) * u + c);
        if (us >= 0.07 && v <= inside) return (uint64_t)k;
        if (!(k >= 0 && k <= n)) continue;
        double ratio = (m + 0.5) * gal_ref_log((m + 1) / (odds * (n - m + 1))) +
                       (n + 1) * gal_ref_log((n - m + 1) / (n - k + 1)) +
                       (k + 0.5) * gal_ref_log(odds * (n - k + 1) / (k + 1)) + stirling_rest(m) + stirling_rest(n - m) -
                       stirling_rest(k) - stirling_rest(n - k);
        if (gal_ref_log(v * alpha / (a / (us * us) + b)) <= ratio) return (uint64_t)k;
    }
}

uint64_t gal_rng_binomial(gal_rng *rng, uint64_t n, double p) {
    if (n == 0 || p <= 0) return 0;
    if (p >= 1) return n;
    if (p > 0.5) return n - gal_rng_binomial(rng, n, 1 - p);
    return (double)n * p < 10 ? invert(rng, (double)n, p) : reject(rng, (double)n, p);
}
