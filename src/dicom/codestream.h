/* The headers of JPEG, JPEG-LS and JPEG 2000 streams: what a frame really is, before a decoder is let near it. */
#ifndef GAL_DICOM_CODESTREAM_H
#define GAL_DICOM_CODESTREAM_H

#include <galen/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gal_codestream {
    uint32_t width, height;
    int components, precision;
    bool is_signed;   /* JPEG 2000 only */
    bool lossless;    /* JPEG only: SOF3, no colour transform is implied */
    bool multiple;    /* JPEG 2000 only: the first COD asks for the multiple component transform */
    bool jfif;        /* JPEG only: an APP0 JFIF segment, whose colours are YCbCr */
    bool letters_rgb; /* JPEG only: the components are called R, G and B */
    int adobe;        /* JPEG only: transform flag of an APP14 Adobe segment, -1 without one */
} gal_codestream;

/* Reads markers up to the frame header (SOF, or SOF55 of JPEG-LS). */
galen_status gal_jpeg_header(const uint8_t *bytes, size_t size, gal_codestream *out, galen_error *err);
/* Reads SIZ and COD; a JP2 wrapper around the stream, which DICOM forbids and some files have, is stepped over. */
galen_status gal_jpeg2000_header(const uint8_t *bytes, size_t size, gal_codestream *out, galen_error *err);
/* True when the samples of a 3-component JPEG are YCbCr: Adobe's flag, else the names, else JFIF, else what the data
 * set says. */
bool gal_jpeg_is_ybr(const gal_codestream *stream, bool dataset_says);

#endif
