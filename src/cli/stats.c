/* Order statistics. */
#include "cli/stats.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void stats_sort(double *sample, size_t n) {
    qsort(sample, n, sizeof *sample, ascending);
}

double stats_percentile(const double *sorted, size_t n, double p) {
    double rank = ceil(p / 100 * (double)n);
    size_t i = rank < 1 ? 0 : (size_t)rank - 1;
    return sorted[i < n ? i : n - 1];
}

stats_interval stats_median(const double *sorted, size_t n) {
    double below = 0; /* P(Binomial(n, 1/2) <= k) */
    size_t k = 0;
    for (; k < n / 2; k++) {
        below += exp(lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1) - (double)n * log(2));
        if (below > 0.025) break;
    }
    size_t low = k ? k - 1 : 0;
    double median = n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    return (stats_interval){median, sorted[low], sorted[n - 1 - low]};
}
