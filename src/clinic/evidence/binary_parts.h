/* Parts of evidence about one yes-or-no question of the cases, and about their probabilities. */
#ifndef GAL_CLINIC_BINARY_PARTS_H
#define GAL_CLINIC_BINARY_PARTS_H

#include "base/pool.h"
#include "clinic/cases/cases.h"

#include <jansson.h>

/*
 * What evidence.c's table of parts asks of each: results from the first set of cases and the part's settings alone.
 *
 *   decision_curve   settings: those of gal_decision_curve_json
 *   subgroups        settings: those of gal_subgroups_json; of all attributes of the cases
 *   recalibration    settings: {method, parameters, bins}: what gal_calibration_json has, and bins of reliability
 *
 * The first two ask about a binary set's positives or, where the settings have "class", about that class or label
 * against the others; GALEN_ERR_FORMAT where the cases have no such class or need one to be named. A multi-class set's
 * recalibration is by temperature; a multi-label set has none.
 */
galen_status gal_decision_curve_part(const gal_case_set *cases, const json_t *settings, gal_pool *pool, json_t **out,
                                     galen_error *err);
galen_status gal_subgroups_part(const gal_case_set *cases, const json_t *settings, gal_pool *pool, json_t **out,
                                galen_error *err);
galen_status gal_recalibration_part(const gal_case_set *cases, const json_t *settings, gal_pool *pool, json_t **out,
                                    galen_error *err);

#endif
