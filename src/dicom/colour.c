/* RGB and YBR frames to 8-bit RGB (PS3.3 C.7.6.3.1.2 and C.7.6.3.1.3). */
#include "dicom/chain.h"

#include "base/error.h"

static uint8_t clamp(double x) {
    return x <= 0 ? 0 : x >= 255 ? 255 : (uint8_t)(x + 0.5);
}

void gal_ybr_to_rgb(const uint8_t ybr[3], uint8_t rgb[3]) {
    double y = ybr[0], b = ybr[1] - 128.0, r = ybr[2] - 128.0;
    rgb[0] = clamp(y + 1.402 * r);
    rgb[1] = clamp(y - 0.344136286 * b - 0.714136286 * r);
    rgb[2] = clamp(y + 1.772 * b);
}

/* A sample of any depth as a level; signed colour has no meaning and is taken from its lowest value up. */
static uint8_t to_level(const gal_dicom_picture *picture, size_t i) {
    int64_t value = gal_stored_sample(picture, i);
    int bits = picture->bits_stored;
    if (picture->is_signed) value += INT64_C(1) << (bits - 1);
    if (bits == 8) return (uint8_t)value;
    uint64_t top = (UINT64_C(1) << bits) - 1;
    return (uint8_t)(((uint64_t)value * 255 + top / 2) / top);
}

/* Y1 Y2 Cb Cr for every two pixels; both take the same chroma. */
static void render_422(const gal_dicom_picture *picture, uint8_t *out) {
    const uint8_t *p = picture->pixels;
    for (size_t pair = 0; pair < gal_dicom_pixels(picture) / 2; pair++, p += 4)
        for (size_t k = 0; k < 2; k++) {
            uint8_t ybr[3] = {p[k], p[2], p[3]};
            gal_ybr_to_rgb(ybr, out + 3 * (2 * pair + k));
        }
}

galen_status gal_render_colour(const gal_dicom_picture *picture, uint8_t *out, galen_error *err) {
    (void)err;
    size_t pixels = gal_dicom_pixels(picture);
    if (picture->photometric == GAL_PHOTO_YBR_FULL_422) {
        render_422(picture, out);
        return GALEN_OK;
    }
    for (size_t i = 0; i < pixels; i++) {
        uint8_t pixel[3];
        for (size_t c = 0; c < 3; c++) pixel[c] = to_level(picture, picture->planar ? c * pixels + i : 3 * i + c);
        if (picture->photometric == GAL_PHOTO_YBR_FULL)
            gal_ybr_to_rgb(pixel, out + 3 * i);
        else
            for (size_t c = 0; c < 3; c++) out[3 * i + c] = pixel[c];
    }
    return GALEN_OK;
}
