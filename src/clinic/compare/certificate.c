/* Making, signing and checking certificates. */
#include "clinic/compare/certificate.h"

#include "base/error.h"
#include "clinic/cases/cases_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const side_name[GAL_SIDES] = {"reference", "candidate"};

/* ---- canonical text ---- */

/* Jansson's own allocator made it: free() takes it back. */
static char *canonical(const json_t *json) {
    return json_dumps(json,
                      JSON_SORT_KEYS | JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17) | JSON_ENCODE_ANY);
}

galen_status gal_json_digest(const json_t *json, char out[GAL_SHA256_HEX], galen_error *err) {
    char *text = canonical(json);
    if (!text) return gal_fail_memory(err, "the text of a result", 0);
    galen_status status = gal_sha256_hex(text, strlen(text), out, err);
    free(text);
    return status;
}

/* What is signed: all but the digest and the signature. */
static char *signed_text(const json_t *certificate) {
    json_t *body = json_copy((json_t *)certificate); /* shallow: only its own list of members changes */
    if (!body) return NULL;
    json_object_del(body, "digest");
    json_object_del(body, "signature");
    char *text = canonical(body);
    json_decref(body);
    return text;
}

static galen_status digest_of(const json_t *certificate, char out[GAL_SHA256_HEX], galen_error *err) {
    char *text = signed_text(certificate);
    if (!text) return gal_fail_memory(err, "the text of a certificate", 0);
    galen_status status = gal_sha256_hex(text, strlen(text), out, err);
    free(text);
    return status;
}

/* ---- hexadecimal ---- */

static void to_hex(const unsigned char *bytes, size_t n, char *out) {
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[bytes[i] >> 4];
        out[2 * i + 1] = digit[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

static bool is_hex(const json_t *text, size_t digits) {
    const char *s = json_string_value(text);
    return s && json_string_length(text) == digits && strspn(s, "0123456789abcdef") == digits;
}

static void from_hex(const char *text, size_t n, unsigned char *out) {
    for (size_t i = 0; i < n; i++) {
        unsigned both = 0;
        for (int k = 0; k < 2; k++) {
            char c = text[2 * i + (size_t)k];
            both = both * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
        }
        out[i] = (unsigned char)both;
    }
}

/* ---- making ---- */

/* A number as text: JSON has many ways to write one with a point, and a signature holds for one only. */
static json_t *figure(double value) {
    gal_buf text;
    if (isnan(value)) return json_null();
    gal_buf_init(&text, 64);
    gal_json_put_number(&text, value);
    json_t *out = text.failed ? NULL : json_string((const char *)text.data);
    gal_buf_free(&text);
    return out;
}

static json_t *gate_json(const gal_gate *g) {
    return json_pack("{s:s, s:s, s:s?, s:o, s:o, s:o, s:o, s:s}", "gate", g->gate, "figure", g->figure, "of", g->of,
                     "value", figure(g->value), "low", figure(g->interval.low), "high", figure(g->interval.high),
                     "at_least", figure(g->at_least), "verdict", gal_verdict_name(g->verdict));
}

static json_t *gates_json(const gal_gates *gates) {
    json_t *out = json_array();
    for (int i = 0; i < gates->count; i++) {
        if (json_array_append_new(out, gate_json(&gates->gate[i])) == 0) continue;
        json_decref(out);
        return NULL;
    }
    return out;
}

static json_t *side_json(const gal_certificate_facts *f, int side) {
    const gal_compare_settings *s = &f->comparison->settings;
    return json_pack("{s:s, s:s, s:o}", "sha256", f->model_sha256[side], "precision", f->precision[side], "threshold",
                     figure(s->has_threshold ? s->threshold[side] : (double)NAN));
}

galen_status gal_certificate_make(const gal_certificate_facts *f, json_t **out, galen_error *err) {
    char results[GAL_SHA256_HEX], digest[GAL_SHA256_HEX];
    *out = NULL;
    if (f->gates->verdict != GAL_VERDICT_PASS || f->gates->count == 0)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the verdict is %s: only a pass is certified",
                        f->gates->count ? gal_verdict_name(f->gates->verdict) : "none");
    GAL_TRY(gal_json_digest(f->results, results, err));
    json_t *c = json_pack(
        "{s:s, s:i, s:s, s:{s:s, s:s?}, s:s, s:o, s:o, s:{s:s, s:I}, s:{s:s, s:s, s:s%}, s:o, s:{s:s}}", "galen",
        "certificate", "version", 1, "created", f->created, "program", "version", f->version, "build", f->build,
        "verdict", gal_verdict_name(f->gates->verdict), "reference", side_json(f, GAL_REFERENCE), "candidate",
        side_json(f, GAL_CANDIDATE), "data", "sha256", f->data_sha256, "cases", (json_int_t)f->comparison->cases,
        "policy", "name", f->policy->name, "sha256", f->policy->sha256, "text", f->policy->text, f->policy->size,
        "gates", gates_json(f->gates), "results", "sha256", results);
    galen_status status = c ? digest_of(c, digest, err) : gal_fail_memory(err, "a certificate", 0);
    if (status == GALEN_OK && json_object_set_new(c, "digest", json_string(digest)) != 0)
        status = gal_fail_memory(err, "a certificate", 0);
    if (status == GALEN_OK)
        *out = c;
    else
        json_decref(c);
    return status;
}

static galen_status sign_text(json_t *certificate, const char *text, const gal_ed25519 *key, galen_error *err) {
    unsigned char bytes[GAL_ED25519_SIGNATURE], public[GAL_ED25519_KEY];
    char value[2 * GAL_ED25519_SIGNATURE + 1], name[2 * GAL_ED25519_KEY + 1];
    GAL_TRY(gal_ed25519_bytes(key, public, err));
    GAL_TRY(gal_ed25519_sign(key, text, strlen(text), bytes, err));
    to_hex(bytes, sizeof bytes, value);
    to_hex(public, sizeof public, name);
    json_t *signature = json_pack("{s:s, s:s, s:s}", "algorithm", "Ed25519", "public_key", name, "value", value);
    if (json_object_set_new(certificate, "signature", signature) == 0) return GALEN_OK;
    return gal_fail_memory(err, "a signature", 0);
}

galen_status gal_certificate_sign(json_t *certificate, const gal_ed25519 *key, galen_error *err) {
    char *text = signed_text(certificate);
    if (!text) return gal_fail_memory(err, "the text of a certificate", 0);
    galen_status status = sign_text(certificate, text, key, err);
    free(text);
    return status;
}

galen_status gal_certificate_write(const json_t *certificate, const char *path, galen_error *err) {
    char *text = json_dumps(certificate, JSON_INDENT(2));
    if (!text) return gal_fail_memory(err, "the text of a certificate", 0);
    size_t size = strlen(text);
    text[size] = '\n'; /* over the NUL: the length says where the text ends */
    galen_status status = gal_file_write(path, text, size + 1, err);
    free(text);
    return status;
}

/* ---- reading ---- */

static galen_status no_certificate(galen_error *err, const char *what) {
    return gal_fail(err, GALEN_ERR_FORMAT, "no certificate of Galen: %s; get the file again from whoever issued it",
                    what);
}

static bool has_real(const json_t *json) {
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_real(json)) return true;
    json_object_foreach((json_t *)json, key, value) if (has_real(value)) return true;
    json_array_foreach(json, i, value) if (has_real(value)) return true;
    return false;
}

static bool sides_are_there(const json_t *root) {
    for (int side = 0; side < GAL_SIDES; side++) {
        const json_t *one = json_object_get(root, side_name[side]);
        if (!is_hex(json_object_get(one, "sha256"), 64) || !json_is_string(json_object_get(one, "precision")))
            return false;
    }
    return true;
}

static bool policy_is_there(const json_t *policy) {
    return is_hex(json_object_get(policy, "sha256"), 64) && json_is_string(json_object_get(policy, "name")) &&
           json_is_string(json_object_get(policy, "text"));
}

static bool gates_are_there(const json_t *gates) {
    static const char *const text[] = {"gate", "figure", "verdict"};
    size_t i;
    json_t *gate;
    json_array_foreach(gates, i, gate) for (size_t k = 0; k < 3;
                                            k++) if (!json_is_string(json_object_get(gate, text[k]))) return false;
    return json_array_size(gates) > 0;
}

static galen_status check_form(const json_t *root, galen_error *err) {
    const json_t *data = json_object_get(root, "data"), *signature = json_object_get(root, "signature");
    const char *kind = json_string_value(json_object_get(root, "galen"));
    if (!kind || strcmp(kind, "certificate") != 0) return no_certificate(err, "it does not say that it is one");
    if (json_integer_value(json_object_get(root, "version")) != 1)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the certificate's version is not 1: a newer Galen may read it");
    if (has_real(root)) return no_certificate(err, "it has a number with a point, where figures are texts");
    if (!sides_are_there(root)) return no_certificate(err, "it names no two models");
    if (!is_hex(json_object_get(data, "sha256"), 64) || !json_is_integer(json_object_get(data, "cases")))
        return no_certificate(err, "it names no data");
    if (!policy_is_there(json_object_get(root, "policy"))) return no_certificate(err, "it holds no policy");
    if (!gates_are_there(json_object_get(root, "gates"))) return no_certificate(err, "it holds no verdicts");
    if (!is_hex(json_object_get(json_object_get(root, "results"), "sha256"), 64) ||
        !is_hex(json_object_get(root, "digest"), 64) || !json_is_string(json_object_get(root, "created")) ||
        !json_is_string(json_object_get(root, "verdict")))
        return no_certificate(err, "a digest, the verdict or the time is missing");
    if (signature &&
        (json_object_size(signature) != 3 || !is_hex(json_object_get(signature, "public_key"), 64) ||
         !is_hex(json_object_get(signature, "value"), 128) || !json_is_string(json_object_get(signature, "algorithm"))))
        return no_certificate(err, "its signature is damaged");
    return GALEN_OK;
}

galen_status gal_certificate_read(const void *data, size_t size, json_t **out, galen_error *err) {
    json_error_t why;
    *out = NULL;
    if (size > GAL_CERTIFICATE_MAX_BYTES)
        return gal_fail(err, GALEN_ERR_LIMIT, "%zu bytes; a certificate has at most %d", size,
                        GAL_CERTIFICATE_MAX_BYTES);
    json_t *root = json_loadb(size ? data : "", size, JSON_REJECT_DUPLICATES, &why);
    if (!root && json_error_code(&why) == json_error_out_of_memory) return gal_fail_memory(err, "a certificate", size);
    if (!root) return gal_fail(err, GALEN_ERR_FORMAT, "line %d is no JSON: %.120s", why.line, why.text);
    galen_status status = check_form(root, err);
    if (status == GALEN_OK)
        *out = root;
    else
        json_decref(root);
    return status;
}

galen_status gal_certificate_load(const char *path, json_t **out, galen_error *err) {
    gal_file file;
    *out = NULL;
    GAL_TRY(gal_file_map(path, GAL_CERTIFICATE_MAX_BYTES, &file, err));
    galen_status status = gal_certificate_read(file.data, file.size, out, err);
    gal_file_unmap(&file);
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}

/* ---- checking ---- */

static bool text_is(const json_t *value, const char *wanted) {
    const char *text = json_string_value(value);
    return text && !strcmp(text, wanted);
}

static galen_status find_intact(const json_t *c, bool *intact, galen_error *err) {
    const json_t *policy = json_object_get(c, "policy"), *text = json_object_get(policy, "text");
    char digest[GAL_SHA256_HEX];
    size_t i;
    json_t *gate;
    GAL_TRY(digest_of(c, digest, err));
    *intact = text_is(json_object_get(c, "digest"), digest);
    GAL_TRY(gal_sha256_hex(json_string_value(text), json_string_length(text), digest, err));
    *intact &= text_is(json_object_get(policy, "sha256"), digest);
    *intact &= text_is(json_object_get(c, "verdict"), gal_verdict_name(GAL_VERDICT_PASS));
    json_array_foreach(json_object_get(c, "gates"), i, gate) *intact &=
        text_is(json_object_get(gate, "verdict"), gal_verdict_name(GAL_VERDICT_PASS));
    return GALEN_OK;
}

static galen_status verify_by(const json_t *c, const json_t *signature, const gal_ed25519 *key, bool *valid,
                              galen_error *err) {
    unsigned char value[GAL_ED25519_SIGNATURE];
    char *text = signed_text(c);
    if (!text) return gal_fail_memory(err, "the text of a certificate", 0);
    from_hex(json_string_value(json_object_get(signature, "value")), sizeof value, value);
    galen_status status = gal_ed25519_verify(key, text, strlen(text), value, valid, err);
    free(text);
    return status;
}

/* The key that the certificate names, and whether it is the one that was given. */
static galen_status check_signature(const json_t *c, const gal_ed25519 *key, gal_signature_state *out,
                                    galen_error *err) {
    const json_t *signature = json_object_get(c, "signature");
    unsigned char named[GAL_ED25519_KEY], given[GAL_ED25519_KEY];
    gal_ed25519 *own = NULL;
    bool valid = false;
    *out = GAL_UNSIGNED;
    if (!signature) return GALEN_OK;
    *out = GAL_SIGNED_WRONG;
    from_hex(json_string_value(json_object_get(signature, "public_key")), sizeof named, named);
    if (key) GAL_TRY(gal_ed25519_bytes(key, given, err));
    if (!text_is(json_object_get(signature, "algorithm"), "Ed25519")) return GALEN_OK;
    if (key && memcmp(named, given, sizeof named) != 0) return GALEN_OK;
    galen_status status = key ? GALEN_OK : gal_ed25519_of(named, &own, err);
    if (status == GALEN_OK) status = verify_by(c, signature, key ? key : own, &valid, err);
    gal_ed25519_free(own);
    if (status == GALEN_OK && valid) *out = key ? GAL_SIGNED : GAL_SIGNED_SELF;
    return status;
}

galen_status gal_certificate_check_model(const json_t *c, const char *model_sha256, const gal_ed25519 *key,
                                         gal_certificate_check *out, galen_error *err) {
    *out = (gal_certificate_check){.side = -1};
    GAL_TRY(find_intact(c, &out->intact, err));
    GAL_TRY(check_signature(c, key, &out->signature, err));
    for (int side = 0; side < GAL_SIDES; side++) /* the candidate where both are one file */
        if (text_is(json_object_get(json_object_get(c, side_name[side]), "sha256"), model_sha256)) out->side = side;
    if (!out->intact)
        out->why = "it was changed after it was issued";
    else if (out->signature == GAL_SIGNED_WRONG)
        out->why = key ? "its signature is not of the given key" : "its signature is wrong";
    else if (key && out->signature == GAL_UNSIGNED)
        out->why = "it is not signed";
    else if (out->side < 0)
        out->why = "it is for another model";
    else if (out->side == GAL_REFERENCE)
        out->why = "this model is the reference that another one was compared with";
    out->valid = out->why == NULL;
    return GALEN_OK;
}
