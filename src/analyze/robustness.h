/* A model's scores of the same pictures, made worse and worse. */
#ifndef GAL_ANALYZE_ROBUSTNESS_H
#define GAL_ANALYZE_ROBUSTNESS_H

#include "session/score_cases.h"

#include <jansson.h>

/*
 * Runs the model over the data once for each corruption and severity (image/corrupt.h), and makes the runs that
 * clinic/evaluate/severity.h asks for: [{kind, unit, severity, amount, scores: [count]}, ...]. `plain` are the cases of
 * the same call of gal_score_cases without corruption; options->change is overwritten in a copy. Noise depends on a
 * picture's id and nothing else. GALEN_ERR_ARGUMENT for cases that are not binary; errors as gal_score_cases. The
 * caller owns *out.
 */
galen_status gal_robustness_runs(const char *model, const char *data, const gal_score_options *options,
                                 const gal_case_set *plain, json_t **out, galen_error *err);

#endif
