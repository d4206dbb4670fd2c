/* RLE Lossless frames (PS3.5 annex G), decoded here: the usual decoders fill what is missing or read behind the end. */
#ifndef GAL_DICOM_RLE_H
#define GAL_DICOM_RLE_H

#include <galen/status.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Unpacks a frame of `pixels` pixels into little-endian samples, interleaved: out holds pixels * samples * sample_bytes
 * bytes. Each of the samples * sample_bytes segments must hold all its bytes.
 */
galen_status gal_rle_decode(const uint8_t *bytes, size_t size, size_t pixels, int samples, int sample_bytes,
                            uint8_t *out, galen_error *err);

#endif
