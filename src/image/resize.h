/* Resizing, as the files of the image room see it. */
#ifndef GAL_IMAGE_RESIZE_H
#define GAL_IMAGE_RESIZE_H

#include <galen/image.h>

/*
 * What one axis of a resize reads: output i is the sum of weight[i * taps + j] * input[first[i] + j] for j < count[i].
 * The weights add up to 1, and to 2^22 in fixed point.
 */
typedef struct gal_axis {
    int outputs, taps;
    int *first, *count;
    double *weight;
    int32_t *fixed;
} gal_axis;

/* 32 bits less 8 for the sample and 2 for overshoot, as in Pillow. */
enum { GAL_FIXED_BITS = 22, GAL_TILE_ROWS = 16 };

/* The weights of outputs [begin, begin + outputs) when `in` samples become `out`. NEAREST is not a matter of weights.
 */
galen_status gal_axis_make(int in, int out, int begin, int outputs, galen_filter filter, gal_axis *axis,
                           galen_error *err);
void gal_axis_free(gal_axis *axis);

/* A rectangle in pixels. */
typedef struct gal_rect {
    int x, y, width, height;
} gal_rect;

/*
 * galen_image_resize to width x height, of which only `window` is computed and kept: the same pixels as resizing and
 * then cropping.
 */
galen_status gal_resize_window(const galen_image *image, int width, int height, galen_filter filter, gal_rect window,
                               galen_image *out, galen_error *err);

/*
 * The two passes over 8-bit samples, compiled for the baseline and for AVX2. The sums are integers, so both give the
 * same bits. tile: `rows` (at most GAL_TILE_ROWS) rows of the source that start `stride` bytes apart become rows of
 *         axis->outputs * channels bytes, `to_stride` apart; scratch holds GAL_TILE_ROWS bytes for each byte of the
 *         source's columns [low, high) and of an output row.
 *   column: one output row of n bytes from `count` rows that start `stride` bytes apart.
 */
typedef struct gal_resize_kernels {
    void (*tile)(const gal_axis *axis, int channels, const uint8_t *from, size_t stride, int rows, int low, int high,
                 uint8_t *to, size_t to_stride, uint8_t *scratch);
    void (*column)(const int32_t *weight, int count, const uint8_t *from, size_t stride, size_t n, uint8_t *to);
} gal_resize_kernels;

extern const gal_resize_kernels gal_resize_plain;
#if defined(__x86_64__)
extern const gal_resize_kernels gal_resize_avx2;
#endif

/* The 16-bit path: both passes in f64 without rounding between them. */
galen_status gal_resize_u16(const galen_image *image, const gal_axis *across, const gal_axis *down, galen_image *out,
                            galen_error *err);

#endif
