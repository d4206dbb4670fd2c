/* The beta distribution: what exact intervals of shares and sums of binomial probabilities are made of. */
#ifndef GAL_CLINIC_BETA_H
#define GAL_CLINIC_BETA_H

/*
 * All three: a, b > 0, and NaN otherwise or where an argument is NaN. Relative errors below 1e-12 for a + b up to 1e6,
 * except that of a probability near 1 the distance from 1 has that absolute error only.
 */

/*
 * The density x^(a-1) (1-x)^(b-1) / B(a, b) for x in [0, 1], and 0 outside. By C. Loader's deviances (Fast and Accurate
 * Computation of Binomial Probabilities, 2000): no difference of large logarithms is taken. The binomial probability of
 * k in n at p is gal_beta_density(k + 1, n - k + 1, p) / (n + 1).
 */
double gal_beta_density(double a, double b, double x);

/*
 * The regularised incomplete beta function I_x(a, b), the probability of at most x; 0 below 0 and 1 above 1. By the
 * continued fraction 8.17.22 of the NIST Digital Library of Mathematical Functions. The binomial probability of at most
 * k in n at p is gal_beta_cumulative(n - k, k + 1, 1 - p) for k < n.
 */
double gal_beta_cumulative(double a, double b, double x);

/* The x with I_x(a, b) = p, p in [0, 1] (else NaN), by Newton's steps kept between bounds. */
double gal_beta_quantile(double a, double b, double p);

#endif
