/* The best rising curve through outcomes: isotonic regression. */
#ifndef GAL_CLINIC_ISOTONIC_H
#define GAL_CLINIC_ISOTONIC_H

#include "clinic/measures/roc.h"

enum { GAL_ISOTONIC_BLOCKS = 512 };

/* Cases of neighbouring scores that share a probability. */
typedef struct gal_isotonic_block {
    double low, high;        /* the first and the last score */
    size_t cases, positives; /* their quotient rises from block to block */
} gal_isotonic_block;

/*
 * The rising probabilities of least squared error, by pooling adjacent violators (Ayer et al., Annals of Mathematical
 * Statistics 26, 1955; for calibration: Zadrozny and Elkan, KDD 2002), lowest scores first; cases of one score are in
 * one block. Beyond GAL_ISOTONIC_BLOCKS the neighbours are joined whose union adds least squared error, one pair at a
 * time. The caller frees *out with gal_free. Errors as gal_roc_auc. O(n log n) and, beyond the limit, O(blocks^2).
 */
galen_status gal_isotonic(const gal_scores *scores, gal_isotonic_block **out, size_t *count, galen_error *err);

#endif
