/* Pictures out of and into DICOM. Loads the DICOM plug-in on first use. */
#ifndef GALEN_DICOM_H
#define GALEN_DICOM_H

#include <galen/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/* True when the bytes look like DICOM: "DICM" at offset 128, or a plausible first element without a preamble. */
GALEN_API int galen_dicom_probe(const void *bytes, size_t size);

typedef struct galen_dicom_options {
    int frame;      /* 0 is the first */
    int use_window; /* 1: the file's first window or VOI LUT if it has one; 0: the whole range of the modality values */
    galen_image_limits limits;
} galen_dicom_options;

GALEN_API galen_dicom_options galen_dicom_default_options(void);

/* What the file says of the picture; text fields are empty when absent. */
typedef struct galen_dicom_info {
    int frames, rows, columns, samples_per_pixel, bits_stored, pixel_is_signed;
    char transfer_syntax[65], sop_class[65], sop_instance[65], modality[17], photometric[17], body_part[17], view[17];
    double rescale_slope, rescale_intercept, window_center, window_width; /* window_width 0: none applied */
    double pixel_spacing[2];                                              /* mm, rows then columns; 0: unknown */
} galen_dicom_info;

/*
 * Decodes one frame to 8-bit grey or RGB as a viewer shows it: stored bits and sign, modality LUT or rescale, VOI LUT
 * or window, then MONOCHROME1 inversion; palette and YBR become RGB. `info` may be NULL. The caller owns *out.
 */
GALEN_API galen_status galen_dicom_read(const void *bytes, size_t size, const galen_dicom_options *options,
                                        galen_image *out, galen_dicom_info *info, galen_error *err);

/* The frame's modality values (after stored bits, sign and rescale or modality LUT, before any window), rows * columns
 * doubles; grey only. */
GALEN_API galen_status galen_dicom_read_values(const void *bytes, size_t size, int frame, double **values,
                                               galen_dicom_info *info, galen_error *err);

#ifdef __cplusplus
}
#endif
#endif
