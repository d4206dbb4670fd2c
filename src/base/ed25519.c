/* Ed25519 by libcrypto's EVP interface. */
#include "base/ed25519.h"

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

enum { MAX_PEM = 1 << 16 };

struct gal_ed25519 {
    EVP_PKEY *key;
};

/* libcrypto keeps its complaints for the thread; what matters of them is in ours. */
static galen_status failed(galen_error *err, const char *what) {
    ERR_clear_error();
    return gal_fail(err, GALEN_ERR_MEMORY, "libcrypto could not %s; free memory, or check its installation", what);
}

static galen_status wrap(EVP_PKEY *key, gal_ed25519 **out, galen_error *err) {
    gal_ed25519 *made = gal_calloc(1, sizeof *made);
    if (!made) {
        EVP_PKEY_free(key);
        return gal_fail_memory(err, "a key", sizeof *made);
    }
    made->key = key;
    *out = made;
    return GALEN_OK;
}

/* ---- PEM files ---- */

/* Notes that a passphrase is needed, and gives none. */
static int no_passphrase(char *text, int size, int writing, void *asked) {
    (void)text, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

static galen_status parse(const gal_file *file, bool private, gal_ed25519 **out, galen_error *err) {
    bool asked = false;
    BIO *bio = BIO_new_mem_buf(file->size ? (const void *)file->data : "", (int)file->size);
    if (!bio) return failed(err, "read a key");
    EVP_PKEY *key = private ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked)
                            : PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, &asked);
    BIO_free(bio);
    ERR_clear_error();
    if (asked) {
        EVP_PKEY_free(key);
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the key has a passphrase: take it off with 'openssl pkey'");
    }
    if (!key)
        return gal_fail(err, GALEN_ERR_FORMAT, "no %s key in PEM form: make one with 'openssl %s'",
                        private ? "private" : "public",
                        private ? "genpkey -algorithm ed25519 -out key.pem" : "pkey -in key.pem -pubout -out pub.pem");
    if (EVP_PKEY_get_id(key) == EVP_PKEY_ED25519) return wrap(key, out, err);
    EVP_PKEY_free(key);
    return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the key is not of the kind Ed25519, the only one used here");
}

static galen_status load(const char *path, bool private, gal_ed25519 **out, galen_error *err) {
    gal_file file;
    *out = NULL;
    GAL_TRY(gal_file_map(path, MAX_PEM, &file, err));
    galen_status status = parse(&file, private, out, err);
    gal_file_unmap(&file);
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}

galen_status gal_ed25519_private(const char *path, gal_ed25519 **out, galen_error *err) {
    return load(path, true, out, err);
}

galen_status gal_ed25519_public(const char *path, gal_ed25519 **out, galen_error *err) {
    return load(path, false, out, err);
}

galen_status gal_ed25519_of(const unsigned char bytes[GAL_ED25519_KEY], gal_ed25519 **out, galen_error *err) {
    *out = NULL;
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, GAL_ED25519_KEY);
    return key ? wrap(key, out, err) : failed(err, "use a public key");
}

void gal_ed25519_free(gal_ed25519 *key) {
    if (!key) return;
    EVP_PKEY_free(key->key);
    gal_free(key);
}

galen_status gal_ed25519_bytes(const gal_ed25519 *key, unsigned char out[GAL_ED25519_KEY], galen_error *err) {
    size_t size = GAL_ED25519_KEY;
    if (EVP_PKEY_get_raw_public_key(key->key, out, &size) == 1 && size == GAL_ED25519_KEY) return GALEN_OK;
    return failed(err, "give the public half of a key");
}

/* ---- signatures ---- */

galen_status gal_ed25519_sign(const gal_ed25519 *key, const void *data, size_t size,
                              unsigned char out[GAL_ED25519_SIGNATURE], galen_error *err) {
    size_t length = GAL_ED25519_SIGNATURE;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context && EVP_DigestSignInit(context, NULL, NULL, NULL, key->key) == 1 &&
                EVP_DigestSign(context, out, &length, data, size) == 1 && length == GAL_ED25519_SIGNATURE;
    EVP_MD_CTX_free(context);
    return done ? GALEN_OK : failed(err, "sign; is it a private key?");
}

galen_status gal_ed25519_verify(const gal_ed25519 *key, const void *data, size_t size,
                                const unsigned char signature[GAL_ED25519_SIGNATURE], bool *valid, galen_error *err) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    *valid = false;
    if (!context || EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->key) != 1) {
        EVP_MD_CTX_free(context);
        return failed(err, "check a signature");
    }
    *valid = EVP_DigestVerify(context, signature, GAL_ED25519_SIGNATURE, data, size) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return GALEN_OK;
}
