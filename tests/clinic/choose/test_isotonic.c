/* Rising curves against the formula that defines them, by hand, and at the limit of blocks. */
#include "clinic/choose/isotonic.h"

#include "base/mem.h"
#include "base/rng.h"
#include "clinic/golden.h"

static galen_error err;
static golden_set set;

static gal_scores scores_of(const golden_set *s) {
    return (gal_scores){s->score, s->positive, s->count};
}

/* The largest over starts, of the least over ends, of the mean between (Barlow et al., 1972). */
static double by_definition(const golden_set *sorted, size_t at) {
    double most = -1;
    for (size_t a = 0; a <= at; a++) {
        double least = 2, sum = 0;
        if (a > 0 && sorted->score[a] == sorted->score[a - 1]) continue;
        for (size_t b = a; b < sorted->count; b++) {
            sum += sorted->positive[b];
            if (b < at || (b + 1 < sorted->count && sorted->score[b + 1] == sorted->score[b])) continue;
            least = fmin(least, sum / (double)(b - a + 1));
        }
        most = fmax(most, least);
    }
    return most;
}

static void is_its_definition(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        gal_rng rng = gal_rng_make(seed, 1);
        set.count = 90;
        double score = 0;
        for (size_t i = 0; i < set.count; i++) {
            score += gal_rng_uniform(&rng) < 0.4 ? 0 : 1; /* ties */
            set.score[i] = score;
            set.positive[i] = gal_rng_uniform(&rng) < (double)i / (double)set.count;
        }
        gal_isotonic_block *block;
        size_t blocks;
        gal_scores scores = scores_of(&set);
        assert_ok(gal_isotonic(&scores, &block, &blocks, &err), err);
        for (size_t i = 0, b = 0; i < set.count; i++) {
            while (set.score[i] > block[b].high) b++;
            assert_true(set.score[i] >= block[b].low);
            golden_near((double)block[b].positives / (double)block[b].cases, by_definition(&set, i), 1e-15, "share");
        }
        gal_free(block);
    }
}

static void by_hand(void **state) {
    (void)state;
    static const double score[] = {0.9, 0.1, 0.3, 0.2, 0.8, 0.4};
    static const uint8_t positive[] = {1, 0, 0, 1, 1, 0};
    gal_isotonic_block *block;
    size_t blocks;
    gal_scores scores = {score, positive, 6};
    assert_ok(gal_isotonic(&scores, &block, &blocks, &err), err);
    assert_int_equal(blocks, 3); /* 0 | 1 0 0 | 1 1: equal neighbours are one */
    assert_int_equal(block[1].cases, 3);
    assert_int_equal(block[1].positives, 1);
    assert_true(block[1].low == 0.2 && block[1].high == 0.4);
    assert_int_equal(block[2].positives, 2);
    gal_free(block);
}

/* Shares 1/2, 2/3, 3/4, ... rise for ever. */
static void blocks_are_limited(void **state) {
    (void)state;
    enum { WANTED = GAL_ISOTONIC_BLOCKS + 100 };
    size_t n = 0, cases = 0, positives = 0, blocks, most = (size_t)WANTED * (WANTED + 3) / 2;
    double *score = gal_calloc(most, sizeof *score);
    uint8_t *positive = gal_calloc(most, 1);
    for (size_t b = 1; b <= WANTED; b++)
        for (size_t i = 0; i <= b; i++, n++) score[n] = (double)b, positive[n] = i > 0;
    gal_isotonic_block *block;
    assert_ok(gal_isotonic(&(gal_scores){score, positive, n}, &block, &blocks, &err), err);
    assert_int_equal(blocks, GAL_ISOTONIC_BLOCKS);
    for (size_t b = 0; b < blocks; b++) {
        cases += block[b].cases, positives += block[b].positives;
        if (b > 0) assert_true(block[b].low > block[b - 1].high);
        if (b > 0) assert_true(block[b].positives * block[b - 1].cases > block[b - 1].positives * block[b].cases);
    }
    assert_int_equal(cases, n);
    assert_int_equal(positives, n - WANTED);
    gal_free(block);
    gal_free(score);
    gal_free(positive);
}

static void wrong_input_is_refused(void **state) {
    (void)state;
    double score[] = {1, 2};
    uint8_t positive[] = {1, 1};
    gal_isotonic_block *block;
    size_t blocks;
    gal_scores scores = {score, positive, 2};
    assert_int_equal(gal_isotonic(&scores, &block, &blocks, &err), GALEN_ERR_ARGUMENT);
    positive[0] = 0;
    for (long n = 1; n <= 2; n++) {
        test_fail_allocation(n, 0);
        assert_int_equal(gal_isotonic(&scores, &block, &blocks, &err), GALEN_ERR_MEMORY);
    }
    test_fail_allocation(0, 0);
    score[0] = (double)NAN;
    assert_int_equal(gal_isotonic(&scores, &block, &blocks, &err), GALEN_ERR_NUMERIC);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_its_definition),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(blocks_are_limited),
        cmocka_unit_test(wrong_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
