/* The preprocessing recipe: depth, colour, resize, centre crop, normalise; in torchvision's order and arithmetic. */
#include "image/prepare.h"

#include "base/error.h"
#include "image/codec.h"
#include "image/resize.h"

#include <math.h>
#include <string.h>

enum { LEVELS = 256 };

galen_status gal_recipe_check(const gal_recipe *r, galen_error *err) {
    if (r->channels != 1 && r->channels != 3)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the recipe asks for %d channels: 1 (grey) and 3 (RGB) are possible",
                        r->channels);
    if (r->width < 1 || r->height < 1)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the recipe asks for %dx%d pixels: both must be 1 or more", r->width,
                        r->height);
    if (r->rule != GAL_RESIZE_STRETCH && r->rule != GAL_RESIZE_SHORT_SIDE)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the recipe's resize rule %d is unknown", (int)r->rule);
    if (r->rule == GAL_RESIZE_SHORT_SIDE && (r->resize_to < r->width || r->resize_to < r->height))
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "the recipe crops %dx%d from a picture whose shorter side is %d: resize to at least the crop",
                        r->width, r->height, r->resize_to);
    for (int c = 0; c < r->channels; c++)
        if (!isfinite(r->mean[c]) || !isfinite(r->std[c]) || r->std[c] == 0)
            return gal_fail(err, GALEN_ERR_ARGUMENT,
                            "the recipe's mean %g and standard deviation %g of channel %d are unusable",
                            (double)r->mean[c], (double)r->std[c], c);
    if (!isfinite(r->low) || !isfinite(r->high))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the recipe's range %g to %g is not finite", (double)r->low,
                        (double)r->high);
    return GALEN_OK;
}

/* Half of an integer, a half rounded to even, as Python's round() does. */
static int half(int v) {
    return v % 4 == 3 ? v / 2 + 1 : v / 2;
}

/* The size to resize to and the part of it to keep. The longer side is cut to an integer as torchvision does. */
static galen_status plan(const galen_image *image, const gal_recipe *r, int *width, int *height, gal_rect *window,
                         galen_error *err) {
    *width = r->width;
    *height = r->height;
    *window = (gal_rect){0, 0, r->width, r->height};
    if (r->rule == GAL_RESIZE_STRETCH) return GALEN_OK;
    int shorter = image->width < image->height ? image->width : image->height;
    int64_t w = (int64_t)image->width * r->resize_to / shorter, h = (int64_t)image->height * r->resize_to / shorter;
    if (w > INT32_MAX || h > INT32_MAX)
        return gal_fail(err, GALEN_ERR_LIMIT, "a picture of %dx%d is too long for its width: cut it first",
                        image->width, image->height);
    *width = (int)w;
    *height = (int)h;
    window->x = half(*width - r->width);
    window->y = half(*height - r->height);
    return GALEN_OK;
}

/* Depth first, then colour; grey pictures stay grey and are copied last. `*from` is the picture to go on with. */
static galen_status simplify(const galen_image *image, int channels, galen_image *deep, galen_image *flat,
                             const galen_image **from, galen_error *err) {
    *from = image;
    if (image->sample == GALEN_SAMPLE_U16) {
        GAL_TRY(galen_image_to_u8(image, deep, err));
        *from = deep;
    }
    if ((*from)->channels == 1 || (*from)->channels == channels) return GALEN_OK;
    if (channels == 1 || (*from)->channels == 2)
        GAL_TRY(galen_image_to_grey(*from, flat, err));
    else
        GAL_TRY(galen_image_to_rgb(*from, flat, err));
    *from = flat;
    return GALEN_OK;
}

/* Level v of channel c as the model takes it. */
static float level(const gal_recipe *r, int v, int c) {
    return (r->low + (float)v / 255.0f * (r->high - r->low) - r->mean[c]) / r->std[c];
}

void gal_prepare_table(const gal_recipe *recipe, float *table) {
    for (int v = 0; v < LEVELS; v++)
        for (int c = 0; c < recipe->channels; c++) *table++ = level(recipe, v, c);
}

void gal_prepare_numbers(const galen_image *image, const gal_recipe *r, float *out) {
    size_t pixels = (size_t)image->width * (size_t)image->height, step = (size_t)image->channels;
    for (int c = 0; c < r->channels; c++) {
        const uint8_t *from = (const uint8_t *)image->data + (step == 1 ? 0 : (size_t)c);
        float value[LEVELS];
        for (int v = 0; v < LEVELS; v++) value[v] = level(r, v, c);
        for (size_t i = 0; i < pixels; i++) *out++ = value[from[i * step]];
    }
}

galen_status gal_prepare_pixels(const galen_image *image, const gal_recipe *recipe, galen_image *out,
                                galen_error *err) {
    galen_image deep = {0}, flat = {0};
    const galen_image *from = NULL;
    int width = 0, height = 0;
    gal_rect window;
    memset(out, 0, sizeof *out);
    GAL_TRY(gal_image_check(image, err));
    GAL_TRY(gal_recipe_check(recipe, err));
    GAL_TRY(plan(image, recipe, &width, &height, &window, err));
    galen_status status = simplify(image, recipe->channels, &deep, &flat, &from, err);
    if (status == GALEN_OK) status = gal_resize_window(from, width, height, recipe->filter, window, out, err);
    galen_image_free(&deep);
    galen_image_free(&flat);
    return status;
}

galen_status gal_prepare(const galen_image *image, const gal_recipe *recipe, float *out, galen_error *err) {
    galen_image pixels;
    GAL_TRY(gal_prepare_pixels(image, recipe, &pixels, err));
    gal_prepare_numbers(&pixels, recipe, out);
    galen_image_free(&pixels);
    return GALEN_OK;
}

galen_status gal_prepare_interleaved(const galen_image *image, const gal_recipe *recipe, uint8_t *out,
                                     galen_error *err) {
    galen_image small;
    GAL_TRY(gal_prepare_pixels(image, recipe, &small, err));
    const uint8_t *from = small.data;
    size_t pixels = (size_t)small.width * (size_t)small.height, channels = (size_t)recipe->channels;
    if (small.channels == recipe->channels)
        memcpy(out, from, pixels * channels);
    else
        for (size_t i = 0; i < pixels; i++) memset(out + i * channels, from[i], channels);
    galen_image_free(&small);
    return GALEN_OK;
}
