/* Random changes of pictures. */
#include "support/shared.h"

#include "image/augment.h"
#include "image/elastic.h"

#include <math.h>
#include <string.h>

enum { W = 20, H = 14, PLANE = W * H };

static const gal_recipe grey = {.channels = 1, .width = W, .height = H, .high = 1, .std = {1}};

/* A smooth picture with a corner that stands out. */
static void fill(uint8_t *pixels, galen_image *image) {
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) pixels[y * W + x] = (uint8_t)(60 + 5 * x + 3 * y);
    pixels[0] = 255;
    *image = (galen_image){.width = W, .height = H, .channels = 1, .data = pixels};
}

static void change(const gal_augment *augment, uint64_t stream, float *out) {
    uint8_t pixels[PLANE];
    float scratch[2 * PLANE];
    galen_image image;
    fill(pixels, &image);
    gal_rng rng = gal_rng_make(1, stream);
    gal_augment_numbers(&image, &grey, augment, &rng, scratch, out);
}

static void plain(float *out) {
    uint8_t pixels[PLANE];
    galen_image image;
    fill(pixels, &image);
    gal_prepare_numbers(&image, &grey, out);
}

static void test_flips_are_exact(void **state) {
    (void)state;
    float from[PLANE], to[PLANE];
    plain(from);
    change(&(gal_augment){0}, 1, to);
    assert_memory_equal(from, to, sizeof to);
    change(&(gal_augment){.flip_x = 1}, 1, to);
    for (int i = 0; i < PLANE; i++) assert_true(to[i] == from[i / W * W + W - 1 - i % W]);
    change(&(gal_augment){.flip_y = 1}, 1, to);
    for (int i = 0; i < PLANE; i++) assert_true(to[i] == from[(H - 1 - i / W) * W + i % W]);
}

/* A turn by some angle and back again by hand: the linear part of the picture must turn by what was drawn. */
static void test_geometry(void **state) {
    (void)state;
    for (uint64_t stream = 0; stream < 50; stream++) {
        float out[PLANE];
        change(&(gal_augment){.rotate = 30}, stream, out);
        int m = H / 2 * W + W / 2; /* around the centre the picture is a plane: gradient (5, 3) / 255, turned */
        double gx = 255 * (double)(out[m + 1] - out[m]), gy = 255 * (double)(out[m + W] - out[m]);
        assert_true(fabs(gx * gx + gy * gy - 34) < 0.01);
        assert_true(fabs(atan2(gy, gx) - atan2(3, 5)) < 30.01 * acos(-1) / 180);
        change(&(gal_augment){.zoom = 0.5}, stream, out);
        gx = 255 * (double)(out[m + 1] - out[m]), gy = 255 * (double)(out[m + W] - out[m]);
        assert_true(fabs(gx / gy - 5.0 / 3) < 0.01 && gx > 5 / 1.51 && gx < 5 / 0.49);
        change(&(gal_augment){.shift = 0.1}, stream, out); /* at most 2 pixels across and 1.4 down */
        double centre = 255 * (double)out[m] - (double)(60 + 5 * (W / 2) + 3 * (H / 2));
        assert_true(fabs(centre) < 5 * 2 + 3 * 1.4 + 0.01);
    }
}

/* Around any point a crop of a plane is a plane that is less steep; what it shows lies within the picture. */
static void test_crops(void **state) {
    (void)state;
    double least = 1, most = 0;
    for (uint64_t stream = 0; stream < 200; stream++) {
        float out[PLANE], from[PLANE];
        plain(from);
        change(&(gal_augment){.crop = 0.5}, stream, out);
        int m = H / 2 * W + W / 2;
        double kept = 255 * (double)(out[m + 1] - out[m]) / 5;
        least = fmin(least, kept), most = fmax(most, kept);
        assert_true(fabs(255 * (double)(out[m + W] - out[m]) / 3 - kept) < 0.01);
        for (int i = 1; i < PLANE; i++) assert_true(out[i] >= from[1] - 0.03f && out[i] <= 1.0f);
        double far = (double)(out[PLANE - 1] - out[PLANE - W]) / (5 * (W - 1) / 255.0); /* no edge was repeated */
        assert_true(fabs(far - kept) < 0.01);
    }
    assert_true(least > 0.499 && least < 0.52 && most > 0.98 && most <= 1.001);
}

/* Every pixel shows one at most the limit away, neighbours stay in order, and pictures differ. */
static void test_elastic(void **state) {
    (void)state;
    float out[PLANE], again[PLANE];
    double square = 0;
    for (uint64_t stream = 0; stream < 100; stream++) {
        change(&(gal_augment){.elastic = 0.08}, stream, out);
        change(&(gal_augment){.elastic = 0.08, .noise = 1e-9}, stream, again);
        for (int y = 2; y < H - 2; y++)
            for (int x = 2; x < W - 2; x++) {
                double moved = 255 * (double)out[y * W + x] - (60 + 5 * x + 3 * y);
                assert_true(fabs(moved) <= 0.08 * (5 * W + 3 * H) + 0.01);
                assert_true(fabsf(out[y * W + x] - again[y * W + x]) < 1e-6f);
                square += moved * moved;
            }
        gal_elastic field;
        gal_elastic_row row;
        gal_rng rng = gal_rng_make(5, stream);
        gal_elastic_draw(0.08, &rng, &field);
        double before = -1, dx, dy;
        gal_elastic_row_at(&field, (double)stream / 99, &row);
        for (int i = 0; i <= 1000; i++) { /* what is to the right stays there: nothing folds over */
            gal_elastic_at(&row, i / 1000.0, &dx, &dy);
            assert_true(fabs(dx) <= 0.08 && fabs(dy) <= 0.08);
            assert_true(i / 1000.0 + dx > before);
            before = i / 1000.0 + dx;
        }
    }
    assert_true(sqrt(square / (100.0 * (H - 4) * (W - 4))) > 0.5);
    change(&(gal_augment){.elastic = 0.08}, 98, again);
    assert_memory_not_equal(out, again, sizeof out);
}

static void test_intensities(void **state) {
    (void)state;
    float from[PLANE], to[PLANE];
    plain(from);
    change(&(gal_augment){.brightness = 0.2}, 4, to);
    double add = (double)(to[W + 1] - from[W + 1]);
    assert_true(fabs(add) > 1e-3 && fabs(add) <= 0.2);
    for (int i = 1; i < PLANE; i++) assert_true(fabs((double)(to[i] - from[i]) - add) < 1e-6);
    change(&(gal_augment){.gamma = 0.5}, 4, to);
    double exponent = log((double)to[30]) / log((double)from[30]);
    for (int i = 1; i < PLANE; i++) assert_true(fabs((double)to[i] - pow((double)from[i], exponent)) < 1e-4);
    double sum = 0, square = 0;
    int n = 0;
    for (uint64_t stream = 0; stream < 200;
         stream++) { /* deviations are uniform in [0, 0.05]: the mean square is a third */
        change(&(gal_augment){.noise = 0.05}, stream, to);
        for (int i = 1; i < PLANE; i++, n++) {
            double d = (double)(to[i] - from[i]);
            sum += d, square += d * d;
        }
    }
    assert_true(fabs(sum / n) < 1e-3);
    assert_true(fabs(square / n / (0.05 * 0.05 / 3) - 1) < 0.2);
    change(&(gal_augment){.blur = 1}, 1, to);
    assert_true(fabs((double)(to[5 * W + 5] - from[5 * W + 5])) < 1e-6); /* a plane stays as it is */
    assert_true(to[0] < from[0] - 0.1f);
    int same = 0;
    change(&(gal_augment){.cutout = 1}, 1, to);
    for (int i = 0; i < PLANE; i++) same += to[i] == from[i];
    assert_in_range(same, PLANE - 6 * 4, PLANE - 2 * 1);
}

/* A limit of 0 takes no draw away from the others, and colours change together. */
static void test_draws(void **state) {
    (void)state;
    static const gal_recipe colour = {.channels = 3, .width = W, .height = H, .high = 1, .std = {1, 1, 1}};
    float a[PLANE], b[PLANE], rgb[3 * PLANE], scratch[6 * PLANE];
    uint8_t pixels[PLANE], three[3 * PLANE];
    galen_image image;
    const gal_augment *strong = gal_augment_preset("strong");
    gal_augment quiet = *strong, only_shift = {.shift = strong->shift};
    change(strong, 7, a);
    change(strong, 7, b);
    assert_memory_equal(a, b, sizeof a);
    change(strong, 8, b);
    assert_memory_not_equal(a, b, sizeof a);
    quiet.noise = 0, quiet.cutout = 0;
    fill(pixels, &image);
    for (int i = 0; i < 3 * PLANE; i++) three[i] = pixels[i / 3];
    image.channels = 3, image.data = three;
    for (uint64_t stream = 0; stream < 20; stream++) {
        gal_rng rng = gal_rng_make(1, stream);
        gal_augment_numbers(&image, &colour, &quiet, &rng, scratch, rgb);
        change(&quiet, stream, a);
        for (int i = 0; i < PLANE; i++) {
            assert_true(rgb[i] == rgb[PLANE + i] && rgb[i] == rgb[2 * PLANE + i]);
            assert_true(fabsf(rgb[i] - a[i]) < 1e-5f);
        }
    }
    change(&only_shift, 3, a);
    only_shift.noise = 1e-9;
    change(&only_shift, 3, b);
    for (int i = 0; i < PLANE; i++) assert_true(fabsf(a[i] - b[i]) < 1e-6f);
}

static void test_limits(void **state) {
    (void)state;
    galen_error err = {0};
    static const char *const names[] = {"none", "light", "strong"};
    for (int i = 0; i < 3; i++) {
        assert_ok(gal_augment_check(gal_augment_preset(names[i]), &err), err);
        assert_int_equal(gal_augment_changes(gal_augment_preset(names[i])), i > 0);
        assert_true(gal_augment_preset(names[i])->flip_x == 0);
    }
    assert_null(gal_augment_preset("medium"));
    assert_int_equal(gal_augment_check(&(gal_augment){.zoom = 1}, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_augment_check(&(gal_augment){.rotate = NAN}, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_augment_check(&(gal_augment){.noise = -1}, &err), GALEN_ERR_ARGUMENT);
    assert_int_equal(gal_augment_check(&(gal_augment){.mixup = 1e-6}, &err), GALEN_ERR_ARGUMENT);
    gal_rng rng = gal_rng_make(2, 2);
    double sum = 0, square = 0;
    for (int i = 0; i < 20000; i++) { /* Beta(0.2, 0.2): mean 1/2, variance 1 / (4 (2 * 0.2 + 1)) */
        double w = gal_augment_beta(0.2, &rng);
        assert_true(w >= 0 && w <= 1);
        sum += w, square += (w - 0.5) * (w - 0.5);
    }
    assert_true(fabs(sum / 20000 - 0.5) < 0.01);
    assert_true(fabs(square / 20000 - 1 / 5.6) < 0.003);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flips_are_exact), cmocka_unit_test(test_geometry), cmocka_unit_test(test_intensities),
        cmocka_unit_test(test_draws),           cmocka_unit_test(test_limits),   cmocka_unit_test(test_crops),
        cmocka_unit_test(test_elastic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
