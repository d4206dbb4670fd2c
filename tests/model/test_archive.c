/* Zip archives and whole checkpoints made by hand: damage, bombs and pickles with intentions. */
#include "base/archive.h"
#include "base/buf.h"
#include "model/weights.h"
#include "support/shared.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    const char *name;
    const void *data;
    uint32_t size;    /* stored */
    uint32_t claimed; /* unpacked size in the headers; 0: size */
    uint32_t crc_xor; /* to spoil the checksum */
    uint16_t method;  /* 0 stored, 8 deflate */
} entry;

static void put16(gal_buf *b, uint32_t v) {
    gal_buf_put(b, (unsigned char[]){v & 255, v >> 8 & 255}, 2);
}

static void put32(gal_buf *b, uint32_t v) {
    put16(b, v & 0xffff);
    put16(b, v >> 16);
}

static uint32_t crc_of(const unsigned char *p, size_t n) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* The fields that local and central headers share, from "version needed" to the lengths of name and extra. */
static void put_common(gal_buf *b, const entry *e) {
    put16(b, 20);
    put16(b, 0);
    put16(b, e->method);
    put32(b, 0x58210000);
    put32(b, crc_of(e->data, e->size) ^ e->crc_xor);
    put32(b, e->size);
    put32(b, e->claimed ? e->claimed : e->size);
    put16(b, (uint32_t)strlen(e->name));
    put16(b, 0);
}

static gal_buf make_zip(const entry *e, int n) {
    gal_buf b, central;
    uint32_t offset[8];
    gal_buf_init(&b, 1 << 24);
    gal_buf_init(&central, 1 << 24);
    for (int i = 0; i < n; i++) {
        offset[i] = (uint32_t)b.size;
        gal_buf_put(&b, "PK\3\4", 4);
        put_common(&b, &e[i]);
        gal_buf_text(&b, e[i].name);
        gal_buf_put(&b, e[i].data, e[i].size);
        gal_buf_put(&central, "PK\1\2", 4);
        put16(&central, 20);
        put_common(&central, &e[i]);
        put16(&central, 0);
        put32(&central, 0);
        put32(&central, 0);
        put32(&central, offset[i]);
        gal_buf_text(&central, e[i].name);
    }
    uint32_t start = (uint32_t)b.size;
    gal_buf_put(&b, central.data, central.size);
    gal_buf_put(&b, "PK\5\6\0\0\0\0", 8);
    put16(&b, (uint32_t)n);
    put16(&b, (uint32_t)n);
    put32(&b, (uint32_t)central.size);
    put32(&b, start);
    put16(&b, 0);
    gal_buf_free(&central);
    return b;
}

static void entries_are_read(void **state) {
    (void)state;
    const entry e[] = {{.name = "a", .data = "hello", .size = 5}, {.name = "b/c", .data = "", .size = 0}};
    gal_buf zip = make_zip(e, 2);
    gal_archive *archive = NULL;
    galen_error err = {0};
    const char *name;
    uint64_t size;
    char text[5];
    assert_ok(gal_archive_open(zip.data, zip.size, 10, &archive, &err), err);
    assert_int_equal(gal_archive_count(archive), 2);
    assert_ok(gal_archive_entry(archive, 0, &name, &size, &err), err);
    assert_string_equal(name, "a");
    assert_int_equal(size, 5);
    assert_ok(gal_archive_read(archive, 0, text, 5, &err), err);
    assert_memory_equal(text, "hello", 5);
    assert_int_equal(gal_archive_read(archive, 0, text, 4, &err), GALEN_ERR_ARGUMENT);
    assert_int_not_equal(gal_archive_entry(archive, 7, &name, &size, &err), GALEN_OK);
    gal_archive_close(archive);
    assert_int_equal(gal_archive_open(zip.data, zip.size, 1, &archive, &err), GALEN_ERR_LIMIT);
    gal_buf_free(&zip);
}

static void bombs_and_wrong_checksums_are_refused(void **state) {
    (void)state;
    /* A deflate stream of one empty block, said to hold a gigabyte. */
    const entry e[] = {{.name = "spoilt", .data = "hello", .size = 5, .crc_xor = 1},
                       {.name = "bomb", .data = "\3\0", .size = 2, .claimed = 1u << 20, .method = 8},
                       {.name = "short", .data = "\3\0", .size = 2, .claimed = 100, .method = 8}};
    gal_buf zip = make_zip(e, 3);
    gal_archive *archive = NULL;
    galen_error err = {0};
    void *out = malloc(1u << 20);
    assert_non_null(out);
    assert_ok(gal_archive_open(zip.data, zip.size, 10, &archive, &err), err);
    assert_int_equal(gal_archive_read(archive, 0, out, 5, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "'spoilt' is damaged"));
    assert_int_equal(gal_archive_read(archive, 1, out, 1u << 20, &err), GALEN_ERR_LIMIT);
    assert_non_null(strstr(err.message, "zip bomb"));
    assert_int_equal(gal_archive_read(archive, 2, out, 100, &err), GALEN_ERR_FORMAT);
    gal_archive_close(archive);
    gal_buf_free(&zip);
    free(out);
}

/* ---- whole checkpoints ---- */

#define STORAGE "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0000X\3\0\0\0cpuK\6tQ"
#define REBUILD(size, stride)                                                                                          \
    "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\0" size stride "\x89"                                            \
    "ccollections\nOrderedDict\n)RtR"
#define BYTES(text) .data = text, .size = sizeof(text) - 1

static const float six[6] = {1, 2, 3, 4, 5, 6};

static galen_status parse(entry pickle, uint32_t data_bytes, gal_weights **w, galen_error *err) {
    const entry e[] = {pickle,
                       {.name = "x/byteorder", .data = "little", .size = 6},
                       {.name = "x/data/0", .data = six, .size = data_bytes}};
    gal_buf zip = make_zip(e, 3);
    *w = NULL;
    galen_status status = gal_weights_parse(zip.data, zip.size, w, err);
    gal_buf_free(&zip);
    return status;
}

static void strided_tensors_become_dense(void **state) {
    (void)state;
    gal_weights *w;
    galen_error err = {0};
    /* {"module.a.one": 2x3 dense, "module.a.two": its transpose} under "model". */
    entry pickle = {.name = "x/data.pkl",
                    BYTES("\x80\2}X\5\0\0\0model}"
                          "X\x0c\0\0\0module.a.one" REBUILD(
                              "K\2K\3\x86", "K\3K\1\x86") "s"
                                                          "X\x0c\0\0\0module.a.two" REBUILD(
                                                              "K\3K\2\x86", "K\1K\3\x86") "ss"
                                                                                          "X\5\0\0\0epochK\7s.")};
    assert_ok(parse(pickle, sizeof six, &w, &err), err);
    assert_int_equal(w->n, 2);
    const float turned[6] = {1, 4, 2, 5, 3, 6};
    assert_memory_equal(gal_weights_find(w, "a.one")->data, six, sizeof six);
    assert_memory_equal(gal_weights_find(w, "a.two")->data, turned, sizeof turned);
    assert_int_equal(gal_weights_find(w, "a.two")->dim[0], 3);
    gal_weights_destroy(w);
}

static void bad_checkpoints_are_named(void **state) {
    (void)state;
    static const char good[] = "\x80\2}X\1\0\0\0w" REBUILD("K\6\x85", "K\1\x85") "s.";
    const struct {
        entry pickle;
        uint32_t bytes;
        const char *text;
    } bad[] = {
        {{.name = "x/data.pkl", BYTES("\x80\2cposix\nsystem\nX\7\0\0\0echo hi\x85R.")},
         24,
         "calls 'posix.system': refused"},
        {{.name = "x/data.pkl", BYTES("\x80\2}X\1\0\0\0wcbuiltins\neval\nX\1\0\0\0001\x85Rs.")},
         24,
         "calls 'builtins.eval'"},
        {{.name = "x/data.pkl", .data = good, .size = sizeof good - 1}, 20, "has 20 bytes, not 24"},
        {{.name = "y/data.pkl", .data = good, .size = sizeof good - 1}, 24, "is missing from the checkpoint"},
        {{.name = "x/code.py", .data = good, .size = sizeof good - 1}, 24, "without data.pkl"},
        {{.name = "x/data.pkl", BYTES("\x80\2}X\1\0\0\0wK\1s.")}, 24, "no state dict"},
        {{.name = "x/data.pkl", BYTES("\x80\2K\1.")}, 24, "no state dict"},
        {{.name = "x/data.pkl", BYTES("")}, 24, "cut off"},
        {{.name = "x/data.pkl",
          BYTES("\x80\2}X\1\0\0\0w" REBUILD("K\1\x85", "K\1\x85") "sX\1\0\0\0w" REBUILD("K\2\x85", "K\1\x85") "s.")},
         24,
         "'w' is stored twice"},
    };
    gal_weights *w;
    galen_error err = {0};
    assert_ok(parse((entry){.name = "x/data.pkl", .data = good, .size = sizeof good - 1}, 24, &w, &err), err);
    gal_weights_destroy(w);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_not_equal(parse(bad[i].pickle, bad[i].bytes, &w, &err), GALEN_OK);
        if (!strstr(err.message, bad[i].text)) fail_msg("case %zu: \"%s\"", i, err.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_read),
        cmocka_unit_test(bombs_and_wrong_checksums_are_refused),
        cmocka_unit_test(strided_tensors_become_dense),
        cmocka_unit_test(bad_checkpoints_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
