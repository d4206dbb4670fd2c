/* Are probabilities true: do of all cases given 80 % four in five turn out positive? */
#ifndef GAL_CLINIC_RELIABILITY_H
#define GAL_CLINIC_RELIABILITY_H

#include "clinic/measures/roc.h"

#include <stdbool.h>

/* Some cases of neighbouring probability. */
typedef struct gal_reliability_bin {
    size_t cases;
    double probability, share; /* the mean they were given, and what share of them was positive */
} gal_reliability_bin;

/*
 * `bins` bins of equal mass, lowest probabilities first: each has count / bins cases and the first count % bins of them
 * one more, cases of one probability in the order given (Nguyen and O'Connor, EMNLP 2015). Scores are probabilities;
 * one kind of case alone will do. With fewer cases than bins the last are empty, of probability and share NaN.
 * GALEN_ERR_NUMERIC for a score outside [0, 1] or NaN, GALEN_ERR_ARGUMENT without cases or bins.
 */
galen_status gal_reliability(const gal_scores *scores, size_t bins, gal_reliability_bin *out, galen_error *err);

/* The expected calibration error: the mean over cases of |share - probability| of their bin (Naeini, Cooper and
 * Hauskrecht, AAAI 2015). The maximum one: that of the worst bin. Empty bins do not count; NaN where all are. */
double gal_expected_calibration_error(const gal_reliability_bin *bin, size_t bins);
double gal_maximum_calibration_error(const gal_reliability_bin *bin, size_t bins);

/*
 * The mean squared distance of probability from outcome (Brier, Monthly Weather Review 78, 1950) and what it is made
 * of: score = reliability - resolution + uncertainty + within. Reliability is the mean squared calibration error of the
 * bins, resolution how far their shares lie from the share of all, uncertainty that share's p (1 - p) (Murphy, Journal
 * of Applied Meteorology 12, 1973); `within` is what binning hides, the variance of probabilities within bins less
 * twice their covariance with the outcome (Stephenson, Coelho and Jolliffe, Weather and Forecasting 23, 2008), 0 where
 * each bin has one probability. Errors as gal_reliability, and of memory.
 */
typedef struct gal_brier {
    double score, reliability, resolution, uncertainty, within;
} gal_brier;

galen_status gal_brier_score(const gal_scores *scores, size_t bins, gal_brier *out, galen_error *err);

/* The mean of -ln of the probability given to what was true (Good, JRSS B 14, 1952), probabilities kept 1e-15 away from
 * 0 and 1, as one certain and wrong answer would make it infinite. Errors as gal_reliability. */
galen_status gal_log_loss(const gal_scores *scores, double *out, galen_error *err);
/* One case's part of it. */
double gal_case_log_loss(double probability, bool positive);

#endif
