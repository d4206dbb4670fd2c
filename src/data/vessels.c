/* Pulmonary vessels: two trees that grow from the hila into the lungs, thinner at every fork. */
#include "data/phantom.h"

#include <math.h>

enum { TRUNKS = 11, STEPS = 14, FORKS = 3 };

typedef struct twig {
    double x, y, dx, dy; /* where it is and where it goes (a unit vector), in the picture */
    double width, contrast;
} twig;

typedef struct canvas {
    double *at;
    int size;
} canvas;

/* One straight piece with a bell across it. */
static void stroke(canvas c, const twig *t, double length) {
    double half = t->width * c.size, x0 = t->x * c.size, y0 = t->y * c.size, span = length * c.size;
    double x1 = x0 + t->dx * span, y1 = y0 + t->dy * span;
    int left = (int)gal_clamp(fmin(x0, x1) - half, 0, c.size - 1),
        right = (int)gal_clamp(fmax(x0, x1) + half, 0, c.size - 1);
    int high = (int)gal_clamp(fmin(y0, y1) - half, 0, c.size - 1),
        low = (int)gal_clamp(fmax(y0, y1) + half, 0, c.size - 1);
    for (int y = high; y <= low; y++)
        for (int x = left; x <= right; x++) {
            double px = x + 0.5 - x0, py = y + 0.5 - y0, along = px * t->dx + py * t->dy;
            if (along < 0 || along >= span) continue;
            c.at[(size_t)y * (size_t)c.size + (size_t)x] += t->contrast * gal_bell((px * t->dy - py * t->dx) / half);
        }
}

static void turn(twig *t, double sine) {
    double cosine = sqrt(1 - sine * sine), dx = t->dx * cosine - t->dy * sine, dy = t->dx * sine + t->dy * cosine;
    double length = sqrt(dx * dx + dy * dy);
    t->dx = dx / length;
    t->dy = dy / length;
}

static void grow(canvas c, const gal_anatomy *a, gal_rng *rng, twig t, int forks) {
    const double step = 0.018;
    for (int i = 0; i < STEPS; i++) {
        double inside = gal_anatomy_lung(a, t.x, t.y, NULL);
        if (inside < -0.06) return;
        twig seen = t;
        seen.contrast *= gal_smooth(-0.03, 0.02, inside);
        stroke(c, &seen, step);
        t.x += t.dx * step;
        t.y += t.dy * step;
        t.width *= 0.95;
        t.contrast *= 0.93;
        turn(&t, 0.5 * (gal_rng_uniform(rng) - 0.5));
        if (forks < FORKS && i % 4 == 2) {
            twig branch = t;
            branch.width *= 0.75;
            branch.contrast *= 0.8;
            turn(&branch, (gal_rng_u32(rng) & 1 ? 0.6 : -0.6) + 0.3 * (gal_rng_uniform(rng) - 0.5));
            grow(c, a, rng, branch, forks + 1);
        }
    }
}

void gal_vessels_draw(const gal_anatomy *a, gal_rng *rng, double *at, int size) {
    canvas c = {at, size};
    for (int side = -1; side <= 1; side += 2)
        for (int k = 0; k < TRUNKS; k++) {
            twig t = {.width = 0.009 + 0.005 * gal_rng_uniform(rng), .contrast = 0.024 + 0.016 * gal_rng_uniform(rng)};
            double down = -0.85 + 2.0 * (k + gal_rng_uniform(rng)) / TRUNKS, out = 0.35 + 0.5 * gal_rng_uniform(rng);
            double length = sqrt(out * out + down * down);
            t.x = a->middle + a->wide * side * (0.075 + 0.045 * gal_rng_uniform(rng) + 0.02 * (side > 0));
            t.y = a->top + a->high * (0.38 + 0.14 * gal_rng_uniform(rng));
            t.dx = side * out / length;
            t.dy = down / length;
            grow(c, a, rng, t, 0);
        }
}
