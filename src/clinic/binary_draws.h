/* The figures of a binary evaluation as a statistic of weighted cases; shared by the files of this room only. */
#ifndef GAL_CLINIC_BINARY_DRAWS_H
#define GAL_CLINIC_BINARY_DRAWS_H

#include "clinic/bootstrap.h"
#include "clinic/evaluate.h"

/* A case in one of the two orders that figures are computed in, both ascending. */
typedef struct gal_score_place {
    uint32_t unit;
    uint8_t positive;
    uint8_t kind; /* gal_place_kind */
} gal_score_place;

typedef struct gal_probability_place {
    double probability, loss; /* -ln of the probability of what is true */
    uint32_t unit;
    uint32_t positive;
} gal_probability_place;

/* What gal_binary_statistic reads. Units are cases, stratified by kind, or patients, stratified by whether they have a
 * positive case. */
typedef struct gal_binary_draws {
    size_t cases, units;
    size_t stratum[2];
    int strata;
    gal_score_place *by_score;
    size_t first_called;                   /* place of the lowest score called positive; cases: none is */
    gal_probability_place *by_probability; /* NULL: no probabilities */
    uint32_t (*unit_cases)[2];             /* [units] negative and positive cases of a patient; NULL: units are cases */
    const gal_eval_settings *settings;
    size_t positives;
} gal_binary_draws;

/* The caller frees *out with gal_binary_draws_free; settings must outlive it. Scores and probabilities are checked by
 * the caller. GALEN_ERR_MEMORY. */
galen_status gal_binary_draws_make(const gal_binary_cases *cases, const gal_eval_settings *settings,
                                   gal_binary_draws *out, galen_error *err);
void gal_binary_draws_free(gal_binary_draws *draws);

/* GAL_FIGURES figures by gal_figure, of a gal_binary_draws; for gal_statistic. */
void gal_binary_statistic(const void *draws, const gal_weights *weight, double (*out)[GAL_LANES]);

/* Are there patients with more than one case? */
bool gal_by_patient(const gal_binary_cases *cases);

#endif
