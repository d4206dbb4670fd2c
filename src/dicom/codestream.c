/* Reading the headers of compressed frames: ISO 10918-1 annex B, ISO 14495-1 annex C, ISO 15444-1 annex A. */
#include "dicom/codestream.h"

#include "base/error.h"
#include "dicom/bytes.h"

#include <string.h>

static galen_status damaged(galen_error *err, const char *what) {
    return gal_fail(err, GALEN_ERR_FORMAT, "the compressed frame has no valid %s: it was cut short or is damaged",
                    what);
}

/* SOF0..SOF15 without DHT, JPG and DAC, and SOF55 of JPEG-LS. */
static bool is_frame_header(unsigned marker) {
    return marker == 0xF7 || (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC);
}

static galen_status frame_header(unsigned marker, const uint8_t *p, size_t n, gal_codestream *out, galen_error *err) {
    if (n < 6 || n < 6u + 3u * p[5]) return damaged(err, "JPEG frame header");
    out->precision = p[0];
    out->height = gal_get16(p + 1, true);
    out->width = gal_get16(p + 3, true);
    out->components = p[5];
    out->lossless = marker == 0xC3;
    out->letters_rgb = p[5] == 3 && p[6] == 'R' && p[9] == 'G' && p[12] == 'B';
    return GALEN_OK;
}

galen_status gal_jpeg_header(const uint8_t *bytes, size_t size, gal_codestream *out, galen_error *err) {
    *out = (gal_codestream){.adobe = -1};
    if (size < 4 || bytes[0] != 0xFF || bytes[1] != 0xD8) return damaged(err, "JPEG start");
    for (size_t at = 2; size - at >= 4;) {
        if (bytes[at] != 0xFF) return damaged(err, "JPEG marker");
        unsigned marker = bytes[at + 1];
        if (marker == 0xFF) { /* fill byte */
            at++;
            continue;
        }
        size_t length = gal_get16(bytes + at + 2, true);
        if (length < 2 || length > size - at - 2) return damaged(err, "JPEG segment");
        const uint8_t *p = bytes + at + 4;
        if (is_frame_header(marker)) return frame_header(marker, p, length - 2, out, err);
        if (marker == 0xE0 && length >= 7 && memcmp(p, "JFIF", 5) == 0) out->jfif = true;
        if (marker == 0xEE && length >= 14 && memcmp(p, "Adobe", 5) == 0) out->adobe = p[11];
        if (marker == 0xDA || marker == 0xD9) break; /* data or end before any frame header */
        at += 2 + length;
    }
    return damaged(err, "JPEG frame header");
}

bool gal_jpeg_is_ybr(const gal_codestream *stream, bool dataset_says) {
    if (stream->lossless) return dataset_says;
    if (stream->adobe >= 0) return stream->adobe == 1;
    if (stream->letters_rgb) return false;
    return stream->jfif || dataset_says;
}

/* Steps over the boxes of a JP2 file to its code stream. */
static size_t skip_boxes(const uint8_t *bytes, size_t size) {
    size_t at = 0;
    while (size - at >= 8) {
        uint32_t length = gal_get32(bytes + at, true);
        if (memcmp(bytes + at + 4, "jp2c", 4) == 0) return at + 8;
        if (length < 8 || length > size - at) break;
        at += length;
    }
    return size;
}

galen_status gal_jpeg2000_header(const uint8_t *bytes, size_t size, gal_codestream *out, galen_error *err) {
    *out = (gal_codestream){.adobe = -1};
    size_t at = size >= 12 && memcmp(bytes + 4, "jP  ", 4) == 0 ? skip_boxes(bytes, size) : 0;
    if (size - at < 43 || memcmp(bytes + at, "\xFF\x4F\xFF\x51", 4) != 0) return damaged(err, "JPEG 2000 start");
    const uint8_t *siz = bytes + at + 4; /* Lsiz; sizes are 32-bit from offset 4 on */
    uint32_t x1 = gal_get32(siz + 4, true), y1 = gal_get32(siz + 8, true);
    uint32_t x0 = gal_get32(siz + 12, true), y0 = gal_get32(siz + 16, true);
    uint32_t tile_x = gal_get32(siz + 20, true), tile_y = gal_get32(siz + 24, true);
    if (x1 <= x0 || y1 <= y0 || tile_x == 0 || tile_y == 0) return damaged(err, "JPEG 2000 size");
    out->width = x1 - x0;
    out->height = y1 - y0;
    if ((uint64_t)((out->width - 1) / tile_x + 1) * ((out->height - 1) / tile_y + 1) > 65535)
        return damaged(err, "JPEG 2000 tile size");
    out->components = gal_get16(siz + 36, true);
    out->precision = (siz[38] & 0x7F) + 1;
    out->is_signed = (siz[38] & 0x80) != 0;
    for (at += 4 + gal_get16(siz, true); at < size && size - at >= 9 && bytes[at] == 0xFF && bytes[at + 1] != 0x90;
         at += 2 + (size_t)gal_get16(bytes + at + 2, true))
        if (bytes[at + 1] == 0x52) { /* COD: Lcod Scod progression layers(2) transform */
            out->multiple = bytes[at + 8] == 1;
            break;
        }
    return GALEN_OK;
}
