/* The beta distribution by deviances and a continued fraction. */
#include "clinic/stats/beta.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

static const double pi = 3.14159265358979323846;

/* ln Gamma(z) less Stirling's (z - 1/2) ln z - z + ln(2 pi) / 2; DLMF 5.11.1 from 10 on, where seven terms do. */
static double stirling_rest(double z) {
    static const double term[] = {1.0 / 12,   -1.0 / 360,        1.0 / 1260, -1.0 / 1680,
                                  1.0 / 1188, -691.0 / 360360.0, 1.0 / 156};
    if (z < 10) {
        /* Recurrence up to 10, whose steps are small, instead of the C library's lgamma, which writes a global. */
        double next = z + 1;
        return stirling_rest(next) + (z + 0.5) * log1p(1 / z) - 1;
    }
    double sum = 0, inverse = 1 / (z * z);
    for (size_t i = sizeof term / sizeof *term; i-- > 0;) sum = sum * inverse + term[i];
    return sum / z;
}

/* x ln(x / m) + m - x, Loader's deviance, x, m > 0: by its series where the sum would cancel. */
static double deviance(double x, double m) {
    double v = (x - m) / (x + m);
    if (fabs(v) >= 0.1) return x * log(x / m) + m - x;
    double sum = (x - m) * v, power = 2 * x * v;
    for (int k = 3;; k += 2) {
        power *= v * v;
        double next = sum + power / k;
        if (next == sum) return sum;
        sum = next;
    }
}

/* x^a y^b / B(a, b) with y = 1 - x, both inside (0, 1). */
static double power_term(double a, double b, double x, double y) {
    double n = a + b, rest = stirling_rest(n) - stirling_rest(a) - stirling_rest(b);
    return sqrt(a * (b / n) / (2 * pi)) * exp(rest - deviance(a, n * x) - deviance(b, n * y));
}

static bool wrong(double a, double b, double x) {
    return !(a > 0 && b > 0 && isfinite(a) && isfinite(b)) || isnan(x);
}

double gal_beta_density(double a, double b, double x) {
    if (wrong(a, b, x)) return NAN;
    if (x < 0 || x > 1) return 0;
    if (x == 0) return a < 1 ? INFINITY : a == 1 ? b : 0;
    if (x == 1) return b < 1 ? INFINITY : b == 1 ? a : 0;
    return power_term(a, b, x, 1 - x) / (x * (1 - x));
}

/* The fraction of DLMF 8.17.22, by Lentz's method as Thompson and Barnett changed it (J. Comput. Phys. 64, 1986). */
static double fraction(double a, double b, double x) {
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    if (fabs(d) < DBL_MIN) d = DBL_MIN;
    d = 1 / d;
    double value = d;
    /* About sqrt(max(a, b)) steps are needed below the mean; the bound only keeps the loop finite. */
    double most = 1000 + 20 * sqrt(a + b);
    for (double m = 1; m < most; m++) {
        double step = 1;
        for (int odd = 0; odd < 2; odd++) {
            double at = a + 2 * m;
            double term = odd ? -(a + m) * (a + b + m) * x / (at * (at + 1)) : m * (b - m) * x / ((at - 1) * at);
            d = 1 + term * d;
            c = 1 + term / c;
            if (fabs(d) < DBL_MIN) d = DBL_MIN;
            if (fabs(c) < DBL_MIN) c = DBL_MIN;
            d = 1 / d;
            step = c * d;
            value *= step;
        }
        if (fabs(step - 1) <= DBL_EPSILON) break;
    }
    return value;
}

double gal_beta_cumulative(double a, double b, double x) {
    if (wrong(a, b, x)) return NAN;
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    double y = 1 - x, term = power_term(a, b, x, y);
    /* The fraction converges fast on its own side of the mean only. */
    if (x < (a + 1) / (a + b + 2)) return term * fraction(a, b, x) / a;
    return 1 - term * fraction(b, a, y) / b;
}

double gal_beta_quantile(double a, double b, double p) {
    if (wrong(a, b, p) || p < 0 || p > 1) return NAN;
    if (p == 0 || p == 1) return p;
    double low = 0, high = 1, x = a / (a + b);
    /* Halving alone reaches the smallest double in fewer steps than that. */
    for (int i = 0; i < 1100 && low < x && x < high; i++) {
        double beyond = gal_beta_cumulative(a, b, x) - p;
        if (beyond == 0) break;
        if (beyond > 0)
            high = x;
        else
            low = x;
        double next = x - beyond / gal_beta_density(a, b, x);
        if (!(next > low && next < high)) next = low + (high - low) / 2;
        if (fabs(next - x) <= DBL_EPSILON * x / 2) return next;
        x = next;
    }
    return x;
}
