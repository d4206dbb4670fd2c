/* Case sets as JSON: every digit of every score, so that each figure can be computed anew. */
#ifndef GAL_CLINIC_CASES_JSON_H
#define GAL_CLINIC_CASES_JSON_H

#include "base/buf.h"
#include "clinic/cases/cases.h"

#include <jansson.h>

/*
 * Appends one object: {kind, count, classes: [name or null, ...], negative: name or null, logits: true or false, ids:
 * [...], paths: [...] or null, labels: [count] of indices (multi-class) or [count * classes] of 0 and 1, scores: [count
 * * classes], patients: [count] of numbers or null, attributes: [{name, levels: [...], of: [count] of indices, -1 where
 * a case does not say}, ...]}. The caller checks out->failed.
 */
void gal_case_set_write(const gal_case_set *cases, gal_buf *out);

/* Appends a number with the fewest of 15 to 17 digits that give the same double again, or null where it is none; a text
 * in quotes. */
void gal_json_put_number(gal_buf *out, double value);
void gal_json_put_text(gal_buf *out, const char *text);

/* Reads what gal_case_set_write wrote, from a file that may be hostile, and checks it (gal_case_set_finish). The caller
 * owns *out (gal_case_set_free), which is empty on failure. GALEN_ERR_FORMAT names the member. */
galen_status gal_case_set_parse(const json_t *json, gal_case_set *out, galen_error *err);

#endif
