/* Well-formed UTF-8 by table 3-7 of the Unicode standard. */
#include "base/utf8.h"

#include <string.h>

size_t gal_utf8_length(const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] == 0) return 0;
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
    /* The second byte has the narrower range where the first alone would allow overlong forms, surrogates or more than
     * U+10FFFF. */
    unsigned low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    return n;
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
