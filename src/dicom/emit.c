/* Data elements and UIDs, byte by byte. */
#include "dicom/emit.h"

#include <stdio.h>
#include <string.h>

static void put16(gal_buf *out, unsigned value) {
    uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    gal_buf_put(out, bytes, sizeof bytes);
}

static void put32(gal_buf *out, uint32_t value) {
    put16(out, value & 0xFFFF);
    put16(out, value >> 16);
}

static int is_binary(const char vr[2]) {
    return memcmp(vr, "OB", 2) == 0 || memcmp(vr, "OW", 2) == 0;
}

void gal_emit(gal_buf *out, uint32_t tag, const char vr[2], const void *value, size_t size) {
    put16(out, tag >> 16);
    put16(out, tag & 0xFFFF);
    gal_buf_put(out, vr, 2);
    size_t even = size + (size & 1);
    if (is_binary(vr)) {
        put16(out, 0);
        put32(out, (uint32_t)even);
    } else {
        put16(out, (unsigned)even);
    }
    gal_buf_put(out, value, size);
    /* PS3.5 6.2: UIDs and bytes are padded with NUL, text with a space. */
    if (size & 1) gal_buf_put(out, is_binary(vr) || memcmp(vr, "UI", 2) == 0 ? "" : " ", 1);
}

void gal_emit_text(gal_buf *out, uint32_t tag, const char vr[2], const char *text) {
    gal_emit(out, tag, vr, text ? text : "", text ? strlen(text) : 0);
}

void gal_emit_u16(gal_buf *out, uint32_t tag, unsigned value) {
    uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
    gal_emit(out, tag, "US", bytes, sizeof bytes);
}

void gal_emit_u32(gal_buf *out, uint32_t tag, uint32_t value) {
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    gal_emit(out, tag, "UL", bytes, sizeof bytes);
}

void gal_emit_integer(gal_buf *out, uint32_t tag, long value) {
    char text[24];
    snprintf(text, sizeof text, "%ld", value);
    gal_emit_text(out, tag, "IS", text);
}

void gal_uid_from_seed(const uint8_t seed[16], char out[GAL_UID_MAX]) {
    uint8_t number[16];
    memcpy(number, seed, sizeof number);
    number[6] = (uint8_t)((number[6] & 0x0F) | 0x80); /* RFC 9562: version 8 */
    number[8] = (uint8_t)((number[8] & 0x3F) | 0x80); /* and its variant */
    char digits[40];
    size_t at = sizeof digits;
    digits[--at] = 0;
    /* Schoolbook division by ten; the version bits keep the number above 0, and 2^128 has 39 digits. */
    for (int left = 1; left && at > 0;) {
        unsigned rest = 0;
        left = 0;
        for (size_t i = 0; i < sizeof number; i++) {
            unsigned value = rest << 8 | number[i];
            number[i] = (uint8_t)(value / 10);
            rest = value % 10;
            left |= number[i];
        }
        digits[--at] = (char)('0' + rest);
    }
    snprintf(out, GAL_UID_MAX, "2.25.%s", digits + at);
}

int gal_text_valid(const char *text, size_t most) {
    if (!text) return 1;
    size_t n = 0;
    for (; text[n]; n++)
        if (n >= most || text[n] < ' ' || text[n] > '~' || text[n] == '\\') return 0;
    return 1;
}
