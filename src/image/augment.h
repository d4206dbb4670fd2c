/* Pictures changed at random, within what an acquisition could have changed. */
#ifndef GAL_IMAGE_AUGMENT_H
#define GAL_IMAGE_AUGMENT_H

#include "base/rng.h"
#include "image/prepare.h"

#include <stdbool.h>

/* How far each change may go; all zeros change nothing. Amounts are drawn uniformly from [-limit, limit] unless said.
 */
typedef struct gal_augment {
    double flip_x, flip_y; /* probability of mirroring left-right and up-down */
    double rotate;         /* degrees */
    double shift;          /* parts of the picture's width and of its height */
    double zoom;           /* the scale is 1 + amount; below 1 */
    double crop;           /* parts of the sides that a random window leaves out, from [0, limit]; the rest fills the
                              picture; up to 0.9 */
    double elastic;        /* how far a pixel may move in a smooth random field, in parts of the sides; up to 0.08 */
    double brightness;     /* parts of the whole range, added */
    double contrast;       /* the distance from the picture's mean grows by 1 + amount; below 1 */
    double gamma;          /* the exponent is e^amount, of the value as a part of the range */
    double noise;          /* standard deviation in parts of the range, drawn from [0, limit], normal */
    double blur;           /* probability of a 3x3 binomial blur (1 2 1) */
    double cutout;         /* probability of a grey rectangle of the picture's mean, its sides a tenth to a third */
    double mixup;          /* alpha of Beta(alpha, alpha) for mixing pictures of a batch; 0: none; else 0.01 to 1 */
} gal_augment;

/* "none", "light" or "strong" (the only one with elastic, blur, cutout and mixup); NULL when there is none of that
 * name. Neither flips: laterality is a finding. */
const gal_augment *gal_augment_preset(const char *name);

/* Refuses limits that cannot work: not finite, negative, a probability above 1, a rotation above 180, ... */
galen_status gal_augment_check(const gal_augment *augment, galen_error *err);

/* Whether anything but mixing is asked for. */
bool gal_augment_changes(const gal_augment *augment);

/*
 * From pixels (gal_prepare_pixels) to the numbers of gal_prepare, changed on the way: one bilinear warp for flips,
 * rotation, shift and zoom about the centre, crop and elastic field (gal_elastic), in which what lies outside is the
 * nearest edge; then blur, contrast, brightness, gamma (values kept within the range), noise and cutout. All channels
 * change alike, but for noise in pictures that have colours. What is drawn depends on *rng alone, and a limit of 0
 * leaves the other draws as they are. scratch: 2 * channels * height * width floats. Both augment and recipe are sound.
 * The same bits on every machine.
 */
void gal_augment_numbers(const galen_image *pixels, const gal_recipe *recipe, const gal_augment *augment, gal_rng *rng,
                         float *scratch, float *out);

/* Of Beta(alpha, alpha), alpha from 0.01 to 1. M. D. Johnk, Metrika 8 (1964). */
double gal_augment_beta(double alpha, gal_rng *rng);

#endif
