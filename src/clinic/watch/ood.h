/*
 * Is a picture of the kind that a model was made for? Three measures on what the network's last layer but one saw
 * (its features) and on its scores; each grows as a picture gets stranger, and each has a limit that a share alpha of
 * the pictures it was fitted for exceed.
 */
#ifndef GAL_CLINIC_OOD_H
#define GAL_CLINIC_OOD_H

#include <galen/status.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GAL_OOD_MAX_WIDTH = 1 << 16, GAL_OOD_AXES = 128, GAL_OOD_BANK = 256, GAL_OOD_NEIGHBOUR = 4 };

typedef enum gal_ood_measure {
    /* The distance from the mean in units of the spread (Mahalanobis; Lee, Lee, Lee and Shin, NeurIPS 2018, with one
     * mean for all classes). */
    GAL_OOD_MAHALANOBIS,
    /* The distance of the direction of the features from that of the 4th nearest of 256 kept ones (Sun, Ming, Zhu and
     * Li, ICML 2022). */
    GAL_OOD_NEIGHBOURS,
    /* Minus the log of the sum of exp over logits, 0 beside a single one (Liu, Wang, Owens and Li, NeurIPS 2020). */
    GAL_OOD_ENERGY,
    GAL_OOD_MEASURES
} gal_ood_measure;

const char *gal_ood_name(gal_ood_measure measure);

/* Pictures of the kind wanted, no labels. */
typedef struct gal_ood_cases {
    const float *feature; /* [count][width] */
    const float *logit;   /* [count][scores] */
    size_t count;
    int width, scores;
} gal_ood_cases;

typedef struct gal_ood {
    int width, axes,
        scores; /* axes: width, or GAL_OOD_AXES sums of the features with signs by chance where there are more */
    float *mean, *deviation; /* [axes] */
    float *factor;           /* [axes (axes + 1) / 2] rows of the lower Cholesky factor of the shrunk correlations */
    int8_t *bank;            /* [kept][axes] directions, in units of `scale` */
    int kept;
    double scale, shrinkage, alpha;
    size_t cases; /* the limits come from; as many as four times these the rest */
    double limit[GAL_OOD_MEASURES];
} gal_ood;

/*
 * Fits mean, spread and neighbours on four of five cases and the limits on each fifth. The correlations are shrunk
 * towards none by the oracle approximating shrinkage (Chen, Wiesel, Eldar and Hero, IEEE Transactions on Signal
 * Processing 58, 2010). A limit is the ceil((n + 1)(1 - alpha))-th smallest of n values, so that cases of the same kind
 * exceed it with probability alpha or less. GALEN_ERR_ARGUMENT unless alpha is in (0, 1), width and scores are at least
 * 1 and there are cases enough for alpha (it says how many); GALEN_ERR_NUMERIC for a feature that is no finite number.
 * The same bits for any number of threads. The caller frees *out (gal_ood_free), which is empty after an error.
 */
galen_status gal_ood_fit(const gal_ood_cases *cases, double alpha, gal_ood *out, galen_error *err);
void gal_ood_free(gal_ood *ood);

/* The fewest cases that gal_ood_fit takes for an alpha in (0, 1). */
double gal_ood_least(double alpha);

/* The measures of one picture; infinite where a feature is no finite number. */
void gal_ood_measure_of(const gal_ood *ood, const float *feature, const float *logit, double out[GAL_OOD_MEASURES]);

/* {"alpha", "cases", "width", "scores", "shrinkage", "mean", "deviation", "factor", "bank", "scale", "limits": {...}};
 * arrays as base64 of little-endian f32 and of signed bytes. A new reference, NULL without memory. */
json_t *gal_ood_json(const gal_ood *ood);
/* The same read back; GALEN_ERR_FORMAT naming the key for what gal_ood_json would not have written. The caller frees
 * *out, which is empty after an error. */
galen_status gal_ood_read(const json_t *object, gal_ood *out, galen_error *err);

/* For the two files of this part: arrays for the width, axes and kept that are set. */
galen_status gal_ood_make(gal_ood *out, galen_error *err);

#endif
