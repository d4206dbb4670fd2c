/* In which order pictures are used. */
#ifndef GAL_DATA_ORDER_H
#define GAL_DATA_ORDER_H

#include "base/rng.h"
#include "data/dataset.h"

/* What a random number is for: numbers for different purposes never come from the same counters. */
typedef enum gal_draw { GAL_DRAW_ORDER, GAL_DRAW_SPLIT, GAL_DRAW_AUGMENT, GAL_DRAW_MIX } gal_draw;

/* The numbers of one use at one position of an epoch (below 2^24 and 2^38). */
gal_rng gal_draw_at(uint64_t seed, gal_draw use, uint64_t epoch, uint64_t position);

/* Uniform in [0, n), n below 2^32. */
size_t gal_draw_below(gal_rng *rng, size_t n);

/* Puts n indices into random order (Fisher and Yates, as Durstenfeld has it). */
void gal_shuffle(size_t *index, size_t n, gal_rng *rng);

/*
 * Chances of the n samples picked[0..n) when all their classes are equally likely, summed up: chance[i] is the sum of
 * those of 0 to i, in f64 and in this order. GALEN_ERR_MEMORY.
 */
galen_status gal_class_chances(const gal_dataset *dataset, const size_t *picked, size_t n, double *chance,
                               galen_error *err);
/* Draws one of them. */
size_t gal_draw_by_chance(const double *chance, size_t n, gal_rng *rng);

#endif
