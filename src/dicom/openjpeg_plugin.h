/* JPEG 2000 by OpenJPEG: the second half of the plug-in. */
#ifndef GAL_DICOM_OPENJPEG_PLUGIN_H
#define GAL_DICOM_OPENJPEG_PLUGIN_H

#include "dicom/codestream.h"

/*
 * Decodes a frame whose header has been read by gal_jpeg2000_header and checked. Writes width * height * components
 * samples, interleaved, each as its low bits in sample_bytes (1, 2 or 4) little-endian bytes; out holds exactly that.
 */
galen_status gal_jpeg2000_decode(const uint8_t *bytes, size_t size, const gal_codestream *header, int sample_bytes,
                                 uint8_t *out, galen_error *err);

#endif
