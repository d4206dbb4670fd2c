/* Figures of many classes as a statistic of weighted cases; shared by the files of this room only. */
#ifndef GAL_CLINIC_CLASS_DRAWS_H
#define GAL_CLINIC_CLASS_DRAWS_H

#include "clinic/evaluate/evaluate_classes.h"
#include "clinic/evaluate/passes.h"
#include "clinic/stats/units.h"

/* What gal_class_statistic reads. */
typedef struct gal_class_draws {
    const gal_case_set *set;
    size_t bins;
    const uint32_t *predicted; /* [cases] multi-class: the called class */
    const uint8_t *called;     /* [class][cases] 0 or 1; multi-label: NULL without a threshold */
    gal_units units;
    gal_score_place **by_score; /* [classes] */
    /* Multi-class only: */
    gal_probability_place *by_confidence; /* positive: the called class is the true one */
    uint32_t *place;                      /* [cases] the true class's place by score, 0 the highest */
    double *loss, *brier;                 /* [cases] */
} gal_class_draws;

/* The caller frees *out with gal_class_draws_free; set, predicted and called must outlive it. GALEN_ERR_MEMORY. */
galen_status gal_class_draws_make(const gal_case_set *set, const uint32_t *predicted, const uint8_t *called,
                                  size_t bins, gal_class_draws *out, galen_error *err);
void gal_class_draws_free(gal_class_draws *draws);

/* GAL_CLASS_FIGURES figures by gal_class_figure, of a gal_class_draws; for gal_statistic. */
void gal_class_statistic(const void *draws, const gal_weights *weight, double (*out)[GAL_LANES]);

#endif
