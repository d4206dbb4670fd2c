/* Changing a picture's channels and depth. */
#include "image/codec.h"

#include "base/error.h"

#include <string.h>

/* ITU-R 601 luma in 16-bit fixed point, as Pillow's convert("L"). The weights add up to 65536, so grey stays grey. */
static inline uint32_t luma(uint32_t r, uint32_t g, uint32_t b) {
    return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
}

static void grey_u8(const uint8_t *from, int channels, uint8_t *to, size_t pixels) {
    if (channels == 2)
        for (size_t i = 0; i < pixels; i++) to[i] = from[2 * i];
    else if (channels == 3)
        for (size_t i = 0; i < pixels; i++) to[i] = (uint8_t)luma(from[3 * i], from[3 * i + 1], from[3 * i + 2]);
    else
        for (size_t i = 0; i < pixels; i++) to[i] = (uint8_t)luma(from[4 * i], from[4 * i + 1], from[4 * i + 2]);
}

static void grey_u16(const uint16_t *from, int channels, uint16_t *to, size_t pixels) {
    for (size_t i = 0; i < pixels; i++, from += channels)
        to[i] = channels == 2 ? from[0] : (uint16_t)luma(from[0], from[1], from[2]);
}

static galen_status copy(const galen_image *image, galen_image *out, galen_error *err) {
    return galen_image_crop(image, 0, 0, image->width, image->height, out, err);
}

galen_status galen_image_to_grey(const galen_image *image, galen_image *out, galen_error *err) {
    memset(out, 0, sizeof *out);
    GAL_TRY(gal_image_check(image, err));
    if (image->channels == 1) return copy(image, out, err);
    GAL_TRY(gal_image_create_unlimited(image->width, image->height, 1, image->sample, out, err));
    size_t pixels = (size_t)image->width * (size_t)image->height;
    if (image->sample == GALEN_SAMPLE_U8)
        grey_u8(image->data, image->channels, out->data, pixels);
    else
        grey_u16(image->data, image->channels, out->data, pixels);
    return GALEN_OK;
}

galen_status galen_image_to_rgb(const galen_image *image, galen_image *out, galen_error *err) {
    memset(out, 0, sizeof *out);
    GAL_TRY(gal_image_check(image, err));
    if (image->channels == 3) return copy(image, out, err);
    GAL_TRY(gal_image_create_unlimited(image->width, image->height, 3, image->sample, out, err));
    size_t pixels = (size_t)image->width * (size_t)image->height, step = (size_t)image->channels;
    size_t green = image->channels < 3 ? 0 : 1, blue = 2 * green;
    if (image->sample == GALEN_SAMPLE_U8) {
        const uint8_t *from = image->data;
        uint8_t *to = out->data;
        for (size_t i = 0; i < pixels; i++, from += step, to += 3)
            to[0] = from[0], to[1] = from[green], to[2] = from[blue];
    } else {
        const uint16_t *from = image->data;
        uint16_t *to = out->data;
        for (size_t i = 0; i < pixels; i++, from += step, to += 3)
            to[0] = from[0], to[1] = from[green], to[2] = from[blue];
    }
    return GALEN_OK;
}

galen_status galen_image_to_u8(const galen_image *image, galen_image *out, galen_error *err) {
    memset(out, 0, sizeof *out);
    GAL_TRY(gal_image_check(image, err));
    if (image->sample == GALEN_SAMPLE_U8) return copy(image, out, err);
    GAL_TRY(gal_image_create_unlimited(image->width, image->height, image->channels, GALEN_SAMPLE_U8, out, err));
    const uint16_t *from = image->data;
    uint8_t *to = out->data;
    size_t samples = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    for (size_t i = 0; i < samples; i++) to[i] = (uint8_t)((from[i] + 128u) / 257u);
    return GALEN_OK;
}
