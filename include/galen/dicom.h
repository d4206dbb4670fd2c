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
    int use_window; /* 1: the file's first window or VOI LUT if it has one; 0, or none in the file: the whole range,
                       which is every value of up to 8 bits (such pictures pass unchanged), else the frame's smallest to
                       largest */
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
 * or window, then MONOCHROME1 inversion; palette and YBR become RGB. options NULL: the default; `info` may be NULL. The
 * caller owns *out, which is empty on failure. GALEN_ERR_ARGUMENT: no such frame (the message says how many there are);
 * _FORMAT: damaged, or a frame cut short; _LIMIT: larger than the limits; _UNSUPPORTED: no picture, or a kind Galen
 * does not read.
 */
GALEN_API galen_status galen_dicom_read(const void *bytes, size_t size, const galen_dicom_options *options,
                                        galen_image *out, galen_dicom_info *info, galen_error *err);

/* The frame's modality values (after stored bits, sign and rescale or modality LUT, before any window), rows * columns
 * doubles; grey only. */
GALEN_API galen_status galen_dicom_read_values(const void *bytes, size_t size, int frame, double **values,
                                               galen_dicom_info *info, galen_error *err);

/*
 * What a written file says besides the picture. Texts are printable ASCII without a backslash, at most 64 characters
 * (16 for sex, body part and view, which also are upper case); NULL or "" leaves the attribute empty. Nothing is taken
 * from the clock.
 */
typedef struct galen_dicom_labels {
    const char *patient_name, *patient_id, *patient_sex; /* "Family^Given"; sex M, F or O */
    const char *study_date, *study_time;                 /* YYYYMMDD, HHMMSS */
    const char *study_description, *series_description, *comment;
    const char *body_part, *view; /* "CHEST"; "PA", "AP", "LL", ... */
    /* Each becomes a UID 2.25.<decimal> (PS3.5 B.2) after the version and variant bits of a UUID (version 8) are set in
     * it. */
    uint8_t study_seed[16], series_seed[16], instance_seed[16];
    int series_number, instance_number; /* 0 or more */
    double pixel_spacing[2];            /* mm at the detector, rows then columns; 0: unknown */
} galen_dicom_labels;

/*
 * Writes an 8-bit grey picture as a Computed Radiography image (SOP class 1.2.840.10008.5.1.4.1.1.1, modality CR,
 * Explicit VR Little Endian, MONOCHROME2, burned-in annotation NO) into *bytes, which the caller owns and releases with
 * galen_free. The same input gives the same bytes. Needs no plug-in. GALEN_ERR_ARGUMENT names the label that cannot be
 * written.
 */
GALEN_API galen_status galen_dicom_write_grey(const galen_image *image, const galen_dicom_labels *labels, void **bytes,
                                              size_t *size, galen_error *err);

#ifdef __cplusplus
}
#endif
#endif
