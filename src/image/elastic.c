/* Cubic B-splines over a grid of random displacements. */
#include "image/elastic.h"

#include <stddef.h>

/* In which cell t lies, and the weights of the four points around; they add up to 1. */
static size_t weights(double t, float w[4]) {
    double at = t * GAL_ELASTIC_CELLS;
    int cell = at < 0 ? 0 : at >= GAL_ELASTIC_CELLS ? GAL_ELASTIC_CELLS - 1 : (int)at;
    float s = (float)(at - cell), r = 1 - s;
    w[0] = r * r * r * (1.0f / 6);
    w[1] = (4 - 6 * s * s + 3 * s * s * s) * (1.0f / 6);
    w[2] = (4 - 6 * r * r + 3 * r * r * r) * (1.0f / 6);
    w[3] = s * s * s * (1.0f / 6);
    return (size_t)cell;
}

/* One random word a number: 32 bits are plenty. */
static void draw_plane(double amplitude, gal_rng *rng, float out[GAL_ELASTIC_POINTS][GAL_ELASTIC_POINTS]) {
    uint32_t word[4];
    for (size_t i = 0; i < (size_t)GAL_ELASTIC_POINTS * GAL_ELASTIC_POINTS; i++) {
        if (i % 4 == 0) gal_rng_block(rng, word);
        out[i / GAL_ELASTIC_POINTS][i % GAL_ELASTIC_POINTS] =
            (float)(amplitude * (2 * ((double)word[i % 4] + 0.5) * 0x1p-32 - 1));
    }
}

void gal_elastic_draw(double amplitude, gal_rng *rng, gal_elastic *out) {
    draw_plane(amplitude, rng, out->x);
    draw_plane(amplitude, rng, out->y);
}

void gal_elastic_row_at(const gal_elastic *field, double v, gal_elastic_row *out) {
    float w[4];
    size_t cell = weights(v, w);
    for (size_t i = 0; i < GAL_ELASTIC_POINTS; i++) {
        float x = 0, y = 0;
        for (size_t k = 0; k < 4; k++) x += w[k] * field->x[cell + k][i], y += w[k] * field->y[cell + k][i];
        out->x[i] = x, out->y[i] = y;
    }
}

void gal_elastic_at(const gal_elastic_row *row, double u, double *dx, double *dy) {
    float w[4], x = 0, y = 0;
    size_t cell = weights(u, w);
    for (size_t k = 0; k < 4; k++) x += w[k] * row->x[cell + k], y += w[k] * row->y[cell + k];
    *dx = (double)x, *dy = (double)y;
}
