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
 * Decodes a JPEG (libjpeg-turbo: slow integer DCT, fancy upsampling; grey stays grey, YCbCr becomes RGB, CMYK/YCCK
 * becomes RGB) or a PNG (1 to 16 bits; grey, RGB, palette, alpha kept). limits NULL: the default. On success the caller
 * owns *out and releases it with galen_image_free; on failure *out is empty.
 */
GALEN_API galen_status galen_image_decode(const void *bytes, size_t size, const galen_image_limits *limits,
                                          galen_image *out, galen_error *err);
GALEN_API void galen_image_free(galen_image *image);

/* Allocates width * height * channels zeroed samples. */
GALEN_API galen_status galen_image_create(int width, int height, int channels, galen_sample sample, galen_image *out,
                                          galen_error *err);

/* Encodes as PNG into *bytes (owned by the caller, released with galen_free). */
GALEN_API galen_status galen_image_encode_png(const galen_image *image, void **bytes, size_t *size, galen_error *err);

/* Equals Pillow's Image.resize(filter) with antialiasing on 8-bit grey, grey+alpha, RGB and RGBA, bit for bit; the same
 * on 16-bit in f64. */
GALEN_API galen_status galen_image_resize(const galen_image *image, int width, int height, galen_filter filter,
                                          galen_image *out, galen_error *err);
/* The rectangle must lie inside the image. */
GALEN_API galen_status galen_image_crop(const galen_image *image, int x, int y, int width, int height, galen_image *out,
                                        galen_error *err);
/* One grey channel: (19595 R + 38470 G + 7471 B + 32768) >> 16, alpha dropped. */
GALEN_API galen_status galen_image_to_grey(const galen_image *image, galen_image *out, galen_error *err);
/* Three channels: grey copied three times, alpha dropped. */
GALEN_API galen_status galen_image_to_rgb(const galen_image *image, galen_image *out, galen_error *err);
/* 16-bit to 8-bit by the high byte ((v + 128) / 257 rounding); 8-bit is copied. */
GALEN_API galen_status galen_image_to_u8(const galen_image *image, galen_image *out, galen_error *err);

/* Releases memory the library handed to its caller. */
GALEN_API void galen_free(void *p);

#ifdef __cplusplus
}
#endif
#endif
