/* Cases in the order of their scores; shared by the files of this room only. */
#ifndef GAL_CLINIC_RANKED_H
#define GAL_CLINIC_RANKED_H

#include "clinic/roc.h"

typedef struct gal_ranked {
    double score;
    size_t at; /* its index among the cases */
    uint8_t positive;
} gal_ranked;

/* Sorted copies, highest score first; *positives counts them. The caller frees *out with gal_free. Errors as
 * gal_roc_auc. */
galen_status gal_rank(const gal_scores *scores, gal_ranked **out, size_t *positives, galen_error *err);

#endif
