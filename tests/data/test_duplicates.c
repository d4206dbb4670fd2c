/* Pictures that are there twice. */
#include "support/shared.h"

#include "base/mem.h"
#include "base/rng.h"
#include "data/duplicates.h"

#include <stdio.h>
#include <string.h>

enum { N = 60, SIDE = 24, BYTES = SIDE * SIDE };

static uint8_t pixels[N][BYTES];
static gal_sample sample[N];
static char id[N][8];

/* Smooth pictures of chance; every third belongs to the test. */
static gal_dataset made(void) {
    for (int i = 0; i < N; i++) {
        gal_rng rng = gal_rng_make(3, (uint64_t)i);
        double a[6];
        for (int k = 0; k < 6; k++) a[k] = gal_rng_uniform(&rng) - 0.5;
        for (int p = 0; p < BYTES; p++) {
            double x = p % SIDE / 12.0 - 1, y = p / SIDE / 12.0 - 1;
            double v =
                a[0] * x + a[1] * y + 3 * a[2] * x * y + 3 * a[3] * x * x + 3 * a[4] * y * y + 4 * a[5] * x * x * x;
            pixels[i][p] = (uint8_t)(128 + 60 * v / 3);
        }
        (void)snprintf(id[i], sizeof id[i], "p%d", i);
        sample[i] = (gal_sample){.id = id[i],
                                 .memory = {.width = SIDE, .height = SIDE, .channels = 1, .data = pixels[i]},
                                 .split = i % 3 == 2 ? GAL_SPLIT_TEST : GAL_SPLIT_TRAIN};
    }
    return (gal_dataset){.count = N, .sample = sample};
}

static gal_duplicates find(const gal_dataset *set, gal_duplicate_options options, gal_pool *pool) {
    gal_duplicates found;
    galen_error err = {0};
    assert_ok(gal_duplicates_find(set, &options, pool, &found, &err), err);
    return found;
}

static void test_exact(void **state) {
    (void)state;
    gal_dataset set = made();
    memcpy(pixels[20], pixels[4], BYTES); /* test and training */
    memcpy(pixels[7], pixels[4], BYTES);  /* both training: no matter */
    memcpy(pixels[9], pixels[14], BYTES); /* but not the same shape */
    sample[9].memory.width = SIDE / 2, sample[9].memory.height = SIDE * 2;
    gal_duplicates found = find(&set, (gal_duplicate_options){.distance = -1}, NULL);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.exact, 1);
    assert_true(found.all && found.pair[0].exact);
    assert_int_equal(found.pair[0].a, 4);
    assert_int_equal(found.pair[0].b, 20);
    gal_duplicates_free(&found);
}

static int distance(int i, int j) {
    uint64_t a[2], b[2];
    assert_int_equal(gal_difference_hash(&sample[i].memory, a, NULL), GALEN_OK);
    assert_int_equal(gal_difference_hash(&sample[j].memory, b, NULL), GALEN_OK);
    return __builtin_popcountll(a[0] ^ b[0]) + __builtin_popcountll(a[1] ^ b[1]);
}

static int flat(int i) {
    uint64_t a[2];
    assert_int_equal(gal_difference_hash(&sample[i].memory, a, NULL), GALEN_OK);
    return !a[0] && !a[1];
}

/* The bands find what comparing all with all finds, whatever the pool. */
static void test_near(void **state) {
    (void)state;
    gal_pool *pool = NULL;
    assert_int_equal(gal_pool_create(3, &pool, NULL), GALEN_OK);
    gal_dataset set = made();
    for (int p = 0; p < BYTES; p++) pixels[32][p] = (uint8_t)(pixels[10][p] * 9 / 10 + 7 + p % 2);
    memset(pixels[50], 9, BYTES), memset(pixels[51], 90, BYTES); /* flat, in two splits */
    sample[50].split = GAL_SPLIT_TEST;
    for (int limit = 0; limit < 8; limit++) {
        size_t wanted = 0;
        for (int i = 0; i < N; i++)
            for (int j = i + 1; j < N; j++)
                wanted += sample[i].split != sample[j].split && !flat(i) && !flat(j) && distance(i, j) <= limit;
        gal_duplicates found = find(&set, (gal_duplicate_options){.distance = limit}, limit % 2 ? pool : NULL);
        assert_int_equal(found.count, wanted);
        for (size_t k = 0; k < found.count; k++) {
            const gal_duplicate *p = &found.pair[k];
            assert_int_equal(p->distance, distance((int)p->a, (int)p->b));
            assert_true(!p->exact && p->a < p->b);
            assert_true(k == 0 || p[-1].distance <= p->distance);
        }
        if (limit == 7) assert_true(wanted > 1);
        gal_duplicates_free(&found);
    }
    assert_true(flat(50) && flat(51) && distance(10, 32) < 8);
    gal_duplicates few = find(&set, (gal_duplicate_options){.distance = 7, .max_pairs = 1}, NULL);
    assert_int_equal(few.count, 1);
    assert_false(few.all);
    gal_duplicates_free(&few);
    gal_pool_destroy(pool);
}

static void test_bad(void **state) {
    (void)state;
    gal_dataset set = made();
    gal_duplicates found;
    galen_error err = {0};
    assert_int_equal(gal_duplicates_find(&set, &(gal_duplicate_options){.distance = 8}, NULL, &found, &err),
                     GALEN_ERR_ARGUMENT);
    for (long n = 1; n < 20; n++) { /* hashing libraries allocate too: only ours are made to fail, from the n-th on */
        test_fail_allocation(n, 1);
        galen_status status = gal_duplicates_find(&set, &(gal_duplicate_options){.distance = 3}, NULL, &found, &err);
        test_fail_allocation(0, 0);
        assert_int_equal(status, GALEN_ERR_MEMORY);
        assert_null(found.pair);
    }
    sample[40].path = "/nowhere/x.png", sample[50].path = "/nowhere/y.png";
    assert_int_equal(gal_duplicates_find(&set, &(gal_duplicate_options){.distance = 3}, NULL, &found, &err),
                     GALEN_ERR_IO);
    assert_non_null(strstr(err.message, "/nowhere/x.png"));
    assert_null(found.pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_near),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
