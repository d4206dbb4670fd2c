/* Certificates: whole, edited in each field, by the wrong key, for the wrong model, damaged. */
#include "clinic/compare/certificate.h"

#include "base/file.h"
#include "clinic/sets.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

static const char first[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
static const char second[] = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";
static const char data[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static galen_error err;
static gal_ed25519 *key, *other;
static char key_path[512];

static gal_ed25519 *make_key(const char *name) {
    gal_ed25519 *out;
    EVP_PKEY *made = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    snprintf(key_path, sizeof key_path, "%s/%s", test_tmp(), name);
    FILE *f = fopen(key_path, "w");
    assert_int_equal(PEM_write_PrivateKey(f, made, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    EVP_PKEY_free(made);
    assert_ok(gal_ed25519_private(key_path, &out, &err), err);
    return out;
}

static int set_up(void **state) {
    (void)state;
    key = make_key("one.pem");
    other = make_key("other.pem");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gal_ed25519_free(key);
    gal_ed25519_free(other);
    return 0;
}

/* Of two equal models on many cases, which pass. */
static galen_status issue(gal_verdict verdict, json_t **out) {
    gal_policy policy;
    gal_gates gates = {.count = 1, .verdict = verdict};
    gal_case_comparison c = {.cases = 624, .settings = {.level = 0.95, .has_threshold = true, .threshold = {2.5, 0.1}}};
    json_t *results = json_pack("{s:f}", "auc", 0.9);
    assert_ok(gal_policy_load("policies/medical-critical.json", &policy, &err), err);
    gates.gate[0] = (gal_gate){.gate = "safety",
                               .figure = "1 - missed",
                               .value = 1,
                               .interval = {0.991, 1},
                               .at_least = 0.99,
                               .verdict = verdict};
    galen_status status = gal_certificate_make(&(gal_certificate_facts){.model_sha256 = {first, second},
                                                                        .precision = {"f32", "int8"},
                                                                        .data_sha256 = data,
                                                                        .comparison = &c,
                                                                        .policy = &policy,
                                                                        .gates = &gates,
                                                                        .results = results,
                                                                        .created = "2026-11-26T12:00:00Z",
                                                                        .version = "0.1.0",
                                                                        .build = NULL},
                                               out, &err);
    json_decref(results);
    gal_policy_free(&policy);
    return status;
}

static gal_certificate_check checked(const json_t *certificate, const char *model, const gal_ed25519 *by) {
    gal_certificate_check out;
    assert_ok(gal_certificate_check_model(certificate, model, by, &out, &err), err);
    return out;
}

static json_t *signed_one(void) {
    json_t *c;
    assert_ok(issue(GAL_VERDICT_PASS, &c), err);
    assert_ok(gal_certificate_sign(c, key, &err), err);
    return c;
}

static void whole(void **state) {
    (void)state;
    json_t *c;
    assert_ok(issue(GAL_VERDICT_PASS, &c), err);
    gal_certificate_check k = checked(c, second, NULL);
    assert_true(k.valid && k.intact && k.side == GAL_CANDIDATE && k.signature == GAL_UNSIGNED && !k.why);
    assert_false(checked(c, second, key).valid); /* a signature was asked for */
    assert_false(checked(c, first, NULL).valid); /* says nothing for the reference */
    assert_int_equal(checked(c, first, NULL).side, GAL_REFERENCE);
    assert_int_equal(checked(c, data, NULL).side, -1);
    assert_ok(gal_certificate_sign(c, key, &err), err);
    assert_int_equal(checked(c, second, key).signature, GAL_SIGNED);
    assert_int_equal(checked(c, second, NULL).signature, GAL_SIGNED_SELF);
    assert_int_equal(checked(c, second, other).signature, GAL_SIGNED_WRONG);
    assert_true(checked(c, second, key).valid && checked(c, second, NULL).valid && !checked(c, second, other).valid);
    json_decref(c);
}

static void only_a_pass_is_certified(void **state) {
    (void)state;
    json_t *c;
    assert_int_equal(issue(GAL_VERDICT_FAIL, &c), GALEN_ERR_ARGUMENT);
    assert_int_equal(issue(GAL_VERDICT_INSUFFICIENT, &c), GALEN_ERR_ARGUMENT);
    assert_null(c);
}

static void file_and_back(void **state) {
    (void)state;
    char path[512];
    json_t *c = signed_one(), *read;
    snprintf(path, sizeof path, "%s/certificate.json", test_tmp());
    assert_ok(gal_certificate_write(c, path, &err), err);
    assert_ok(gal_certificate_load(path, &read, &err), err);
    assert_true(json_equal(c, read));
    assert_true(checked(read, second, key).valid);
    json_decref(c);
    json_decref(read);
}

/* ---- edits ---- */

/* Changes one scalar somewhere below `json`, the n-th; false when there are fewer. */
static bool edit(json_t *json, size_t *n) {
    const char *name;
    json_t *value, *changed = NULL;
    size_t i;
    json_object_foreach(json, name, value) {
        if (json_is_object(value) || json_is_array(value)) {
            if (edit(value, n)) return true;
            continue;
        }
        if ((*n)-- > 0) continue;
        if (json_is_string(value)) {
            char *text = strdup(json_string_value(value));
            text[0] = text[0] == 'a' ? 'b' : 'a';
            changed = json_string(text);
            free(text);
        } else if (json_is_integer(value)) {
            changed = json_integer(json_integer_value(value) + 1);
        } else {
            changed = json_string("x");
        }
        json_object_set_new(json, name, changed);
        return true;
    }
    json_array_foreach(json, i, value) if (edit(value, n)) return true;
    return false;
}

/* Deletes the n-th member somewhere below `json`. */
static bool drop(json_t *json, size_t *n) {
    const char *name;
    json_t *value;
    size_t i;
    json_object_foreach(json, name, value) {
        if ((*n)-- == 0) {
            json_object_del(json, name);
            return true;
        }
        if (drop(value, n)) return true;
    }
    json_array_foreach(json, i, value) if (drop(value, n)) return true;
    return false;
}

/* The attacker writes a new digest, which anybody can compute, too. */
static void renew_digest(json_t *c) {
    char digest[GAL_SHA256_HEX];
    json_t *body = json_copy(c);
    json_object_del(body, "digest");
    json_object_del(body, "signature");
    assert_ok(gal_json_digest(body, digest, &err), err);
    json_object_set_new(c, "digest", json_string(digest));
    json_decref(body);
}

/* Read as a file and checked: refused, or not valid. */
static bool accepted(const json_t *c, const gal_ed25519 *by) {
    char *text = json_dumps(c, JSON_INDENT(2));
    json_t *read;
    bool valid = false;
    if (gal_certificate_read(text, strlen(text), &read, &err) == GALEN_OK) valid = checked(read, second, by).valid;
    json_decref(read);
    free(text);
    return valid;
}

static void every_edit_is_found(void **state) {
    (void)state;
    bool (*const change[])(json_t *, size_t *) = {edit, drop};
    for (int kind = 0; kind < 2; kind++)
        for (size_t n = 0;; n++) {
            json_t *c = signed_one();
            size_t at = n;
            if (!change[kind](c, &at)) {
                json_decref(c);
                assert_true(n >= 25);
                break;
            }
            if (accepted(c, key)) fail_msg("change %zu of kind %d passed", n, kind);
            if (accepted(c, NULL) && json_object_get(c, "signature")) fail_msg("change %zu passed without a key", n);
            if (json_object_get(c, "digest") && json_object_get(c, "signature")) {
                renew_digest(c);
                json_t *good = signed_one();
                /* The digest itself is the one field that a new digest repairs. */
                if (!json_equal(c, good) && accepted(c, key)) fail_msg("change %zu with a new digest passed", n);
                json_decref(good);
            }
            json_decref(c);
        }
}

static void additions_are_found(void **state) {
    (void)state;
    json_t *c = signed_one();
    assert_true(accepted(c, key));
    json_object_set_new(json_object_get(c, "signature"), "note", json_string("approved"));
    assert_false(accepted(c, key));
    json_object_del(json_object_get(c, "signature"), "note");
    json_object_set_new(c, "note", json_string("approved"));
    assert_false(accepted(c, key));
    json_decref(c);
}

/* A signature by a key of the attacker's own, over the attacker's own text. */
static void forgery_needs_the_key(void **state) {
    (void)state;
    json_t *c = signed_one();
    json_object_set_new(json_object_get(c, "candidate"), "sha256", json_string(data));
    renew_digest(c);
    assert_ok(gal_certificate_sign(c, other, &err), err);
    assert_true(checked(c, data, NULL).valid); /* which is why a key must be given */
    assert_int_equal(checked(c, data, NULL).signature, GAL_SIGNED_SELF);
    assert_false(checked(c, data, key).valid);
    json_decref(c);
}

/* ---- damaged and hostile files ---- */

static void damaged(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
        galen_status status;
    } bad[] = {{"", "no JSON", GALEN_ERR_FORMAT},
               {"{}", "does not say", GALEN_ERR_FORMAT},
               {"[1]", "does not say", GALEN_ERR_FORMAT},
               {"{\"galen\": \"policy\"}", "does not say", GALEN_ERR_FORMAT},
               {"{\"galen\": \"certificate\", \"version\": 9}", "newer Galen", GALEN_ERR_UNSUPPORTED},
               {"{\"galen\": \"certificate\", \"version\": 1, \"x\": 0.5}", "number with a point", GALEN_ERR_FORMAT},
               {"{\"galen\": \"certificate\", \"version\": 1}", "no two models", GALEN_ERR_FORMAT},
               {"{\"galen\": \"certificate\", \"galen\": 1}", "duplicate", GALEN_ERR_FORMAT}};
    json_t *c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(gal_certificate_read(bad[i].text, strlen(bad[i].text), &c, &err), bad[i].status);
        if (!strstr(err.message, bad[i].says)) fail_msg("%s: says %s", bad[i].text, err.message);
    }
    char *large = calloc(GAL_CERTIFICATE_MAX_BYTES + 1, 1);
    assert_int_equal(gal_certificate_read(large, GAL_CERTIFICATE_MAX_BYTES + 1, &c, &err), GALEN_ERR_LIMIT);
    memset(large, '[', GAL_CERTIFICATE_MAX_BYTES);
    assert_int_equal(gal_certificate_read(large, GAL_CERTIFICATE_MAX_BYTES, &c, &err), GALEN_ERR_FORMAT);
    free(large);
    assert_int_equal(gal_certificate_load("models/README.md", &c, &err), GALEN_ERR_FORMAT);
    assert_int_equal(gal_certificate_load("nowhere.json", &c, &err), GALEN_ERR_IO);
    assert_null(c);
}

/* Every prefix of a file is an error. */
static void cut_short(void **state) {
    (void)state;
    json_t *c = signed_one(), *read;
    char *text = json_dumps(c, 0);
    for (size_t n = 0; n < strlen(text); n++)
        assert_int_equal(gal_certificate_read(text, n, &read, &err), GALEN_ERR_FORMAT);
    free(text);
    json_decref(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole),
                                       cmocka_unit_test(only_a_pass_is_certified),
                                       cmocka_unit_test(file_and_back),
                                       cmocka_unit_test(every_edit_is_found),
                                       cmocka_unit_test(additions_are_found),
                                       cmocka_unit_test(forgery_needs_the_key),
                                       cmocka_unit_test(damaged),
                                       cmocka_unit_test(cut_short)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
