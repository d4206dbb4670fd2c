/* Base64, by libcrypto in pieces: it counts in int and ends what it writes with a NUL. */
#include "base/base64.h"

#include <openssl/evp.h>
#include <string.h>

enum { BYTES = 3 * 256, CHARS = BYTES / 3 * 4 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

void gal_base64(gal_buf *out, const unsigned char *bytes, size_t size) {
    unsigned char piece[CHARS + 1];
    for (size_t at = 0; at < size; at += BYTES) {
        int n = EVP_EncodeBlock(piece, bytes + at, (int)least(size - at, BYTES));
        gal_buf_put(out, piece, (size_t)n);
    }
}

bool gal_base64_read(const char *text, size_t length, unsigned char *out, size_t size) {
    unsigned char piece[BYTES], again[CHARS + 1];
    if (length != (size + 2) / 3 * 4) return false;
    for (size_t at = 0; at < size; at += BYTES, text += CHARS) {
        size_t count = least(size - at, BYTES), chars = (count + 2) / 3 * 4;
        /* Blanks are skipped there and loose bits let pass: only what would be written again is taken. */
        if (EVP_DecodeBlock(piece, (const unsigned char *)text, (int)chars) < (int)count) return false;
        EVP_EncodeBlock(again, piece, (int)count);
        if (memcmp(again, text, chars) != 0) return false;
        memcpy(out + at, piece, count);
    }
    return true;
}
