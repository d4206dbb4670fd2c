/* Resizing as Pillow does it, bit for bit: a pass along the rows, rounded to the sample type, then one down the
 * columns. */
#include "image/resize.h"

#include "base/error.h"
#include "base/mem.h"
#include "image/codec.h"

#include <string.h>

static const gal_resize_kernels *kernels(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return &gal_resize_avx2;
#endif
    return &gal_resize_plain;
}

/* Source positions of `outputs` outputs from `begin`. Pillow adds the step up, and its rounding with it. */
static void nearest_positions(int in, int out, int begin, int outputs, int *position) {
    double step = (double)in / out, at = step * 0.5;
    for (int i = 0; i < begin + outputs; i++, at += step)
        if (i >= begin) position[i - begin] = at < in ? (int)at : in - 1;
}

static galen_status nearest(const galen_image *image, int width, int height, gal_rect window, galen_image *out,
                            galen_error *err) {
    size_t pixel = (size_t)image->channels * gal_sample_size(image->sample),
           count = (size_t)window.width + (size_t)window.height;
    int *xs = gal_calloc(count, sizeof *xs), *ys = xs ? xs + window.width : NULL;
    if (!xs) return gal_fail_memory(err, "the positions of a resize", count * sizeof *xs);
    galen_status status =
        gal_image_create_unlimited(window.width, window.height, image->channels, image->sample, out, err);
    if (status == GALEN_OK) {
        nearest_positions(image->width, width, window.x, window.width, xs);
        nearest_positions(image->height, height, window.y, window.height, ys);
        unsigned char *to = out->data;
        for (int y = 0; y < window.height; y++) {
            const unsigned char *row =
                (const unsigned char *)image->data + (size_t)ys[y] * (size_t)image->width * pixel;
            for (int x = 0; x < window.width; x++, to += pixel) memcpy(to, row + (size_t)xs[x] * pixel, pixel);
        }
    }
    gal_free(xs);
    return status;
}

/* The pass along the rows [top, bottom) of the source, into rows of window_width pixels. */
static galen_status pass_across(const galen_image *image, const gal_axis *across, int top, int bottom, uint8_t *to,
                                galen_error *err) {
    size_t channels = (size_t)image->channels, stride = (size_t)image->width * channels;
    size_t to_stride = (size_t)across->outputs * channels;
    int last = across->outputs - 1, low = across->first[0], high = across->first[last] + across->count[last];
    size_t bytes = ((size_t)(high - low) * channels + to_stride) * GAL_TILE_ROWS;
    uint8_t *scratch = gal_alloc_aligned(bytes);
    if (!scratch) return gal_fail_memory(err, "the scratch of a resize", bytes);
    for (int y = top; y < bottom; y += GAL_TILE_ROWS) {
        int rows = bottom - y < GAL_TILE_ROWS ? bottom - y : GAL_TILE_ROWS;
        kernels()->tile(across, image->channels, (const uint8_t *)image->data + (size_t)y * stride, stride, rows, low,
                        high, to + (size_t)(y - top) * to_stride, to_stride, scratch);
    }
    gal_free(scratch);
    return GALEN_OK;
}

static void pass_down(const gal_axis *down, const uint8_t *from, size_t stride, int top, galen_image *out) {
    size_t n = (size_t)out->width * (size_t)out->channels;
    for (int y = 0; y < down->outputs; y++)
        kernels()->column(down->fixed + (size_t)y * (size_t)down->taps, down->count[y],
                          from + (size_t)(down->first[y] - top) * stride, stride, n,
                          (uint8_t *)out->data + (size_t)y * n);
}

static galen_status resize_u8(const galen_image *image, const gal_axis *across, const gal_axis *down, galen_image *out,
                              galen_error *err) {
    int last = down->outputs - 1, top = down->first[0], bottom = down->first[last] + down->count[last];
    size_t stride = (size_t)across->outputs * (size_t)image->channels, bytes = (size_t)(bottom - top) * stride;
    uint8_t *between = gal_alloc_aligned(bytes);
    if (!between) return gal_fail_memory(err, "the rows of a resize", bytes);
    galen_status status = pass_across(image, across, top, bottom, between, err);
    if (status == GALEN_OK) pass_down(down, between, stride, top, out);
    gal_free(between);
    return status;
}

static galen_status filtered(const galen_image *image, int width, int height, galen_filter filter, gal_rect window,
                             galen_image *out, galen_error *err) {
    gal_axis across = {0}, down = {0};
    galen_status status = gal_axis_make(image->width, width, window.x, window.width, filter, &across, err);
    if (status == GALEN_OK) status = gal_axis_make(image->height, height, window.y, window.height, filter, &down, err);
    if (status == GALEN_OK)
        status = gal_image_create_unlimited(window.width, window.height, image->channels, image->sample, out, err);
    if (status == GALEN_OK)
        status = image->sample == GALEN_SAMPLE_U8 ? resize_u8(image, &across, &down, out, err)
                                                  : gal_resize_u16(image, &across, &down, out, err);
    gal_axis_free(&across);
    gal_axis_free(&down);
    if (status != GALEN_OK) galen_image_free(out);
    return status;
}

/* Colour times alpha, so that what is transparent does not bleed into its neighbours; Pillow's "RGBa" and "La". */
static void premultiply(galen_image *image) {
    size_t colours = (size_t)image->channels - 1, pixels = (size_t)image->width * (size_t)image->height;
    uint8_t *p = image->data;
    uint16_t *q = image->data;
    if (image->sample == GALEN_SAMPLE_U8) {
        for (size_t i = 0; i < pixels; i++, p += colours + 1)
            for (size_t c = 0; c < colours; c++) {
                unsigned t = (unsigned)p[c] * p[colours] + 128;
                p[c] = (uint8_t)(((t >> 8) + t) >> 8);
            }
        return;
    }
    for (size_t i = 0; i < pixels; i++, q += colours + 1)
        for (size_t c = 0; c < colours; c++) q[c] = (uint16_t)(((uint32_t)q[c] * q[colours] + 32767u) / 65535u);
}

static void unpremultiply(galen_image *image) {
    size_t colours = (size_t)image->channels - 1, pixels = (size_t)image->width * (size_t)image->height;
    uint8_t *p = image->data;
    uint16_t *q = image->data;
    if (image->sample == GALEN_SAMPLE_U8) {
        for (size_t i = 0; i < pixels; i++, p += colours + 1)
            for (size_t c = 0; p[colours] && c < colours; c++) {
                unsigned v = 255u * p[c] / p[colours];
                p[c] = (uint8_t)(v > 255 ? 255 : v);
            }
        return;
    }
    for (size_t i = 0; i < pixels; i++, q += colours + 1)
        for (size_t c = 0; q[colours] && c < colours; c++) {
            uint32_t v = 65535u * (uint32_t)q[c] / q[colours];
            q[c] = (uint16_t)(v > 65535 ? 65535 : v);
        }
}

static galen_status filtered_alpha(const galen_image *image, int width, int height, galen_filter filter,
                                   gal_rect window, galen_image *out, galen_error *err) {
    galen_image scaled;
    GAL_TRY(galen_image_crop(image, 0, 0, image->width, image->height, &scaled, err));
    premultiply(&scaled);
    galen_status status = filtered(&scaled, width, height, filter, window, out, err);
    if (status == GALEN_OK) unpremultiply(out);
    galen_image_free(&scaled);
    return status;
}

galen_status gal_resize_window(const galen_image *image, int width, int height, galen_filter filter, gal_rect window,
                               galen_image *out, galen_error *err) {
    galen_image_limits limits = galen_image_default_limits();
    memset(out, 0, sizeof *out);
    GAL_TRY(gal_image_check(image, err));
    if (width < 1 || height < 1)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a picture cannot be resized to %dx%d: both sides must be 1 or more",
                        width, height);
    GAL_TRY(gal_image_check_size((uint64_t)width, (uint64_t)height, &limits, err));
    if (window.x < 0 || window.y < 0 || window.width < 1 || window.height < 1 || window.x > width - window.width ||
        window.y > height - window.height)
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "the rectangle %dx%d at (%d, %d) is not inside the resized picture of %dx%d", window.width,
                        window.height, window.x, window.y, width, height);
    if (filter < GALEN_FILTER_NEAREST || filter > GALEN_FILTER_LANCZOS)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the resize filter %d is unknown: use one of galen_filter",
                        (int)filter);
    if (width == image->width && height == image->height)
        return galen_image_crop(image, window.x, window.y, window.width, window.height, out, err);
    if (filter == GALEN_FILTER_NEAREST) return nearest(image, width, height, window, out, err);
    if (image->channels % 2 == 0) return filtered_alpha(image, width, height, filter, window, out, err);
    return filtered(image, width, height, filter, window, out, err);
}

galen_status galen_image_resize(const galen_image *image, int width, int height, galen_filter filter, galen_image *out,
                                galen_error *err) {
    return gal_resize_window(image, width, height, filter, (gal_rect){0, 0, width, height}, out, err);
}
