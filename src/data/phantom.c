/* Draws a phantom: a sample of the appearance model, analytic detail fitted to it, an opacity if asked, and noise. */
#include "data/phantom.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { SIDE = GAL_APPEARANCE_SIDE, SMALLEST = 64, LARGEST = 2048, CANVAS_MIN = 256, TRIES = 200 };

/*
 * Coefficients are drawn a little closer to the mean than in life and cut at two standard deviations (a Gaussian's far
 * corners look like no chest), and little of the residual is used: most of it is the edges that the analytic anatomy
 * draws.
 */
static const double spread = 0.8, cut = 2, residual = 0.22, fine = 0.12;

/* The opacity: centre, radius and height, and the harmonics that make its outline uneven. */
typedef struct opacity {
    double x, y, radius, height;
    double wave[4][2]; /* of cos and sin of 2, 3, 4, 5 times the angle */
    int side;
} opacity;

typedef struct drawing {
    double sample[SIDE * SIDE], noise[SIDE * SIDE], warp[2][SIDE * SIDE];
    double pairs[SIDE * SIDE][2];
    gal_anatomy anatomy;
    opacity spot;
    int label, size;
    double *canvas;
} drawing;

gal_rng gal_phantom_rng(const galen_phantom_options *options, gal_phantom_stream stream) {
    return gal_rng_make(options->seed, options->index * GAL_STREAMS + (uint64_t)stream);
}

galen_phantom_options galen_phantom_default_options(void) {
    return (galen_phantom_options){.seed = 1, .index = 0, .size = 256, .finding = GALEN_PHANTOM_BY_CHANCE};
}

static void draw_sample(const gal_appearance *a, const galen_phantom_options *o, drawing *d) {
    gal_rng rng = gal_phantom_rng(o, GAL_STREAM_PARTS), noise = gal_phantom_rng(o, GAL_STREAM_RESIDUAL);
    for (int i = 0; i < SIDE * SIDE; i++) d->sample[i] = (double)a->mean[i];
    for (int k = 0; k < GAL_APPEARANCE_PARTS; k++) {
        double c = spread * (double)a->sd[k] * gal_clamp(gal_rng_normal(&rng), -cut, cut);
        for (int i = 0; i < SIDE * SIDE; i++) d->sample[i] += c * (double)a->part[k][i];
    }
    gal_noise_field(&noise, a->band, d->noise, d->pairs);
}

/* No two ribs of a person are parallel: two fields of the lowest frequencies bend the analytic anatomy a little. */
static void draw_warp(const galen_phantom_options *o, drawing *d) {
    gal_rng rng = gal_phantom_rng(o, GAL_STREAM_WARP);
    double band[GAL_APPEARANCE_BANDS] = {0};
    for (int r = 1; r <= 7; r++) band[r] = 0.045 / r;
    for (int axis = 0; axis < 2; axis++) gal_noise_field(&rng, band, d->warp[axis], d->pairs);
}

/* Beyond the border a sample's edge repeats, and a noise field starts again (it is periodic). */
static int wrap(int i, int periodic) {
    return periodic ? i & (SIDE - 1) : (int)gal_clamp(i, 0, SIDE - 1);
}

/* Cubic interpolation (Catmull-Rom) of a 128x128 field that spans [0, 1] both ways. */
static double field_at(const double *field, double x, double y, int periodic) {
    double px = x * SIDE - 0.5, py = y * SIDE - 0.5, wx[4], wy[4], sum = 0;
    int ix = (int)floor(px), iy = (int)floor(py);
    for (int axis = 0; axis < 2; axis++) {
        double t = axis ? py - iy : px - ix, *w = axis ? wy : wx;
        w[0] = ((-0.5 * t + 1) * t - 0.5) * t;
        w[1] = (1.5 * t - 2.5) * t * t + 1;
        w[2] = ((-1.5 * t + 2) * t + 0.5) * t;
        w[3] = (0.5 * t - 0.5) * t * t;
    }
    for (int j = 0; j < 4; j++) {
        const double *from = field + wrap(iy - 1 + j, periodic) * SIDE;
        double row = 0;
        for (int i = 0; i < 4; i++) row += wx[i] * from[wrap(ix - 1 + i, periodic)];
        sum += wy[j] * row;
    }
    return sum;
}

/* A place in a lung where most of the disc is lung; after TRIES, the deepest place seen. */
static void place(const galen_phantom_options *o, drawing *d) {
    gal_rng rng = gal_phantom_rng(o, GAL_STREAM_OPACITY);
    opacity *s = &d->spot;
    double deepest = -1;
    for (int i = 0; i < TRIES && deepest < 0; i++) {
        double x = gal_rng_uniform(&rng), y = gal_rng_uniform(&rng), radius = 0.055 + 0.045 * gal_rng_uniform(&rng);
        int side = 0;
        double depth = gal_anatomy_lung(&d->anatomy, x, y, &side) - 0.45 * radius;
        if (i > 0 && depth <= deepest) continue;
        deepest = depth;
        s->x = x, s->y = y, s->radius = radius, s->side = side;
    }
    s->height = 0.13 + 0.09 * gal_rng_uniform(&rng);
    for (int k = 0; k < 4; k++)
        for (int c = 0; c < 2; c++) s->wave[k][c] = 0.10 * gal_rng_normal(&rng) / (1 + 0.5 * k);
}

/* Half its height at the radius, 1 at the centre, 0 beyond about twice the radius; uneven and mottled, and only where
 * lung is. */
static double opacity_at(const drawing *d, double x, double y) {
    const opacity *s = &d->spot;
    double dx = x - s->x, dy = y - s->y, r = sqrt(dx * dx + dy * dy), uneven = 1;
    if (r > 3 * s->radius) return 0;
    double c = r > 0 ? dx / r : 1, n = r > 0 ? dy / r : 0, ck = c, nk = n;
    for (int k = 0; k < 4; k++) {
        double next = ck * c - nk * n; /* the angle's multiples, by addition */
        nk = nk * c + ck * n;
        ck = next;
        uneven += s->wave[k][0] * ck + s->wave[k][1] * nk;
    }
    double t = r / (s->radius * gal_clamp(uneven, 0.7, 1.4));
    double bell = gal_bell(t / 1.848); /* (1 - t^2/1.848^2)^2 = 1/2 at t = 1 */
    double mottle = 1 + 1.2 * gal_clamp(field_at(d->noise, x, y, 1), -0.3, 0.3) * gal_smooth(0, 0.6, t);
    return s->height * bell * mottle * gal_smooth(-0.05, 0.015, gal_anatomy_lung(&d->anatomy, x, y, NULL));
}

static void draw_canvas(const galen_phantom_options *o, drawing *d) {
    gal_rng vessels = gal_phantom_rng(o, GAL_STREAM_VESSELS), grain = gal_phantom_rng(o, GAL_STREAM_GRAIN);
    gal_vessels_draw(&d->anatomy, &vessels, d->canvas, d->size);
    double *at = d->canvas;
    for (int j = 0; j < d->size; j++)
        for (int i = 0; i < d->size; i++, at++) {
            double x = (i + 0.5) / d->size, y = (j + 0.5) / d->size;
            double base = field_at(d->sample, x, y, 0);
            /* Outside the body there is nothing to show, and in the thickest parts little. */
            double seen = gal_smooth(0.04, 0.2, base);
            double bent_x = x + field_at(d->warp[0], x, y, 1), bent_y = y + field_at(d->warp[1], x, y, 1);
            double texture = residual * field_at(d->noise, x, y, 1) + fine * field_at(d->noise, 3 * x, 3 * y, 1);
            double detail = gal_anatomy_detail(&d->anatomy, bent_x, bent_y) + *at + texture;
            if (d->label) detail += opacity_at(d, x, y);
            *at = base + seen * detail + 0.008 * gal_rng_normal(&grain);
        }
}

/* 16 bits first: small sizes are shrunk from the 256 pixels that the detail is made for. */
static galen_status finish(const drawing *d, int size, galen_image *out, galen_error *err) {
    galen_image deep = {0}, fit = {0};
    GAL_TRY(galen_image_create(d->size, d->size, 1, GALEN_SAMPLE_U16, &deep, err));
    uint16_t *to = deep.data;
    for (size_t i = 0; i < (size_t)d->size * (size_t)d->size; i++)
        to[i] = (uint16_t)(gal_clamp(d->canvas[i], 0, 1) * 65535 + 0.5);
    galen_status status = galen_image_resize(&deep, size, size, GALEN_FILTER_BILINEAR, &fit, err);
    if (status == GALEN_OK) status = galen_image_to_u8(&fit, out, err);
    galen_image_free(&deep);
    galen_image_free(&fit);
    return status;
}

static void tell(const drawing *d, int size, galen_phantom_truth *truth) {
    *truth = (galen_phantom_truth){.label = d->label, .side = '-'};
    if (!d->label) return;
    truth->x = d->spot.x * size;
    truth->y = d->spot.y * size;
    truth->radius = d->spot.radius * size;
    truth->contrast = d->spot.height * 255;
    truth->side = d->spot.side < 0 ? 'R' : 'L';
}

static galen_status check(const galen_phantom_model *model, const galen_phantom_options *o, galen_error *err) {
    if (!model) return gal_fail(err, GALEN_ERR_ARGUMENT, "a phantom needs the appearance model: load it first");
    if (o->size < SMALLEST || o->size > LARGEST)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a phantom of %d pixels a side cannot be drawn: choose %d to %d",
                        o->size, (int)SMALLEST, (int)LARGEST);
    if (o->finding < GALEN_PHANTOM_BY_CHANCE || o->finding > GALEN_PHANTOM_OPACITY)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the finding %d is unknown: use one of galen_phantom_finding",
                        (int)o->finding);
    return GALEN_OK;
}

galen_status galen_phantom_draw(const galen_phantom_model *model, const galen_phantom_options *options,
                                galen_image *out, galen_phantom_truth *truth, galen_error *err) {
    memset(out, 0, sizeof *out);
    GAL_TRY(check(model, options, err));
    gal_rng chance = gal_phantom_rng(options, GAL_STREAM_FINDING),
            anatomy = gal_phantom_rng(options, GAL_STREAM_ANATOMY);
    int size = options->size < CANVAS_MIN ? CANVAS_MIN : options->size;
    size_t bytes = sizeof(drawing) + (size_t)size * (size_t)size * sizeof(double);
    drawing *d = gal_calloc(bytes, 1);
    if (!d) return gal_fail_memory(err, "a phantom", bytes);
    d->size = size;
    d->canvas = (double *)(d + 1);
    d->label = options->finding == GALEN_PHANTOM_BY_CHANCE ? (int)(gal_rng_u32(&chance) >> 31)
                                                           : options->finding == GALEN_PHANTOM_OPACITY;
    draw_sample(&model->of[d->label], options, d);
    draw_warp(options, d);
    gal_anatomy_fit(d->sample, &anatomy, &d->anatomy);
    if (d->label) place(options, d);
    draw_canvas(options, d);
    galen_status status = finish(d, options->size, out, err);
    if (status == GALEN_OK && truth) tell(d, options->size, truth);
    gal_free(d);
    return status;
}
