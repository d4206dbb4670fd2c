/* Random numbers, 16-bit floats and SHA-256 against published values. */
#include "base/half.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "support/shared.h"

#include <math.h>
#include <string.h>

/* Known answers of Philox4x32-10 from the Random123 distribution's kat_vectors. */
static void philox_known_answers(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } kat[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof kat / sizeof kat[0]; i++) {
        uint32_t out[4];
        gal_philox(kat[i].counter, kat[i].key, out);
        assert_memory_equal(out, kat[i].out, sizeof out);
    }
}

static void streams_are_independent_of_history(void **state) {
    (void)state;
    gal_rng a = gal_rng_make(7, 3), b = gal_rng_make(7, 3);
    for (int i = 0; i < 10; i++) gal_rng_u32(&a);
    b.index = 10;
    for (int i = 0; i < 10; i++) assert_int_equal(gal_rng_u32(&a), gal_rng_u32(&b));
    gal_rng c = gal_rng_make(7, 4);
    b.index = 0;
    assert_int_not_equal(gal_rng_u32(&b), gal_rng_u32(&c));
}

/* Blocks made side by side are those made one by one, also over a carry of the counter. */
static void blocks_are_the_same_side_by_side(void **state) {
    (void)state;
    static const uint64_t start[] = {0, 3, 4 * 0xfffffffdull, 6};
    for (size_t k = 0; k < 4; k++) {
        gal_rng one = {7, 3, start[k]}, many = one;
        uint32_t word[21][4], wanted[4];
        gal_rng_blocks(&many, 21, word);
        for (int i = 0; i < 21; i++) {
            gal_rng_block(&one, wanted);
            assert_memory_equal(word[i], wanted, sizeof wanted);
        }
        assert_true(one.index == many.index);
    }
}

static void draws_have_their_moments(void **state) {
    (void)state;
    enum { N = 200000 };
    gal_rng r = gal_rng_make(1, 0);
    double sum = 0, square = 0, fourth = 0, uniform = 0;
    for (int i = 0; i < N; i++) {
        double x = gal_rng_normal(&r), u = gal_rng_uniform(&r);
        assert_true(u >= 0 && u < 1);
        sum += x, square += x * x, fourth += x * x * x * x, uniform += u;
    }
    /* Five standard errors of each moment. */
    assert_true(fabs(sum / N) < 5 / sqrt(N));
    assert_true(fabs(square / N - 1) < 5 * sqrt(2.0 / N));
    assert_true(fabs(fourth / N - 3) < 5 * sqrt(96.0 / N));
    assert_true(fabs(uniform / N - 0.5) < 5 * sqrt(1 / 12.0 / N));
}

/* Round to nearest even by exhaustive search over all finite f16 values' midpoints. */
static void half_rounds_to_nearest_even(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 0x7c00; h++) {
        float x = gal_f16_to_f32((uint16_t)h);
        assert_int_equal(gal_f32_to_f16(x), h);
        assert_int_equal(gal_f32_to_f16(-x), h | 0x8000);
        double next = h == 0x7bff ? 65536.0 : gal_f16_to_f32((uint16_t)(h + 1)), mid = (x + next) / 2;
        float m = (float)mid; /* exact: one more bit than f16 has */
        assert_int_equal(gal_f32_to_f16(m), h & 1 ? h + 1 : h);
        assert_int_equal(gal_f32_to_f16(nextafterf(m, 0)), h);
        assert_int_equal(gal_f32_to_f16(nextafterf(m, INFINITY)), h + 1);
    }
    assert_int_equal(gal_f32_to_f16(INFINITY), 0x7c00);
    assert_int_equal(gal_f32_to_f16(1e30f), 0x7c00);
    assert_true(isnan(gal_f16_to_f32(gal_f32_to_f16(NAN))));
    assert_true(isinf(gal_f16_to_f32(0xfc00)));
}

/* Every f16, its neighbours and midpoints, in both signs; overflow, NaN and numbers of f32 alone. */
static void f16_rows_are_the_same(void **state) {
    (void)state;
    static const uint32_t low[] = {0, 1, 0xfff, 0x1000, 0x1001, 0x1fff};
    enum { LOW = sizeof low / sizeof *low };
    for (uint32_t h = 0; h < 1 << 19; h++) {
        float x[LOW];
        uint16_t y[LOW + 1];
        for (int i = 0; i < LOW; i++) {
            uint32_t bits = h << 13 | low[i];
            memcpy(&x[i], &bits, sizeof bits);
        }
        y[LOW] = 0x1234;
        gal_f32_to_f16_row(x, y, LOW);
        for (int i = 0; i < LOW; i++) assert_int_equal(y[i], gal_f32_to_f16(x[i]));
        assert_int_equal(y[LOW], 0x1234);
    }
}

/* Every upper half with lower halves around the midpoint, NaN and infinity too. */
static void bfloat_rows_are_the_same(void **state) {
    (void)state;
    static const uint32_t low[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
    enum { LOW = sizeof low / sizeof *low };
    for (uint32_t h = 0; h < 0x10000; h++) {
        float x[LOW + 1];
        uint16_t y[LOW + 1];
        for (int i = 0; i < LOW; i++) {
            uint32_t bits = h << 16 | low[i];
            memcpy(&x[i], &bits, sizeof bits);
        }
        y[LOW] = 0x1234;
        gal_f32_to_bf16_row(x, y, LOW);
        for (int i = 0; i < LOW; i++) assert_int_equal(y[i], gal_f32_to_bf16(x[i]));
        assert_int_equal(y[LOW], 0x1234);
    }
}

static void widened_rows_are_the_same(void **state) {
    (void)state;
    static uint16_t x[0x10000];
    static float f16[0x10000], bf16[0x10000];
    for (uint32_t h = 0; h < 0x10000; h++) x[h] = (uint16_t)h;
    gal_f16_to_f32_row(x, f16, 0x10000);
    gal_bf16_to_f32_row(x, bf16, 0x10000);
    for (uint32_t h = 0; h < 0x10000; h++) {
        const float want[2] = {gal_f16_to_f32((uint16_t)h), gal_bf16_to_f32((uint16_t)h)};
        assert_memory_equal(&f16[h], &want[0], sizeof *want);
        assert_memory_equal(&bf16[h], &want[1], sizeof *want);
    }
}

static void bfloat_rounds_to_nearest_even(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 0x7f80; h++) {
        float x = gal_bf16_to_f32((uint16_t)h);
        assert_int_equal(gal_f32_to_bf16(x), h);
        uint32_t bits = h << 16 | 0x8000u;
        float mid;
        memcpy(&mid, &bits, sizeof mid);
        assert_int_equal(gal_f32_to_bf16(mid), h & 1 ? h + 1 : h);
        assert_int_equal(gal_f32_to_bf16(nextafterf(mid, INFINITY)), h + 1);
    }
    assert_true(isnan(gal_bf16_to_f32(gal_f32_to_bf16(NAN))));
}

static void sha256_known_answers(void **state) {
    (void)state;
    galen_error err;
    char hex[GAL_SHA256_HEX];
    assert_ok(gal_sha256_hex("", 0, hex, &err), err);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_ok(gal_sha256_hex("abc", 3, hex, &err), err);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(streams_are_independent_of_history),
        cmocka_unit_test(blocks_are_the_same_side_by_side),
        cmocka_unit_test(draws_have_their_moments),
        cmocka_unit_test(half_rounds_to_nearest_even),
        cmocka_unit_test(f16_rows_are_the_same),
        cmocka_unit_test(bfloat_rows_are_the_same),
        cmocka_unit_test(bfloat_rounds_to_nearest_even),
        cmocka_unit_test(widened_rows_are_the_same),
        cmocka_unit_test(sha256_known_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
