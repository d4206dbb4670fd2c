/* Random numbers of successes. */
#ifndef GAL_CLINIC_BINOMIAL_H
#define GAL_CLINIC_BINOMIAL_H

#include "base/rng.h"

/*
 * How many of n trials succeed, each with probability p in [0, 1]; n below 2^53. By inversion where few succeed or few
 * fail, else by transformed rejection (BTRS, W. Hoermann, Journal of Statistical Computation and Simulation 46, 1993).
 * The same numbers on every machine.
 */
uint64_t gal_rng_binomial(gal_rng *rng, uint64_t n, double p);

#endif
