/* Signatures by Ed25519 (RFC 8032), with libcrypto; keys in PEM files as OpenSSL writes them. */
#ifndef GAL_BASE_ED25519_H
#define GAL_BASE_ED25519_H

#include <galen/status.h>
#include <stdbool.h>
#include <stddef.h>

enum { GAL_ED25519_KEY = 32, GAL_ED25519_SIGNATURE = 64 };

typedef struct gal_ed25519 gal_ed25519;

/*
 * A private key ("openssl genpkey -algorithm ed25519 -out key.pem") or a public one ("openssl pkey -in key.pem -pubout
 * -out pub.pem"). GALEN_ERR_FORMAT for a file that holds no such key, GALEN_ERR_UNSUPPORTED for a key of another kind
 * and for one with a passphrase, which is nobody's to ask for here. The caller frees *out with gal_ed25519_free.
 */
galen_status gal_ed25519_private(const char *path, gal_ed25519 **out, galen_error *err);
galen_status gal_ed25519_public(const char *path, gal_ed25519 **out, galen_error *err);
/* The public key of these bytes. */
galen_status gal_ed25519_of(const unsigned char key[GAL_ED25519_KEY], gal_ed25519 **out, galen_error *err);
void gal_ed25519_free(gal_ed25519 *key);

/* The public half of either kind. */
galen_status gal_ed25519_bytes(const gal_ed25519 *key, unsigned char out[GAL_ED25519_KEY], galen_error *err);

/* key: a private one. */
galen_status gal_ed25519_sign(const gal_ed25519 *key, const void *data, size_t size,
                              unsigned char out[GAL_ED25519_SIGNATURE], galen_error *err);
/* *valid: it is the signature of these bytes by the key. An error says that this could not be found out. */
galen_status gal_ed25519_verify(const gal_ed25519 *key, const void *data, size_t size,
                                const unsigned char signature[GAL_ED25519_SIGNATURE], bool *valid, galen_error *err);

#endif
