/*
 * Transcendental functions in double from plain IEEE arithmetic.
 *
 * exp: Cody and Waite's reduction and the Taylor series; log: atanh series on [sqrt(1/2), sqrt(2)] (Tang, ACM TOMS
 * 1990, gives the error analysis of both); pow: the same log carried in two doubles (Dekker, Numerische Mathematik
 * 1971); erf: Taylor series around fixed centres.
 */
#include "base/refmath.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ln 2 in three parts; the first has 21 significant bits, so that its product with any exponent is exact. */
static const double ln2_hi = 0x1.62e42p-1, ln2_lo = 0x1.fdf473de6af28p-22, ln2_tail = -0x1.c4c67fc0d0951p-76;
static const double inv_ln2 = 1.4426950408889634;

/* A number held as the unevaluated sum of two doubles. */
typedef struct twice {
    double hi, lo;
} twice;

static uint64_t bits_of(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static double of_bits(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* x * 2^k for k in [-2200, 2200], rounded once. */
static double scale(double x, int k) {
    if (k > 1023) {
        x *= 0x1p1023;
        k -= 1023;
        if (k > 1023) return x * 0x1p1023;
    } else if (k < -1022) {
        /* -969 leaves a normal number in between, so only the last product rounds. */
        x *= 0x1p-969;
        k += 969;
        if (k < -1022) return x * 0x1p-1022 * 0x1p-1022;
    }
    return x * of_bits((uint64_t)(k + 1023) << 52);
}

/* (exp(r + c) - 1 - r) for |r| <= 0.35 and tiny c: 1/n! up to 1/14!. */
static double exp_tail(double r, double c) {
    double p = 1.0 / 87178291200.0;
    p = 1.0 / 6227020800.0 + r * p;
    p = 1.0 / 479001600.0 + r * p;
    p = 1.0 / 39916800.0 + r * p;
    p = 1.0 / 3628800.0 + r * p;
    p = 1.0 / 362880.0 + r * p;
    p = 1.0 / 40320.0 + r * p;
    p = 1.0 / 5040.0 + r * p;
    p = 1.0 / 720.0 + r * p;
    p = 1.0 / 120.0 + r * p;
    p = 1.0 / 24.0 + r * p;
    p = 1.0 / 6.0 + r * p;
    p = 0.5 + r * p;
    return r * r * p + (c + c * r);
}

/* hi + lo = k ln 2 + r + c with |r| <= 0.35. */
static int reduce(double hi, double lo, double *r, double *c) {
    double k = rint(hi * inv_ln2);
    double a = hi - k * ln2_hi, b = k * ln2_lo;
    double d = a - b, e = ((a - d) - b) + (lo - k * ln2_tail);
    *r = d + e;
    *c = e - (*r - d);
    return (int)k;
}

/* exp(hi + lo) for |lo| far below an ulp of hi. */
static double exp_twice(double hi, double lo) {
    if (isnan(hi)) return hi;
    if (hi > 710.0) return INFINITY;
    if (hi < -746.0) return 0.0;
    double r, c;
    int k = reduce(hi, lo, &r, &c);
    return scale(1.0 + (r + exp_tail(r, c)), k);
}

double gal_ref_exp(double x) {
    return exp_twice(x, 0.0);
}

double gal_ref_expm1(double x) {
    if (isnan(x)) return x;
    if (x > 710.0) return INFINITY;
    if (x < -40.0) return -1.0;
    if (fabs(x) < 0x1p-54) return x;
    double r, c;
    int k = reduce(x, 0.0, &r, &c);
    double p = exp_tail(r, c);
    if (k == 0) return r + p;
    if (k > 60) return scale(1.0 + (r + p), k);
    double s = scale(1.0, k);
    double t = r + p;
    /* s * (1 + t) - 1 with the part of t lost in the sum put back. */
    double base = s - 1.0, add = s * t, sum = base + add;
    double lost = fabs(base) >= fabs(add) ? add - (sum - base) : base - (sum - add);
    return sum + (lost + s * (p - (t - r)));
}

/* x = 2^k m with m in [sqrt(1/2), sqrt(2)), for finite x > 0. */
static double split(double x, int *k) {
    int e = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        e = -54;
    }
    uint64_t u = bits_of(x);
    e += (int)(u >> 52) - 1023;
    double m = of_bits((u & 0xfffffffffffffULL) | 0x3ff0000000000000ULL);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        e++;
    }
    *k = e;
    return m;
}

/* sum over n >= 1 of 2 z^n / (2n + 1) for z = s^2 <= 0.0295. */
static double atanh_tail(double z) {
    double p = 2.0 / 27.0;
    p = 2.0 / 25.0 + z * p;
    p = 2.0 / 23.0 + z * p;
    p = 2.0 / 21.0 + z * p;
    p = 2.0 / 19.0 + z * p;
    p = 2.0 / 17.0 + z * p;
    p = 2.0 / 15.0 + z * p;
    p = 2.0 / 13.0 + z * p;
    p = 2.0 / 11.0 + z * p;
    p = 2.0 / 9.0 + z * p;
    p = 2.0 / 7.0 + z * p;
    p = 2.0 / 5.0 + z * p;
    p = 2.0 / 3.0 + z * p;
    return z * p;
}

/* k ln 2 + log(1 + f) + c for f in [-0.3, 0.42]. */
static double log_parts(int k, double f, double c) {
    double s = f / (2.0 + f), half = 0.5 * f * f;
    double tail = s * (half + atanh_tail(s * s)); /* log(1 + f) = f - (half - tail) */
    if (k == 0) return f - (half - (tail + c));
    return k * ln2_hi - ((half - (tail + (k * ln2_lo + c))) - f);
}

double gal_ref_log(double x) {
    if (isnan(x) || x < 0.0) return NAN;
    if (x == 0.0) return -INFINITY;
    if (isinf(x)) return x;
    int k;
    double m = split(x, &k);
    return log_parts(k, m - 1.0, 0.0);
}

double gal_ref_log1p(double x) {
    if (isnan(x) || x < -1.0) return NAN;
    if (x == -1.0) return -INFINITY;
    if (isinf(x) || fabs(x) < 0x1p-54) return x;
    if (x > -0.29 && x < 0.41) return log_parts(0, x, 0.0);
    double u = 1.0 + x;
    double lost = x >= 1.0 ? 1.0 - (u - x) : x - (u - 1.0);
    int k;
    double m = split(u, &k);
    return log_parts(k, m - 1.0, lost / u);
}

double gal_ref_tanh(double x) {
    double a = fabs(x), t;
    if (isnan(x) || a < 0x1p-28) return x;
    if (a > 22.0) {
        t = 1.0;
    } else if (a >= 1.0) {
        t = 1.0 - 2.0 / (gal_ref_expm1(2.0 * a) + 2.0);
    } else {
        double e = gal_ref_expm1(-2.0 * a);
        t = -e / (e + 2.0);
    }
    return copysign(t, x);
}

double gal_ref_sigmoid(double x) {
    if (x >= 0.0) return 1.0 / (1.0 + gal_ref_exp(-x));
    double e = gal_ref_exp(x);
    return e / (1.0 + e);
}

/* erf around 0: 2 / sqrt(pi) * (-1)^n / (n! (2n + 1)), the first less 1 so that x itself is added unrounded. */
static const double erf_series[] = {0.1283791670955126,      -0.37612638903183754,    0.11283791670955126,
                                    -0.026866170645131252,   0.005223977625442188,    -0.0008548327023450853,
                                    0.00012055332981789664,  -1.492565035840625e-05,  1.6462114365889248e-06,
                                    -1.6365844691234924e-07, 1.4807192815879218e-08,  -1.2290555301717928e-09,
                                    9.422759064650411e-11,   -6.7113668551641105e-12, 4.4632242632864775e-13,
                                    -2.7835162072109215e-14, 1.6342614095367152e-15,  -9.063970842808673e-17,
                                    4.763348040515068e-18,   -2.3784598852774293e-19, 1.131218725924631e-20};

/* erf(c) and its slope 2 / sqrt(pi) exp(-c^2) at c = 1.25, 1.75, ... 5.75. */
static const double erf_centre[10][2] = {
    {0x1.d8865d98abe01p-1, 0x1.e4652fadcb6b2p-3},  {0x1.f92d077f8d56dp-1, 0x1.b055303221015p-5},
    {0x1.ff404760319b4p-1, 0x1.d4143a9dfe965p-8},  {0x1.fff2cfb0453d9p-1, 0x1.3360ccd23db3ap-11},
    {0x1.ffff6f9f67e55p-1, 0x1.e9b5e8d00ce77p-16}, {0x1.fffffc2f171e3p-1, 0x1.d9371e2ff7c35p-21},
    {0x1.fffffff01a8b6p-1, 0x1.155a09065d4f7p-26}, {0x1.ffffffffd759dp-1, 0x1.8a61745ec7d1dp-33},
    {0x1.ffffffffffc05p-1, 0x1.5422ef5d8949dp-40}, {0x1.ffffffffffffcp-1, 0x1.63daf8b4b1e0cp-48}};

/* erf(a) for a in [1, 6): exp(-2ct - t^2) has Taylor terms a_0 = 1, a_(n+1) = -2 (c a_n + a_(n-1)) / (n + 1),
 * integrated here. */
static double erf_far(double a) {
    int i = (int)((a - 1.0) * 2.0);
    double c = 1.25 + 0.5 * i, h = a - c;
    double previous = 0.0, term = 1.0, power = h, sum = 0.0;
    for (int n = 0; n < 26; n++) {
        sum += term * power / (n + 1);
        double next = -2.0 * (c * term + previous) / (n + 1);
        previous = term;
        term = next;
        power *= h;
    }
    return erf_centre[i][0] + erf_centre[i][1] * sum;
}

double gal_ref_erf(double x) {
    double a = fabs(x);
    if (isnan(x)) return x;
    if (a >= 6.0) return copysign(1.0, x);
    if (a >= 1.0) return copysign(erf_far(a), x);
    double z = x * x, p = 0.0;
    for (int n = (int)(sizeof erf_series / sizeof erf_series[0]) - 1; n >= 0; n--) p = erf_series[n] + z * p;
    return x + x * p;
}

static twice add(double a, double b) {
    double s = a + b, v = s - a;
    return (twice){s, (a - (s - v)) + (b - v)};
}

/* Dekker's exact product; |a|, |b| below 2^995. */
static twice mul(double a, double b) {
    double p = a * b;
    double t = 134217729.0 * a, ah = t - (t - a), al = a - ah;
    t = 134217729.0 * b;
    double bh = t - (t - b), bl = b - bh;
    return (twice){p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

static twice mul_twice(twice a, twice b) {
    twice p = mul(a.hi, b.hi);
    return add(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

static twice add_twice(twice a, twice b) {
    twice s = add(a.hi, b.hi);
    return add(s.hi, s.lo + (a.lo + b.lo));
}

/* log x to about 2^-65, for finite x > 0: 2 s (1 + z / 3 + z^2 (1/5 + ...)), z = s^2, the first two terms in two
 * doubles. */
static twice log_twice(double x) {
    int k;
    double m = split(x, &k), f = m - 1.0;
    twice d = add(2.0, f);
    double q = f / d.hi;
    twice back = mul(q, d.hi);
    twice s = add(q, (((f - back.hi) - back.lo) - q * d.lo) / d.hi);
    twice z = mul_twice(s, s);
    double p = 1.0 / 27.0;
    for (int n = 25; n >= 5; n -= 2) p = 1.0 / n + z.hi * p;
    double rest = z.hi * p;
    twice series = mul_twice(z, add_twice((twice){0x1.5555555555555p-2, 0x1.5555555555555p-56}, (twice){rest, 0.0}));
    twice one = add_twice((twice){1.0, 0.0}, series);
    twice l = mul_twice((twice){2.0 * s.hi, 2.0 * s.lo}, one);
    twice shift = add(k * ln2_hi, k * ln2_lo);
    shift.lo += k * ln2_tail;
    return add_twice(shift, l);
}

/* 0: y is no integer, 1: odd, 2: even. */
static int parity(double y) {
    if (fabs(y) >= 0x1p53) return 2;
    if (floor(y) != y) return 0;
    return floor(y * 0.5) * 2.0 == y ? 2 : 1;
}

/* x is 0 or infinite, y neither 0 nor NaN. */
static double pow_of_edge(double x, double y, int kind) {
    bool to_zero = (x == 0.0) == (y > 0.0);
    double r = to_zero ? 0.0 : INFINITY;
    return kind == 1 ? copysign(r, x) : r;
}

double gal_ref_pow(double x, double y) {
    if (y == 0.0 || x == 1.0) return 1.0;
    if (isnan(x) || isnan(y)) return x + y;
    double a = fabs(x);
    if (isinf(y)) {
        if (a == 1.0) return 1.0;
        return (a > 1.0) == (y > 0.0) ? INFINITY : 0.0;
    }
    int kind = parity(y);
    if (a == 0.0 || isinf(a)) return pow_of_edge(x, y, kind);
    if (x < 0.0 && kind == 0) return NAN;
    twice l = log_twice(a);
    double size = fabs(y) * fabs(l.hi), r;
    if (size > 800.0) {
        r = (y > 0.0) == (l.hi > 0.0) ? INFINITY : 0.0;
    } else if (size < 0x1p-60) {
        r = 1.0;
    } else {
        twice p = mul_twice((twice){y, 0.0}, l);
        r = exp_twice(p.hi, p.lo);
    }
    return x < 0.0 && kind == 1 ? -r : r;
}
