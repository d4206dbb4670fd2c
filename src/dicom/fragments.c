/* From fragments to frames. */
#include "dicom/fragments.h"

#include "base/error.h"
#include "dicom/bytes.h"

#include <string.h>

/* The fragment that starts `offset` bytes behind the first one's item header; `total` when none does. */
static size_t at_offset(const gal_fragment *fragments, size_t total, uint64_t offset) {
    uint64_t at = 0;
    for (size_t i = 0; i < total && at <= offset; i++) {
        if (at == offset) return i;
        at += 8 + (uint64_t)fragments[i].size + (fragments[i].size & 1);
    }
    return total;
}

static int starts_frame(gal_fragment f) {
    static const char jp2[12] = "\0\0\0\x0CjP  \r\n\x87\n";
    if (f.size < 12) return 0;
    return memcmp(f.data, "\xFF\xD8\xFF", 3) == 0 || memcmp(f.data, "\xFF\x4F\xFF\x51", 4) == 0 ||
           memcmp(f.data, jp2, sizeof jp2) == 0;
}

static int by_table(const gal_fragment *fragments, size_t total, gal_fragment table, size_t frames, size_t frame,
                    size_t *first, size_t *count) {
    if (table.size / 4 < frames) return 0;
    size_t begin = at_offset(fragments, total, gal_get32(table.data + 4 * frame, false)), end = total;
    if (frame + 1 < frames) end = at_offset(fragments, total, gal_get32(table.data + 4 * (frame + 1), false));
    if (begin >= end) return 0;
    *first = begin;
    *count = end - begin;
    return 1;
}

static int by_start_code(const gal_fragment *fragments, size_t total, size_t frame, size_t *first, size_t *count) {
    size_t seen = 0, begin = total;
    for (size_t i = 0; i < total; i++) {
        if (!starts_frame(fragments[i])) continue;
        if (seen == frame) begin = i;
        if (seen == frame + 1) {
            *count = i - begin;
            break;
        }
        seen++;
    }
    if (begin == total) return 0;
    if (seen <= frame + 1 && *count == 0) *count = total - begin;
    *first = begin;
    return 1;
}

galen_status gal_dicom_frame_fragments(const gal_fragment *fragments, size_t total, gal_fragment table, int frames,
                                       int frame, size_t *first, size_t *count, galen_error *err) {
    *first = 0;
    *count = 0;
    if (total == 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "compressed Pixel Data holds no fragment: the file is damaged");
    if (total == (size_t)frames) {
        *first = (size_t)frame;
        *count = 1;
        return GALEN_OK;
    }
    if (frames == 1) {
        *count = total;
        return GALEN_OK;
    }
    if (by_table(fragments, total, table, (size_t)frames, (size_t)frame, first, count)) return GALEN_OK;
    if (by_start_code(fragments, total, (size_t)frame, first, count)) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT,
                    "frame %d of %d is not among the %zu fragments of Pixel Data: the file was cut short or is damaged",
                    frame, frames, total);
}
