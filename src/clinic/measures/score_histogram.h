/* How the scores of positives and of negatives are spread. */
#ifndef GAL_CLINIC_SCORE_HISTOGRAM_H
#define GAL_CLINIC_SCORE_HISTOGRAM_H

#include "clinic/measures/roc.h"

/*
 * Shares of the negative and of the positive cases in `bins` bins of equal width from 0 to 1; a probability on a
 * boundary is in the bin above it, 1 in the last. Scores are probabilities; what lies outside counts in the bin at that
 * end. cases[0] counts the negatives, cases[1] the positives; without cases of a kind its shares are 0.
 */
void gal_score_histogram(const gal_scores *scores, size_t bins, double *negative, double *positive, size_t cases[2]);

#endif
