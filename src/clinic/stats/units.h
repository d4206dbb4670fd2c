/* What a bootstrap draws: cases or patients, by stratum; shared by the files of this room only. */
#ifndef GAL_CLINIC_UNITS_H
#define GAL_CLINIC_UNITS_H

#include "clinic/stats/bootstrap.h"

/* Units of cases. Each stratum's have numbers in a row. */
typedef struct gal_units {
    size_t count;
    uint32_t *of;    /* [cases] the case's unit */
    size_t *stratum; /* [strata] units in it, 1 or more */
    int strata;
    bool by_patient;
} gal_units;

/* Who the cases are of. */
typedef struct gal_patients {
    const uint32_t *of; /* [cases] below `count`; NULL: every case is its own patient */
    size_t count;
} gal_patients;

/*
 * Strata are kinds, and kind[i] is below `kinds`. Units are the cases, those of a kind numbered in the order order[i]
 * names them; or, where a patient has several cases, the patients, whose stratum is the highest kind among their cases:
 * number kinds so that the rarest is the highest, and samples keep it. The caller frees *out with gal_units_free.
 * GALEN_ERR_MEMORY.
 */
galen_status gal_units_make(const uint32_t *kind, size_t cases, size_t kinds, const gal_patients *patients,
                            const size_t *order, gal_units *out, galen_error *err);
void gal_units_free(gal_units *units);

#endif
