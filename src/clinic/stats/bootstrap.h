/* How sure any figure is: the bootstrap, with BCa intervals. */
#ifndef GAL_CLINIC_BOOTSTRAP_H
#define GAL_CLINIC_BOOTSTRAP_H

#include "base/pool.h"
#include "clinic/stats/interval.h"

#include <galen/status.h>
#include <stdbool.h>
#include <stdint.h>

/* So many draws are computed side by side: a case's data are read once for all of them. */
enum { GAL_LANES = 8 };

/* How often a unit (a case, or a patient with all of his cases) is in each of GAL_LANES samples. A count would wrap
 * beyond 255, which a unit of a stratum of 256 or more reaches with a probability below 1e-500. */
typedef uint8_t gal_weights[GAL_LANES];

/* Units are drawn with replacement within their stratum, as many as it has. Those of a stratum have numbers in a row,
 * the first stratum's from 0 on. */
typedef struct gal_strata {
    const size_t *size; /* [count], each 1 or more */
    int count;
} gal_strata;

/* Numbers computed from weighted units. */
typedef struct gal_statistic {
    int figures;
    /* out[f][l]: figure f of sample l, NaN where it is not defined. weight: one a unit. Must be pure: several threads
     * call it at a time. */
    void (*of)(const void *context, const gal_weights *weight, double (*out)[GAL_LANES]);
    const void *context;
} gal_statistic;

typedef struct gal_bootstrap_settings {
    size_t draws;
    uint64_t seed;
    double level; /* of the intervals, in (0, 1) */
} gal_bootstrap_settings;

typedef struct gal_bootstrap_figure {
    double value;              /* with every unit once */
    gal_interval interval;     /* NaN, NaN where fewer than two draws define the figure */
    double bias, acceleration; /* Efron's z0 and a */
    bool basic;                /* the interval is the basic one, see below */
    size_t undefined;          /* draws that do not define the figure; left out */
} gal_bootstrap_figure;

/*
 * BCa intervals of every figure (B. Efron, JASA 82:171, 1987): percentiles of the draws, shifted by bias and
 * acceleration. A percentile is put between order statistics linearly at (draws + 1) alpha. Draws equal to the value
 * count half for the bias. Where all draws lie on one side of the value (calibration errors near 0 do so) the bias is
 * infinite and the interval is the basic one, 2 value - percentile (Davison and Hinkley, Bootstrap Methods and their
 * Application, 1997, 5.6).
 *
 * The acceleration is that of several samples, sum l^3 / n^3 / (6 (sum l^2 / n^2)^1.5) over strata and units, l being
 * the unit's jackknife influence (the same book, 5.22): by leaving each unit of a stratum out up to
 * GAL_LEAVE_ONE_OUT of them; from there on by leaving out GAL_JACKKNIFE_GROUPS random groups, whose noise of
 * 0.65 / groups moves the ends of an interval by less than 1 % of its width.
 *
 * Draw d of a seed is the same whatever else is drawn, and no result depends on the pool. Memory: GAL_LANES bytes a
 * unit and thread, and 8 a draw and figure. GALEN_ERR_ARGUMENT without units or draws; GALEN_ERR_MEMORY.
 */
galen_status gal_bootstrap(const gal_strata *strata, const gal_statistic *statistic,
                           const gal_bootstrap_settings *settings, gal_pool *pool, gal_bootstrap_figure *out,
                           galen_error *err);

enum { GAL_LEAVE_ONE_OUT = 1000, GAL_JACKKNIFE_GROUPS = 250 };

/* The weights of draws `first` to `first` + GAL_LANES - 1, one a unit; for statistics that want draws of their own and
 * for tests. */
void gal_draw_weights(const gal_strata *strata, uint64_t seed, size_t first, gal_weights *weight);

#endif
