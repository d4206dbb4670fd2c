/* The pixel chain of PS3.3 C.7.6.3, C.11.1 and C.11.2, a step a file: stored sample -> modality value -> display level.
 */
#ifndef GAL_DICOM_CHAIN_H
#define GAL_DICOM_CHAIN_H

#include "dicom/picture.h"

/*
 * Sample i of the frame as it lies in memory: bits_stored bits below high_bit, sign-extended when signed. The layout
 * has been checked and i is below rows * columns * samples.
 */
int64_t gal_stored_sample(const gal_dicom_picture *picture, size_t i);

/* The modality value of a stored sample: the Modality LUT Sequence if there is one, else slope * sample + intercept. */
double gal_modality_value(const gal_dicom_picture *picture, int64_t stored);

/* An entry of a table, clamped at both ends. */
uint16_t gal_lut_entry(const gal_dicom_lut *lut, int64_t value);

/* Display level 0..255 of x through a window. width must suit the function (LINEAR >= 1, others > 0). Halves round up.
 */
uint8_t gal_voi_window(gal_voi_function function, double center, double width, double x);
/* True when the width suits the function and both numbers are finite. */
bool gal_voi_valid(gal_voi_function function, double center, double width);
/* Display level 0..255 through a VOI LUT, whose entries span 0..2^bits - 1. */
uint8_t gal_voi_table(const gal_dicom_lut *lut, double x);
/* Display level 0..255 with low..high as black..white; a flat range is black. */
uint8_t gal_voi_range(double low, double high, double x);

/* How modality values become levels for one frame. */
typedef enum gal_display_kind { GAL_DISPLAY_RANGE, GAL_DISPLAY_WINDOW, GAL_DISPLAY_TABLE } gal_display_kind;

/* Renders a grey frame into pixels levels; `use_window` as in galen_dicom_options. */
galen_status gal_render_grey(const gal_dicom_picture *picture, bool use_window, uint8_t *out, galen_error *err);
/* Renders PALETTE COLOR, RGB and YBR frames into 3 * pixels levels. */
galen_status gal_render_palette(const gal_dicom_picture *picture, uint8_t *out, galen_error *err);
galen_status gal_render_colour(const gal_dicom_picture *picture, uint8_t *out, galen_error *err);

/* One pixel of YBR_FULL (PS3.3 C.7.6.3.1.2, ITU-R BT.601 full range) to RGB, rounded and clamped. */
void gal_ybr_to_rgb(const uint8_t ybr[3], uint8_t rgb[3]);

#endif
