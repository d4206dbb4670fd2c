/* Paths into evidence. */
#include "analyze/report/facts.h"

#include "base/buf.h"

#include <math.h>
#include <string.h>

enum { MAX_WORDS = 4000, MAX_DEPTH = 6, MAX_KEY = 64 };

const json_t *gal_fact(const json_t *root, const char *path) {
    char key[MAX_KEY];
    while (root != NULL && *path != '\0') {
        size_t n = strcspn(path, ".");
        if (n >= sizeof key) return NULL;
        memcpy(key, path, n);
        key[n] = '\0';
        root = json_object_get(root, key);
        path += n + (path[n] == '.');
    }
    return root;
}

double gal_fact_number(const json_t *root, const char *path) {
    const json_t *value = gal_fact(root, path);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

const char *gal_fact_text(const json_t *root, const char *path) {
    return json_string_value(gal_fact(root, path));
}

size_t gal_fact_count(const json_t *root, const char *path) {
    json_int_t value = json_integer_value(gal_fact(root, path));
    return value > 0 ? (size_t)value : 0;
}

const char *gal_fact_file_name(const char *path) {
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    return slash != NULL ? slash + 1 : path;
}

/* ---- in words ---- */

static void words(gal_buf *out, const json_t *value, int depth) {
    const char *key;
    json_t *member;
    size_t at;
    bool first = true;
    if (depth > MAX_DEPTH) return;
    if (json_is_string(value)) gal_buf_text(out, json_string_value(value));
    if (json_is_integer(value)) gal_buf_printf(out, "%lld", (long long)json_integer_value(value));
    if (json_is_real(value)) gal_buf_printf(out, "%.6g", json_real_value(value));
    if (json_is_boolean(value)) gal_buf_text(out, json_is_true(value) ? "yes" : "no");
    json_array_foreach(value, at, member) {
        if (!first) gal_buf_text(out, ", ");
        words(out, member, depth + 1);
        first = false;
    }
    json_object_foreach((json_t *)value, key, member) {
        if (json_is_null(member)) continue;
        gal_buf_printf(out, "%s%s: ", first ? "" : "; ", key);
        words(out, member, depth + 1);
        first = false;
    }
}

const char *gal_fact_words(gal_document *d, const json_t *value) {
    gal_buf out;
    gal_buf_init(&out, MAX_WORDS);
    words(&out, value, 0);
    /* What did not fit is left out, and said to be. */
    bool cut = out.failed && out.data != NULL;
    const char *text =
        gal_document_format(d, "%s%s", out.data != NULL ? (const char *)out.data : "", cut ? " ..." : "");
    gal_buf_free(&out);
    return text;
}

/* ---- columns ---- */

double *gal_fact_curve(gal_document *d, const json_t *list, size_t at, bool backwards) {
    size_t n = json_array_size(list);
    double *out = n > 0 ? gal_document_room(d, n, sizeof *out) : NULL;
    for (size_t i = 0; out != NULL && i < n; i++) {
        const json_t *value = json_array_get(json_array_get(list, backwards ? n - 1 - i : i), at);
        out[i] = json_is_number(value) ? json_number_value(value) : (double)NAN;
    }
    return out;
}

double *gal_fact_members(gal_document *d, const json_t *list, const char *key) {
    size_t n = json_array_size(list);
    double *out = n > 0 ? gal_document_room(d, n, sizeof *out) : NULL;
    for (size_t i = 0; out != NULL && i < n; i++) out[i] = gal_fact_number(json_array_get(list, i), key);
    return out;
}

const char *gal_fact_estimate(gal_document *d, const json_t *estimate) {
    double value = gal_fact_number(estimate, "value"), low = gal_fact_number(estimate, "low");
    double high = gal_fact_number(estimate, "high");
    if (!isfinite(value)) return "not defined";
    if (!isfinite(low)) return gal_document_format(d, "%.3f", value);
    if (!isfinite(high)) return gal_document_format(d, "%.3f [%.3f, no bound]", value, low);
    return gal_document_format(d, "%.3f [%.3f, %.3f]", value, low, high);
}
