/* Functions on vectors, the same operations at every level. Include after vec_avx2.h or vec_avx512.h. */
#include <math.h>

/* min(max(x, low), high); NaN stays NaN because it is the second operand of both. */
static inline vf vf_clamp(vf x, vf low, vf high) {
    return vf_min(high, vf_max(low, x));
}

/* The larger of both, NaN when either is NaN. */
static inline vf vf_max_nan(vf a, vf b) {
    return vf_if_nan(a, a, vf_max(a, b));
}

/*
 * e^x: x = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite's two-part ln 2), e^r by its Taylor series to r^7, at most 2
 * ulp. Overflows to infinity, underflows through the denormals to zero, NaN stays NaN.
 */
static inline vf vf_exp(vf x) {
    x = vf_clamp(x, vf_set(-105.0f), vf_set(90.0f));
    vf n = vf_round(vf_mul(x, vf_set(0x1.715476p+0f)));
    vf r = vf_fma(n, vf_set(-0x1.62e400p-1f), x);
    r = vf_fma(n, vf_set(-0x1.7f7d1cp-20f), r);
    vf p = vf_set(1.0f / 5040);
    p = vf_fma(p, r, vf_set(1.0f / 720));
    p = vf_fma(p, r, vf_set(1.0f / 120));
    p = vf_fma(p, r, vf_set(1.0f / 24));
    p = vf_fma(p, r, vf_set(1.0f / 6));
    p = vf_fma(p, r, vf_set(0.5f));
    p = vf_fma(p, r, vf_set(1.0f));
    p = vf_fma(p, r, vf_set(1.0f));
    return vf_scale2(p, n);
}

static inline vf vf_sigmoid(vf x) {
    return vf_div(vf_set(1), vf_add(vf_set(1), vf_exp(vf_sub(vf_zero(), x))));
}

/*
 * x / (1 + e^-x). Where a fraction is one instruction, e^-x is 2^t of t = -x log2 e: a minimax polynomial of degree 5
 * for the fraction of t, relative error 7.5e-8, times 2^floor(t). t is rounded once, which moves e^-x by |x| / 2 units
 * in the last place: what is left is an error of 1.6 units of max(1, |result|), for half the time of e^x to 2 ulp.
 */
static inline vf vf_silu(vf x) {
#ifdef GAL_VEC_FRACTION
    vf t = vf_mul(x, vf_set(-1.44269504088896341f)), f = vf_fraction(t);
    vf p = vf_set(0.0018775766733703889f);
    p = vf_fma(p, f, vf_set(0.0089893400947086942f));
    p = vf_fma(p, f, vf_set(0.055826318050040215f));
    p = vf_fma(p, f, vf_set(0.24015361704533508f));
    p = vf_fma(p, f, vf_set(0.69315307320007535f));
    p = vf_fma(p, f, vf_set(0.99999992506352975f));
    return vf_div(x, vf_add(vf_set(1), vf_scale2(p, t)));
#else
    return vf_mul(x, vf_sigmoid(x));
#endif
}

/* tanh: the Cephes polynomial (S. Moshier, tanhf.c) below 0.625 in magnitude, 1 - 2 / (e^2|x| + 1) with x's sign above.
 */
static inline vf vf_tanh(vf x) {
    vf z = vf_abs(x), s = vf_mul(x, x);
    vf p = vf_set(-5.70498872745e-3f);
    p = vf_fma(p, s, vf_set(2.06390887954e-2f));
    p = vf_fma(p, s, vf_set(-5.37397155531e-2f));
    p = vf_fma(p, s, vf_set(1.33314422036e-1f));
    p = vf_fma(p, s, vf_set(-3.33332819422e-1f));
    vf small = vf_fma(vf_mul(p, s), x, x);
    vf large = vf_sub(vf_set(1), vf_div(vf_set(2), vf_add(vf_exp(vf_add(z, z)), vf_set(1))));
    large = vf_if_negative(x, vf_sub(vf_zero(), large), large);
    return vf_if_less(z, vf_set(0.625f), small, large);
}

static inline vf vf_hard_sigmoid(vf x, vf alpha, vf beta) {
    return vf_clamp(vf_fma(alpha, x, beta), vf_zero(), vf_set(1));
}

/*
 * x times the normal distribution at x, erfc(|x| / sqrt 2) / 2 or what that leaves of 1. erfc by formula 7.1.26 of
 * Abramowitz and Stegun, "Handbook of Mathematical Functions", absolute error 1.5e-7, whose factor e^-z^2 keeps the
 * small numbers on the negative side small.
 */
static inline vf vf_gelu(vf x) {
    vf z = vf_mul(vf_abs(x), vf_set(0.707106781f));
    vf t = vf_div(vf_set(1), vf_fma(z, vf_set(0.3275911f), vf_set(1)));
    vf p = vf_set(0.5f * 1.061405429f);
    p = vf_fma(p, t, vf_set(0.5f * -1.453152027f));
    p = vf_fma(p, t, vf_set(0.5f * 1.421413741f));
    p = vf_fma(p, t, vf_set(0.5f * -0.284496736f));
    p = vf_fma(p, t, vf_set(0.5f * 0.254829592f));
    vf tail = vf_mul(vf_mul(p, t), vf_exp(vf_sub(vf_zero(), vf_mul(z, z))));
    return vf_mul(x, vf_if_negative(x, tail, vf_sub(vf_set(1), tail)));
}
