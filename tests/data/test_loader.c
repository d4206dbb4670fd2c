/* The loader: the same bits however they are made, and errors that name the picture. */
#include "support/shared.h"

#include "base/file.h"
#include "base/mem.h"
#include "data/loader.h"
#include "data/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PICTURES = 23, SIDE = 12, PLANE = 3 * 8 * 8 };

static char folder[4096];

static const char *place(int i) {
    static char path[4200];
    (void)snprintf(path, sizeof path, "%s/%s/%02d.png", folder, i % 5 ? "b" : "a", i);
    return path;
}

/* Noise, every third picture in colour. */
static void put(int i) {
    galen_image image;
    galen_error err = {0};
    void *bytes = NULL;
    size_t size = 0;
    assert_ok(galen_image_create(SIDE + i, SIDE, i % 3 ? 1 : 3, GALEN_SAMPLE_U8, &image, &err), err);
    gal_rng rng = gal_rng_make(7, (uint64_t)i);
    for (int p = 0; p < image.width * image.height * image.channels; p++)
        ((uint8_t *)image.data)[p] = (uint8_t)gal_rng_u32(&rng);
    assert_ok(galen_image_encode_png(&image, &bytes, &size, &err), err);
    assert_ok(gal_file_write(place(i), bytes, size, &err), err);
    galen_image_free(&image);
    galen_free(bytes);
}

static gal_dataset *pictures(void) {
    gal_dataset *set = NULL;
    galen_error err = {0};
    char path[4200];
    (void)snprintf(folder, sizeof folder, "%s/set", test_tmp());
    (void)mkdir(folder, 0700);
    for (int c = 0; c < 2; c++) {
        (void)snprintf(path, sizeof path, "%s/%c", folder, "ab"[c]);
        (void)mkdir(path, 0700);
    }
    for (int i = 0; i < PICTURES; i++) put(i);
    assert_ok(gal_dataset_open(folder, NULL, &set, &err), err);
    assert_int_equal(set->count, PICTURES);
    return set;
}

static gal_loader_options usual(void) {
    return (gal_loader_options){
        .recipe =
            {.channels = 3, .width = 8, .height = 8, .filter = GALEN_FILTER_BILINEAR, .high = 1, .std = {1, 2, 1}},
        .batch = 4,
        .shuffle = true,
        .seed = 5,
    };
}

/* All pictures of an epoch in order, and which they are; returns how many. */
static size_t one_epoch(gal_loader *loader, uint64_t epoch, float *images, size_t *sample) {
    galen_error err = {0};
    gal_loader_batch batch;
    size_t n = 0, batches = 0;
    assert_ok(gal_loader_start(loader, epoch, &err), err);
    for (;; n += batch.count, batches++) {
        assert_ok(gal_loader_next(loader, &batch, &err), err);
        if (batch.count == 0) break;
        assert_true(n + batch.count <= PICTURES);
        memcpy(images + n * PLANE, batch.images, batch.count * PLANE * sizeof(float));
        memcpy(sample + n, batch.sample, batch.count * sizeof *sample);
    }
    assert_int_equal(n, gal_loader_count(loader));
    assert_int_equal(batches, gal_loader_batches(loader));
    return n;
}

static gal_loader *open_ok(const gal_dataset *set, const gal_loader_options *options) {
    gal_loader *loader = NULL;
    galen_error err = {0};
    assert_ok(gal_loader_open(set, options, &loader, &err), err);
    return loader;
}

static void test_same_bits(void **state) {
    (void)state;
    static float first[PICTURES * PLANE], again[PICTURES * PLANE], alone[PLANE];
    size_t order[PICTURES], order_again[PICTURES];
    gal_dataset *set = pictures();
    gal_loader_options o = usual();
    gal_loader *loader = open_ok(set, &o);
    assert_int_equal(one_epoch(loader, 3, first, order), PICTURES);
    gal_loader_close(loader);
    for (size_t i = 0; i < PICTURES; i++) { /* what a prediction sees */
        galen_image made;
        const galen_image *view = NULL;
        galen_error err = {0};
        assert_ok(gal_sample_picture(&set->sample[order[i]], NULL, &made, &view, &err), err);
        assert_ok(gal_prepare(view, &o.recipe, alone, &err), err);
        assert_memory_equal(alone, first + i * PLANE, sizeof alone);
        galen_image_free(&made);
    }
    static const struct {
        int workers, depth;
        size_t cache_bytes;
    } ways[] = {{0, 3, 1 << 20}, {1, 0, 0}, {1, 2, 1000}, {3, 1, 1 << 20}, {5, 9, 0}};
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        o.workers = ways[w].workers, o.depth = ways[w].depth, o.cache_bytes = ways[w].cache_bytes;
        loader = open_ok(set, &o);
        gal_loader_batch batch;
        assert_int_equal(gal_loader_start(loader, 9, NULL), GALEN_OK); /* left in the middle */
        assert_int_equal(gal_loader_next(loader, &batch, NULL), GALEN_OK);
        for (int pass = 0; pass < 2; pass++) {
            one_epoch(loader, 3, again, order_again);
            assert_memory_equal(order, order_again, sizeof order);
            assert_memory_equal(first, again, sizeof first);
        }
        one_epoch(loader, 4, again, order_again);
        assert_memory_not_equal(order, order_again, sizeof order);
        gal_loader_close(loader);
    }
    gal_dataset_free(set);
}

static void test_orders(void **state) {
    (void)state;
    static float images[PICTURES * PLANE];
    size_t order[PICTURES], seen[PICTURES] = {0}, of_class[2] = {0};
    gal_dataset *set = pictures();
    gal_loader_options o = usual();
    gal_loader *loader = open_ok(set, &o);
    one_epoch(loader, 0, images, order);
    for (size_t i = 0; i < PICTURES; i++) seen[order[i]]++;
    for (size_t i = 0; i < PICTURES; i++) assert_int_equal(seen[i], 1);
    gal_loader_close(loader);

    o.shuffle = false, o.drop_last = true, o.workers = 2;
    loader = open_ok(set, &o);
    assert_int_equal(one_epoch(loader, 0, images, order), 20);
    for (size_t i = 0; i < 20; i++) assert_int_equal(order[i], i);
    gal_loader_close(loader);

    o.weighted = true, o.drop_last = false; /* class a has 5 of 23 pictures */
    loader = open_ok(set, &o);
    for (uint64_t epoch = 0; epoch < 40; epoch++) {
        one_epoch(loader, epoch, images, order);
        for (size_t i = 0; i < PICTURES; i++) of_class[set->sample[order[i]].label[0]]++;
    }
    assert_in_range(of_class[0], 400, 520); /* 460 expected, standard deviation 15 */
    gal_loader_close(loader);
    gal_dataset_free(set);
}

/* Changed and mixed pictures too are the same whoever makes them; mixing is what the batch says. */
static void test_augmented(void **state) {
    (void)state;
    static float first[PICTURES * PLANE], again[PICTURES * PLANE];
    size_t order[PICTURES], order_again[PICTURES];
    gal_dataset *set = pictures();
    gal_loader_options o = usual();
    gal_augment only_mix = {.mixup = 0.5};
    o.augment = gal_augment_preset("strong");
    gal_loader *loader = open_ok(set, &o);
    one_epoch(loader, 3, first, order);
    gal_loader_close(loader);
    for (int workers = 1; workers < 6; workers += 2) {
        o.workers = workers, o.depth = workers - 1, o.cache_bytes = workers == 3 ? 1 << 20 : 0;
        loader = open_ok(set, &o);
        one_epoch(loader, 3, again, order_again);
        assert_memory_equal(first, again, sizeof first);
        one_epoch(loader, 4, again, order_again);
        assert_memory_not_equal(first, again, sizeof first);
        gal_loader_close(loader);
    }

    o = usual();
    loader = open_ok(set, &o);
    one_epoch(loader, 0, first, order); /* unmixed */
    gal_loader_close(loader);
    o.augment = &only_mix, o.workers = 2, o.depth = 2;
    loader = open_ok(set, &o);
    gal_loader_batch batch;
    assert_int_equal(gal_loader_start(loader, 0, NULL), GALEN_OK);
    for (size_t at = 0; gal_loader_next(loader, &batch, NULL) == GALEN_OK && batch.count; at += batch.count)
        for (size_t i = 0; i < batch.count; i++) {
            float w = batch.weight[i];
            const float *a = first + (at + i) * PLANE, *b = first + (at + batch.partner[i]) * PLANE;
            assert_int_equal(batch.partner[i], batch.count - 1 - i);
            assert_true(w >= 0 && w <= 1);
            for (size_t k = 0; batch.partner[i] != i && k < PLANE; k++)
                assert_true(batch.images[i * PLANE + k] == w * a[k] + (1 - w) * b[k]);
        }
    gal_loader_close(loader);
    gal_dataset_free(set);
}

static void test_bad_picture(void **state) {
    (void)state;
    gal_dataset *set = pictures();
    galen_error err = {0};
    assert_ok(gal_file_write(place(7), "no picture", 10, &err), err);
    assert_int_equal(remove(place(8)), 0);
    for (int workers = 0; workers < 4; workers++) {
        gal_loader_options o = usual();
        gal_loader_batch batch;
        galen_status status;
        size_t good = 0;
        o.workers = workers, o.depth = 3, o.shuffle = false;
        gal_loader *loader = open_ok(set, &o);
        assert_int_equal(gal_loader_start(loader, 0, &err), GALEN_OK);
        while ((status = gal_loader_next(loader, &batch, &err)) == GALEN_OK && batch.count) good += batch.count;
        assert_int_not_equal(status, GALEN_OK); /* 07 is the 11th: a/ comes first and holds 5 */
        assert_non_null(strstr(err.message, "b/07.png"));
        assert_int_equal(good, 8);
        assert_int_equal(gal_loader_next(loader, &batch, &err), status);
        assert_int_equal(batch.count, 0);
        gal_loader_close(loader);
    }
    gal_dataset_free(set);
}

static void test_refused(void **state) {
    (void)state;
    gal_dataset *set = pictures();
    gal_loader *loader = NULL;
    galen_error err = {0};
    gal_loader_options o = usual();
    o.split = GAL_SPLIT_TEST;
    assert_int_equal(gal_loader_open(set, &o, &loader, &err), GALEN_ERR_ARGUMENT);
    o = usual(), o.batch = 0;
    assert_int_equal(gal_loader_open(set, &o, &loader, &err), GALEN_ERR_ARGUMENT);
    o = usual(), o.recipe.std[1] = 0;
    assert_int_equal(gal_loader_open(set, &o, &loader, &err), GALEN_ERR_ARGUMENT);
    o = usual(), o.cache_bytes = 1 << 20, o.weighted = true, o.augment = gal_augment_preset("strong");
    long n = 1;
    for (galen_status status = GALEN_ERR_MEMORY; status != GALEN_OK; n++) {
        test_fail_allocation(n, 0);
        status = gal_loader_open(set, &o, &loader, &err);
        test_fail_allocation(0, 0);
        if (status != GALEN_OK) assert_int_equal(status, GALEN_ERR_MEMORY);
    }
    assert_true(n > 8);
    gal_loader_batch batch;
    assert_int_equal(gal_loader_next(loader, &batch, &err), GALEN_ERR_ARGUMENT);
    gal_loader_close(loader);
    gal_dataset_free(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),   cmocka_unit_test(test_orders),  cmocka_unit_test(test_augmented),
        cmocka_unit_test(test_bad_picture), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
