/* The arena planner on random lifetimes: nothing alive at the same time may overlap, and the bound is a bound. */
#include "base/mem.h"
#include "base/rng.h"
#include "session/memory.h"
#include "support/shared.h"

#include <string.h>

enum { MAX = 300, STEPS = 120 };

static size_t room(const gal_span *span) {
    return span->bytes == 0 ? 0 : span->bytes + GAL_TAIL_PAD;
}

static int overlap(const gal_span *a, const gal_span *b) {
    if (a->last < b->first || b->last < a->first) return 0;
    return a->offset < b->offset + room(b) && b->offset < a->offset + room(a);
}

/* Bytes alive in the fullest step, without padding. */
static size_t fullest(const gal_span *s, size_t n) {
    size_t most = 0;
    for (uint32_t t = 0; t < STEPS; t++) {
        size_t now = 0;
        for (size_t i = 0; i < n; i++)
            if (s[i].first <= t && t <= s[i].last) now += s[i].bytes;
        if (now > most) most = now;
    }
    return most;
}

static void check(gal_span *s, size_t n) {
    size_t total, bound, all = 0;
    galen_error err;
    assert_ok(gal_memory_plan(s, n, &total, &bound, &err), err);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(s[i].offset % GAL_ALIGN, 0);
        assert_true(s[i].offset + room(&s[i]) <= total);
        for (size_t j = 0; j < i; j++) assert_false(overlap(&s[i], &s[j]));
        all += room(&s[i]) + GAL_ALIGN;
    }
    assert_true(bound >= fullest(s, n));
    assert_true(total >= bound);
    assert_true(total <= all);
    assert_true(total <= 2 * bound); /* greedy is far better than this on such lifetimes */
}

static void test_random(void **state) {
    (void)state;
    gal_span s[MAX];
    for (uint64_t seed = 0; seed < 300; seed++) {
        gal_rng rng = gal_rng_make(seed, 1);
        size_t n = 1 + gal_rng_u32(&rng) % MAX;
        for (size_t i = 0; i < n; i++) {
            uint32_t first = gal_rng_u32(&rng) % STEPS, length = gal_rng_u32(&rng) % (seed % 3 ? 8 : STEPS);
            uint32_t last = first + length < STEPS ? first + length : STEPS - 1;
            size_t bytes = gal_rng_u32(&rng) % 8 == 0 ? 0 : gal_rng_u32(&rng) % 100000;
            s[i] = (gal_span){.bytes = bytes, .first = first, .last = last};
        }
        check(s, n);
    }
}

/* A chain needs two buffers at a time, whatever its length. */
static void test_chain(void **state) {
    (void)state;
    gal_span s[100];
    size_t total, bound;
    galen_error err;
    for (uint32_t i = 0; i < 100; i++) s[i] = (gal_span){.bytes = 1000, .first = i, .last = i + 1};
    assert_ok(gal_memory_plan(s, 100, &total, &bound, &err), err);
    assert_int_equal(total, bound);
    assert_int_equal(total, 2 * 1088);
}

/* Hundreds of thousands of buffers, all alive at the end: still quick. */
static void test_hostile(void **state) {
    (void)state;
    const uint32_t n = 300000;
    gal_span *s = gal_calloc(n, sizeof *s);
    size_t total, bound;
    galen_error err;
    for (uint32_t i = 0; i < n; i++) s[i] = (gal_span){.bytes = 100, .first = i, .last = n};
    assert_ok(gal_memory_plan(s, n, &total, &bound, &err), err);
    assert_int_equal(total, bound);
    gal_free(s);
}

static void test_limits(void **state) {
    (void)state;
    size_t total = 1, bound = 1;
    galen_error err;
    assert_ok(gal_memory_plan(NULL, 0, &total, &bound, &err), err);
    assert_int_equal(total, 0);
    gal_span huge[2] = {{.bytes = SIZE_MAX - 10, .last = 1}, {.bytes = 5, .last = 1}};
    assert_int_equal(gal_memory_plan(huge, 1, &total, &bound, &err), GALEN_ERR_MEMORY);
    huge[0].bytes = SIZE_MAX - 1000;
    huge[1].bytes = 5000;
    assert_int_equal(gal_memory_plan(huge, 2, &total, &bound, &err), GALEN_ERR_MEMORY);
    gal_span backwards = {.bytes = 1, .first = 2, .last = 1};
    assert_int_equal(gal_memory_plan(&backwards, 1, &total, &bound, &err), GALEN_ERR_INTERNAL);
    test_fail_allocation(1, 1);
    galen_status status = gal_memory_plan(huge, 1, &total, &bound, &err);
    test_fail_allocation(0, 0);
    assert_int_equal(status, GALEN_ERR_MEMORY);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_chain),
                                       cmocka_unit_test(test_hostile), cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
