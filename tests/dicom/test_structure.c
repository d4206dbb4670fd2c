/* What stands before the parser: probing, meta group, guard, frame headers, fragments, inflating. */
#include "support/shared.h"

#include "dicom/codestream.h"
#include "dicom/fragments.h"
#include "dicom/guard.h"
#include "dicom/inflate.h"
#include "dicom/meta.h"
#include "dicom/rle.h"

#include <galen/dicom.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const gal_syntax *implicit_little(void) {
    return gal_syntax_find("1.2.840.10008.1.2");
}

static const gal_syntax *explicit_little(void) {
    return gal_syntax_find("1.2.840.10008.1.2.1");
}

static void syntaxes(void **state) {
    (void)state;
    assert_null(gal_syntax_find("1.2.840.10008.1.2.4.100")); /* MPEG-2 */
    assert_null(gal_syntax_find("1.2.840.10008.1.2.1.98"));
    assert_true(gal_syntax_find("1.2.840.10008.1.2.1.99")->deflated);
    assert_true(gal_syntax_find("1.2.840.10008.1.2.2")->big_endian);
    assert_int_equal(gal_syntax_find("1.2.840.10008.1.2.4.81")->packing, GAL_PACK_JPEG_LS);
}

static void probes(void **state) {
    (void)state;
    unsigned char file[200] = {0};
    memcpy(file + 128, "DICM", 4);
    assert_true(galen_dicom_probe(file, 132));
    assert_false(galen_dicom_probe(file, 131));
    assert_false(galen_dicom_probe(NULL, 0));
    assert_false(galen_dicom_probe("\x89PNG\r\n\x1a\n0000000000000000", 24));
    assert_false(galen_dicom_probe("{\"json\": \"not DICOM at all\"}", 28));
    assert_true(galen_dicom_probe("\x08\0\x16\0UI\x02\0\x31\0\x08\0\x18\0UI\0\0", 18));     /* explicit, no preamble */
    assert_true(galen_dicom_probe("\x08\0\x16\0\x02\0\0\0\x31\0\x08\0\x18\0\0\0\0\0", 18)); /* implicit */
    assert_false(galen_dicom_probe("\x08\0\x16\0UI\x02\0\x31\0\x08\0\x05\0UI\0\0", 18));    /* not ascending */
}

static void meta_groups(void **state) {
    (void)state;
    size_t offset;
    const gal_syntax *syntax;
    galen_error err;
    const char big[] = "\0\x08\0\x16UI\0\x02\x31\0\0\x08\0\x18UI\0\0";
    assert_ok(gal_dicom_find_dataset((const uint8_t *)big, 18, &offset, &syntax, &err), err);
    assert_int_equal(offset, 0);
    assert_true(syntax->big_endian);
    const char mpeg[] = "\x02\0\x10\0UI\x18\0"
                        "1.2.840.10008.1.2.4.100\0"
                        "\x08\0\x18\0UI\0\0";
    assert_int_equal(gal_dicom_find_dataset((const uint8_t *)mpeg, sizeof mpeg - 1, &offset, &syntax, &err),
                     GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "1.2.840.10008.1.2.4.100"));
    const char bad[] = "\x02\0\x10\0UI\x04\0a\nbc\x08\0\x18\0UI\0\0";
    assert_int_equal(gal_dicom_find_dataset((const uint8_t *)bad, sizeof bad - 1, &offset, &syntax, &err),
                     GALEN_ERR_FORMAT);
    assert_null(strchr(err.message, '\n'));
}

static galen_status guard(const void *bytes, size_t size, const gal_syntax *syntax, size_t *end, galen_error *err) {
    unsigned char *copy = malloc(size ? size : 1); /* its end is the end of what may be read */
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    galen_status status = gal_dicom_guard(copy, size, syntax, end, err);
    free(copy);
    return status;
}

static void guard_stops_at_the_pixels(void **state) {
    (void)state;
    size_t end = 0;
    galen_error err;
    const char plain[] = "\x28\0\x10\0US\x02\0\x01\0\xE0\x7F\x10\0OB\0\0\x02\0\0\0\x01\x02trailing rubbish";
    assert_ok(guard(plain, sizeof plain - 1, explicit_little(), &end, &err), err);
    assert_int_equal(end, 24);
    for (size_t n = 0; n < 24; n++) assert_int_not_equal(guard(plain, n, explicit_little(), &end, &err), GALEN_OK);
    const char packed[] =
        "\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\0\0\0\0\xFE\xFF\0\xE0\x02\0\0\0ab\xFE\xFF\xDD\xE0\0\0\0\0";
    assert_ok(guard(packed, sizeof packed - 1, explicit_little(), &end, &err), err);
    assert_int_equal(end, sizeof packed - 1);
    const char none[] = "\x28\0\x10\0US\x02\0\x01\0";
    assert_int_equal(guard(none, 10, explicit_little(), &end, &err), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "no Pixel Data"));
    const char real[] = "\xE0\x7F\x08\0OF\0\0\x04\0\0\0abcd";
    assert_int_equal(guard(real, 16, explicit_little(), &end, &err), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "Float"));
    const char huge[] = "\x08\0\x16\0OB\0\0\xF0\xFF\xFF\xFFxx";
    assert_int_equal(guard(huge, 14, explicit_little(), &end, &err), GALEN_ERR_FORMAT);
    const char beyond[] = "\x08\0\x08\0\x1E\0\0\0ab"; /* implicit: nothing behind the header may be looked at */
    for (size_t n = 8; n < sizeof beyond; n++)
        assert_int_equal(guard(beyond, n, implicit_little(), &end, &err), GALEN_ERR_FORMAT);
    const char letters[] = "\x08\0\x16\0ZZ\x02\0xx";
    assert_int_equal(guard(letters, 10, explicit_little(), &end, &err), GALEN_ERR_FORMAT);
}

/* Sequences in sequences: the parser behind would recurse until its stack ends. */
static void nesting_is_limited(void **state) {
    (void)state;
    enum { LEVELS = 5000, BYTES = 16 * LEVELS };
    static unsigned char bomb[BYTES];
    for (size_t i = 0; i < LEVELS; i++)
        memcpy(bomb + 16 * i, "\x08\0\x40\x11\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF", 16);
    size_t end;
    galen_error err;
    assert_int_equal(guard(bomb, BYTES, implicit_little(), &end, &err), GALEN_ERR_LIMIT);
    for (size_t i = 0; i < LEVELS; i++) { /* the same with lengths */
        unsigned left = (unsigned)(BYTES - 16 * i) - 8;
        memcpy(bomb + 16 * i + 4, &left, 4);
        left -= 8;
        memcpy(bomb + 16 * i + 12, &left, 4);
    }
    assert_int_equal(guard(bomb, BYTES, implicit_little(), &end, &err), GALEN_ERR_LIMIT);
}

static void jpeg_headers(void **state) {
    (void)state;
    const unsigned char jpeg[] = {0xFF, 0xD8, 0xFF, 0xFF, 0xEE, 0, 14,   'A',  'd', 'o', 'b',  'e', 0,
                                  100,  0,    0,    0,    0,    0, 0xFF, 0xC1, 0,   17,  12,   1,   0,
                                  2,    0,    3,    'R',  0x11, 0, 'G',  0x11, 0,   'B', 0x11, 0};
    gal_codestream s;
    galen_error err;
    assert_ok(gal_jpeg_header(jpeg, sizeof jpeg, &s, &err), err);
    assert_true(s.height == 256 && s.width == 512 && s.components == 3 && s.precision == 12 && s.adobe == 0 &&
                s.letters_rgb);
    for (size_t n = 0; n < sizeof jpeg; n++) {
        unsigned char *copy = malloc(n + 1);
        assert_non_null(copy);
        unsigned char *tail = copy + 1; /* ends where the allocation ends */
        memcpy(tail, jpeg, n);
        assert_int_equal(gal_jpeg_header(tail, n, &s, &err), GALEN_ERR_FORMAT);
        free(copy);
    }
    assert_true(gal_jpeg_is_ybr(&(gal_codestream){.adobe = 1}, false));
    assert_false(gal_jpeg_is_ybr(&(gal_codestream){.adobe = 0}, true));
    assert_false(gal_jpeg_is_ybr(&(gal_codestream){.adobe = -1, .letters_rgb = true}, true));
    assert_true(gal_jpeg_is_ybr(&(gal_codestream){.adobe = -1, .jfif = true}, false));
    assert_false(gal_jpeg_is_ybr(&(gal_codestream){.adobe = -1}, false));
    assert_false(gal_jpeg_is_ybr(&(gal_codestream){.adobe = -1, .jfif = true, .lossless = true}, false));
}

static void jpeg2000_headers(void **state) {
    (void)state;
    unsigned char j2k[80] = {0xFF, 0x4F, 0xFF, 0x51, 0, 47, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0};
    j2k[26] = 2; /* tile 512 x 256 */
    j2k[30] = 1;
    j2k[41] = 3;
    j2k[42] = 0x8B; /* signed, 12 bits */
    memcpy(j2k + 51, "\xFF\x52\0\x0C\0\0\0\1\1", 9);
    gal_codestream s;
    galen_error err;
    assert_ok(gal_jpeg2000_header(j2k, sizeof j2k, &s, &err), err);
    assert_true(s.width == 512 && s.height == 256 && s.components == 3 && s.precision == 12 && s.is_signed &&
                s.multiple);
    assert_int_equal(gal_jpeg2000_header(j2k, 40, &s, &err), GALEN_ERR_FORMAT);
    memcpy(j2k + 24, "\0\0\0\1", 4); /* 512 x 256 tiles of one column */
    memcpy(j2k + 28, "\0\0\0\1", 4);
    assert_int_equal(gal_jpeg2000_header(j2k, sizeof j2k, &s, &err), GALEN_ERR_FORMAT);
}

static void fragments_to_frames(void **state) {
    (void)state;
    uint8_t start[16] = {0xFF, 0xD8, 0xFF}, more[15] = {1};
    gal_fragment list[] = {{start, 16}, {more, 15}, {start, 16}, {more, 15}}, none = {NULL, 0};
    size_t first, count;
    galen_error err;
    assert_ok(gal_dicom_frame_fragments(list, 4, none, 1, 0, &first, &count, &err), err);
    assert_true(first == 0 && count == 4);
    assert_ok(gal_dicom_frame_fragments(list, 4, none, 4, 2, &first, &count, &err), err);
    assert_true(first == 2 && count == 1);
    assert_ok(gal_dicom_frame_fragments(list, 4, none, 2, 0, &first, &count, &err), err);
    assert_true(first == 0 && count == 2);
    assert_ok(gal_dicom_frame_fragments(list, 4, none, 2, 1, &first, &count, &err), err);
    assert_true(first == 2 && count == 2);
    uint8_t offsets[8] = {0, 0, 0, 0, 72, 0, 0, 0}; /* 8+16 + 8+16 + 8+16: the second frame is the last fragment */
    gal_fragment table = {offsets, 8};
    assert_ok(gal_dicom_frame_fragments(list, 4, table, 2, 0, &first, &count, &err), err);
    assert_true(first == 0 && count == 3);
    assert_ok(gal_dicom_frame_fragments(list, 4, table, 2, 1, &first, &count, &err), err);
    assert_true(first == 3 && count == 1);
    assert_int_equal(gal_dicom_frame_fragments(list, 4, none, 3, 2, &first, &count, &err), GALEN_ERR_FORMAT);
    assert_int_equal(gal_dicom_frame_fragments(list, 0, none, 1, 0, &first, &count, &err), GALEN_ERR_FORMAT);
}

static void rle_frames(void **state) {
    (void)state;
    uint8_t frame[72] = {2, 0, 0, 0, 64, 0, 0, 0, 68};
    memcpy(frame + 64, "\xFD\x07\x00\x09", 4); /* 4 times 7, then 9 */
    memcpy(frame + 68, "\x80\x01\x01\x02", 4); /* nothing, then 1 and 2 */
    uint8_t out[6];
    galen_error err;
    assert_int_equal(gal_rle_decode(frame, 72, 2, 1, 2, out, &err), GALEN_OK);
    assert_memory_equal(out, "\x01\x07\x02\x07", 4); /* the first segment is the high byte */
    assert_int_equal(gal_rle_decode(frame, 72, 2, 2, 1, out, &err), GALEN_OK);
    assert_memory_equal(out, "\x07\x01\x07\x02", 4);
    assert_int_equal(gal_rle_decode(frame, 72, 3, 2, 1, out, &err), GALEN_ERR_FORMAT); /* the second has but two */
    assert_int_equal(gal_rle_decode(frame, 71, 2, 2, 1, out, &err), GALEN_ERR_FORMAT);
    assert_int_equal(gal_rle_decode(frame, 72, 2, 3, 1, out, &err), GALEN_ERR_FORMAT);
    assert_int_equal(gal_rle_decode(frame, 63, 2, 2, 1, out, &err), GALEN_ERR_FORMAT);
    frame[8] = 73;
    assert_int_equal(gal_rle_decode(frame, 72, 2, 2, 1, out, &err), GALEN_ERR_FORMAT);
}

static void inflating(void **state) {
    (void)state;
    enum { N = 3000000 };
    unsigned char *zeros = calloc(1, N), *packed = malloc(N);
    assert_true(zeros && packed);
    z_stream z = {.next_in = zeros, .avail_in = N, .next_out = packed, .avail_out = N};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t size = z.total_out;
    deflateEnd(&z);
    gal_buf out;
    galen_error err;
    gal_buf_init(&out, 2 * N);
    assert_ok(gal_dicom_inflate(packed, size, &out, &err), err);
    assert_int_equal(out.size, N);
    assert_memory_equal(out.data, zeros, N);
    gal_buf_free(&out);
    gal_buf_init(&out, N / 2); /* a bomb */
    assert_int_equal(gal_dicom_inflate(packed, size, &out, &err), GALEN_ERR_LIMIT);
    gal_buf_free(&out);
    gal_buf_init(&out, 2 * N);
    assert_int_equal(gal_dicom_inflate(packed, size / 2, &out, &err), GALEN_ERR_FORMAT);
    gal_buf_free(&out);
    for (long n = 1; n < 4; n++) {
        gal_buf_init(&out, 2 * N);
        test_fail_allocation(n, 0);
        galen_status status = gal_dicom_inflate(packed, size, &out, &err);
        test_fail_allocation(0, 0);
        assert_int_equal(status, GALEN_ERR_MEMORY);
        gal_buf_free(&out);
    }
    free(zeros);
    free(packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syntaxes),
        cmocka_unit_test(rle_frames),
        cmocka_unit_test(probes),
        cmocka_unit_test(meta_groups),
        cmocka_unit_test(jpeg_headers),
        cmocka_unit_test(jpeg2000_headers),
        cmocka_unit_test(guard_stops_at_the_pixels),
        cmocka_unit_test(inflating),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(fragments_to_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
