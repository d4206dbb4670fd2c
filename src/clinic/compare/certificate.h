/*
 * A certificate: the written verdict that a candidate may take its reference's place, bound to both models, the data,
 * the policy and the results. docs/compare.md has the form, and how to check one without Galen.
 */
#ifndef GAL_CLINIC_CERTIFICATE_H
#define GAL_CLINIC_CERTIFICATE_H

#include "base/ed25519.h"
#include "clinic/compare/gates.h"

enum { GAL_CERTIFICATE_MAX_BYTES = 1 << 20 };

/* What a certificate speaks of. Texts are borrowed; digests are 64 hexadecimal digits. */
typedef struct gal_certificate_facts {
    const char *model_sha256[GAL_SIDES], *precision[GAL_SIDES]; /* "f32", "bf16", "int8" */
    const char *data_sha256;
    const gal_case_comparison *comparison;
    const gal_policy *policy;
    const gal_gates *gates;
    const json_t *results;       /* what the digest of results is made of: gal_json_digest */
    const char *created;         /* "2026-11-26T12:00:00Z" */
    const char *version, *build; /* of Galen */
} gal_certificate_facts;

/* The certificate, unsigned, with its digest. GALEN_ERR_ARGUMENT unless the gates' verdict is pass. The caller owns
 * *out. */
galen_status gal_certificate_make(const gal_certificate_facts *facts, json_t **out, galen_error *err);
/* Adds the signature, in place of one that is there. */
galen_status gal_certificate_sign(json_t *certificate, const gal_ed25519 *key, galen_error *err);

/*
 * Reads one that may be damaged or hostile: GALEN_ERR_FORMAT for what is no certificate or lacks a member, and for a
 * number with a point in it, which has no one form in JSON. The caller owns *out.
 */
galen_status gal_certificate_read(const void *data, size_t size, json_t **out, galen_error *err);
/* Of a file, which errors name. */
galen_status gal_certificate_load(const char *path, json_t **out, galen_error *err);
/* Writes it as text for people, whole or not at all. */
galen_status gal_certificate_write(const json_t *certificate, const char *path, galen_error *err);

typedef enum gal_signature_state {
    GAL_UNSIGNED,
    GAL_SIGNED_WRONG, /* not by the key that was given or, without one, by the key that it names */
    GAL_SIGNED_SELF,  /* by the key that it names itself, which anybody may write there */
    GAL_SIGNED        /* by the key that was given */
} gal_signature_state;

typedef struct gal_certificate_check {
    bool intact; /* the digests of the certificate and of its policy are right, and all its verdicts are pass */
    int side;    /* GAL_REFERENCE or GAL_CANDIDATE: which the model is; -1: it speaks of other models */
    gal_signature_state signature;
    bool
        valid; /* intact, the model is the candidate, and the signature is not wrong or, where a key was given, right */
    const char *why; /* not valid; static storage */
} gal_certificate_check;

/* model_sha256: of the model at hand. key: whose signature is wanted; NULL: nobody's. Errors are those of memory. */
galen_status gal_certificate_check_model(const json_t *certificate, const char *model_sha256, const gal_ed25519 *key,
                                         gal_certificate_check *out, galen_error *err);

/* SHA-256 of the canonical text of JSON: keys sorted, no blanks, ASCII, numbers with a point in 17 digits. */
galen_status gal_json_digest(const json_t *json, char out[GAL_SHA256_HEX], galen_error *err);

#endif
