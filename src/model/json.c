/* JSON out of files, by Jansson. */
#include "model/json.h"

#include "base/error.h"

#include <math.h>

galen_status gal_json_parse(const char *text, size_t size, const char *what, json_t **out, galen_error *err) {
    json_error_t why;
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    if (*out) return GALEN_OK;
    /* Jansson has no words for some of its failed allocations. */
    if (json_error_code(&why) == json_error_out_of_memory || why.text[0] == '\0')
        return gal_fail_memory(err, what, size);
    return gal_fail(err, GALEN_ERR_FORMAT, "%s is not valid JSON: %s at byte %d", what, why.text, why.position);
}

json_t *gal_json_real(double v) {
    return isfinite(v) ? json_real(v) : json_null();
}
