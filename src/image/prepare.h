/* From a picture to the numbers a model expects: the card's preprocessing recipe, carried out. */
#ifndef GAL_IMAGE_PREPARE_H
#define GAL_IMAGE_PREPARE_H

#include <galen/image.h>

typedef enum gal_resize_rule {
    GAL_RESIZE_STRETCH,    /* width x height at once, aspect ratio ignored */
    GAL_RESIZE_SHORT_SIDE, /* the shorter side to `resize_to`, then centre crop to width x height (torchvision) */
} gal_resize_rule;

typedef struct gal_recipe {
    int channels; /* 1 grey, 3 RGB (grey pictures are copied into all three) */
    int width, height;
    galen_filter filter;
    gal_resize_rule rule;
    int resize_to;   /* for GAL_RESIZE_SHORT_SIDE */
    float low, high; /* 0..255 maps linearly to low..high before normalisation */
    float mean[3], std[3];
} gal_recipe;

/*
 * Writes channels * height * width floats, planar (CHW): (low + v / 255 * (high - low) - mean[c]) / std[c], in f32 and
 * in this order. Before that, in torchvision's order: 16 bits to 8, alpha dropped, to grey or RGB, resize (of
 * GAL_RESIZE_SHORT_SIDE the longer side is cut to an integer), centre crop (half the difference, a half rounded to
 * even). A recipe that cannot work is GALEN_ERR_ARGUMENT: among others a crop larger than resize_to, or a standard
 * deviation of 0. Thread-safe; `out` is undefined on failure.
 */
galen_status gal_prepare(const galen_image *image, const gal_recipe *recipe, float *out, galen_error *err);

/* Refuses a recipe that cannot work. */
galen_status gal_recipe_check(const gal_recipe *recipe, galen_error *err);

/*
 * The two halves of gal_prepare. First the pixels: u8, of the recipe's size and at most its channels (a grey picture
 * stays grey); the caller owns *out, which is empty on failure. Then the numbers, of such pixels and a sound recipe.
 */
galen_status gal_prepare_pixels(const galen_image *image, const gal_recipe *recipe, galen_image *out, galen_error *err);
void gal_prepare_numbers(const galen_image *pixels, const gal_recipe *recipe, float *out);

/*
 * The pixels for sessions that do the rest: u8, interleaved (HWC), channels * height * width bytes, a grey picture
 * copied into all channels; errors as gal_prepare. And what the numbers of each level are: 256 rows of `channels`
 * floats. table[pixel * channels + c] has the bits that gal_prepare writes.
 */
galen_status gal_prepare_interleaved(const galen_image *image, const gal_recipe *recipe, uint8_t *out,
                                     galen_error *err);
void gal_prepare_table(const gal_recipe *recipe, float *table);

#endif
