/* Marks of data sets. */
#include "clinic/choose/data_mark.h"

#include "base/error.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT = 16 /* hex digits of 64 bits */, MAX_CASES = 1 << 30 };

static const char digits[] = "0123456789abcdef";

static bool is_hex(const char *text, size_t n) {
    return strlen(text) == n && strspn(text, digits) == n;
}

static uint64_t leading(const char *hex) {
    uint64_t v = 0;
    for (int i = 0; i < SHORT; i++) v = v << 4 | (uint64_t)(strchr(digits, hex[i]) - digits);
    return v;
}

static int rising(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void gal_data_mark_free(gal_data_mark *mark) {
    gal_free(mark->sample);
    *mark = (gal_data_mark){0};
}

static galen_status check_digests(const char *digest, const char *const *sample, size_t cases, galen_error *err) {
    if (!is_hex(digest, GAL_SHA256_HEX - 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "'%.70s' is no SHA-256 digest of 64 lower-case hex digits", digest);
    for (size_t i = 0; sample && i < cases; i++)
        if (!is_hex(sample[i], GAL_SHA256_HEX - 1))
            return gal_fail(err, GALEN_ERR_ARGUMENT, "the digest of sample %zu is not 64 lower-case hex digits", i + 1);
    return GALEN_OK;
}

/* Equal samples count once. */
static size_t without_repeats(uint64_t *v, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || v[i] != v[kept - 1]) v[kept++] = v[i];
    return kept;
}

galen_status gal_data_mark_make(const char *digest, const char *const *sample, size_t cases, gal_data_mark *out,
                                galen_error *err) {
    *out = (gal_data_mark){.cases = cases};
    GAL_TRY(check_digests(digest, sample, cases, err));
    memcpy(out->digest, digest, sizeof out->digest);
    if (!sample || cases == 0) return GALEN_OK;
    out->sample = gal_calloc(cases, sizeof *out->sample);
    if (!out->sample) return gal_fail_memory(err, "the digests of a data set", cases * sizeof *out->sample);
    for (size_t i = 0; i < cases; i++) out->sample[i] = leading(sample[i]);
    qsort(out->sample, cases, sizeof *out->sample, rising);
    out->samples = without_repeats(out->sample, cases);
    if (out->samples > GAL_MARK_SAMPLES) out->samples = GAL_MARK_SAMPLES;
    return GALEN_OK;
}

galen_status gal_data_mark_refuse(const gal_data_mark *mark, const char *what, const char *digest,
                                  const char *const *sample, size_t cases, galen_error *err) {
    size_t shared = 0;
    if (mark->digest[0] == '\0') return GALEN_OK;
    GAL_TRY(check_digests(digest, sample, cases, err));
    if (strcmp(mark->digest, digest) == 0)
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "%s was chosen on these very cases (data %.12s); report on cases that chose nothing", what,
                        digest);
    for (size_t i = 0; sample && mark->samples > 0 && i < cases; i++) {
        uint64_t key = leading(sample[i]);
        shared += bsearch(&key, mark->sample, mark->samples, sizeof key, rising) != NULL;
    }
    if (shared == 0) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT,
                    "%s was chosen on cases of which at least %zu are among these %zu; report on cases that chose "
                    "nothing",
                    what, shared, cases);
}

/* ---- JSON ---- */

json_t *gal_data_mark_json(const gal_data_mark *mark) {
    json_t *o = json_pack("{s:s, s:I}", "digest", mark->digest, "cases", (json_int_t)mark->cases);
    if (!o || mark->samples == 0) return o;
    json_t *list = json_array();
    bool whole = list != NULL;
    for (size_t i = 0; whole && i < mark->samples; i++) {
        char text[SHORT + 1];
        snprintf(text, sizeof text, "%016llx", (unsigned long long)mark->sample[i]);
        whole = json_array_append_new(list, json_string(text)) == 0;
    }
    whole = json_object_set_new(o, "samples", list) == 0 && whole;
    if (whole) return o;
    json_decref(o);
    return NULL;
}

static galen_status bad(galen_error *err, const char *what, const char *key, const char *need) {
    return gal_fail(err, GALEN_ERR_FORMAT, "%s.%s must be %s", what, key, need);
}

static galen_status read_samples(const json_t *list, const char *what, gal_data_mark *out, galen_error *err) {
    size_t n = json_array_size(list);
    if (!list) return GALEN_OK;
    if (n < 1 || n > GAL_MARK_SAMPLES) return bad(err, what, "samples", "a list of 1 to 1024 digests");
    out->sample = gal_calloc(n, sizeof *out->sample);
    if (!out->sample) return gal_fail_memory(err, what, n * sizeof *out->sample);
    out->samples = n;
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text || !is_hex(text, SHORT)) return bad(err, what, "samples", "texts of 16 lower-case hex digits");
        out->sample[i] = leading(text);
        if (i > 0 && out->sample[i] <= out->sample[i - 1]) return bad(err, what, "samples", "in rising order");
    }
    return GALEN_OK;
}

galen_status gal_data_mark_read(const json_t *object, const char *what, gal_data_mark *out, galen_error *err) {
    const json_t *digest = json_object_get(object, "digest"), *cases = json_object_get(object, "cases");
    const json_t *samples = json_object_get(object, "samples");
    *out = (gal_data_mark){0};
    if (!json_is_object(object) || json_object_size(object) != 2 + (size_t)(samples != NULL))
        return gal_fail(err, GALEN_ERR_FORMAT, "%s must be an object of \"digest\", \"cases\" and, if any, \"samples\"",
                        what);
    if (!json_is_string(digest) || !is_hex(json_string_value(digest), GAL_SHA256_HEX - 1))
        return bad(err, what, "digest", "64 lower-case hex digits");
    if (!json_is_integer(cases) || json_integer_value(cases) < 1 || json_integer_value(cases) > MAX_CASES)
        return bad(err, what, "cases", "a number of cases");
    memcpy(out->digest, json_string_value(digest), sizeof out->digest);
    out->cases = (size_t)json_integer_value(cases);
    return read_samples(samples, what, out, err);
}
