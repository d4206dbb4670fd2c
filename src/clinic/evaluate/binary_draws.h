/* The figures of a binary evaluation as a statistic of weighted cases; shared by the files of this room only. */
#ifndef GAL_CLINIC_BINARY_DRAWS_H
#define GAL_CLINIC_BINARY_DRAWS_H

#include "clinic/evaluate/evaluate_binary.h"
#include "clinic/evaluate/passes.h"
#include "clinic/stats/units.h"

/* What gal_binary_statistic reads. Units are cases, stratified by kind, or patients, stratified by whether they have a
 * positive case. */
typedef struct gal_binary_draws {
    size_t cases;
    gal_units units;
    gal_score_place *by_score;
    gal_probability_place *by_probability; /* NULL: no probabilities */
    const gal_eval_settings *settings;
    bool decided;
} gal_binary_draws;

/* called: [cases] decisions, or NULL. The caller frees *out with gal_binary_draws_free; settings must outlive it.
 * Scores and probabilities are checked by the caller. GALEN_ERR_MEMORY. */
galen_status gal_binary_draws_make(const gal_binary_cases *cases, const uint8_t *called,
                                   const gal_eval_settings *settings, gal_binary_draws *out, galen_error *err);
void gal_binary_draws_free(gal_binary_draws *draws);

/* GAL_FIGURES figures by gal_figure, of a gal_binary_draws; for gal_statistic. */
void gal_binary_statistic(const void *draws, const gal_weights *weight, double (*out)[GAL_LANES]);

#endif
