/* Reading policies. */
#include "clinic/compare/policy.h"

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { MOST_CASES = 1 << 24 };

typedef struct reader {
    gal_policy *out;
    galen_error *err;
} reader;

/* ---- members ---- */

/* A member of one of the gates' objects. */
typedef struct member {
    const char *name;
    double low, high;
    double *to;
} member;

static galen_status read_number(reader *r, const json_t *value, const char *where, const member *m) {
    if (!json_is_number(value))
        return gal_fail(r->err, GALEN_ERR_FORMAT, "%s: '%s' must be there and a number", where, m->name);
    *m->to = json_number_value(value);
    if (*m->to >= m->low && *m->to <= m->high) return GALEN_OK;
    return gal_fail(r->err, GALEN_ERR_FORMAT, "%s: '%s' is %.6g; it must lie in %g to %g", where, m->name, *m->to,
                    m->low, m->high);
}

/* The members of an object: all of them, and no others. */
static galen_status read_numbers(reader *r, const json_t *object, const char *where, const member *m, size_t n) {
    if (!json_is_object(object))
        return gal_fail(r->err, GALEN_ERR_FORMAT, "%s must be an object such as {\"%s\": ...}", where, m[0].name);
    for (size_t i = 0; i < n; i++) GAL_TRY(read_number(r, json_object_get(object, m[i].name), where, &m[i]));
    if (json_object_size(object) == n) return GALEN_OK;
    return gal_fail(r->err, GALEN_ERR_FORMAT, "%s has a member that is not known: check its spelling", where);
}

static galen_status read_gate(reader *r, const char *key, const json_t *value) {
    gal_policy *p = r->out;
    double group = NAN;
    const struct {
        const char *key;
        member member[3];
        size_t n;
    } gate[] = {
        {"medical_accuracy", {{"at_least", 0, 1, &p->medical_accuracy}}, 1},
        {"safety", {{"at_least", 0, 1, &p->safety}}, 1},
        {"clinical_relevance",
         {{"at_least", 0, 1, &p->clinical_relevance}, {"from", 0.001, 0.999, &p->from}, {"to", 0.001, 0.999, &p->to}},
         3},
        {"bias", {{"at_least", 0, 1, &p->bias}, {"smallest_group", 1, MOST_CASES, &group}}, 2},
        {"sensitivity", {{"margin", 1e-6, 1, &p->sensitivity_margin}}, 1},
        {"specificity", {{"margin", 1e-6, 1, &p->specificity_margin}}, 1},
    };
    for (size_t i = 0; i < sizeof gate / sizeof *gate; i++) {
        if (strcmp(key, gate[i].key) != 0) continue;
        GAL_TRY(read_numbers(r, value, key, gate[i].member, gate[i].n));
        if (!isnan(group)) p->smallest_group = (size_t)group;
        return GALEN_OK;
    }
    return gal_fail(r->err, GALEN_ERR_FORMAT, "'%.60s' is no member of a policy: check its spelling", key);
}

static galen_status read_name(reader *r, const json_t *value) {
    const char *name = json_string_value(value);
    size_t length = name ? strlen(name) : 0;
    if (length == 0 || length >= sizeof r->out->name || json_string_length(value) != length)
        return gal_fail(r->err, GALEN_ERR_FORMAT, "'name' must be a text of 1 to %zu bytes", sizeof r->out->name - 1);
    memcpy(r->out->name, name, length + 1);
    return GALEN_OK;
}

static galen_status read_member(reader *r, const char *key, const json_t *value) {
    const member level = {"level", 0.5, 0.9999, &r->out->level};
    if (!strcmp(key, "galen"))
        return json_is_string(value) && !strcmp(json_string_value(value), "policy")
                   ? GALEN_OK
                   : gal_fail(r->err, GALEN_ERR_FORMAT, "'galen' must be \"policy\": the file is something else");
    if (!strcmp(key, "version"))
        return json_is_integer(value) && json_integer_value(value) == 1
                   ? GALEN_OK
                   : gal_fail(r->err, GALEN_ERR_UNSUPPORTED, "'version' must be 1: a newer Galen may read the file");
    if (!strcmp(key, "name")) return read_name(r, value);
    if (!strcmp(key, "purpose"))
        return json_is_string(value) ? GALEN_OK : gal_fail(r->err, GALEN_ERR_FORMAT, "'purpose' must be a text");
    if (!strcmp(key, "level")) return read_number(r, value, "the policy", &level);
    if (!strcmp(key, "certificate")) {
        r->out->certificate = json_is_true(value);
        return json_is_boolean(value) ? GALEN_OK
                                      : gal_fail(r->err, GALEN_ERR_FORMAT, "'certificate' must be true or false");
    }
    return read_gate(r, key, value);
}

/* ---- whole files ---- */

static galen_status check_whole(const reader *r, const json_t *root) {
    static const char *const needed[] = {"galen", "version", "name", "level"};
    const gal_policy *p = r->out;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!json_object_get(root, needed[i])) return gal_fail(r->err, GALEN_ERR_FORMAT, "'%s' is missing", needed[i]);
    if (p->from > p->to)
        return gal_fail(r->err, GALEN_ERR_FORMAT, "clinical_relevance: 'from' is above 'to': swap them");
    const double demand[] = {p->medical_accuracy,  p->safety, p->clinical_relevance, p->bias, p->sensitivity_margin,
                             p->specificity_margin};
    for (size_t i = 0; i < sizeof demand / sizeof *demand; i++)
        if (!isnan(demand[i])) return GALEN_OK;
    return gal_fail(r->err, GALEN_ERR_FORMAT, "nothing is demanded: every model would pass; add a gate");
}

static galen_status read_root(reader *r, json_t *root) {
    const char *key;
    json_t *value;
    if (!json_is_object(root)) return gal_fail(r->err, GALEN_ERR_FORMAT, "a policy is a JSON object");
    json_object_foreach(root, key, value) GAL_TRY(read_member(r, key, value));
    return check_whole(r, root);
}

static galen_status keep_text(gal_policy *out, const void *data, size_t size, galen_error *err) {
    out->text = gal_calloc(size + 1, 1);
    if (!out->text) return gal_fail_memory(err, "a policy", size);
    memcpy(out->text, data, size);
    out->size = size;
    return gal_sha256_hex(data, size, out->sha256, err);
}

galen_status gal_policy_read(const void *data, size_t size, gal_policy *out, galen_error *err) {
    const double none = (double)NAN;
    json_error_t why;
    *out = (gal_policy){.medical_accuracy = none,
                        .safety = none,
                        .clinical_relevance = none,
                        .bias = none,
                        .from = none,
                        .to = none,
                        .sensitivity_margin = none,
                        .specificity_margin = none};
    if (size == 0 || size > GAL_POLICY_MAX_BYTES)
        return gal_fail(err, size ? GALEN_ERR_LIMIT : GALEN_ERR_FORMAT, "%zu bytes; a policy has 1 to %d", size,
                        GAL_POLICY_MAX_BYTES);
    GAL_TRY(keep_text(out, data, size, err));
    json_t *root = json_loadb(data, size, JSON_REJECT_DUPLICATES, &why);
    if (!root && json_error_code(&why) == json_error_out_of_memory) return gal_fail_memory(err, "a policy", size);
    if (!root) return gal_fail(err, GALEN_ERR_FORMAT, "line %d is no JSON: %.120s", why.line, why.text);
    reader r = {out, err};
    galen_status status = read_root(&r, root);
    json_decref(root);
    return status;
}

galen_status gal_policy_load(const char *path, gal_policy *out, galen_error *err) {
    gal_file file;
    *out = (gal_policy){0};
    GAL_TRY(gal_file_map(path, GAL_POLICY_MAX_BYTES, &file, err));
    galen_status status = gal_policy_read(file.data, file.size, out, err);
    gal_file_unmap(&file);
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}

void gal_policy_free(gal_policy *policy) {
    gal_free(policy->text);
    *policy = (gal_policy){0};
}
