/* Modality LUT: stored samples to values with a meaning, such as Hounsfield units (PS3.3 C.11.1). */
#include "dicom/chain.h"

uint16_t gal_lut_entry(const gal_dicom_lut *lut, int64_t value) {
    int64_t i = value - lut->first;
    if (i < 0) i = 0;
    if (i >= (int64_t)lut->entries) i = (int64_t)lut->entries - 1;
    return lut->data[i];
}

double gal_modality_value(const gal_dicom_picture *picture, int64_t stored) {
    if (picture->modality.data) return gal_lut_entry(&picture->modality, stored);
    if (!picture->has_rescale) return (double)stored;
    return (double)stored * picture->info.rescale_slope + picture->info.rescale_intercept;
}
