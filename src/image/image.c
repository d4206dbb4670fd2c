/* Pictures in memory: limits, making, releasing and cutting them. */
#include "image/codec.h"

#include "base/error.h"
#include "base/mem.h"

#include <string.h>

galen_image_limits galen_image_default_limits(void) {
    return (galen_image_limits){
        .max_side = 32768, .max_pixels = (int64_t)128 << 20, .max_file_bytes = (int64_t)512 << 20};
}

galen_status gal_image_check_size(uint64_t width, uint64_t height, const galen_image_limits *limits, galen_error *err) {
    if (width == 0 || height == 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "the picture is %llux%llu: it has no pixels", (unsigned long long)width,
                        (unsigned long long)height);
    if (limits->max_side < 0 || width > (uint64_t)limits->max_side || height > (uint64_t)limits->max_side)
        return gal_fail(err, GALEN_ERR_LIMIT,
                        "the picture is %llux%llu; the limit is %d pixels a side: make it smaller",
                        (unsigned long long)width, (unsigned long long)height, limits->max_side);
    if (limits->max_pixels < 0 || width * height > (uint64_t)limits->max_pixels)
        return gal_fail(err, GALEN_ERR_LIMIT,
                        "the picture is %llux%llu; the limit is %lld pixels in all: make it smaller",
                        (unsigned long long)width, (unsigned long long)height, (long long)limits->max_pixels);
    return GALEN_OK;
}

size_t gal_image_bytes(const galen_image *image) {
    return (size_t)image->width * (size_t)image->height * (size_t)image->channels * gal_sample_size(image->sample);
}

galen_status gal_image_check(const galen_image *image, galen_error *err) {
    if (!image || !image->data || image->width < 1 || image->height < 1)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the picture is empty: decode or create one first");
    if (image->channels < 1 || image->channels > 4)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the picture has %d channels: 1 to 4 are possible", image->channels);
    if (image->sample != GALEN_SAMPLE_U8 && image->sample != GALEN_SAMPLE_U16)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the picture's sample type %d is unknown: use u8 or u16",
                        (int)image->sample);
    return GALEN_OK;
}

galen_status galen_image_create(int width, int height, int channels, galen_sample sample, galen_image *out,
                                galen_error *err) {
    galen_image_limits limits = galen_image_default_limits();
    memset(out, 0, sizeof *out);
    if (width < 1 || height < 1)
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "a picture of %dx%d pixels cannot be made: both sides must be 1 or more", width, height);
    GAL_TRY(gal_image_check_size((uint64_t)width, (uint64_t)height, &limits, err));
    return gal_image_create_unlimited(width, height, channels, sample, out, err);
}

galen_status gal_image_create_unlimited(int width, int height, int channels, galen_sample sample, galen_image *out,
                                        galen_error *err) {
    memset(out, 0, sizeof *out);
    galen_image made = {.width = width, .height = height, .channels = channels, .sample = sample};
    size_t size = 0;
    if (width < 1 || height < 1 || channels < 1 || channels > 4)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a picture of %dx%d pixels and %d channels cannot be made", width,
                        height, channels);
    if (sample != GALEN_SAMPLE_U8 && sample != GALEN_SAMPLE_U16)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the sample type %d is unknown: use u8 or u16", (int)sample);
    if (!gal_size_mul((size_t)width, (size_t)height, &size) || !gal_size_mul(size, (size_t)channels, &size) ||
        !gal_size_mul(size, gal_sample_size(sample), &size))
        return gal_fail(err, GALEN_ERR_LIMIT, "a picture of %dx%d pixels does not fit in memory", width, height);
    made.data = gal_calloc(size, 1);
    if (!made.data) return gal_fail_memory(err, "a picture", size);
    *out = made;
    return GALEN_OK;
}

void galen_image_free(galen_image *image) {
    if (!image) return;
    gal_free(image->data);
    memset(image, 0, sizeof *image);
}

galen_status galen_image_crop(const galen_image *image, int x, int y, int width, int height, galen_image *out,
                              galen_error *err) {
    memset(out, 0, sizeof *out);
    GAL_TRY(gal_image_check(image, err));
    if (x < 0 || y < 0 || width < 1 || height < 1 || x > image->width - width || y > image->height - height)
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "the rectangle %dx%d at (%d, %d) is not inside the picture of %dx%d: move or shrink it", width,
                        height, x, y, image->width, image->height);
    GAL_TRY(gal_image_create_unlimited(width, height, image->channels, image->sample, out, err));
    size_t pixel = (size_t)image->channels * gal_sample_size(image->sample);
    size_t row = (size_t)width * pixel, stride = (size_t)image->width * pixel;
    const unsigned char *from = (const unsigned char *)image->data + (size_t)y * stride + (size_t)x * pixel;
    for (int i = 0; i < height; i++)
        memcpy((unsigned char *)out->data + (size_t)i * row, from + (size_t)i * stride, row);
    return GALEN_OK;
}
