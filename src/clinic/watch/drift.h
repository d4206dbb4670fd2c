/* Watching a model at work: do the numbers it sees and gives still look like those it was tested on? */
#ifndef GAL_CLINIC_DRIFT_H
#define GAL_CLINIC_DRIFT_H

#include <galen/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- distributions ---- */

enum { GAL_PSI_MAX_BINS = 64 };

typedef struct gal_psi {
    double index; /* sum over bins of (a - e) ln(a / e) of the shares a now and e then; 0: alike */
    double p;     /* the chance of as much where nothing changed */
} gal_psi;

/*
 * Cuts numbers into `bins` parts that hold about as many of them each: edge[bins - 1], rising, the first number of each
 * part but the first. Equal numbers stay together, so there may be fewer edges than asked for; returns how many.
 * `value` need not be sorted, and holds no NaN. GALEN_ERR_MEMORY, or GALEN_ERR_ARGUMENT unless 2 <= bins <=
 * GAL_PSI_MAX_BINS <= count.
 */
galen_status gal_psi_edges(const double *value, size_t count, int bins, double *edge, int *edges, galen_error *err);

/* Adds `count` numbers to bins counted so far (edges + 1 of them). */
void gal_psi_count(const double *value, size_t count, const double *edge, int edges, uint64_t *bin);

/*
 * The population stability index (Siddiqi, Credit Risk Scorecards, 2006) of counts in bins (2 to GAL_PSI_MAX_BINS).
 * Half a case is added to each bin, which keeps empty ones finite. Without a change the index / (1 / n + 1 / m) is
 * about chi-squared with bins - 1 degrees of freedom (Yurdakul and Naranjo, Journal of Risk Model Validation 14(4),
 * 2020): p is by that, for the customary limits 0.1 and 0.25 mean little without the number of cases. NaN without cases
 * on a side.
 */
gal_psi gal_psi_of(const uint64_t *then, const uint64_t *now, int bins);

/* The chance of more than x by the chi-squared distribution of k >= 1 degrees of freedom (DLMF 8.4, 8.8, exact sums).
 */
double gal_chi_squared_tail(double x, int k);

typedef struct gal_ks {
    double distance; /* the largest difference of the two distribution functions */
    double p;        /* the chance of as much where both are of one distribution, two-sided */
    bool exact;      /* counted over all orders; else by Kolmogorov's limit */
} gal_ks;

/*
 * The two-sample test of Kolmogorov and Smirnov, of samples counted in the same bins. The distance is the largest at
 * the bins' edges, where both distribution functions are known exactly: that of the numbers themselves is no smaller,
 * and where each bin is one value it is the same. Ties make p too large rather than too small. Exact where n m is at
 * most 10^7, by counting lattice paths (Hodges, Arkiv for Matematik 3, 1958), otherwise Kolmogorov's limit at the
 * effective size n m / (n + m). GALEN_ERR_ARGUMENT without numbers on a side.
 */
galen_status gal_ks_of(const uint64_t *then, const uint64_t *now, int bins, gal_ks *out, galen_error *err);

/* ---- one number after another ---- */

/*
 * Page's cumulative sums (Biometrika 41, 1954), both ways, of numbers with known mean and standard deviation while all
 * is well. slack: half the shift to be found, in standard deviations; limit: where to alarm. With 0.5 and 5 a false
 * alarm comes about every 465 numbers and a shift of one deviation is found after about 10 (Montgomery, Introduction to
 * Statistical Quality Control).
 */
typedef struct gal_cusum {
    double mean, deviation, slack, limit;
    double high, low;  /* the sums, in deviations; both >= 0 */
    uint64_t count;    /* numbers so far */
    uint64_t high_run; /* numbers since the high sum was 0: the shift began about then */
    uint64_t low_run;
} gal_cusum;

typedef enum gal_drift { GAL_DRIFT_NONE, GAL_DRIFT_UP, GAL_DRIFT_DOWN } gal_drift;

/* GALEN_ERR_ARGUMENT unless all are finite, deviation and limit are above 0 and slack is at least 0. */
galen_status gal_cusum_start(double mean, double deviation, double slack, double limit, gal_cusum *out,
                             galen_error *err);
/* Takes the next number in; an alarm stays. A number that is not finite is an alarm upwards, for it is no number the
 * model was tested on. */
gal_drift gal_cusum_add(gal_cusum *cusum, double value);

#endif
