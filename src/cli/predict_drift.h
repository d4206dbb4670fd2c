/* Are the pictures of a run, and their scores, spread as those that the card was fitted on? */
#ifndef GAL_CLI_PREDICT_DRIFT_H
#define GAL_CLI_PREDICT_DRIFT_H

#include "cli/json.h"
#include "clinic/watch/drift_reference.h"

/* Puts "drift" into the object that is open, null where the card has no reference. `value` holds `count` rows in the
 * order given. */
galen_status drift_json(cli_json *json, const gal_drift_reference *reference, const double *value, size_t count,
                        galen_error *err);
/* The same as a table; nothing where the card has no reference. */
galen_status drift_print(const gal_drift_reference *reference, const double *value, size_t count, galen_error *err);

#endif
