/* Pictures made worse on purpose, to see what a model makes of them. */
#ifndef GAL_IMAGE_CORRUPT_H
#define GAL_IMAGE_CORRUPT_H

#include <galen/image.h>
#include <stdint.h>

/* What happens to pictures on their way; five severities each, as D. Hendrycks and T. Dietterich had it (ICLR 2019). */
typedef enum gal_corruption {
    GAL_CORRUPT_NOISE,      /* normal; standard deviation in parts of the range */
    GAL_CORRUPT_BLUR,       /* about normal (three box filters); standard deviation in parts of the shorter side */
    GAL_CORRUPT_BRIGHTNESS, /* added, in parts of the range */
    GAL_CORRUPT_CONTRAST,   /* what is left of each pixel's distance from the picture's mean */
    GAL_CORRUPT_JPEG,       /* quality of libjpeg */
    GAL_CORRUPT_RESOLUTION, /* sides divided by this and brought back, bilinear */
    GAL_CORRUPT_ROTATION,   /* degrees, clockwise, about the centre; what lies outside is the nearest edge */
    GAL_CORRUPTIONS
} gal_corruption;

enum { GAL_SEVERITIES = 5 };

/* "noise"; static storage. */
const char *gal_corruption_name(gal_corruption kind);
/* What the amounts are: "standard deviation, parts of the range"; static storage. */
const char *gal_corruption_unit(gal_corruption kind);
/* How much a severity of 1 to GAL_SEVERITIES is. */
double gal_corruption_amount(gal_corruption kind, int severity);

/*
 * The picture in 8 bits, without alpha, grey or RGB as it was, made worse. Amounts are of the picture as it is, not as
 * a model reads it: noise on a large picture is averaged where the model reads a small one, as it is in practice. The
 * same bits on every machine, but for JPEG, which are the library's. `seed` is of the noise. Errors as galen_image's.
 * The caller owns *out, which is empty on failure.
 */
galen_status gal_corrupt(const galen_image *picture, gal_corruption kind, int severity, uint64_t seed, galen_image *out,
                         galen_error *err);

#endif
