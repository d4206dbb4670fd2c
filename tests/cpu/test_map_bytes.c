/* Every form of a table of 256 bytes, whichever of them this machine would choose. */
#include "cpu/features.h"
#include "support/shared.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) || defined(__aarch64__)
#include "cpu/qconv.h"

enum { MOST = 200 };

/* Lengths around the vectors', ending where the memory does, over another buffer and in place. */
static void check(gal_map_fn map) {
    uint8_t table[256];
    for (int i = 0; i < 256; i++) table[i] = (uint8_t)(i * 167 + 13);
    for (size_t n = 0; n <= MOST; n++) {
        uint8_t *x = malloc(n + 1), *y = malloc(n + 1);
        for (size_t i = 0; i < n; i++) x[i] = (uint8_t)(i * 91 + n);
        x[n] = y[n] = 0x5a;
        map(table, x, y, n);
        for (size_t i = 0; i < n; i++) assert_int_equal(y[i], table[x[i]]);
        map(table, x, x, n);
        assert_memory_equal(x, y, n + 1);
        free(x), free(y);
    }
}

/* Rows of every width of a tile, with what lies between them left alone. */
static void check_rows(gal_map_rows_fn map) {
    enum { ROWS = 5, STRIDE = 70 };
    uint8_t table[256], y[ROWS * STRIDE];
    for (int i = 0; i < 256; i++) table[i] = (uint8_t)(i * 167 + 13);
    for (size_t cols = 1; cols <= 64; cols++) {
        for (size_t i = 0; i < sizeof y; i++) y[i] = (uint8_t)(i * 91 + cols);
        map(table, y, ROWS, cols, STRIDE);
        for (size_t i = 0; i < sizeof y; i++) {
            uint8_t x = (uint8_t)(i * 91 + cols);
            assert_int_equal(y[i], i % STRIDE < cols ? table[x] : x);
        }
    }
}

static void all_forms_look_up_the_same(void **state) {
    (void)state;
    uint32_t has = gal_features();
#if defined(__x86_64__)
    if (has & GAL_HAS_AVX2) check(gal_map_bytes_avx2);
    if (has & GAL_HAS_AVX512) check(gal_map_bytes_avx512);
    if (has & GAL_HAS_AVX512_VBMI) check(gal_map_bytes_avx512vbmi);
    if (has & GAL_HAS_AVX512) check(gal_map_bytes_best());
    if (has & GAL_HAS_AVX2) check_rows(gal_map_rows_avx2);
    if (has & GAL_HAS_AVX512) check_rows(gal_map_rows_avx512);
    if (has & GAL_HAS_AVX512_VBMI) check_rows(gal_map_rows_avx512vbmi);
    if (has & GAL_HAS_AVX512) check_rows(gal_map_rows_best());
#else
    if (has & GAL_HAS_NEON) check(gal_map_bytes_neon);
    if (has & GAL_HAS_NEON) check_rows(gal_map_rows_neon);
#endif
}
#else
static void all_forms_look_up_the_same(void **state) {
    (void)state;
    skip();
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_forms_look_up_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
