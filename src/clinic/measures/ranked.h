/* Cases in the order of their scores; shared by the files of this room only. */
#ifndef GAL_CLINIC_RANKED_H
#define GAL_CLINIC_RANKED_H

#include "clinic/measures/roc.h"

typedef struct gal_ranked {
    double score;
    size_t at; /* its index among the cases */
    uint8_t positive;
} gal_ranked;

/* Sorted copies, highest score first, equal ones in the order given; *positives counts them. The caller frees *out with
 * gal_free. Errors as gal_roc_auc. */
galen_status gal_rank(const gal_scores *scores, gal_ranked **out, size_t *positives, galen_error *err);

typedef enum gal_direction { GAL_ASCENDING, GAL_DESCENDING } gal_direction;

/* order[count]: the indices of `value`, which holds no NaN, sorted; equal ones in the order given. GALEN_ERR_MEMORY.
 * O(n). */
galen_status gal_order(const double *value, size_t count, gal_direction direction, size_t *order, galen_error *err);

/* Copies of the cases in that order, of any kind. The caller frees *out with gal_free. */
galen_status gal_sorted_copies(const gal_scores *scores, gal_direction direction, gal_ranked **out, galen_error *err);

#endif
