/* Evidence files. */
#include "clinic/evidence/evidence.h"

#include "base/build.h"
#include "base/error.h"
#include "base/file.h"
#include "clinic/cases/cases_json.h"

#include <galen/version.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

/* The digest stands at the end, alone on its line, so that it is of everything before it. */
static const char digest_before[] = ",\n\"sha256\":\"", digest_after[] = "\"}\n";

enum { BEFORE = sizeof digest_before - 1, AFTER = sizeof digest_after - 1, TAIL = BEFORE + GAL_SHA256_HEX - 1 + AFTER };

void gal_evidence_free(gal_evidence *evidence) {
    json_decref(evidence->head);
    json_decref(evidence->settings);
    json_decref(evidence->results);
    for (int s = 0; s < GAL_EVIDENCE_SETS; s++) gal_case_set_free(&evidence->cases[s]);
    *evidence = (gal_evidence){.sets = 0};
}

/* ---- the head ---- */

static void hash_program(char out[GAL_SHA256_HEX]) {
    gal_file file;
    out[0] = 0;
    if (gal_file_map("/proc/self/exe", SIZE_MAX / 2, &file, NULL) != GALEN_OK) return;
    if (gal_sha256_hex(file.data, file.size, out, NULL) != GALEN_OK) out[0] = 0;
    gal_file_unmap(&file);
}

galen_status gal_evidence_head(const char *command, json_t *machine, json_t **out, galen_error *err) {
    char date[32] = "", build[GAL_BUILD_ID_HEX] = "", program[GAL_SHA256_HEX];
    struct tm utc;
    time_t now = time(NULL);
    if (!gmtime_r(&now, &utc) || strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) date[0] = 0;
    if (!gal_build_id(build)) build[0] = 0;
    hash_program(program);
    *out = json_pack("{s:i, s:s, s:s, s:{s:s, s:s, s:s}, s:o?, s:[], s:n}", "galen_evidence", 1, "command", command,
                     "created", date, "galen", "version", galen_version(), "build", build, "program_sha256", program,
                     "machine", machine, "models", "data");
    return *out ? GALEN_OK : gal_fail_memory(err, "evidence", 1024);
}

/* ---- writing ---- */

static int append(const char *bytes, size_t size, void *to) {
    gal_buf *out = to;
    gal_buf_put(out, bytes, size);
    return out->failed ? -1 : 0;
}

/* `name` and a value on lines of their own, so that two files can be compared by eye. */
static void put_member(gal_buf *out, const char *name, const json_t *value, size_t flags) {
    gal_buf_text(out, out->size ? ",\n" : "{\n");
    gal_json_put_text(out, name);
    gal_buf_text(out, ":");
    if (json_dump_callback(value, append, out, JSON_ENCODE_ANY | flags) != 0) out->failed = true;
}

/* Of the settings as they are written; "" without memory. */
static void hash_settings(const json_t *settings, char out[GAL_SHA256_HEX]) {
    gal_buf text;
    gal_buf_init(&text, PTRDIFF_MAX);
    out[0] = 0;
    if (json_dump_callback(settings, append, &text, JSON_COMPACT) == 0 &&
        gal_sha256_hex(text.data, text.size, out, NULL) != GALEN_OK)
        out[0] = 0;
    gal_buf_free(&text);
}

static void put_settings(const json_t *settings, gal_buf *out) {
    char digest[GAL_SHA256_HEX];
    hash_settings(settings, digest);
    put_member(out, "settings", settings, JSON_COMPACT);
    gal_buf_printf(out, ",\n\"settings_sha256\":\"%s\"", digest);
    if (!digest[0]) out->failed = true;
}

static void put_all(const gal_evidence *e, gal_buf *out) {
    const char *name;
    json_t *value;
    json_object_foreach(e->head, name, value) put_member(out, name, value, JSON_COMPACT);
    put_settings(e->settings, out);
    for (int s = 0; s < e->sets; s++) {
        gal_buf_text(out, s ? ",\n" : ",\n\"cases\":[");
        gal_case_set_write(&e->cases[s], out);
    }
    gal_buf_text(out, "]");
    put_member(out, "results", e->results, JSON_INDENT(1));
}

static galen_status finish(gal_buf *out, galen_error *err) {
    char digest[GAL_SHA256_HEX];
    if (out->failed) return gal_fail_memory(err, "evidence", out->size);
    GAL_TRY(gal_sha256_hex(out->data, out->size, digest, err));
    gal_buf_text(out, digest_before);
    gal_buf_text(out, digest);
    gal_buf_text(out, digest_after);
    if (out->failed) return gal_fail_memory(err, "evidence", out->size);
    if (out->size <= GAL_EVIDENCE_MAX) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_LIMIT, "the evidence has %zu bytes; %zu can be read again: use fewer cases",
                    out->size, GAL_EVIDENCE_MAX);
}

galen_status gal_evidence_write(const gal_evidence *e, const char *path, galen_error *err) {
    gal_buf out;
    gal_buf_init(&out, PTRDIFF_MAX);
    put_all(e, &out);
    galen_status status = finish(&out, err);
    if (status == GALEN_OK) status = gal_file_write(path, out.data, out.size, err);
    gal_buf_free(&out);
    return status;
}

/* ---- reading ---- */

bool gal_evidence_probe(const void *bytes, size_t size) {
    static const char first[] = "{\n\"galen_evidence\":";
    return size >= sizeof first - 1 && !memcmp(bytes, first, sizeof first - 1);
}

static galen_status check_digest(const char *text, size_t size, bool *intact, galen_error *err) {
    char digest[GAL_SHA256_HEX];
    *intact = false;
    if (size < TAIL) return GALEN_OK;
    const char *tail = text + size - TAIL;
    if (memcmp(tail, digest_before, BEFORE) != 0 || memcmp(text + size - AFTER, digest_after, AFTER) != 0)
        return GALEN_OK;
    GAL_TRY(gal_sha256_hex(text, size - TAIL, digest, err));
    *intact = memcmp(tail + BEFORE, digest, GAL_SHA256_HEX - 1) == 0;
    return GALEN_OK;
}

static galen_status parse_tree(const char *text, size_t size, json_t **out, galen_error *err) {
    json_error_t why;
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    if (*out && json_integer_value(json_object_get(*out, "galen_evidence")) == 1) return GALEN_OK;
    if (*out && json_is_integer(json_object_get(*out, "galen_evidence")))
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "this is evidence of version %lld; version 1 is read: use a newer Galen",
                        (long long)json_integer_value(json_object_get(*out, "galen_evidence")));
    if (*out)
        return gal_fail(err, GALEN_ERR_FORMAT, "this is no evidence: 'galen_evidence' is missing; use the right file");
    /* Jansson has no words for some of its failed allocations. */
    if (json_error_code(&why) == json_error_out_of_memory || !why.text[0])
        return gal_fail_memory(err, "evidence", size);
    return gal_fail(err, GALEN_ERR_FORMAT,
                    "this is no evidence: no JSON at byte %d (%s); use the right file, or a whole copy", why.position,
                    why.text);
}

static galen_status take_object(json_t *root, const char *key, json_t **out, galen_error *err) {
    *out = json_object_get(root, key);
    if (!json_is_object(*out))
        return gal_fail(err, GALEN_ERR_FORMAT, "this is no whole evidence: '%s' is missing or no object", key);
    json_incref(*out);
    return json_object_del(root, key) == 0 ? GALEN_OK : gal_fail(err, GALEN_ERR_INTERNAL, "'%s' stays", key);
}

static galen_status take_parts(json_t *root, gal_evidence *out, galen_error *err) {
    char digest[GAL_SHA256_HEX];
    GAL_TRY(take_object(root, "settings", &out->settings, err));
    hash_settings(out->settings, digest);
    const char *stored = json_string_value(json_object_get(root, "settings_sha256"));
    out->intact = out->intact && stored && !strcmp(stored, digest);
    (void)json_object_del(root, "settings_sha256");
    GAL_TRY(take_object(root, "results", &out->results, err));
    const json_t *sets = json_object_get(root, "cases");
    size_t n = json_array_size(sets);
    if (n < 1 || n > GAL_EVIDENCE_SETS)
        return gal_fail(err, GALEN_ERR_FORMAT, "this is no whole evidence: 'cases' must hold 1 or 2 sets");
    for (out->sets = 0; out->sets < (int)n; out->sets++)
        GAL_TRY(gal_case_set_parse(json_array_get(sets, (size_t)out->sets), &out->cases[out->sets], err));
    (void)json_object_del(root, "cases");
    (void)json_object_del(root, "sha256");
    return GALEN_OK;
}

galen_status gal_evidence_parse(const void *bytes, size_t size, gal_evidence *out, galen_error *err) {
    *out = (gal_evidence){.sets = 0};
    GAL_TRY(check_digest(bytes, size, &out->intact, err));
    galen_status status = parse_tree(bytes, size, &out->head, err);
    if (status == GALEN_OK) status = take_parts(out->head, out, err);
    if (status != GALEN_OK) gal_evidence_free(out);
    return status;
}

galen_status gal_evidence_read(const char *path, gal_evidence *out, galen_error *err) {
    gal_file file;
    *out = (gal_evidence){.sets = 0};
    GAL_TRY(gal_file_map(path, GAL_EVIDENCE_MAX, &file, err));
    galen_status status = gal_evidence_parse(file.data, file.size, out, err);
    gal_file_unmap(&file);
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}
