/* Gates of the input: each is found where it should be, and none in a picture of the usual kind. */
#include "support/shared.h"

#include "base/rng.h"
#include "image/gate.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 256 };

static uint8_t pixel[SIDE * SIDE * 4];
static uint16_t deep[SIDE * SIDE];

static const gal_recipe recipe = {
    .channels = 1, .width = 64, .height = 64, .filter = GALEN_FILTER_BILINEAR, .high = 1, .std = {1, 1, 1}};

/* Bright in the middle and dark around, with a little noise: like an X-ray. */
static void draw(void) {
    gal_rng rng = gal_rng_make(2, 0);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double r = hypot(x - SIDE / 2, y - SIDE / 2) / (SIDE / 2.0);
            pixel[y * SIDE + x] = (uint8_t)(20 + 180 * fmax(0, 1 - r) + 4 * gal_rng_uniform(&rng));
        }
}

static galen_image picture(int width, int height, int channels) {
    return (galen_image){
        .width = width, .height = height, .channels = channels, .sample = GALEN_SAMPLE_U8, .data = pixel};
}

/* `wanted` NULL: nothing; otherwise it is found, alone unless `others`. */
static void expect(const galen_image *image, const char *wanted, bool others) {
    galen_gate gate[GAL_INPUT_GATES];
    int n = gal_input_gates(image, &recipe, gate);
    bool found = wanted == NULL;
    for (int i = 0; i < n; i++) {
        if (wanted && !strcmp(gate[i].name, wanted))
            found = true;
        else if (!others)
            fail_msg("%s: %s %g (limit %g)", wanted ? wanted : "usual", gate[i].name, gate[i].value, gate[i].limit);
    }
    if (!found) fail_msg("%s is not found", wanted);
}

static void test_usual(void **state) {
    (void)state;
    draw();
    galen_image image = picture(SIDE, SIDE, 1);
    expect(&image, NULL, false);
    for (int i = 0; i < SIDE * SIDE; i++) deep[i] = (uint16_t)(pixel[i] << 8);
    image = (galen_image){.width = SIDE, .height = SIDE, .channels = 1, .sample = GALEN_SAMPLE_U16, .data = deep};
    expect(&image, NULL, false);
    for (int i = 0; i < SIDE * SIDE; i++) deep[i] = (uint16_t)(deep[i] >> 4); /* twelve bits taken for sixteen */
    expect(&image, "range", false);
}

static void test_levels(void **state) {
    (void)state;
    galen_image image = picture(SIDE, SIDE, 1);
    memset(pixel, 77, sizeof pixel);
    expect(&image, "blank", false);
    memset(pixel, 0, sizeof pixel);
    for (int y = 120; y < 140; y++) memset(&pixel[y * SIDE + 100], 255, 40);
    expect(&image, "dark", true);
    draw();
    for (int i = 0; i < SIDE * SIDE; i++) pixel[i] = (uint8_t)(pixel[i] * 6 > 255 ? 255 : pixel[i] * 6);
    expect(&image, "saturated", false);
    draw();
    for (int i = 0; i < SIDE * SIDE; i++) pixel[i] = (uint8_t)(255 - pixel[i]);
    expect(&image, "inverted", false);
}

static void test_shape(void **state) {
    (void)state;
    draw();
    galen_image image = picture(28, 28, 1);
    expect(&image, "small", true);
    image = picture(SIDE, 100, 1);
    expect(&image, "aspect", true);
    for (int i = 0; i < 128 * 128; i++)
        for (int c = 0; c < 3; c++) pixel[3 * i + c] = (uint8_t)(c == 0 ? 40 + i % 128 : i / 128);
    image = picture(128, 128, 3);
    expect(&image, "colour", true);
    for (int i = 0; i < 128 * 128 * 3; i++) pixel[i] = (uint8_t)(i / 3 % 128 + 60);
    image = picture(128, 128, 3);
    galen_gate gate[GAL_INPUT_GATES];
    int n = gal_input_gates(&image, &recipe, gate);
    for (int i = 0; i < n; i++) assert_string_not_equal(gate[i].name, "colour");
}

/* A row of letters H of 10 x 14 pixels, above and below; noise of the same contrast in single rows is no writing. */
static void test_text(void **state) {
    (void)state;
    for (int place = 0; place < 2; place++) {
        draw();
        galen_image image = picture(SIDE, SIDE, 1);
        for (int n = 0; n < 12; n++)
            for (int y = 0; y < 14; y++)
                for (int x = 0; x < 10; x++)
                    if (x < 2 || x > 7 || y == 6 || y == 7)
                        pixel[(y + (place ? SIDE - 20 : 6)) * SIDE + 8 + 14 * n + x] = 255;
        expect(&image, "text", false);
    }
    draw();
    galen_image image = picture(SIDE, SIDE, 1);
    for (int x = 0; x < SIDE; x += 4) pixel[10 * SIDE + x] = pixel[10 * SIDE + x + 1] = 255;
    expect(&image, NULL, false);
}

/* Every pixel read lies within the picture: sizes from one on, in memory of their own. */
static void test_sizes(void **state) {
    (void)state;
    static const int sizes[][3] = {{1, 1, 1},  {1, 300, 1}, {300, 1, 3}, {33, 17, 2},
                                   {31, 5, 4}, {32, 8, 1},  {4000, 9, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        galen_gate gate[GAL_INPUT_GATES];
        size_t n = (size_t)sizes[i][0] * (size_t)sizes[i][1] * (size_t)sizes[i][2];
        uint8_t *data = malloc(n);
        for (size_t k = 0; k < n; k++) data[k] = (uint8_t)(k * 2654435761u >> 24);
        galen_image image = {.width = sizes[i][0], .height = sizes[i][1], .channels = sizes[i][2], .data = data};
        int found = gal_input_gates(&image, &recipe, gate);
        assert_in_range(found, 0, GAL_INPUT_GATES);
        for (int k = 0; k < found; k++) assert_true(isfinite(gate[k].value) && gate[k].name);
        free(data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual), cmocka_unit_test(test_levels), cmocka_unit_test(test_shape),
        cmocka_unit_test(test_text),  cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
