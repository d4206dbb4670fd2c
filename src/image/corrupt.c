/* Corruptions of pictures. */
#include "image/corrupt.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "image/codec.h"

#include <math.h>
#include <string.h>

typedef galen_status (*corrupt_fn)(galen_image *picture, int severity, uint64_t seed, galen_error *err);

static uint8_t to_byte(double v) {
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + 0.5);
}

static size_t samples(const galen_image *p) {
    return (size_t)p->width * (size_t)p->height * (size_t)p->channels;
}

static galen_status add_noise(galen_image *p, int severity, uint64_t seed, galen_error *err) {
    double deviation = 255 * gal_corruption_amount(GAL_CORRUPT_NOISE, severity);
    gal_rng rng = gal_rng_make(seed, (uint64_t)severity);
    uint8_t *at = p->data;
    (void)err;
    for (size_t i = 0; i < samples(p); i++) at[i] = to_byte(at[i] + deviation * gal_rng_normal(&rng));
    return GALEN_OK;
}

static galen_status brighten(galen_image *p, int severity, uint64_t seed, galen_error *err) {
    double more = 255 * gal_corruption_amount(GAL_CORRUPT_BRIGHTNESS, severity);
    uint8_t *at = p->data;
    (void)seed, (void)err;
    for (size_t i = 0; i < samples(p); i++) at[i] = to_byte(at[i] + more);
    return GALEN_OK;
}

static galen_status flatten(galen_image *p, int severity, uint64_t seed, galen_error *err) {
    double left = gal_corruption_amount(GAL_CORRUPT_CONTRAST, severity), sum = 0;
    uint8_t *at = p->data;
    (void)seed, (void)err;
    for (size_t i = 0; i < samples(p); i++) sum += at[i];
    double mean = sum / (double)samples(p);
    for (size_t i = 0; i < samples(p); i++) at[i] = to_byte(mean + left * (at[i] - mean));
    return GALEN_OK;
}

/* ---- blur ---- */

static int within(int v, int most) {
    return v < 0 ? 0 : v > most ? most : v;
}

/* Means of 2 radius + 1 neighbours along a row of n values `step` apart, the ends repeated. */
static void box(const float *from, float *to, int n, size_t step, int radius) {
    double sum = 0;
    for (int i = -radius; i <= radius; i++) sum += (double)from[(size_t)within(i, n - 1) * step];
    for (int i = 0; i < n; i++) {
        to[(size_t)i * step] = (float)(sum / (2 * radius + 1));
        sum += (double)from[(size_t)within(i + radius + 1, n - 1) * step];
        sum -= (double)from[(size_t)within(i - radius, n - 1) * step];
    }
}

static void box_both(float *now, float *other, const galen_image *p, int radius) {
    size_t c = (size_t)p->channels, row = (size_t)p->width * c;
    for (int y = 0; y < p->height; y++)
        for (size_t k = 0; k < c; k++) box(now + (size_t)y * row + k, other + (size_t)y * row + k, p->width, c, radius);
    for (size_t x = 0; x < row; x++) box(other + x, now + x, p->height, row, radius);
}

/* Three boxes of radius r have the variance ((2r + 1)^2 - 1) / 4. */
static galen_status blur(galen_image *p, int severity, uint64_t seed, galen_error *err) {
    int side = p->width < p->height ? p->width : p->height;
    double deviation = side * gal_corruption_amount(GAL_CORRUPT_BLUR, severity);
    int radius = (int)floor((sqrt(4 * deviation * deviation + 1) - 1) / 2 + 0.5);
    size_t n = samples(p);
    uint8_t *at = p->data;
    (void)seed;
    float *now = gal_calloc(n, 2 * sizeof *now), *other = now != NULL ? now + n : NULL;
    if (now == NULL) return gal_fail_memory(err, "a blurred picture", 2 * n * sizeof *now);
    for (size_t i = 0; i < n; i++) now[i] = at[i];
    for (int pass = 0; pass < 3; pass++) box_both(now, other, p, radius > 0 ? radius : 1);
    for (size_t i = 0; i < n; i++) at[i] = to_byte((double)now[i]);
    gal_free(now);
    return GALEN_OK;
}

/* ---- what makes another picture ---- */

static galen_status replace(galen_image *p, galen_image *by, galen_status status) {
    if (status != GALEN_OK) return status;
    galen_image_free(p);
    *p = *by;
    return GALEN_OK;
}

static galen_status recompress(galen_image *p, int severity, uint64_t seed, galen_error *err) {
    galen_image again = {0};
    galen_image_limits limits = {p->width > p->height ? p->width : p->height, (int64_t)p->width * p->height, INT64_MAX};
    void *bytes = NULL;
    size_t size;
    (void)seed;
    GAL_TRY(gal_jpeg_encode(p, (int)gal_corruption_amount(GAL_CORRUPT_JPEG, severity), &bytes, &size, err));
    galen_status status = gal_jpeg_decode(bytes, size, &limits, &again, err);
    gal_free(bytes);
    return replace(p, &again, status);
}

static galen_status coarsen(galen_image *p, int severity, uint64_t seed, galen_error *err) {
    double by = gal_corruption_amount(GAL_CORRUPT_RESOLUTION, severity);
    galen_image small, again;
    (void)seed;
    GAL_TRY(galen_image_resize(p, (int)fmax(1, p->width / by), (int)fmax(1, p->height / by), GALEN_FILTER_BILINEAR,
                               &small, err));
    galen_status status = galen_image_resize(&small, p->width, p->height, GALEN_FILTER_BILINEAR, &again, err);
    galen_image_free(&small);
    return replace(p, &again, status);
}

/* Bilinear; outside, the nearest edge. */
static double at_place(const galen_image *p, double x, double y, int channel) {
    double fx = floor(x), fy = floor(y), wx = x - fx, wy = y - fy;
    int x0 = within((int)fx, p->width - 1), x1 = within((int)fx + 1, p->width - 1);
    int y0 = within((int)fy, p->height - 1), y1 = within((int)fy + 1, p->height - 1);
    const uint8_t *d = p->data;
    size_t c = (size_t)p->channels, w = (size_t)p->width;
    double above = d[((size_t)y0 * w + (size_t)x0) * c + (size_t)channel] * (1 - wx) +
                   d[((size_t)y0 * w + (size_t)x1) * c + (size_t)channel] * wx;
    double below = d[((size_t)y1 * w + (size_t)x0) * c + (size_t)channel] * (1 - wx) +
                   d[((size_t)y1 * w + (size_t)x1) * c + (size_t)channel] * wx;
    return above * (1 - wy) + below * wy;
}

static galen_status rotate(galen_image *p, int severity, uint64_t seed, galen_error *err) {
    /* Sine and cosine of the amounts: the C library's differ between machines. */
    static const double turn[GAL_SEVERITIES][2] = {{0.05233595624294383, 0.9986295347545738},
                                                   {0.10452846326765347, 0.9945218953682733},
                                                   {0.17364817766693033, 0.984807753012208},
                                                   {0.25881904510252074, 0.9659258262890683},
                                                   {0.3420201433256687, 0.9396926207859084}};
    double s = turn[severity - 1][0], c = turn[severity - 1][1], cx = 0.5 * (p->width - 1), cy = 0.5 * (p->height - 1);
    galen_image turned;
    (void)seed;
    GAL_TRY(gal_image_create_unlimited(p->width, p->height, p->channels, GALEN_SAMPLE_U8, &turned, err));
    uint8_t *to = turned.data;
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++)
            for (int k = 0; k < p->channels; k++)
                *to++ = to_byte(at_place(p, cx + c * (x - cx) + s * (y - cy), cy - s * (x - cx) + c * (y - cy), k));
    return replace(p, &turned, GALEN_OK);
}

static const struct {
    const char *name, *unit;
    double amount[GAL_SEVERITIES];
    corrupt_fn apply;
} corruptions[GAL_CORRUPTIONS] = {
    [GAL_CORRUPT_NOISE] = {"noise",
                           "standard deviation, parts of the range",
                           {0.02, 0.04, 0.08, 0.12, 0.18},
                           add_noise},
    [GAL_CORRUPT_BLUR] = {"blur",
                          "standard deviation, parts of the shorter side",
                          {0.004, 0.008, 0.012, 0.02, 0.03},
                          blur},
    [GAL_CORRUPT_BRIGHTNESS] = {"brightness", "added, parts of the range", {0.1, 0.2, 0.3, 0.4, 0.5}, brighten},
    [GAL_CORRUPT_CONTRAST] = {"contrast", "left of the contrast", {0.75, 0.6, 0.45, 0.3, 0.2}, flatten},
    [GAL_CORRUPT_JPEG] = {"JPEG", "quality", {50, 30, 20, 10, 5}, recompress},
    [GAL_CORRUPT_RESOLUTION] = {"resolution", "sides divided by", {2, 3, 4, 6, 8}, coarsen},
    [GAL_CORRUPT_ROTATION] = {"rotation", "degrees", {3, 6, 10, 15, 20}, rotate},
};

const char *gal_corruption_name(gal_corruption kind) {
    return corruptions[kind].name;
}

const char *gal_corruption_unit(gal_corruption kind) {
    return corruptions[kind].unit;
}

double gal_corruption_amount(gal_corruption kind, int severity) {
    return corruptions[kind].amount[severity - 1];
}

galen_status gal_corrupt(const galen_image *picture, gal_corruption kind, int severity, uint64_t seed, galen_image *out,
                         galen_error *err) {
    galen_image bytes, plain;
    *out = (galen_image){0};
    if ((int)kind < 0 || kind >= GAL_CORRUPTIONS || severity < 1 || severity > GAL_SEVERITIES)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "severity %d of corruption %d: 1 to %d of 0 to %d are possible",
                        severity, (int)kind, GAL_SEVERITIES, GAL_CORRUPTIONS - 1);
    GAL_TRY(galen_image_to_u8(picture, &bytes, err));
    galen_status status =
        bytes.channels <= 2 ? galen_image_to_grey(&bytes, &plain, err) : galen_image_to_rgb(&bytes, &plain, err);
    galen_image_free(&bytes);
    if (status != GALEN_OK) return status;
    status = corruptions[kind].apply(&plain, severity, seed, err);
    if (status == GALEN_OK)
        *out = plain;
    else
        galen_image_free(&plain);
    return status;
}
