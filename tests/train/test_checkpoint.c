/* Checkpoint files: what is read is what was written, or an error that leaves the trainer as it was. */
#include "train/checkpoint.h"

#include "base/mem.h"
#include "base/rng.h"

#include "train/small_net.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static galen_error err;
static char path[4096];
static const char notes[] = "{\"epoch\": 7, \"best\": 0.93}";

static gal_trainer *make(gal_optimizer optimizer) {
    gal_model *model = small_model(GALEN_F32);
    gal_trainer_options options = gal_trainer_default_options();
    gal_trainer *trainer;
    options.batch = SMALL_BATCH;
    options.threads = 1;
    options.optimizer = optimizer;
    assert_ok(gal_trainer_create(model, &options, &trainer, &err), err);
    gal_graph_destroy(model->graph);
    free(model);
    return trainer;
}

static void fill(gal_trainer *t, float with) {
    for (size_t i = 0; i < gal_trainer_states(t); i++) {
        galen_tensor tensor = gal_trainer_state(t, i).tensor;
        float *v = tensor.data;
        for (size_t k = 0; k < (size_t)galen_tensor_bytes(&tensor) / sizeof *v; k++) v[k] = with + (float)k;
    }
}

static bool is_filled(gal_trainer *t, float with) {
    for (size_t i = 0; i < gal_trainer_states(t); i++) {
        galen_tensor tensor = gal_trainer_state(t, i).tensor;
        const float *v = tensor.data;
        for (size_t k = 0; k < (size_t)galen_tensor_bytes(&tensor) / sizeof *v; k++)
            if (v[k] != with + (float)k) return false;
    }
    return true;
}

static void put(const unsigned char *bytes, size_t size) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/* Reads the file into a trainer full of fives; true: as it was written. A failure must have changed nothing. */
static bool reads(gal_trainer *t) {
    char *got;
    fill(t, 5);
    gal_trainer_restored(t, 3);
    if (gal_checkpoint_read(t, path, &got, &err) != GALEN_OK) {
        assert_null(got);
        assert_true(is_filled(t, 5));
        assert_int_equal(gal_trainer_steps(t), 3);
        if (strstr(err.message, "last.safetensors") == NULL) fail_msg("'%s' names no file", err.message);
        return false;
    }
    assert_string_equal(got, notes);
    assert_int_equal(gal_trainer_steps(t), 11);
    assert_true(is_filled(t, 2));
    gal_free(got);
    return true;
}

static unsigned char *written(gal_trainer *t, size_t *size) {
    snprintf(path, sizeof path, "%s/last.safetensors", test_tmp());
    fill(t, 2);
    gal_trainer_restored(t, 11);
    assert_ok(gal_checkpoint_write(t, path, notes, &err), err);
    return test_read(path, size);
}

/* A bit in each byte of the header and in some of the data. A flip may leave the meaning as it is: never another. */
static void flipped_bits_are_noticed(void **state) {
    (void)state;
    gal_trainer *t = make(GAL_OPTIMIZER_ADAM);
    size_t size, header, read = 0;
    unsigned char *bytes = written(t, &size);
    assert_true(reads(t));
    header = 8 + bytes[0] + 256U * bytes[1];
    assert_in_range(header, 100, size);
    gal_rng rng = gal_rng_make(1, 0);
    for (size_t i = 0; i < size; i += i < header ? 1 : 97) {
        unsigned char mask = (unsigned char)(1U << (unsigned)(8 * gal_rng_uniform(&rng)));
        bytes[i] ^= mask;
        put(bytes, size);
        read += reads(t);
        bytes[i] ^= mask;
    }
    assert_int_equal(read, 0);
    put(bytes, size);
    assert_true(reads(t));
    free(bytes);
    gal_trainer_destroy(t);
}

static void cut_files_are_noticed(void **state) {
    (void)state;
    gal_trainer *t = make(GAL_OPTIMIZER_ADAM);
    size_t size;
    unsigned char *bytes = written(t, &size);
    for (size_t keep = 0; keep < size; keep += 1 + keep / 9) {
        put(bytes, keep);
        assert_false(reads(t));
    }
    put(bytes, size - 1);
    assert_false(reads(t));
    free(bytes);
    gal_trainer_destroy(t);
}

static void others_are_refused(void **state) {
    (void)state;
    gal_trainer *adam = make(GAL_OPTIMIZER_ADAM), *sgd = make(GAL_OPTIMIZER_SGD);
    size_t size;
    free(written(sgd, &size));
    assert_false(reads(adam));
    assert_non_null(strstr(err.message, "another network or optimiser"));
    free(written(adam, &size));
    assert_false(reads(sgd));
    assert_non_null(strstr(err.message, "another network"));
    put((const unsigned char *)"\x02\0\0\0\0\0\0\0{}", 10);
    assert_false(reads(adam));
    assert_non_null(strstr(err.message, "no checkpoint"));
    gal_trainer_destroy(adam);
    gal_trainer_destroy(sgd);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(flipped_bits_are_noticed),
                                       cmocka_unit_test(cut_files_are_noticed), cmocka_unit_test(others_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
