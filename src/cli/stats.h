/* Order statistics for measurements. */
#ifndef GAL_CLI_STATS_H
#define GAL_CLI_STATS_H

#include <stddef.h>

typedef struct stats_interval {
    double median, low, high; /* of the samples; [low, high] covers the true median with at least 95 % */
} stats_interval;

enum { STATS_MIN_SAMPLES = 6 }; /* fewer cannot give a 95 % interval without assuming a distribution */

/* Sorts in place. */
void stats_sort(double *sample, size_t n);
/* Nearest-rank percentile of sorted samples, p in (0, 100]. n > 0. */
double stats_percentile(const double *sorted, size_t n, double p);
/*
 * Median of sorted samples and its distribution-free interval between order statistics k and n + 1 - k, with the
 * largest k for which P(Binomial(n, 1/2) < k) <= 0.025 (Conover, Practical Nonparametric Statistics, 3.2). n >=
 * STATS_MIN_SAMPLES.
 */
stats_interval stats_median(const double *sorted, size_t n);

#endif
