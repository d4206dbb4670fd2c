/* Base64. */
#include "base/base64.h"

#include <stdint.h>

void gal_base64(gal_buf *out, const unsigned char *bytes, size_t size) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = size > 0 ? gal_buf_extend(out, (size + 2) / 3 * 4) : NULL;
    for (size_t i = 0; to != NULL && i < size; i += 3, to += 4) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        if (i + 1 < size) three |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < size) three |= bytes[i + 2];
        to[0] = digit[three >> 18];
        to[1] = digit[three >> 12 & 63];
        to[2] = i + 1 < size ? digit[three >> 6 & 63] : '=';
        to[3] = i + 2 < size ? digit[three & 63] : '=';
    }
}

static int value_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool gal_base64_read(const char *text, size_t length, unsigned char *out, size_t size) {
    if (length != (size + 2) / 3 * 4) return false;
    for (size_t i = 0; i < size; i += 3, text += 4) {
        size_t left = size - i < 3 ? size - i : 3;
        uint32_t three = 0;
        for (size_t k = 0; k < 4; k++) {
            int v = k <= left ? value_of(text[k]) : text[k] == '=' ? 0 : -1;
            if (v < 0) return false;
            three = three << 6 | (uint32_t)v;
        }
        for (size_t k = 0; k < 3; k++) {
            unsigned char byte = (unsigned char)(three >> (16 - 8 * k));
            if (k < left)
                out[i + k] = byte;
            else if (byte != 0)
                return false;
        }
    }
    return true;
}
