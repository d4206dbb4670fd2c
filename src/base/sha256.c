/* SHA-256 by libcrypto's one-shot interface. */
#include "base/sha256.h"

#include "base/error.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

void gal_sha256_text(const unsigned char digest[32], char out[GAL_SHA256_HEX]) {
    static const char hex[] = "0123456789abcdef";
    for (int i = 0; i < 32; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[64] = '\0';
}

galen_status gal_sha256_hex(const void *data, size_t size, char out[GAL_SHA256_HEX], galen_error *err) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    /* A default context that could not be set up is used all the same by EVP_Digest, which then reads through NULL. */
    if (OSSL_LIB_CTX_get0_global_default() == NULL)
        return gal_fail(err, GALEN_ERR_MEMORY, "out of memory while libcrypto starts; free memory");
    if (EVP_Digest(size ? data : "", size, digest, &n, EVP_sha256(), NULL) != 1 || n != 32)
        return gal_fail(err, GALEN_ERR_MEMORY,
                        "libcrypto could not compute SHA-256; free memory, or check its installation");
    gal_sha256_text(digest, out);
    return GALEN_OK;
}
