/* A picture in memory. */
#ifndef GALEN_IMAGE_H
#define GALEN_IMAGE_H

#include <galen/export.h>
#include <galen/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum galen_sample { GALEN_SAMPLE_U8, GALEN_SAMPLE_U16 } galen_sample;

/* Rows top to bottom without padding, channels interleaved: pixel (x, y) channel c is data[(y * width + x) * channels +
 * c]. */
typedef struct galen_image {
    int width, height;
    int channels;        /* 1 grey, 2 grey+alpha, 3 RGB, 4 RGBA */
    galen_sample sample; /* u16 is in native byte order, full range 0..65535 = black..white */
    void *data;          /* owned by the image */
} galen_image;

/* Nothing larger is ever decoded: untrusted headers are checked against these before memory is taken. */
typedef struct galen_image_limits {
    int max_side; /* pixels */
    int64_t max_pixels;
    int64_t max_file_bytes;
} galen_image_limits;

/* 32,768 a side, 128 megapixels, 512 MiB a file. */
GALEN_API galen_image_limits galen_image_default_limits(void);

typedef enum galen_filter {
    GALEN_FILTER_NEAREST,
    GALEN_FILTER_BOX,
    GALEN_FILTER_BILINEAR,
    GALEN_FILTER_BICUBIC,
    GALEN_FILTER_LANCZOS
} galen_filter;

/*
 * Decodes a JPEG or a PNG, told apart by their first bytes; anything else is refused by name. limits NULL: the default.
 *   JPEG (libjpeg-turbo: slow integer DCT, fancy upsampling, the pixels Pillow gives): 8-bit grey stays grey, YCbCr and
 * RGB become RGB, and so do CMYK and YCCK (taken as inverted, as Adobe writes them). An EXIF orientation is not
 * applied. PNG: 1, 2 and 4 bits are scaled to 8, 16 stay 16; a palette becomes RGB; alpha is kept, and a tRNS chunk
 * becomes alpha. A truncated or damaged file is an error, never a picture with guessed parts: GALEN_ERR_FORMAT; also
 * GALEN_ERR_UNSUPPORTED (another format, 12-bit or lossless JPEG), GALEN_ERR_LIMIT (size, scans) and GALEN_ERR_MEMORY.
 * On success the caller owns *out and releases it with galen_image_free; on failure *out is empty.
 */
GALEN_API galen_status galen_image_decode(const void *bytes, size_t size, const galen_image_limits *limits,
                                          galen_image *out, galen_error *err);
GALEN_API void galen_image_free(galen_image *image);

/* Allocates width * height * channels zeroed samples within the default limits; the caller owns *out. Both sides are at
 * least 1. */
GALEN_API galen_status galen_image_create(int width, int height, int channels, galen_sample sample, galen_image *out,
                                          galen_error *err);

/* Encodes any picture as PNG, losslessly, into *bytes (owned by the caller, released with galen_free; NULL on failure).
 */
GALEN_API galen_status galen_image_encode_png(const galen_image *image, void **bytes, size_t *size, galen_error *err);

/*
 * 8-bit pictures of 1 to 4 channels: equals Pillow's Image.resize(filter) with antialiasing, bit for bit, colours being
 * weighted by alpha where there is alpha. 16-bit: the same filters in f64, rounded once. Both sides at least 1, within
 * the default limits. The caller owns *out, here and below; on failure it is empty.
 */
GALEN_API galen_status galen_image_resize(const galen_image *image, int width, int height, galen_filter filter,
                                          galen_image *out, galen_error *err);
/* The rectangle must lie inside the image. */
GALEN_API galen_status galen_image_crop(const galen_image *image, int x, int y, int width, int height, galen_image *out,
                                        galen_error *err);
/* One grey channel: (19595 R + 38470 G + 7471 B + 32768) >> 16 (ITU-R 601, as Pillow's convert("L")) in either depth;
 * alpha is dropped. */
GALEN_API galen_status galen_image_to_grey(const galen_image *image, galen_image *out, galen_error *err);
/* Three channels: grey copied three times; alpha is dropped. */
GALEN_API galen_status galen_image_to_rgb(const galen_image *image, galen_image *out, galen_error *err);
/* 16-bit to 8-bit: (v + 128) / 257 in integers, the nearest level; 8-bit is copied. */
GALEN_API galen_status galen_image_to_u8(const galen_image *image, galen_image *out, galen_error *err);

/* Releases memory the library handed to its caller. */
GALEN_API void galen_free(void *p);

#ifdef __cplusplus
}
#endif
#endif
