/* One frame as the file stores it, with everything needed to turn it into a picture: what the plug-in hands to the
 * pixel chain. */
#ifndef GAL_DICOM_PICTURE_H
#define GAL_DICOM_PICTURE_H

#include <galen/dicom.h>
#include <stdbool.h>

typedef enum gal_photometric {
    GAL_PHOTO_MONOCHROME1,
    GAL_PHOTO_MONOCHROME2,
    GAL_PHOTO_PALETTE,
    GAL_PHOTO_RGB,
    GAL_PHOTO_YBR_FULL,
    GAL_PHOTO_YBR_FULL_422 /* uncompressed only: two pixels are stored as Y1 Y2 Cb Cr */
} gal_photometric;

/* A lookup table of the data set; data is NULL when there is none. */
typedef struct gal_dicom_lut {
    uint32_t entries; /* 1..65536 */
    int32_t first;    /* the value mapped by data[0]; smaller ones map there too */
    int bits;         /* of an entry, 8..16 */
    uint16_t *data;
} gal_dicom_lut;

typedef enum gal_voi_function { GAL_VOI_LINEAR, GAL_VOI_LINEAR_EXACT, GAL_VOI_SIGMOID } gal_voi_function;

typedef struct gal_dicom_picture {
    galen_dicom_info info;
    /* How the samples in `pixels` are laid out; for a decompressed frame this may differ from the data set. */
    gal_photometric photometric;
    int bits_allocated; /* 1, 8, 16 or 32 */
    int bits_stored, high_bit;
    bool is_signed, planar;
    uint8_t *pixels; /* little endian; one frame */
    size_t size;
    unsigned bit_offset; /* where the first sample starts in pixels[0]; only for 1-bit samples */
    bool has_rescale;
    bool has_window;
    gal_voi_function function;
    gal_dicom_lut modality, voi, palette[3];
} gal_dicom_picture;

/* Pixels of the frame; rows and columns are already checked. */
static inline size_t gal_dicom_pixels(const gal_dicom_picture *picture) {
    return (size_t)picture->info.rows * (size_t)picture->info.columns;
}

/* Checks that the layout fields agree with each other and that `size` bytes hold the frame. */
galen_status gal_dicom_check_layout(const gal_dicom_picture *picture, galen_error *err);

/* Bytes one frame takes in the uncompressed stream, as a number of bits; 0 when it does not fit. */
uint64_t gal_dicom_frame_bits(int rows, int columns, int samples, int bits_allocated, bool subsampled);

#endif
