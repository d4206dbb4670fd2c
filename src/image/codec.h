/* What the files of the image room share: the decoders and the checks every picture passes. */
#ifndef GAL_IMAGE_CODEC_H
#define GAL_IMAGE_CODEC_H

#include <galen/image.h>

/* Refuses 0 and anything beyond the limits, before memory is taken. */
galen_status gal_image_check_size(uint64_t width, uint64_t height, const galen_image_limits *limits, galen_error *err);

/* Refuses a picture that could not have come from this room. */
galen_status gal_image_check(const galen_image *image, galen_error *err);

/* galen_image_create without the default limits: for callers that checked the size against their own. */
galen_status gal_image_create_unlimited(int width, int height, int channels, galen_sample sample, galen_image *out,
                                        galen_error *err);

static inline size_t gal_sample_size(galen_sample sample) {
    return sample == GALEN_SAMPLE_U16 ? 2 : 1;
}

/* Bytes of the pixels. */
size_t gal_image_bytes(const galen_image *image);

/* The two decoders behind galen_image_decode: `bytes` begin with the format's signature, *out is empty on entry. */
galen_status gal_jpeg_decode(const void *bytes, size_t size, const galen_image_limits *limits, galen_image *out,
                             galen_error *err);
galen_status gal_png_decode(const void *bytes, size_t size, const galen_image_limits *limits, galen_image *out,
                            galen_error *err);

/* Grey or RGB of 8 bits as baseline JPEG of a quality of 1 to 100, into *bytes, which the caller frees with gal_free.
 */
galen_status gal_jpeg_encode(const galen_image *image, int quality, void **bytes, size_t *size, galen_error *err);

#endif
