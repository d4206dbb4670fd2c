/* .npy headers and arrays; .npz through the archive plug-in. */
#include "support/shared.h"

#include "base/mem.h"
#include "data/npz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A version-1 file: header text, then n bytes of data. Freshly allocated to the byte, so that a read beyond is seen. */
static unsigned char *npy(const char *header, const void *data, size_t n, size_t *size) {
    size_t length = strlen(header);
    unsigned char *b = malloc(10 + length + n);
    memcpy(b, "\x93NUMPY\1\0", 8);
    b[8] = (unsigned char)length;
    b[9] = (unsigned char)(length >> 8);
    memcpy(b + 10, header, length);
    if (n) memcpy(b + 10 + length, data, n);
    *size = 10 + length + n;
    return b;
}

static galen_status read_npy(const char *header, const void *data, size_t n, galen_tensor *out, galen_error *err) {
    size_t size;
    unsigned char *bytes = npy(header, data, n, &size);
    galen_status status = gal_npy_read(bytes, size, 1 << 20, out, err);
    free(bytes);
    return status;
}

static void test_arrays(void **state) {
    (void)state;
    static const float values[] = {1, 2, 3, 4, 5, 6};
    galen_tensor t;
    galen_error err = {0};
    assert_ok(read_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", values, 24, &t, &err), err);
    assert_int_equal(t.dtype, GALEN_F32);
    assert_int_equal(t.rank, 2);
    assert_int_equal(t.dim[1], 3);
    assert_memory_equal(t.data, values, 24);
    gal_free(t.data);
    assert_ok(read_npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", values, 24, &t, &err), err);
    assert_memory_equal(t.data, ((float[]){1, 3, 5, 2, 4, 6}), 24);
    gal_free(t.data);
    assert_ok(read_npy("{\"shape\":(),\"descr\":\"<i8\",\"fortran_order\":False}", (int64_t[]){-7}, 8, &t, &err), err);
    assert_int_equal(t.rank, 0);
    assert_int_equal(*(int64_t *)t.data, -7);
    gal_free(t.data);
    assert_ok(read_npy("{'descr':'|b1','fortran_order':False,'shape':(3,)}", "\0\7\1", 3, &t, &err), err);
    assert_memory_equal(t.data, "\0\1\1", 3);
    gal_free(t.data);
    assert_ok(read_npy("{'descr':'<f4','fortran_order':False,'shape':(0, 4)}", NULL, 0, &t, &err), err);
    assert_int_equal(galen_tensor_elements(&t), 0);
    gal_free(t.data);
    assert_ok(read_npy("{'descr':'|O','fortran_order':False,'shape':(4,)}", "evil", 4, &t, &err), err);
    assert_int_equal(t.dtype, GALEN_DTYPE_NONE);
    assert_null(t.data);
}

static galen_status read_texts(const char *header, const void *data, size_t n, gal_arena *arena, const char ***out,
                               size_t *count, galen_error *err) {
    size_t size;
    gal_arena_init(arena, 1 << 20);
    unsigned char *bytes = npy(header, data, n, &size);
    galen_status status = gal_npy_texts(bytes, size, arena, out, count, err);
    free(bytes);
    return status;
}

static void test_texts(void **state) {
    (void)state;
    static const uint32_t wide[] = {'a', 0, 0, 0xe9, 0x20ac, 0x1f600, 0xd800, 'b', 'c'};
    gal_arena arena;
    const char **text;
    size_t count;
    galen_error err = {0};
    assert_ok(read_texts("{'descr': '<U3', 'fortran_order': False, 'shape': (3,)}", wide, sizeof wide, &arena, &text,
                         &count, &err),
              err);
    assert_int_equal(count, 3);
    assert_string_equal(text[0], "a");
    assert_string_equal(text[1], "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_string_equal(text[2], "\xef\xbf\xbd"
                                 "bc");
    gal_arena_free(&arena);
    assert_ok(
        read_texts("{'descr': '|S2', 'fortran_order': False, 'shape': (2,)}", "abc", 4, &arena, &text, &count, &err),
        err);
    assert_int_equal(count, 2);
    assert_string_equal(text[0], "ab");
    assert_string_equal(text[1], "c");
    gal_arena_free(&arena);
    assert_int_equal(read_texts("{'descr': '<U3', 'fortran_order': False, 'shape': (4,)}", wide, sizeof wide, &arena,
                                &text, &count, &err),
                     GALEN_ERR_FORMAT);
    gal_arena_free(&arena);
    static const char *const other[] = {"{'descr': '<U0', 'fortran_order': False, 'shape': (999999999999,)}",
                                        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
                                        "{'descr': '<U1', 'fortran_order': False, 'shape': (3, 3)}"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        assert_ok(read_texts(other[i], wide, sizeof wide, &arena, &text, &count, &err), err);
        assert_true(text == NULL && count == 0);
        gal_arena_free(&arena);
    }
}

static void test_bad_headers(void **state) {
    (void)state;
    static const struct {
        const char *header;
        galen_status status;
    } bad[] = {
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2,)}", GALEN_ERR_UNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", GALEN_ERR_UNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", GALEN_ERR_LIMIT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,4294967296,4)}", GALEN_ERR_LIMIT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000,)}", GALEN_ERR_LIMIT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", GALEN_ERR_FORMAT}, /* 12 bytes, 8 are there */
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", GALEN_ERR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,)}", GALEN_ERR_FORMAT},
        {"{'descr': '<f4', 'shape': (2,)}", GALEN_ERR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}", GALEN_ERR_FORMAT},
        {"{'descr': 'a type whose name is far too long', 'fortran_order': False, 'shape': (2,)}", GALEN_ERR_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2", GALEN_ERR_FORMAT},
        {"{'descr': [('a', '<f4'", GALEN_ERR_FORMAT},
        {"", GALEN_ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        galen_tensor t;
        galen_error err = {0};
        galen_status status = read_npy(bad[i].header, "12345678", 8, &t, &err);
        if (status != bad[i].status) fail_msg("header %zu: status %d: %s", i, (int)status, err.message);
        assert_true(err.message[0] && !t.data);
    }
}

/* Each length of a good file: only the whole one is an array. */
static void test_truncations(void **state) {
    (void)state;
    size_t size;
    unsigned char *whole = npy("{'descr': '<u2', 'fortran_order': False, 'shape': (4,)}", "abcdefgh", 8, &size);
    for (size_t n = 0; n < size; n++) {
        unsigned char *cut = malloc(n ? n : 1);
        galen_tensor t;
        galen_error err = {0};
        memcpy(cut, whole, n);
        assert_int_not_equal(gal_npy_read(cut, n, 1 << 20, &t, &err), GALEN_OK);
        assert_null(t.data);
        free(cut);
    }
    free(whole);
}

static void test_shipped_archive(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = test_read("models/cxr-appearance.npz", &size);
    gal_npz *npz = NULL;
    const galen_tensor *t = NULL;
    galen_error err = {0};
    assert_ok(gal_npz_read(bytes, size, NULL, &npz, &err), err);
    assert_int_equal(gal_npz_count(npz), 12);
    assert_ok(gal_npz_expect(npz, "PNEUMONIA/components_i8", GALEN_I8, 3, (int64_t[]){48, 128, 128}, &t, &err), err);
    assert_int_equal(((const int8_t *)t->data)[0], -22);
    assert_ok(gal_npz_find(npz, "NORMAL/images", &t, &err), err);
    assert_int_equal(*(const int64_t *)t->data, 1341);
    assert_int_equal(gal_npz_find(npz, "nothing", &t, &err), GALEN_ERR_FORMAT);
    assert_int_equal(gal_npz_expect(npz, "NORMAL/sd", GALEN_F32, 1, (int64_t[]){47}, &t, &err), GALEN_ERR_FORMAT);
    gal_npz_free(npz);
    gal_npz_limits few = {.max_arrays = 4, .max_bytes = 1 << 30}, small = {.max_arrays = 64, .max_bytes = 100000};
    assert_int_equal(gal_npz_read(bytes, size, &few, &npz, &err), GALEN_ERR_LIMIT);
    assert_int_equal(gal_npz_read(bytes, size, &small, &npz, &err), GALEN_ERR_LIMIT);
    for (size_t n = 0; n < size; n += size / 50)
        assert_int_not_equal(gal_npz_read(bytes, n, NULL, &npz, &err), GALEN_OK);
    for (long n = 1; n < 200; n++) {
        test_fail_allocation(n, 0);
        galen_status status = gal_npz_read(bytes, size, NULL, &npz, &err);
        test_fail_allocation(0, 0);
        gal_npz_free(npz);
        if (status == GALEN_OK) break;
        assert_int_equal(status, GALEN_ERR_MEMORY);
    }
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays),      cmocka_unit_test(test_texts),           cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_truncations), cmocka_unit_test(test_shipped_archive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
