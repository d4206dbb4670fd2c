/* JSON out of files, by Jansson. */
#ifndef GAL_MODEL_JSON_H
#define GAL_MODEL_JSON_H

#include <galen/status.h>
#include <jansson.h>

/* Parses `size` bytes; `what` names them in errors ("the model card"). The caller owns *out (json_decref). */
galen_status gal_json_parse(const char *text, size_t size, const char *what, json_t **out, galen_error *err);

/* JSON has no NaN or infinity: null in their place. A new reference, NULL without memory. */
json_t *gal_json_real(double v);

#endif
