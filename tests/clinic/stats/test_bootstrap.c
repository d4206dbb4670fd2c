/* Draws have their distribution, BCa is Efron's, coverage is what it says, and threads change no bit. */
#include "clinic/stats/bootstrap.h"

#include "base/refmath.h"
#include "base/rng.h"
#include "clinic/golden.h"

enum { MOST = 20000, N = 30 };

static galen_error err;
static gal_weights weight[MOST];

/* Every stratum keeps its size, and its units are alike: the counts' variance is that of multinomial ones. */
static void weights_are_multinomial(void **state) {
    (void)state;
    const size_t size[] = {1, 7, 4096, 9001, 300};
    gal_strata strata = {size, 5};
    double squares[5] = {0};
    for (size_t first = 0; first < 80; first += GAL_LANES) {
        gal_draw_weights(&strata, 11, first, weight);
        for (size_t lane = 0; lane < GAL_LANES; lane++) {
            const gal_weights *w = weight;
            for (int k = 0; k < 5; w += size[k++]) {
                size_t sum = 0;
                for (size_t u = 0; u < size[k]; u++) {
                    double off = w[u][lane] - 1.0;
                    sum += w[u][lane], squares[k] += off * off;
                }
                assert_int_equal(sum, size[k]);
            }
        }
    }
    for (int k = 2; k < 5; k++) {
        double units = 80.0 * (double)size[k], wanted = 1 - 1 / (double)size[k];
        assert_true(fabs(squares[k] / units - wanted) < 5 * sqrt(2 / units)); /* of about Poisson counts */
    }
}

/* Also between blocks: the first half of a stratum gets a binomial share. */
static void blocks_share_a_stratum(void **state) {
    (void)state;
    const size_t size[] = {3 * 4096 + 1000};
    gal_strata strata = {size, 1};
    double sum = 0, squares = 0, n = (double)size[0], p = 4096 / n, draws = 400;
    for (size_t first = 0; first < 400; first += GAL_LANES) {
        gal_draw_weights(&strata, 12, first, weight);
        for (size_t lane = 0; lane < GAL_LANES; lane++) {
            double here = 0;
            for (size_t u = 4096; u < (size_t)2 * 4096; u++) here += weight[u][lane];
            double off = (here - n * p) / sqrt(n * p * (1 - p));
            sum += off, squares += off * off;
        }
    }
    assert_true(fabs(sum) < 4 * sqrt(draws) && fabs(squares - draws) < 4 * sqrt(2 * draws));
}

static void a_draw_is_the_same_in_every_lane(void **state) {
    (void)state;
    static gal_weights other[MOST];
    const size_t size[] = {5000, 64};
    gal_strata strata = {size, 2};
    gal_draw_weights(&strata, 13, 16, weight);
    gal_draw_weights(&strata, 13, 21, other);
    for (size_t u = 0; u < 5064; u++) assert_int_equal(weight[u][5], other[u][0]);
}

/* ---- a plain reference: the ratio of two means, skewed ---- */

typedef struct data {
    double x[N], y[N];
} data;

static double ratio(const data *d, const gal_weights *w, int lane) {
    double x = 0, y = 0;
    for (int i = 0; i < N; i++) x += w[i][lane] * d->x[i], y += w[i][lane] * d->y[i];
    return x / y;
}

static void ratio_and_mean(const void *context, const gal_weights *w, double (*out)[GAL_LANES]) {
    const data *d = context;
    for (int lane = 0; lane < GAL_LANES; lane++) {
        double sum = 0, count = 0;
        for (int i = 0; i < N; i++) sum += w[i][lane] * d->x[i], count += w[i][lane];
        out[0][lane] = ratio(d, w, lane);
        out[1][lane] = sum / count;
    }
}

static void fill(data *d, uint64_t seed) {
    gal_rng rng = gal_rng_make(seed, 0);
    for (int i = 0; i < N; i++) {
        double z = gal_rng_normal(&rng);
        d->x[i] = exp(z);
        d->y[i] = 1 + gal_rng_uniform(&rng);
    }
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Efron's formulas written down once more, with strata of 12 and 18. */
static gal_interval plain_bca(const data *d, size_t draws, uint64_t seed) {
    const size_t size[] = {12, N - 12};
    static double value[4000];
    double below = 0, all, squares = 0, cubes = 0;
    for (int i = 0; i < N; i++) weight[i][0] = 1;
    all = ratio(d, weight, 0);
    for (size_t k = 0, from = 0; k < 2; from += size[k++]) {
        double leave[N], mean = 0, n = (double)size[k];
        for (size_t i = 0; i < size[k]; i++) {
            weight[from + i][0] = 0;
            leave[i] = ratio(d, weight, 0);
            weight[from + i][0] = 1;
            mean += leave[i] / n;
        }
        for (size_t i = 0; i < size[k]; i++) {
            double l = (n - 1) * (mean - leave[i]);
            squares += l * l / (n * n), cubes += l * l * l / (n * n * n);
        }
    }
    for (size_t i = 0; i < draws; i++) {
        gal_draw_weights(&(gal_strata){size, 2}, seed, i, weight);
        value[i] = ratio(d, weight, 0);
        below += value[i] < all;
    }
    qsort(value, draws, sizeof *value, by_size);
    double bias = gal_ref_normal_quantile(below / (double)draws), a = cubes / (6 * pow(squares, 1.5)), end[2];
    for (int side = 0; side < 2; side++) {
        double z = bias + (side ? GAL_Z95 : -GAL_Z95), share = erfc(-(bias + z / (1 - a * z)) / sqrt(2)) / 2;
        double at = (double)(draws + 1) * share - 1;
        size_t k = (size_t)at;
        end[side] = value[k] + (at - (double)k) * (value[k + 1] - value[k]);
    }
    return (gal_interval){end[0], end[1]};
}

static void bca_is_efrons(void **state) {
    (void)state;
    const size_t size[] = {12, N - 12};
    gal_strata strata = {size, 2};
    gal_bootstrap_figure got[2];
    data d;
    for (uint64_t seed = 1; seed < 6; seed++) {
        fill(&d, seed);
        gal_statistic statistic = {2, ratio_and_mean, &d};
        gal_bootstrap_settings settings = {1999, seed, 0.95};
        assert_ok(gal_bootstrap(&strata, &statistic, &settings, NULL, got, &err), err);
        gal_interval wanted = plain_bca(&d, 1999, seed);
        golden_near(got[0].interval.low, wanted.low, 1e-12, "low");
        golden_near(got[0].interval.high, wanted.high, 1e-12, "high");
        assert_true(got[0].acceleration > 0 && !got[0].basic && got[0].undefined == 0);
    }
}

static void threads_change_nothing(void **state) {
    (void)state;
    const size_t size[] = {12, N - 12};
    gal_strata strata = {size, 2};
    gal_bootstrap_figure one[2], other[2];
    data d;
    fill(&d, 9);
    gal_statistic statistic = {2, ratio_and_mean, &d};
    gal_bootstrap_settings settings = {1001, 4, 0.9};
    assert_ok(gal_bootstrap(&strata, &statistic, &settings, NULL, one, &err), err);
    for (int threads = 1; threads <= 3; threads++) {
        gal_pool *pool;
        memset(other, 0, sizeof other);
        assert_ok(gal_pool_create(threads, &pool, &err), err);
        assert_ok(gal_bootstrap(&strata, &statistic, &settings, pool, other, &err), err);
        gal_pool_destroy(pool);
        for (int f = 0; f < 2; f++) {
            assert_memory_equal(&one[f].interval, &other[f].interval, sizeof one[f].interval);
            assert_true(one[f].bias == other[f].bias && one[f].acceleration == other[f].acceleration);
        }
    }
}

/* 95 % intervals of a normal mean hold it in 95 % of data sets, give or take what 30 units cost BCa. */
static void intervals_cover(void **state) {
    (void)state;
    const size_t size[] = {N};
    gal_strata strata = {size, 1};
    int covered = 0, sets = 600;
    for (int s = 0; s < sets; s++) {
        data d;
        gal_rng rng = gal_rng_make(100 + (uint64_t)s, 0);
        for (int i = 0; i < N; i++) d.x[i] = gal_rng_normal(&rng), d.y[i] = 1;
        gal_statistic statistic = {2, ratio_and_mean, &d};
        gal_bootstrap_settings settings = {400, (uint64_t)s, 0.95};
        gal_bootstrap_figure got[2];
        assert_ok(gal_bootstrap(&strata, &statistic, &settings, NULL, got, &err), err);
        covered += got[1].interval.low <= 0 && 0 <= got[1].interval.high;
    }
    assert_in_range(covered, 0.91 * sets, 0.975 * sets);
}

/* Distance from the mean: no draw lies below 0, so BCa has nothing to go by. NaN draws are counted. */
static void distance(const void *context, const gal_weights *w, double (*out)[GAL_LANES]) {
    const data *d = context;
    double mean = 0;
    for (int i = 0; i < N; i++) mean += d->x[i] / N;
    for (int lane = 0; lane < GAL_LANES; lane++) {
        double sum = 0;
        for (int i = 0; i < N; i++) sum += w[i][lane] * d->x[i] / N;
        out[0][lane] = fabs(sum - mean) + 1;
        out[1][lane] = w[0][lane] > 0 ? sum : (double)NAN;
        out[2][lane] = 5;
        out[3][lane] = w[0][lane] == 1 && w[1][lane] == 1 && w[2][lane] == 1 ? 1 : (double)NAN;
    }
}

static void odd_figures(void **state) {
    (void)state;
    const size_t size[] = {N};
    gal_strata strata = {size, 1};
    gal_bootstrap_figure got[4];
    data d;
    fill(&d, 2);
    gal_statistic statistic = {4, distance, &d};
    gal_bootstrap_settings settings = {500, 1, 0.95};
    assert_ok(gal_bootstrap(&strata, &statistic, &settings, NULL, got, &err), err);
    assert_true(got[0].basic && got[0].interval.low < got[0].interval.high && got[0].interval.high <= 1);
    assert_in_range(got[1].undefined, 100, 270); /* about 500 / e */
    assert_true(got[1].interval.low < got[1].interval.high);
    assert_true(got[2].interval.low == 5 && got[2].interval.high == 5);
    assert_true(isnan(got[3].interval.low));
}

static void wrong_use_and_no_memory(void **state) {
    (void)state;
    const size_t size[] = {1};
    gal_strata none = {size, 0}, one = {size, 1};
    data d;
    fill(&d, 2);
    gal_statistic statistic = {4, distance, &d};
    gal_bootstrap_settings settings = {100, 1, 0.95};
    gal_bootstrap_figure got[4];
    assert_int_equal(gal_bootstrap(&none, &statistic, &settings, NULL, got, &err), GALEN_ERR_ARGUMENT);
    settings.draws = 0;
    assert_int_equal(gal_bootstrap(&one, &statistic, &settings, NULL, got, &err), GALEN_ERR_ARGUMENT);
    settings.draws = 100;
    const size_t thirty[] = {N};
    gal_strata strata = {thirty, 1};
    galen_status status = GALEN_ERR_MEMORY;
    for (long n = 1; status != GALEN_OK; n++) {
        test_fail_allocation(n, 0);
        status = gal_bootstrap(&strata, &statistic, &settings, NULL, got, &err);
        test_fail_allocation(0, 0);
        assert_true(status == GALEN_OK || status == GALEN_ERR_MEMORY);
        assert_true(n < 20);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_multinomial),
        cmocka_unit_test(blocks_share_a_stratum),
        cmocka_unit_test(a_draw_is_the_same_in_every_lane),
        cmocka_unit_test(bca_is_efrons),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(intervals_cover),
        cmocka_unit_test(odd_figures),
        cmocka_unit_test(wrong_use_and_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
