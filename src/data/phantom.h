/* What the files of the phantom share. Brightness is 0 (black) to 1 (white); the picture spans [0, 1] both ways. */
#ifndef GAL_DATA_PHANTOM_H
#define GAL_DATA_PHANTOM_H

#include "base/rng.h"

#include <galen/phantom.h>

/* The appearance model's side, its components and the radial frequencies of its residual spectrum. */
enum { GAL_APPEARANCE_SIDE = 128, GAL_APPEARANCE_PARTS = 48, GAL_APPEARANCE_BANDS = 65, GAL_APPEARANCE_CLASSES = 2 };
enum { GAL_APPEARANCE_PIXELS = GAL_APPEARANCE_SIDE * GAL_APPEARANCE_SIDE };

typedef struct gal_appearance {
    float mean[GAL_APPEARANCE_PIXELS];
    float part[GAL_APPEARANCE_PARTS][GAL_APPEARANCE_PIXELS];
    float sd[GAL_APPEARANCE_PARTS];    /* of each part's coefficient */
    double band[GAL_APPEARANCE_BANDS]; /* amplitude of the residual at each radial frequency */
} gal_appearance;

struct galen_phantom_model {
    gal_appearance of[GAL_APPEARANCE_CLASSES]; /* by label */
};

/* One use of a phantom's random numbers each, so that changing one does not move the others. */
typedef enum gal_phantom_stream {
    GAL_STREAM_FINDING,
    GAL_STREAM_PARTS,
    GAL_STREAM_RESIDUAL,
    GAL_STREAM_ANATOMY,
    GAL_STREAM_VESSELS,
    GAL_STREAM_OPACITY,
    GAL_STREAM_TEXTURE,
    GAL_STREAM_GRAIN,
    GAL_STREAM_WARP,
    GAL_STREAMS = 16
} gal_phantom_stream;

gal_rng gal_phantom_rng(const galen_phantom_options *options, gal_phantom_stream stream);

/* Gaussian noise with the given amplitude at each radial frequency, 128x128, periodic. Needs a scratch of as many
 * pairs. */
void gal_noise_field(gal_rng *rng, const double band[GAL_APPEARANCE_BANDS], double *out, double (*scratch)[2]);

/* Where this phantom's anatomy lies and how it is built. A point (x, y) has across = (x - middle) / wide, down = (y -
 * top) / high. */
typedef struct gal_anatomy {
    double middle, top, wide, high; /* the pose, fitted to the sample */
    double heart, diaphragm;        /* size of the heart's bulge; level of the right dome */
    double rib_first, rib_step, rib_bend, rib_half, rib_gain, clavicle_tilt, spine_step, gain;
} gal_anatomy;

/* Poses the anatomy on a 128x128 sample, and draws what varies freely. */
void gal_anatomy_fit(const double *sample, gal_rng *rng, gal_anatomy *out);
/* Signed distance to the lungs' border in units of the picture, positive inside; *side is -1 for the patient's right
 * lung, 1 left. */
double gal_anatomy_lung(const gal_anatomy *a, double x, double y, int *side);
/* Fine detail (borders, ribs, clavicles, spine) to add at (x, y). */
double gal_anatomy_detail(const gal_anatomy *a, double x, double y);

/* Adds the lungs' vessels to a canvas of size x size. */
void gal_vessels_draw(const gal_anatomy *a, gal_rng *rng, double *canvas, int size);

/* Functions with the bits of IEEE arithmetic alone, so that phantoms are the same on every machine. */
static inline double gal_clamp(double v, double low, double high) {
    return v < low ? low : v > high ? high : v;
}
/* 0 below a, 1 above b, smooth between (3t^2 - 2t^3). */
static inline double gal_smooth(double a, double b, double v) {
    double t = gal_clamp((v - a) / (b - a), 0, 1);
    return t * t * (3 - 2 * t);
}
/* A bell of height 1 at 0 that ends at +-1. */
static inline double gal_bell(double t) {
    double s = 1 - t * t;
    return s > 0 ? s * s : 0;
}

#endif
