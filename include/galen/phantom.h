/* Synthetic frontal chest X-rays for demonstrations and tests. Phantoms are not patients. */
#ifndef GALEN_PHANTOM_H
#define GALEN_PHANTOM_H

#include <galen/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The statistical appearance model: for NORMAL and PNEUMONIA a mean picture of 128x128, 48 principal components and the
 * power spectrum of what they leave out, as in models/cxr-appearance.npz (made from Kermany et al., Cell 2018, CC
 * BY 4.0; no patient is in it).
 */
typedef struct galen_phantom_model galen_phantom_model;

/*
 * Reads the appearance model from the bytes of its .npz (not kept). On success the caller owns *out and releases it
 * with galen_phantom_model_free; it may be shared between threads. Errors: FORMAT, LIMIT, MEMORY, UNSUPPORTED (the
 * archive plug-in is not installed).
 */
GALEN_API galen_status galen_phantom_model_read(const void *bytes, size_t size, galen_phantom_model **out,
                                                galen_error *err);
/* The same from a file. */
GALEN_API galen_status galen_phantom_model_load(const char *path, galen_phantom_model **out, galen_error *err);
GALEN_API void galen_phantom_model_free(galen_phantom_model *model);

typedef enum galen_phantom_finding {
    GALEN_PHANTOM_BY_CHANCE, /* the seed decides, one in two has an opacity */
    GALEN_PHANTOM_NORMAL,
    GALEN_PHANTOM_OPACITY
} galen_phantom_finding;

typedef struct galen_phantom_options {
    uint64_t seed;
    uint64_t index; /* which phantom of the seed's series; each is drawn independently of the others */
    int size;       /* pixels a side, 64..2048 */
    galen_phantom_finding finding;
} galen_phantom_options;

/* Seed 1, index 0, 256 pixels, by chance. */
GALEN_API galen_phantom_options galen_phantom_default_options(void);

/* What was drawn. Positions are in pixels of the picture, (0, 0) being the corner of the first pixel. */
typedef struct galen_phantom_truth {
    int label;           /* 0 normal, 1 opacity */
    double x, y, radius; /* the opacity's centre and the radius at half its height; 0 when there is none */
    double contrast;     /* its height at the centre in grey levels of 255; 0 when there is none */
    char side; /* the patient's lung, 'R' or 'L' (the patient's right is on the picture's left); '-' when there is none
                */
} galen_phantom_truth;

/*
 * Draws one phantom as 8-bit grey, size x size: a sample of the appearance model (of PNEUMONIA when there is an
 * opacity) for the large shapes, analytic anatomy fitted to it (lung and heart borders, diaphragm, ribs, clavicles,
 * spine, vessels), a soft opacity inside a lung, and noise. The bits depend on options and model only. `truth` may be
 * NULL. The caller owns *out. A classifier of pneumonia tells the two kinds apart mostly by the appearance model's
 * classes, less by the opacity: a phantom shows that a pipeline works, not how well a model finds opacities.
 */
GALEN_API galen_status galen_phantom_draw(const galen_phantom_model *model, const galen_phantom_options *options,
                                          galen_image *out, galen_phantom_truth *truth, galen_error *err);

#ifdef __cplusplus
}
#endif
#endif
