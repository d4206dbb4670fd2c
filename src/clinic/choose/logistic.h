/* Logistic regression on few terms: what turns scores into probabilities. */
#ifndef GAL_CLINIC_LOGISTIC_H
#define GAL_CLINIC_LOGISTIC_H

#include <galen/status.h>
#include <stddef.h>

enum { GAL_LOGISTIC_TERMS = 3 };

/* Cases of a regression: P(1 | x) = sigmoid(weight . x). */
typedef struct gal_logistic_data {
    const double *x;      /* [count][terms] finite; a term of all ones is the intercept */
    const double *target; /* [count] in [0, 1]: 0 or 1, or a share of ones */
    size_t count;
    int terms; /* 1 to GAL_LOGISTIC_TERMS */
} gal_logistic_data;

/*
 * The weights of least log loss, sum of -t ln p - (1 - t) ln(1 - p), by Newton's steps, halved until they help; the
 * loss is convex, so there is one answer, and sums go in the order of the cases. *loss (NULL: not wanted) is the least
 * one. GALEN_ERR_NUMERIC where no weights are best: ones and zeros do not overlap, or the terms depend on each other.
 */
galen_status gal_logistic_fit(const gal_logistic_data *data, double *weight, double *loss, galen_error *err);

#endif
