/* VOI LUT: which modality values are seen as black and white (PS3.3 C.11.2). */
#include "dicom/chain.h"

#include <math.h>

static uint8_t level(double y) {
    if (!(y > 0)) return 0; /* also NaN */
    return y >= 255 ? 255 : (uint8_t)(y + 0.5);
}

bool gal_voi_valid(gal_voi_function function, double center, double width) {
    return isfinite(center) && isfinite(width) && (function == GAL_VOI_LINEAR ? width >= 1 : width > 0);
}

uint8_t gal_voi_window(gal_voi_function function, double center, double width, double x) {
    switch (function) {
    case GAL_VOI_SIGMOID: return level(255 / (1 + exp(-4 * (x - center) / width)));
    case GAL_VOI_LINEAR_EXACT: return level(((x - center) / width + 0.5) * 255);
    case GAL_VOI_LINEAR: break;
    }
    /* C.11.2.1.2.1: a width of 1 is a threshold, so the ends are tested before the division. */
    double middle = center - 0.5, half = (width - 1) / 2;
    if (x <= middle - half) return 0;
    if (x > middle + half) return 255;
    return level(((x - middle) / (width - 1) + 0.5) * 255);
}

uint8_t gal_voi_table(const gal_dicom_lut *lut, double x) {
    double clamped = x < -4294967296.0 ? -4294967296.0 : x > 4294967296.0 ? 4294967296.0 : x;
    if (isnan(clamped)) clamped = 0;
    double top = (double)((1u << lut->bits) - 1);
    return level(gal_lut_entry(lut, (int64_t)floor(clamped + 0.5)) * 255.0 / top);
}

uint8_t gal_voi_range(double low, double high, double x) {
    return high > low ? level((x - low) / (high - low) * 255) : 0;
}
