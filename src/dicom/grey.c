/* Rendering a monochrome frame: every stored value is taken through the chain once, then looked up. */
#include "dicom/chain.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>

typedef struct display {
    gal_display_kind kind;
    double low, high; /* for GAL_DISPLAY_RANGE */
    bool invert;
} display;

static uint8_t shown(const gal_dicom_picture *picture, const display *d, int64_t stored) {
    double x = gal_modality_value(picture, stored);
    uint8_t level = 0;
    switch (d->kind) {
    case GAL_DISPLAY_RANGE: level = gal_voi_range(d->low, d->high, x); break;
    case GAL_DISPLAY_WINDOW:
        level = gal_voi_window(picture->function, picture->info.window_center, picture->info.window_width, x);
        break;
    case GAL_DISPLAY_TABLE: level = gal_voi_table(&picture->voi, x); break;
    }
    return d->invert ? (uint8_t)(255 - level) : level;
}

/* The range shown without a window: all 8-bit values so that such pictures pass unchanged, else what the frame holds.
 */
static void find_range(const gal_dicom_picture *picture, display *d) {
    int64_t low = picture->is_signed ? -(INT64_C(1) << (picture->bits_stored - 1)) : 0;
    int64_t high = low + (INT64_C(1) << picture->bits_stored) - 1;
    d->low = gal_modality_value(picture, low);
    d->high = gal_modality_value(picture, high);
    if (picture->bits_stored > 8 || picture->modality.data) {
        d->low = INFINITY;
        d->high = -INFINITY;
        for (size_t i = 0; i < gal_dicom_pixels(picture); i++) {
            double x = gal_modality_value(picture, gal_stored_sample(picture, i));
            d->low = fmin(d->low, x);
            d->high = fmax(d->high, x);
        }
    } else if (d->high < d->low) { /* a negative slope */
        double swap = d->low;
        d->low = d->high;
        d->high = swap;
    }
}

static galen_status render_by_table(const gal_dicom_picture *picture, const display *d, uint8_t *out,
                                    galen_error *err) {
    size_t entries = (size_t)1 << picture->bits_stored;
    int64_t low = picture->is_signed ? -(int64_t)(entries / 2) : 0;
    uint8_t *table = gal_calloc(entries, 1);
    if (!table) return gal_fail_memory(err, "the grey table", entries);
    for (size_t i = 0; i < entries; i++) table[i] = shown(picture, d, low + (int64_t)i);
    for (size_t i = 0; i < gal_dicom_pixels(picture); i++) out[i] = table[gal_stored_sample(picture, i) - low];
    gal_free(table);
    return GALEN_OK;
}

galen_status gal_render_grey(const gal_dicom_picture *picture, bool use_window, uint8_t *out, galen_error *err) {
    display d = {.invert = picture->photometric == GAL_PHOTO_MONOCHROME1};
    if (use_window && picture->voi.data)
        d.kind = GAL_DISPLAY_TABLE;
    else if (use_window && picture->has_window)
        d.kind = GAL_DISPLAY_WINDOW;
    else
        find_range(picture, &d);
    if (picture->bits_stored <= 16 && gal_dicom_pixels(picture) >= (size_t)1 << picture->bits_stored)
        return render_by_table(picture, &d, out, err);
    for (size_t i = 0; i < gal_dicom_pixels(picture); i++) out[i] = shown(picture, &d, gal_stored_sample(picture, i));
    return GALEN_OK;
}
