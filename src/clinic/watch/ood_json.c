/* What was fitted, as JSON for the model card. */
#include "base/base64.h"
#include "base/error.h"
#include "clinic/watch/ood.h"

#include <math.h>
#include <string.h>

/* Numbers as text are little-endian, as every machine that Galen is built for is. */
static json_t *packed(const void *bytes, size_t size) {
    gal_buf text;
    gal_buf_init(&text, PTRDIFF_MAX);
    gal_base64(&text, bytes, size);
    json_t *out = text.failed ? NULL : json_stringn(text.data ? (const char *)text.data : "", text.size);
    gal_buf_free(&text);
    return out;
}

static size_t factor_size(const gal_ood *ood) {
    return (size_t)ood->axes * (size_t)(ood->axes + 1) / 2 * sizeof *ood->factor;
}

json_t *gal_ood_json(const gal_ood *ood) {
    size_t axes = (size_t)ood->axes;
    json_t *limits = json_pack("{s:f, s:f, s:f}", gal_ood_name(GAL_OOD_MAHALANOBIS), ood->limit[GAL_OOD_MAHALANOBIS],
                               gal_ood_name(GAL_OOD_NEIGHBOURS), ood->limit[GAL_OOD_NEIGHBOURS],
                               gal_ood_name(GAL_OOD_ENERGY), ood->limit[GAL_OOD_ENERGY]);
    return json_pack("{s:f, s:I, s:i, s:i, s:i, s:f, s:f, s:o, s:o, s:o, s:o, s:o}", "alpha", ood->alpha, "cases",
                     (json_int_t)ood->cases, "width", ood->width, "scores", ood->scores, "kept", ood->kept, "shrinkage",
                     ood->shrinkage, "scale", ood->scale, "mean", packed(ood->mean, axes * sizeof *ood->mean),
                     "deviation", packed(ood->deviation, axes * sizeof *ood->deviation), "factor",
                     packed(ood->factor, factor_size(ood)), "bank", packed(ood->bank, (size_t)ood->kept * axes),
                     "limits", limits);
}

/* ---- reading ---- */

static galen_status bad(galen_error *err, const char *key, const char *need) {
    return gal_fail(err, GALEN_ERR_FORMAT, "ood.%s must be %s", key, need);
}

static galen_status read_int(const json_t *object, const char *key, int least, int most, int *out, galen_error *err) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < least || json_integer_value(value) > most)
        return gal_fail(err, GALEN_ERR_FORMAT, "ood.%s must be a whole number from %d to %d", key, least, most);
    *out = (int)json_integer_value(value);
    return GALEN_OK;
}

static galen_status read_real(const json_t *object, const char *key, double *out, galen_error *err) {
    const json_t *value = json_object_get(object, key);
    *out = json_number_value(value);
    return json_is_number(value) && isfinite(*out) ? GALEN_OK : bad(err, key, "a number");
}

static galen_status read_bytes(const json_t *object, const char *key, void *out, size_t size, galen_error *err) {
    const json_t *value = json_object_get(object, key);
    if (json_is_string(value) && gal_base64_read(json_string_value(value), json_string_length(value), out, size))
        return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT, "ood.%s must be %zu bytes as base64", key, size);
}

static galen_status read_floats(const json_t *object, const char *key, float *out, size_t n, galen_error *err) {
    GAL_TRY(read_bytes(object, key, out, n * sizeof *out, err));
    for (size_t i = 0; i < n; i++)
        if (!isfinite(out[i])) return bad(err, key, "finite numbers");
    return GALEN_OK;
}

static galen_status read_arrays(const json_t *object, gal_ood *out, galen_error *err) {
    size_t axes = (size_t)out->axes;
    GAL_TRY(read_floats(object, "mean", out->mean, axes, err));
    GAL_TRY(read_floats(object, "deviation", out->deviation, axes, err));
    GAL_TRY(read_floats(object, "factor", out->factor, factor_size(out) / sizeof *out->factor, err));
    GAL_TRY(read_bytes(object, "bank", out->bank, (size_t)out->kept * axes, err));
    const float *diagonal = out->factor;
    for (int i = 0; i < out->axes; i++, diagonal += i + 1) {
        if (!(out->deviation[i] > 0)) return bad(err, "deviation", "above 0");
        if (!(*diagonal > 0)) return bad(err, "factor", "above 0 where a row ends");
    }
    return GALEN_OK;
}

static galen_status read_all(const json_t *object, gal_ood *out, galen_error *err) {
    int cases = 0;
    const json_t *limits = json_object_get(object, "limits");
    GAL_TRY(read_int(object, "width", 1, GAL_OOD_MAX_WIDTH, &out->width, err));
    GAL_TRY(read_int(object, "scores", 1, 4096, &out->scores, err));
    GAL_TRY(read_int(object, "kept", 1, GAL_OOD_BANK, &out->kept, err));
    GAL_TRY(read_int(object, "cases", 1, INT32_MAX, &cases, err));
    GAL_TRY(read_real(object, "alpha", &out->alpha, err));
    GAL_TRY(read_real(object, "scale", &out->scale, err));
    GAL_TRY(read_real(object, "shrinkage", &out->shrinkage, err));
    if (!(out->alpha > 0 && out->alpha < 1)) return bad(err, "alpha", "between 0 and 1");
    for (int m = 0; m < GAL_OOD_MEASURES; m++)
        GAL_TRY(read_real(limits, gal_ood_name((gal_ood_measure)m), &out->limit[m], err));
    out->cases = (size_t)cases;
    out->axes = out->width < GAL_OOD_AXES ? out->width : GAL_OOD_AXES;
    GAL_TRY(gal_ood_make(out, err));
    return read_arrays(object, out, err);
}

galen_status gal_ood_read(const json_t *object, gal_ood *out, galen_error *err) {
    *out = (gal_ood){0};
    galen_status status =
        json_is_object(object) ? read_all(object, out, err) : gal_fail(err, GALEN_ERR_FORMAT, "ood must be an object");
    if (status != GALEN_OK) gal_ood_free(out);
    return status;
}
