/* Figures of GAL_LANES weighted samples at once, by passes over cases in order; shared by the files of this room only.
 */
#ifndef GAL_CLINIC_PASSES_H
#define GAL_CLINIC_PASSES_H

#include "clinic/measures/roc.h"
#include "clinic/stats/bootstrap.h"

/* How a place ends the group of cases of its score. */
typedef enum gal_place_kind { GAL_INSIDE_GROUP, GAL_ENDS_GROUP, GAL_ALONE } gal_place_kind;

/* A case in descending order of scores. */
typedef struct gal_score_place {
    uint32_t unit;
    uint8_t positive, called; /* what is true, and what was decided */
    uint8_t kind;             /* gal_place_kind */
} gal_score_place;

/* A case in ascending order of probabilities. */
typedef struct gal_probability_place {
    double probability, loss; /* -ln of the probability of what is true */
    uint32_t unit, positive;
} gal_probability_place;

/* place[count] of scores that hold no NaN. called: [count] or NULL, where nothing is decided. GALEN_ERR_MEMORY. */
galen_status gal_place_scores(const gal_scores *scores, const uint8_t *called, const uint32_t *unit,
                              gal_score_place *place, galen_error *err);
/* place[count] of probabilities in [0, 1]. */
galen_status gal_place_probabilities(const gal_scores *probabilities, const uint32_t *unit,
                                     gal_probability_place *place, galen_error *err);

/* Cases of each sample, and how well their scores rank them. */
typedef struct gal_ranking {
    double positives[GAL_LANES], negatives[GAL_LANES];
    double true_positives[GAL_LANES], false_positives[GAL_LANES]; /* called positive */
    double auc[GAL_LANES], average_precision[GAL_LANES];          /* NaN unless both kinds are in the sample */
} gal_ranking;

void gal_ranking_pass(const gal_score_place *place, size_t count, const gal_weights *weight, gal_ranking *out);

/* Means over cases of a sample, and what its bins of equal mass say (reliability.h); NaN for a sample without cases. */
typedef struct gal_calibration {
    double brier[GAL_LANES], loss[GAL_LANES];
    double reliability[GAL_LANES], resolution[GAL_LANES]; /* parts of the Brier score */
    double expected_error[GAL_LANES], worst_error[GAL_LANES];
} gal_calibration;

/* positives, negatives: [GAL_LANES] cases of each sample. */
void gal_calibration_pass(const gal_probability_place *place, size_t count, const gal_weights *weight,
                          const double *positives, const double *negatives, size_t bins, gal_calibration *out);

#endif
