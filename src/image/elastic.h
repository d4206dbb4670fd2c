/*
 * Elastic deformation: a smooth random field of displacements (P. Simard, D. Steinkraus, J. Platt, ICDAR 2003). Random
 * numbers on a coarse grid are smoothed by a cubic B-spline, which is near to Simard's Gaussian (of 0.58 grid steps)
 * and needs a few multiplications a pixel (D. Rueckert et al., IEEE TMI 18, 1999).
 */
#ifndef GAL_IMAGE_ELASTIC_H
#define GAL_IMAGE_ELASTIC_H

#include "base/rng.h"

enum { GAL_ELASTIC_CELLS = 6, GAL_ELASTIC_POINTS = GAL_ELASTIC_CELLS + 3 };

/* Displacements at the grid's points, in parts of the picture's width (x) and height (y). */
typedef struct gal_elastic {
    float x[GAL_ELASTIC_POINTS][GAL_ELASTIC_POINTS], y[GAL_ELASTIC_POINTS][GAL_ELASTIC_POINTS];
} gal_elastic;

/* A row of a picture: the grid's columns weighted for it. */
typedef struct gal_elastic_row {
    float x[GAL_ELASTIC_POINTS], y[GAL_ELASTIC_POINTS];
} gal_elastic_row;

/* Each point moves by at most `amplitude`, uniformly, and so does each pixel. Below 1/12 nothing folds over: the
 * field's slope stays below 1. */
void gal_elastic_draw(double amplitude, gal_rng *rng, gal_elastic *out);

/* The row at v, and the displacement at u in it; both from 0 to 1 across the picture. */
void gal_elastic_row_at(const gal_elastic *field, double v, gal_elastic_row *out);
void gal_elastic_at(const gal_elastic_row *row, double u, double *dx, double *dy);

#endif
