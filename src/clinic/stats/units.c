/* Numbering of cases or patients by stratum. */
#include "clinic/stats/units.h"

#include "base/error.h"
#include "base/mem.h"

/* first[k] from how many units each kind has; kinds that nobody has are no strata. */
static void lay_out(gal_units *u, size_t *first, size_t kinds) {
    size_t at = 0;
    for (size_t k = 0; k < kinds; k++) {
        size_t here = first[k];
        if (here > 0) u->stratum[u->strata++] = here;
        first[k] = at;
        at += here;
    }
    u->count = at;
}

static void number_cases(gal_units *u, const uint32_t *kind, size_t cases, size_t kinds, const size_t *order,
                         size_t *first) {
    for (size_t i = 0; i < cases; i++) first[kind[i]]++;
    lay_out(u, first, kinds);
    for (size_t i = 0; i < cases; i++) u->of[order[i]] = (uint32_t)first[kind[order[i]]]++;
}

/* number[patients]: first each one's highest kind, then his number. */
static void number_patients(gal_units *u, const uint32_t *kind, size_t cases, size_t kinds, const gal_patients *p,
                            uint32_t *number, size_t *first) {
    for (size_t i = 0; i < cases; i++)
        if (kind[i] > number[p->of[i]]) number[p->of[i]] = kind[i];
    for (size_t k = 0; k < p->count; k++) first[number[k]]++;
    lay_out(u, first, kinds);
    for (size_t k = 0; k < p->count; k++) number[k] = (uint32_t)first[number[k]]++;
    for (size_t i = 0; i < cases; i++) u->of[i] = number[p->of[i]];
}

galen_status gal_units_make(const uint32_t *kind, size_t cases, size_t kinds, const gal_patients *patients,
                            const size_t *order, gal_units *out, galen_error *err) {
    gal_units u = {.by_patient = patients->of != NULL && patients->count < cases};
    size_t numbers = u.by_patient ? patients->count : 1;
    size_t *first = gal_calloc(kinds, sizeof *first);
    uint32_t *number = gal_calloc(numbers, sizeof *number);
    u.of = gal_calloc(cases, sizeof *u.of);
    u.stratum = gal_calloc(kinds, sizeof *u.stratum);
    bool all = first != NULL && number != NULL && u.of != NULL && u.stratum != NULL;
    if (all && u.by_patient) number_patients(&u, kind, cases, kinds, patients, number, first);
    if (all && !u.by_patient) number_cases(&u, kind, cases, kinds, order, first);
    gal_free(first);
    gal_free(number);
    if (all)
        *out = u;
    else
        gal_units_free(&u);
    if (all) return GALEN_OK;
    return gal_fail_memory(err, "units to draw", cases * sizeof *u.of + numbers * sizeof *number);
}

void gal_units_free(gal_units *u) {
    gal_free(u->of);
    gal_free(u->stratum);
    *u = (gal_units){0};
}
