/*
 * The analytic chest: lungs between rib cage, mediastinum, heart and diaphragm, with ribs, clavicles and spine.
 * Canonical coordinates: `across` from the midline (negative: the patient's right) and `down` from the top, in widths
 * and heights of an average picture.
 */
#include "data/phantom.h"

#include <math.h>

enum { SIDE = GAL_APPEARANCE_SIDE, COARSE = 32, POSE = 6, RIBS = 10 };

static const double cage_wide = 0.365, cage_low = 0.80, cage_high = 0.63;

static double square(double v) {
    return v * v;
}

/* A smooth minimum: corners of the lung are round. */
static double least(double a, double b) {
    double d = a - b;
    return 0.5 * (a + b - sqrt(d * d + 0.0004));
}

/* Distance inside the rib cage, a half ellipse standing on the diaphragm. */
static double cage(double s, double down) {
    double v = down < cage_low ? (cage_low - down) / cage_high : (down - cage_low) / 0.9;
    return 0.33 * (1 - sqrt(square(s / cage_wide) + v * v));
}

/* How far the middle's soft tissue reaches to the side: great vessels, right atrium, left ventricle. */
static double middle_border(const gal_anatomy *a, double across, double down) {
    if (across < 0)
        return 0.075 + 0.035 * a->heart * gal_bell((down - 0.62) / 0.22) + 0.012 * gal_bell((down - 0.34) / 0.12);
    return 0.075 + 0.125 * a->heart * gal_smooth(0.38, 0.72, down) + 0.02 * gal_bell((down - 0.33) / 0.07);
}

static double dome(const gal_anatomy *a, double across, double s) {
    return a->diaphragm + (across < 0 ? 0 : 0.018) + 1.9 * square(s - 0.185);
}

static double lung(const gal_anatomy *a, double across, double down) {
    double s = fabs(across);
    return least(least(cage(s, down), s - middle_border(a, across, down)), dome(a, across, s) - down);
}

double gal_anatomy_lung(const gal_anatomy *a, double x, double y, int *side) {
    double across = (x - a->middle) / a->wide;
    if (side) *side = across < 0 ? -1 : 1;
    return lung(a, across, (y - a->top) / a->high);
}

/* 0 to 1 across a border `width` wide; square roots only, so that the bits are the same everywhere. */
static double edge(double d, double width) {
    double t = d / width;
    return 0.5 + 0.5 * t / sqrt(1 + t * t);
}

/* What a border adds to a picture that shows it blurred: the sharp step less the soft one. */
static double sharpen(double d) {
    return edge(d, 0.005) - edge(d, 0.03);
}

/* A rib's cross-section: brighter at its two cortical edges. */
static double rib_profile(double t) {
    t = fabs(t);
    return (0.55 + 0.6 * t * t) * gal_smooth(1.25, 0.8, t);
}

/* Nearest of the ribs stacked `step` apart below `first`; the distance to its centre in half-widths. */
static double rib_stack(double down, double first, double step, double half) {
    double k = floor((down - first) / step + 0.5);
    k = gal_clamp(k, 0, RIBS - 1);
    return (down - first - k * step) / half;
}

static double ribs(const gal_anatomy *a, double s, double down) {
    double bend = a->rib_bend, back = 1.6 * s * s - 0.22 * s, front = 0.42 * (0.34 - s) + 1.2 * square(s - 0.22);
    double behind = rib_profile(rib_stack(down - bend * back, a->rib_first, a->rib_step, a->rib_half)) - 0.26;
    double before =
        rib_profile(rib_stack(down - front, a->rib_first + 0.085, 1.12 * a->rib_step, 1.1 * a->rib_half)) - 0.26;
    double wall = cage(s, down);
    double seen = gal_smooth(-0.012, 0.004, wall) * gal_smooth(0.03, 0.08, s);
    /* Ribs turn edge-on at the wall, where they are brightest. */
    double turn = 1 + 0.7 * gal_smooth(0.06, 0.01, wall);
    return seen * (turn * behind + 0.45 * before * gal_smooth(0.12, 0.26, s));
}

static double clavicle(const gal_anatomy *a, double across, double down) {
    double s = fabs(across), tilt = across < 0 ? a->clavicle_tilt : -a->clavicle_tilt;
    double centre = 0.165 - (0.20 + tilt) * (s - 0.05) + 0.55 * square(s - 0.16);
    double ends = gal_smooth(0.035, 0.06, s) * gal_smooth(0.42, 0.34, s);
    return ends * (0.3 + 0.7 * gal_smooth(0.36, 0.2, s)) *
           rib_profile((down - centre) / (0.016 + 0.006 * gal_bell((s - 0.06) / 0.08)));
}

/* Vertebral bodies: a column with bright end plates and pedicles, darker discs, fading behind the heart. */
static double spine(const gal_anatomy *a, double across, double down) {
    double k = (down - 0.02) / a->spine_step, phase = k - floor(k + 0.5), s = fabs(across);
    double column = sharpen(0.042 - s) * 0.9;
    double plates = gal_bell((fabs(phase) - 0.32) / 0.14) * 0.3 - gal_bell((fabs(phase) - 0.5) / 0.2) * 0.5;
    double pedicles = gal_bell(sqrt(square((s - 0.026) / 0.011) + square((phase + 0.08) / 0.24))) * 0.7;
    double trachea = -0.9 * gal_bell(across / 0.022) * gal_smooth(0.36, 0.28, down);
    return column + (plates * gal_smooth(0.046, 0.036, s) + pedicles) * 0.6 + trachea * 0.6;
}

double gal_anatomy_detail(const gal_anatomy *a, double x, double y) {
    double across = (x - a->middle) / a->wide, down = (y - a->top) / a->high, s = fabs(across);
    double inside = lung(a, across, down), air = edge(inside, 0.012);
    double below = gal_smooth(0, 0.12, down - dome(a, across, s));
    double bone = a->rib_gain * ribs(a, s, down) * (0.35 + 0.65 * air) * (1 - 0.75 * below);
    double frame = 0.045 * clavicle(a, across, down);
    double core = 0.055 * spine(a, across, down) * (1 - 0.5 * gal_smooth(0.45, 0.6, down)) * (1 - 0.5 * below);
    return a->gain * (bone + frame + core - 0.17 * sharpen(inside) * gal_smooth(-0.2, -0.02, inside));
}

/* Correlation of the posed lungs with darkness; what lies outside the chest does not count. */
static double agreement(const gal_anatomy *a, const double coarse[COARSE * COARSE]) {
    double n = 0, sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
    for (int j = 2; j < COARSE - 2; j++)
        for (int i = 3; i < COARSE - 3; i++) {
            double x = (i + 0.5) / COARSE, y = (j + 0.5) / COARSE;
            double u = edge(gal_anatomy_lung(a, x, y, NULL), 0.03), v = -coarse[j * COARSE + i];
            n++, sx += u, sy += v, sxx += u * u, syy += v * v, sxy += u * v;
        }
    double vx = sxx - sx * sx / n, vy = syy - sy * sy / n;
    return vx > 0 && vy > 0 ? (sxy - sx * sy / n) / sqrt(vx * vy) : 0;
}

static void shrink(const double *sample, double coarse[COARSE * COARSE]) {
    enum { STEP = SIDE / COARSE };
    for (int i = 0; i < COARSE * COARSE; i++) coarse[i] = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) coarse[y / STEP * COARSE + x / STEP] += sample[y * SIDE + x] / (STEP * STEP);
}

/* Climbs along one parameter at a time with ever smaller steps. The prior keeps the pose near the average chest. */
static void climb(gal_anatomy *a, const double coarse[COARSE * COARSE]) {
    struct {
        double *value, start, step, spread;
    } pose[POSE] = {{&a->middle, 0.5, 0.03, 0.06}, {&a->top, 0, 0.04, 0.10},  {&a->wide, 1, 0.06, 0.11},
                    {&a->high, 1, 0.08, 0.15},     {&a->heart, 1, 0.25, 0.5}, {&a->diaphragm, 0.745, 0.03, 0.06}};
    double best = -2;
    for (int round = 0; round < 10; round++)
        for (int p = 0; p < POSE; p++)
            for (int sign = -1; sign <= 1; sign++) {
                double old = *pose[p].value, penalty = 0;
                *pose[p].value = old + sign * pose[p].step / (1 << round / 3);
                for (int q = 0; q < POSE; q++) penalty += square((*pose[q].value - pose[q].start) / pose[q].spread);
                double score = agreement(a, coarse) - 0.03 * penalty;
                if (score > best)
                    best = score;
                else
                    *pose[p].value = old;
            }
}

void gal_anatomy_fit(const double *sample, gal_rng *rng, gal_anatomy *out) {
    double coarse[COARSE * COARSE];
    *out = (gal_anatomy){.middle = 0.5, .wide = 1, .high = 1, .heart = 1, .diaphragm = 0.745};
    shrink(sample, coarse);
    climb(out, coarse);
    out->rib_first = 0.13 + 0.03 * gal_rng_uniform(rng);
    out->rib_step = 0.060 + 0.006 * gal_rng_uniform(rng);
    out->rib_bend = 0.8 + 0.4 * gal_rng_uniform(rng);
    out->rib_half = 0.0115 + 0.003 * gal_rng_uniform(rng);
    out->rib_gain = 0.065 + 0.025 * gal_rng_uniform(rng);
    out->clavicle_tilt = 0.12 * (gal_rng_uniform(rng) - 0.5);
    out->spine_step = 0.052 + 0.006 * gal_rng_uniform(rng);
    out->gain = 0.85 + 0.3 * gal_rng_uniform(rng);
}
