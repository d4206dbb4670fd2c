/* What becomes of a model's figures as its pictures get worse. */
#ifndef GAL_CLINIC_SEVERITY_H
#define GAL_CLINIC_SEVERITY_H

#include "base/pool.h"
#include "clinic/cases/cases.h"

#include <jansson.h>

enum { GAL_SEVERITY_RUNS = 1000 };

/*
 * A part of evidence (evidence.h), of a binary set. Settings: {level, threshold or null, runs: [{kind, unit, severity,
 * amount, scores: [count]}, ...]}: the scores that the same cases got with worse pictures, on the scale of the set's.
 * They are settings, as nothing else that the evidence holds could give them. Results:
 *
 *   {plain: FIGURES, runs: [{kind, unit, severity, amount, FIGURES...}, ...]}, FIGURES = {auc, sensitivity,
 * specificity: as gal_estimate_json}, the last two null without a threshold
 *
 * Intervals: DeLong's and Wilson's, which take cases as independent. GALEN_ERR_FORMAT for settings of another form or
 * number of scores, or cases of another kind; errors as gal_delong.
 */
galen_status gal_severity_part(const gal_case_set *cases, const json_t *settings, gal_pool *pool, json_t **out,
                               galen_error *err);

#endif
