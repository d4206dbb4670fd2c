/*
 * Transcendental functions in double: the same bits on every machine, whatever its libm.
 *
 * Made of IEEE additions, multiplications and divisions in a fixed order only. The error is below 2 units in the last
 * place over the whole range; NaN, infinities, signed zeros, overflow and subnormal results follow C17 Annex F.
 */
#ifndef GAL_BASE_REFMATH_H
#define GAL_BASE_REFMATH_H

double gal_ref_exp(double x);
double gal_ref_expm1(double x);
double gal_ref_log(double x);
double gal_ref_log1p(double x);
double gal_ref_tanh(double x);
double gal_ref_erf(double x);
/* Exact whenever the exact power is a double. */
double gal_ref_pow(double x, double y);
/* 1 / (1 + exp(-x)) without overflow. */
double gal_ref_sigmoid(double x);
/* The x below which a standard normal variable falls with probability p: -inf at 0, inf at 1, NaN outside [0, 1].
 * Relative error about 1e-16 (Wichura's AS 241). */
double gal_ref_normal_quantile(double p);

#endif
