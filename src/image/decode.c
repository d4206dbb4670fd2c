/* Recognises a picture file by its first bytes and hands it to its decoder. */
#include "image/codec.h"

#include "base/error.h"

#include <string.h>

static const char png_magic[] = "\x89PNG\r\n\x1a\n";

/* What else the bytes may be, so that the refusal says what was found. NULL: unknown. */
static const char *other_format(const unsigned char *b, size_t n) {
    static const struct {
        size_t at, size;
        const char *magic, *name;
    } known[] = {
        {128, 4, "DICM", "a DICOM file"},
        {0, 6, "GIF87a", "a GIF picture"},
        {0, 6, "GIF89a", "a GIF picture"},
        {0, 4, "II*\0", "a TIFF picture"},
        {0, 4, "MM\0*", "a TIFF picture"},
        {8, 4, "WEBP", "a WebP picture"},
        {4, 8, "jP  \r\n\x87\n", "a JPEG 2000 picture"},
        {0, 4, "\xff\x4f\xff\x51", "a JPEG 2000 code stream"},
        {4, 8, "ftypavif", "an AVIF picture"},
        {4, 8, "ftypheic", "a HEIC picture"},
        {0, 2, "BM", "a BMP picture"},
        {0, 5, "%PDF-", "a PDF document"},
        {0, 4, "PK\3\4", "a zip archive"},
        {0, 2, "\x1f\x8b", "a gzip file"},
        {0, 5, "<?xml", "an XML text"},
        {0, 4, "<svg", "an SVG drawing"},
        {0, 5, "<html", "an HTML page"},
        {0, 9, "<!DOCTYPE", "an HTML page"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (n >= known[i].at + known[i].size && !memcmp(b + known[i].at, known[i].magic, known[i].size))
            return known[i].name;
    return NULL;
}

static galen_status refuse(const unsigned char *b, size_t n, galen_error *err) {
    const char *name = other_format(b, n);
    if (name)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "this is %s, not a JPEG or PNG picture: convert it first", name);
    unsigned char first[4] = {0};
    memcpy(first, b, n < 4 ? n : 4);
    return gal_fail(err, GALEN_ERR_FORMAT,
                    "not a JPEG or PNG picture: it begins with %02x %02x %02x %02x: check that this is the right file",
                    first[0], first[1], first[2], first[3]);
}

galen_status galen_image_decode(const void *bytes, size_t size, const galen_image_limits *limits, galen_image *out,
                                galen_error *err) {
    galen_image_limits used = limits ? *limits : galen_image_default_limits();
    const unsigned char *b = bytes;
    memset(out, 0, sizeof *out);
    if (size == 0 || !bytes) return gal_fail(err, GALEN_ERR_FORMAT, "the file is empty: there is no picture in it");
    if (used.max_file_bytes < 0 || size > (uint64_t)used.max_file_bytes)
        return gal_fail(err, GALEN_ERR_LIMIT, "the file has %zu bytes; the limit is %lld: make it smaller", size,
                        (long long)used.max_file_bytes);
    if (size >= 3 && !memcmp(b, "\xff\xd8\xff", 3)) return gal_jpeg_decode(bytes, size, &used, out, err);
    if (size >= 8 && !memcmp(b, png_magic, 8)) return gal_png_decode(bytes, size, &used, out, err);
    /* A beginning of either signature can only be a file cut off at once. */
    if (!memcmp(b, "\xff\xd8\xff", size < 3 ? size : 3) || !memcmp(b, png_magic, size < 8 ? size : 8))
        return gal_fail(err, GALEN_ERR_FORMAT, "the file ends after %zu bytes: it is truncated, get the whole file",
                        size);
    return refuse(b, size, err);
}
