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
