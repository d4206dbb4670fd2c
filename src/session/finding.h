/* From raw scores to probabilities and a decision. */
#ifndef GAL_SESSION_FINDING_H
#define GAL_SESSION_FINDING_H

#include "clinic/choose/recalibrate.h"

#include <galen/predictor.h>

/* What the model's last node already did to the scores. */
typedef enum gal_link { GAL_LINK_LOGIT, GAL_LINK_SIGMOID, GAL_LINK_SOFTMAX } gal_link;

/* Fills probabilities (n_scores of them), probability, label, label_name and positive of `out` from out->scores. */
void gal_finding(const galen_predictor_facts *facts, gal_link link, double *probabilities, galen_prediction *out);

/* After gal_finding: fills calibrated (in `room`, n_scores of them) and calibrated_probability. */
void gal_finding_calibrate(const galen_predictor_facts *facts, gal_link link, const gal_calibration *calibration,
                           double *room, galen_prediction *out);

#endif
