/* Conformal sets: quantiles by hand, coverage in simulations, the card's JSON, wrong input. */
#include "support/shared.h"

#include "base/mem.h"
#include "base/rng.h"
#include "clinic/watch/conformal.h"

#include <math.h>
#include <string.h>

static galen_error err;

/* Of 9 cases at alpha 0.2 the 8th largest probability counts: 0.2. */
static void test_by_hand(void **state) {
    (void)state;
    double p[9] = {0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1};
    uint32_t label[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    gal_class_cases cases = {p, label, 9, 1};
    gal_conformal c;
    assert_ok(gal_conformal_fit(&cases, 0.2, false, &c, &err), err);
    assert_true(c.least[0] == 0.2 && c.least[1] == 0.2 && c.cases[0] == 0 && c.cases[1] == 9);
    uint8_t in[2];
    assert_int_equal(gal_conformal_set(&c, (double[]){0.5, 0.5}, in), 2);
    assert_int_equal(gal_conformal_set(&c, (double[]){0.9, 0.1}, in), 1);
    assert_true(in[0] == 1 && in[1] == 0);
    gal_conformal_free(&c);
    assert_ok(gal_conformal_fit(&cases, 0.2, true, &c, &err), err); /* no case is negative: it cannot be ruled out */
    assert_true(c.least[0] == 0 && c.least[1] == 0.2);
    gal_conformal_free(&c);
    assert_ok(gal_conformal_fit(&cases, 0.1, false, &c, &err), err);
    assert_true(c.least[1] == 0.1); /* the 9th of 9 */
    gal_conformal_free(&c);
    assert_ok(gal_conformal_fit(&cases, 0.09, false, &c, &err), err);
    assert_true(c.least[1] == 0); /* the 10th of 9 */
    gal_conformal_free(&c);
}

enum { CLASSES = 4, CASES = 400 };

/* A model that is unsure, and far from calibrated, of classes of unequal share. */
static void draw(gal_rng *rng, size_t n, double *p, uint32_t *label) {
    for (size_t i = 0; i < n; i++) {
        double u = gal_rng_uniform(rng), sum = 0;
        label[i] = u < 0.55 ? 0 : u < 0.8 ? 1 : u < 0.95 ? 2 : 3;
        for (uint32_t k = 0; k < CLASSES; k++)
            sum += p[i * CLASSES + k] = exp(1.5 * (gal_rng_normal(rng) + (k == label[i] ? 1.2 : k == 0 ? 0.5 : 0)));
        for (uint32_t k = 0; k < CLASSES; k++) p[i * CLASSES + k] /= sum;
    }
}

/* The mean coverage over 400 calibrations of 400 cases is at least 1 - alpha, and not much more; by class too. */
static void test_coverage(void **state) {
    (void)state;
    static double p[CASES * CLASSES], q[CASES * CLASSES];
    static uint32_t label[CASES], other[CASES];
    for (int by_class = 0; by_class < 2; by_class++) {
        gal_rng rng = gal_rng_make(5, (uint64_t)by_class);
        size_t covered = 0, cases = 0, wrong = 0, of[CLASSES] = {0}, in[CLASSES] = {0};
        for (int trial = 0; trial < 400; trial++) {
            gal_conformal c;
            size_t class_cases[CLASSES], class_covered[CLASSES];
            gal_conformal_quality quality = {.class_cases = class_cases, .class_covered = class_covered};
            draw(&rng, CASES, p, label);
            draw(&rng, CASES, q, other);
            assert_ok(gal_conformal_fit(&(gal_class_cases){p, label, CASES, CLASSES}, 0.1, by_class, &c, &err), err);
            assert_ok(gal_conformal_measure(&c, &(gal_class_cases){q, other, CASES, CLASSES}, &quality, &err), err);
            covered += quality.covered, cases += quality.cases, wrong += quality.wrong;
            for (int k = 0; k < CLASSES; k++) of[k] += class_cases[k], in[k] += class_covered[k];
            gal_conformal_free(&c);
        }
        double share = (double)covered / (double)cases;
        if (share < 0.8985 || share > 0.93)
            fail_msg("covers %.4f", share); /* 160,000 cases: 0.00075 a standard error */
        assert_true((double)wrong / (double)cases <= 0.1);
        double least = 1;
        for (int k = 0; k < CLASSES; k++) least = fmin(least, (double)in[k] / (double)of[k]);
        if (by_class ? least < 0.895 : least > 0.895) fail_msg("the worst class is covered %.4f", least);
    }
}

static void test_json(void **state) {
    (void)state;
    double p[6] = {0.7, 0.2, 0.1, 0.3, 0.3, 0.4};
    uint32_t label[2] = {0, 2};
    gal_conformal c, back;
    assert_ok(gal_conformal_fit(&(gal_class_cases){p, label, 2, 3}, 0.5, false, &c, &err), err);
    json_t *json = gal_conformal_json(&c);
    assert_ok(gal_conformal_read(json, 3, &back, &err), err);
    assert_true(back.alpha == c.alpha && back.by_class == c.by_class && back.classes == 3);
    assert_memory_equal(back.least, c.least, 3 * sizeof *c.least);
    assert_memory_equal(back.cases, c.cases, 3 * sizeof *c.cases);
    gal_conformal_free(&back);
    assert_int_equal(gal_conformal_read(json, 2, &back, &err), GALEN_ERR_FORMAT);
    assert_null(back.least);
    static const struct {
        const char *key, *value;
    } wrong[] = {{"alpha", "1.5"},
                 {"alpha", "\"x\""},
                 {"by_class", "3"},
                 {"least_probability", "[0.1, 0.2, 2]"},
                 {"least_probability", "[0.1]"},
                 {"cases", "[1, 2]"},
                 {"cases", "[1, 2, -3]"},
                 {"method", "\"guess\""}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *copy = json_deep_copy(json);
        json_object_set_new(copy, wrong[i].key, json_loads(wrong[i].value, JSON_DECODE_ANY, NULL));
        assert_int_equal(gal_conformal_read(copy, 0, &back, &err), GALEN_ERR_FORMAT);
        assert_non_null(strstr(err.message, wrong[i].key));
        json_decref(copy);
    }
    json_decref(json);
    gal_conformal_free(&c);
}

static void test_refused(void **state) {
    (void)state;
    double p[2] = {0.5, NAN};
    uint32_t label[2] = {0, 1};
    gal_conformal c;
    assert_int_equal(gal_conformal_fit(&(gal_class_cases){p, label, 2, 1}, 0.1, false, &c, &err), GALEN_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "case 2"));
    assert_int_equal(gal_conformal_fit(&(gal_class_cases){p, label, 0, 1}, 0.1, false, &c, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_conformal_fit(&(gal_class_cases){p, label, 1, 1}, 0, false, &c, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_conformal_fit(&(gal_class_cases){p, label, 1, 1}, NAN, false, &c, &err), GALEN_ERR_ARGUMENT);
    label[0] = 2;
    assert_int_equal(gal_conformal_fit(&(gal_class_cases){p, label, 1, 1}, 0.1, false, &c, &err), GALEN_ERR_ARGUMENT);
    label[0] = 0;
    for (long n = 1; n < 4; n++) {
        test_fail_allocation(n, 0);
        galen_status status = gal_conformal_fit(&(gal_class_cases){p, label, 1, 1}, 0.1, false, &c, &err);
        test_fail_allocation(0, 0);
        assert_int_equal(status, GALEN_ERR_MEMORY);
        assert_null(c.least);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
