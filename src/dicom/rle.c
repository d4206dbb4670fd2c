/* RLE Lossless: a segment for each byte of each sample, most significant first, packed by PackBits. */
#include "dicom/rle.h"

#include "base/error.h"
#include "dicom/bytes.h"

enum { HEADER = 64, MAX_SEGMENTS = 15 };

/* Writes at most `pixels` bytes, `step` apart; returns how many the segment holds. */
static size_t unpack(const uint8_t *p, size_t size, size_t pixels, uint8_t *out, size_t step) {
    size_t done = 0;
    for (size_t at = 0; at + 1 < size && done < pixels;) {
        unsigned code = p[at++];
        if (code == 128) continue; /* no operation */
        size_t run = code < 128 ? code + 1u : 257u - code, left = pixels - done;
        if (code < 128 && run > size - at) run = size - at;
        for (size_t i = 0; i < run && i < left; i++) out[(done + i) * step] = p[code < 128 ? at + i : at];
        done += run < left ? run : left;
        at += code < 128 ? run : 1;
    }
    return done;
}

galen_status gal_rle_decode(const uint8_t *bytes, size_t size, size_t pixels, int samples, int sample_bytes,
                            uint8_t *out, galen_error *err) {
    if (size < HEADER)
        return gal_fail(err, GALEN_ERR_FORMAT, "the RLE frame has %zu bytes, less than its header", size);
    size_t step = (size_t)samples * (size_t)sample_bytes;
    uint32_t segments = gal_get32(bytes, false);
    if (segments != step || segments > MAX_SEGMENTS)
        return gal_fail(err, GALEN_ERR_FORMAT, "the RLE frame has %lu segments where %zu are needed: it is damaged",
                        (unsigned long)segments, step);
    for (uint32_t i = 0; i < segments; i++) {
        size_t begin = gal_get32(bytes + 4 + 4 * (size_t)i, false);
        size_t end = i + 1 < segments ? gal_get32(bytes + 8 + 4 * (size_t)i, false) : size;
        if (begin < HEADER || begin > end || end > size)
            return gal_fail(err, GALEN_ERR_FORMAT, "RLE segment %lu leaves its frame: it was cut short or is damaged",
                            (unsigned long)i);
        size_t sample = i / (uint32_t)sample_bytes, byte = i % (uint32_t)sample_bytes;
        uint8_t *to = out + sample * (size_t)sample_bytes + ((size_t)sample_bytes - 1 - byte);
        size_t have = unpack(bytes + begin, end - begin, pixels, to, step);
        if (have < pixels)
            return gal_fail(err, GALEN_ERR_FORMAT,
                            "RLE segment %lu holds %zu of %zu bytes: it was cut short or is damaged", (unsigned long)i,
                            have, pixels);
    }
    return GALEN_OK;
}
