/* What speaks against trusting a score: the picture's gates, its features, and the labels that cannot be ruled out. */
#ifndef GAL_SESSION_WATCH_H
#define GAL_SESSION_WATCH_H

#include "session/predictor.h"

/*
 * Makes the features an output of the graph, before the session is made, where the card has limits for them or
 * `wanted`. GALEN_ERR_FORMAT where the card's are not of this network, GALEN_ERR_UNSUPPORTED where they are wanted and
 * the network has none that can be found.
 */
galen_status gal_watch_prepare(galen_predictor *p, bool wanted, galen_error *err);

/* Adds what the header of a DICOM file says against the card's modality and body part; other files say nothing. */
void gal_watch_header(const galen_predictor *p, gal_item *item);

/* Mean, standard deviation and share of dark ones (below an eighth) of n pixels, in shares of the range. */
void gal_watch_pixels(const uint8_t *pixel, size_t n, double out[3]);

/* Fills gates, ood, set and watched of `out`, whose probabilities are there. row: of the batch's outputs. */
void gal_watch(galen_predictor *p, const gal_item *item, size_t row, galen_prediction *out);

/* The features of a row of the last batch, p->n_features of them. */
const float *gal_watch_features(const galen_predictor *p, size_t row);

#endif
