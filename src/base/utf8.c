/* Well-formed UTF-8 by table 3-7 of the Unicode standard. */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* The length of the valid character at `s`, of at most `left` bytes; 0: there is none. A NUL ends no later byte's
 * range, so that a text that ends with one needs no length. */
static size_t length_within(const unsigned char *s, size_t left) {
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > left) return 0;
    /* The second byte has the narrower range where the first alone would allow overlong forms, surrogates or more than
     * U+10FFFF. */
    unsigned low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    return n;
}

size_t gal_utf8_length(const char *text) {
    return *text ? length_within((const unsigned char *)text, SIZE_MAX) : 0;
}

bool gal_utf8_valid_bytes(const void *bytes, size_t size) {
    const unsigned char *s = bytes;
    for (size_t n = 0; size > 0; s += n, size -= n) {
        n = length_within(s, size);
        if (n == 0) return false;
    }
    return true;
}

bool gal_utf8_valid(const char *text) {
    size_t n;
    while ((n = gal_utf8_length(text)) > 0) text += n;
    return *text == 0;
}

void gal_utf8_clean(const char *text, char *out, size_t size) {
    size_t used = 0;
    while (*text != '\0') {
        size_t n = gal_utf8_length(text);
        bool control = n == 1 && ((unsigned char)*text < 0x20 || *text == 0x7f);
        const char *from = control ? " " : n > 0 ? text : "\xef\xbf\xbd";
        size_t bytes = n > 0 ? n : 3;
        if (used + bytes >= size) break;
        memcpy(out + used, from, bytes);
        used += bytes;
        text += n > 0 ? n : 1;
    }
    out[used] = '\0';
}

size_t gal_utf8_before(const char *text, size_t end) {
    while (end > 0 && ((unsigned char)text[--end] & 0xc0) == 0x80) continue;
    return end;
}
