/* Random changes: all amounts are drawn first and in a fixed order, then applied in f32 to planes of 0 to 1. */
#include "image/augment.h"

#include "base/error.h"
#include "base/refmath.h"
#include "image/elastic.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { CURVE = 1024 };

/* Where in a picture's stream of numbers those for crops and elastic fields begin: far behind the noise of any picture,
 * so that drawing them leaves all others as they are. */
static const uint64_t FAR_DRAWS = (uint64_t)1 << 40;

static const struct {
    const char *name;
    gal_augment augment;
} presets[] = {
    {"none", {.flip_x = 0}},
    {"light",
     {.rotate = 7, .shift = 0.05, .zoom = 0.08, .brightness = 0.05, .contrast = 0.1, .gamma = 0.1, .noise = 0.01}},
    {"strong",
     {.rotate = 15,
      .shift = 0.1,
      .zoom = 0.15,
      .elastic = 0.05,
      .brightness = 0.1,
      .contrast = 0.25,
      .gamma = 0.25,
      .noise = 0.03,
      .blur = 0.2,
      .cutout = 0.3,
      .mixup = 0.2}},
};

const gal_augment *gal_augment_preset(const char *name) {
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (!strcmp(presets[i].name, name)) return &presets[i].augment;
    return NULL;
}

/* Each field with the largest value that makes sense. */
static const struct {
    const char *name;
    size_t at;
    double most;
} fields[] = {
    {"flip_x", offsetof(gal_augment, flip_x), 1},        {"flip_y", offsetof(gal_augment, flip_y), 1},
    {"rotate", offsetof(gal_augment, rotate), 180},      {"shift", offsetof(gal_augment, shift), 0.5},
    {"zoom", offsetof(gal_augment, zoom), 0.9},          {"brightness", offsetof(gal_augment, brightness), 1},
    {"crop", offsetof(gal_augment, crop), 0.9},          {"elastic", offsetof(gal_augment, elastic), 0.08},
    {"contrast", offsetof(gal_augment, contrast), 0.99}, {"gamma", offsetof(gal_augment, gamma), 2},
    {"noise", offsetof(gal_augment, noise), 1},          {"blur", offsetof(gal_augment, blur), 1},
    {"cutout", offsetof(gal_augment, cutout), 1},        {"mixup", offsetof(gal_augment, mixup), 1},
};

static double field(const gal_augment *augment, size_t i) {
    double value;
    memcpy(&value, (const char *)augment + fields[i].at, sizeof value);
    return value;
}

galen_status gal_augment_check(const gal_augment *augment, galen_error *err) {
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        double value = field(augment, i);
        if (!(value >= 0 && value <= fields[i].most))
            return gal_fail(err, GALEN_ERR_ARGUMENT, "%s of %g: 0 to %g are possible", fields[i].name, value,
                            fields[i].most);
    }
    if (augment->mixup > 0 && augment->mixup < 0.01)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "mixup of %g: 0, or 0.01 to 1", augment->mixup);
    return GALEN_OK;
}

bool gal_augment_changes(const gal_augment *augment) {
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].at != offsetof(gal_augment, mixup) && field(augment, i) > 0) return true;
    return false;
}

/* What was drawn for one picture. */
typedef struct amounts {
    bool flip_x, flip_y, blur, cutout;
    double rotate, shift_x, shift_y, zoom, brightness, contrast, gamma, noise;
    double box[4];               /* where the cutout lies and its sides, 0 to 1 each */
    double crop, crop_x, crop_y; /* what the window leaves out, and where it lies, -1 to 1 */
    double elastic;
} amounts;

static double around_zero(gal_rng *rng, double limit) {
    return limit * (2 * gal_rng_uniform(rng) - 1);
}

static amounts draw(const gal_augment *a, gal_rng *rng, gal_rng *far) {
    amounts d = {0};
    d.flip_x = gal_rng_uniform(rng) < a->flip_x;
    d.flip_y = gal_rng_uniform(rng) < a->flip_y;
    d.rotate = around_zero(rng, a->rotate) * (3.14159265358979323846 / 180);
    d.shift_x = around_zero(rng, a->shift);
    d.shift_y = around_zero(rng, a->shift);
    d.zoom = 1 + around_zero(rng, a->zoom);
    d.brightness = around_zero(rng, a->brightness);
    d.contrast = 1 + around_zero(rng, a->contrast);
    d.gamma = gal_ref_exp(around_zero(rng, a->gamma));
    d.noise = a->noise * gal_rng_uniform(rng);
    d.blur = gal_rng_uniform(rng) < a->blur;
    d.cutout = gal_rng_uniform(rng) < a->cutout;
    for (int i = 0; i < 4; i++) d.box[i] = gal_rng_uniform(rng);
    d.crop = a->crop * gal_rng_uniform(far);
    d.crop_x = around_zero(far, 1);
    d.crop_y = around_zero(far, 1);
    d.elastic = a->elastic * gal_rng_uniform(far);
    return d;
}

/* Sine and cosine of at most half a turn either way by their series: the C library's differ between machines. */
static void sine_cosine(double x, double *s, double *c) {
    double term = 1, sum[2] = {0, 0};
    static const double sign[4] = {1, 1, -1, -1};
    for (int k = 0; k < 40; k++) {
        sum[k & 1] += sign[k & 3] * term;
        term *= x / (k + 1);
    }
    *c = sum[0];
    *s = sum[1];
}

static void to_planes(const galen_image *pixels, float *out) {
    size_t n = (size_t)pixels->width * (size_t)pixels->height, step = (size_t)pixels->channels;
    const uint8_t *from = pixels->data;
    for (size_t c = 0; c < step; c++)
        for (size_t i = 0; i < n; i++) *out++ = (float)from[i * step + c] / 255.0f;
}

static int clamp(int v, int most) {
    return v < 0 ? 0 : v > most ? most : v;
}

/* Bilinear; outside, the nearest edge. */
static float pixel_at(const float *from, int width, int height, double x, double y) {
    double fx = floor(x), fy = floor(y);
    float wx = (float)(x - fx), wy = (float)(y - fy);
    int x0 = clamp((int)fx, width - 1), x1 = clamp((int)fx + 1, width - 1);
    const float *top = from + (size_t)clamp((int)fy, height - 1) * (size_t)width,
                *low = from + (size_t)clamp((int)fy + 1, height - 1) * (size_t)width;
    float above = top[x0] + wx * (top[x1] - top[x0]), below = low[x0] + wx * (low[x1] - low[x0]);
    return above + wy * (below - above);
}

/* Where the pixels of a row come from: from (x, y), a step of (dx, dy) a pixel, moved by `bent` unless that is NULL. */
typedef struct places {
    double x, y, dx, dy;
    const gal_elastic_row *bent;
} places;

static void warp_row(const float *from, int width, int height, const places *at, float *to) {
    double x = at->x, y = at->y, mx = 0, my = 0;
    for (int i = 0; i < width; i++, x += at->dx, y += at->dy) {
        if (at->bent) gal_elastic_at(at->bent, (i + 0.5) / width, &mx, &my);
        to[i] = pixel_at(from, width, height, x + mx * width, y + my * height);
    }
}

/* Where a pixel of the result comes from: the changes backwards, about the centre. */
static void warp(const float *from, int width, int height, int channels, const amounts *d, const gal_elastic *field,
                 float *to) {
    double s, c, cx = 0.5 * (width - 1), cy = 0.5 * (height - 1);
    sine_cosine(d->rotate, &s, &c);
    double scale = (1 - d->crop) / d->zoom, fx = d->flip_x ? -1 : 1, fy = d->flip_y ? -1 : 1;
    double xx = fx * c * scale, xy = fx * s * scale, yx = -fy * s * scale, yy = fy * c * scale;
    double left = cx + d->crop * d->crop_x * cx, top = cy + d->crop * d->crop_y * cy;
    size_t plane = (size_t)width * (size_t)height;
    gal_elastic_row row;
    for (int y = 0; y < height; y++) {
        double u = -cx - d->shift_x * width, v = y - cy - d->shift_y * height;
        places at = {left + xx * u + xy * v, top + yx * u + yy * v, xx, yx, field ? &row : NULL};
        if (field) gal_elastic_row_at(field, (y + 0.5) / height, &row);
        for (size_t k = 0; k < (size_t)channels; k++)
            warp_row(from + k * plane, width, height, &at, to + k * plane + (size_t)y * (size_t)width);
    }
}

static bool moves(const amounts *d) {
    return d->flip_x || d->flip_y || d->rotate != 0 || d->shift_x != 0 || d->shift_y != 0 || d->zoom != 1 ||
           d->crop != 0 || d->elastic != 0;
}

/* (1 2 1) / 4 along rows, then down columns, by way of `between`. */
static void blur(float *planes, int width, int height, int channels, float *between) {
    size_t w = (size_t)width;
    for (int k = 0; k < channels; k++, planes += w * (size_t)height) {
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                const float *row = planes + (size_t)y * w;
                between[(size_t)y * w + (size_t)x] =
                    0.25f * (row[clamp(x - 1, width - 1)] + row[clamp(x + 1, width - 1)]) + 0.5f * row[x];
            }
        for (int y = 0; y < height; y++) {
            const float *row = between + (size_t)y * w, *above = between + (size_t)clamp(y - 1, height - 1) * w,
                        *below = between + (size_t)clamp(y + 1, height - 1) * w;
            for (size_t x = 0; x < w; x++) planes[(size_t)y * w + x] = 0.25f * (above[x] + below[x]) + 0.5f * row[x];
        }
    }
}

static float mean_of(const float *values, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)values[i];
    return (float)(sum / (double)n);
}

static float within_range(float v) {
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

/* The power at CURVE steps and straight lines between them: a pixel need not compute one. */
static void bend(float *values, size_t n, double gamma) {
    float curve[CURVE + 2];
    for (int i = 0; i <= CURVE; i++) curve[i] = i ? (float)gal_ref_pow((double)i / CURVE, gamma) : 0;
    curve[CURVE + 1] = curve[CURVE];
    for (size_t i = 0; i < n; i++) {
        float at = values[i] * CURVE;
        int low = (int)at;
        values[i] = curve[low] + (at - (float)low) * (curve[low + 1] - curve[low]);
    }
}

/* The sum of four uniform bytes is near enough to normal, and a pixel then costs one word. */
static void add_noise(float *values, size_t n, double deviation, gal_rng *rng) {
    const float scale = (float)(deviation / 147.80054127); /* sqrt(4 (256^2 - 1) / 12): what such sums have */
    uint32_t word[4];
    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0) gal_rng_block(rng, word);
        uint32_t w = word[i % 4];
        int sum = (int)(w >> 24) + (int)(w >> 16 & 255) + (int)(w >> 8 & 255) + (int)(w & 255);
        values[i] = within_range(values[i] + scale * (float)(sum - 510));
    }
}

static void shade(float *values, size_t n, const amounts *d, gal_rng *rng) {
    if (d->contrast != 1 || d->brightness != 0) {
        float mean = mean_of(values, n), contrast = (float)d->contrast, add = (float)d->brightness;
        for (size_t i = 0; i < n; i++) values[i] = within_range(mean + contrast * (values[i] - mean) + add);
    }
    if (d->gamma != 1) bend(values, n, d->gamma);
    if (d->noise > 0) add_noise(values, n, d->noise, rng);
}

static void cut_out(float *planes, int width, int height, int channels, const amounts *d) {
    int w = (int)(width * (0.1 + 0.23 * d->box[2])), h = (int)(height * (0.1 + 0.23 * d->box[3]));
    int left = (int)((width - w) * d->box[0]), top = (int)((height - h) * d->box[1]);
    size_t plane = (size_t)width * (size_t)height;
    for (int k = 0; k < channels; k++, planes += plane) {
        float mean = mean_of(planes, plane);
        for (int y = top; y < top + h; y++)
            for (int x = left; x < left + w; x++) planes[(size_t)y * (size_t)width + (size_t)x] = mean;
    }
}

static void to_numbers(const float *planes, size_t plane, int channels, const gal_recipe *r, float *out) {
    for (int c = 0; c < r->channels; c++) {
        const float *from = planes + (channels == 1 ? 0 : (size_t)c * plane);
        for (size_t i = 0; i < plane; i++) *out++ = (r->low + from[i] * (r->high - r->low) - r->mean[c]) / r->std[c];
    }
}

/* Johnk's method: U^(1/a) and V^(1/a), of which the sum must not exceed 1. */
double gal_augment_beta(double alpha, gal_rng *rng) {
    for (;;) {
        double x = gal_ref_pow(gal_rng_uniform(rng), 1 / alpha), y = gal_ref_pow(gal_rng_uniform(rng), 1 / alpha);
        if (x + y > 0 && x + y <= 1) return x / (x + y);
    }
}

void gal_augment_numbers(const galen_image *pixels, const gal_recipe *recipe, const gal_augment *augment, gal_rng *rng,
                         float *scratch, float *out) {
    int width = pixels->width, height = pixels->height, channels = pixels->channels;
    size_t plane = (size_t)width * (size_t)height, all = plane * (size_t)channels;
    gal_rng far = *rng;
    far.index += FAR_DRAWS;
    amounts d = draw(augment, rng, &far);
    gal_elastic field;
    float *now = scratch, *other = scratch + all;
    to_planes(pixels, now);
    if (moves(&d)) {
        if (d.elastic > 0) gal_elastic_draw(d.elastic, &far, &field);
        warp(now, width, height, channels, &d, d.elastic > 0 ? &field : NULL, other);
        now = other;
        other = scratch;
    }
    if (d.blur) blur(now, width, height, channels, other);
    shade(now, all, &d, rng);
    if (d.cutout) cut_out(now, width, height, channels, &d);
    to_numbers(now, plane, channels, recipe, out);
}
