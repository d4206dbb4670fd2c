/*
 * The numerics passport of a model in one precision: its layers against f64 (numerics.h), and what becomes of the
 * scores and decisions on the user's own images.
 */
#ifndef GAL_ANALYZE_PASSPORT_H
#define GAL_ANALYZE_PASSPORT_H

#include "analyze/numerics.h"

#include <galen/predictor.h>

typedef struct gal_passport_image {
    const char *file; /* as given; NULL: random input */
    size_t score;     /* the one that differs most */
    double reference, got;
    bool changed; /* the decision is another one */
} gal_passport_image;

typedef struct gal_passport {
    gal_numerics *numerics;           /* borrowed */
    const galen_predictor *predictor; /* borrowed; NULL: only random input, and nothing is decided */
    gal_passport_image *image;        /* in the order added */
    size_t n_image, capacity;
    size_t changed, undecided;              /* images whose decision changed; whose model gives none to compare */
    double max_difference, mean_difference; /* of |got - reference| over all scores and images */
    double sum_difference;
    float *planes; /* scratch: one image */
} gal_passport;

/* To be released with gal_passport_free, also on failure. */
galen_status gal_passport_start(gal_passport *passport, gal_numerics *numerics, const galen_predictor *predictor,
                                galen_error *err);
/* Decodes, prepares and runs one file, which must outlive the passport. */
galen_status gal_passport_add_file(gal_passport *passport, const char *file, galen_error *err);
/* Runs one item of `in` (as gal_numerics_add), which has no decision. */
galen_status gal_passport_add_item(gal_passport *passport, const void *const *in, galen_error *err);
/* The images in order of falling difference, as many as fit into `worst`; returns how many. */
size_t gal_passport_worst(const gal_passport *passport, const gal_passport_image **worst, size_t max);
void gal_passport_free(gal_passport *passport);

#endif
