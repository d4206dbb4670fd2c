/*
 * A QDQ model in 8 bits, for tests and comparisons:
 *
 *     build/bench/quantize MODEL.onnx OUT.onnx [--range minmax|percentile|mse] [--images N] [FOLDER]
 *
 * Ranges are observed on N pictures (64 unless said) spread evenly over FOLDER, prepared as the model's card says, or
 * without a folder on N random inputs (8; standard normal), which is enough to measure speed and nothing else. No user
 * gets such a model from here: it has not been compared with the one it was made from.
 */
#include "optimize/quantize.h"
#include "base/error.h"
#include "base/rng.h"
#include "data/walk.h"
#include "model/card.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PICTURES = 64, RANDOM = 8 };
#define MAX_FILE ((size_t)0x7fffffff)

typedef struct source {
    gal_walk_list files;
    gal_card card;
    size_t count, floats;
} source;

static galen_status picture(void *context, size_t index, float *input, galen_error *err) {
    const source *s = context;
    const char *path = s->files.entry[index * s->files.n / s->count].path;
    gal_file file;
    galen_image image;
    GAL_TRY(gal_file_map(path, MAX_FILE, &file, err));
    galen_status status = galen_image_decode(file.data, file.size, NULL, &image, err);
    gal_file_unmap(&file);
    if (status == GALEN_OK) {
        status = gal_prepare(&image, &s->card.recipe, input, err);
        galen_image_free(&image);
    }
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}

static galen_status noise(void *context, size_t index, float *input, galen_error *err) {
    const source *s = context;
    gal_rng rng = gal_rng_make(1, index);
    (void)err;
    for (size_t i = 0; i < s->floats; i++) input[i] = (float)gal_rng_normal(&rng);
    return GALEN_OK;
}

static galen_status quantize(const char *from, const char *to, const char *folder, size_t count,
                             gal_range_calibration *how, galen_error *err) {
    gal_model *model;
    gal_buf bytes;
    source s = {.count = count};
    GAL_TRY(gal_onnx_load(from, NULL, &model, err));
    galen_tensor input;
    gal_shape_at(&model->graph->input[0]->shape, GALEN_F32, 1, &input);
    s.floats = (size_t)galen_tensor_elements(&input);
    galen_status status = gal_card_read(gal_model_meta(model, "galen.card"), model->graph, &s.card, err);
    if (status == GALEN_OK && folder != NULL) status = gal_walk_add(&s.files, folder, err);
    if (status == GALEN_OK && folder != NULL && s.files.n == 0)
        status = gal_fail(err, GALEN_ERR_ARGUMENT, "%s: holds no pictures", folder);
    if (folder != NULL && s.count > s.files.n) s.count = s.files.n;
    how->sample = folder != NULL ? picture : noise;
    how->context = &s, how->count = s.count;
    if (status == GALEN_OK) status = gal_optimize_quantize(model, how, err);
    gal_buf_init(&bytes, MAX_FILE);
    if (status == GALEN_OK) status = gal_onnx_write(model, &bytes, err);
    if (status == GALEN_OK) status = gal_file_write(to, bytes.data, bytes.size, err);
    if (status == GALEN_OK) printf("%s: %.1f MB, ranges of %zu inputs\n", to, (double)bytes.size / 1e6, s.count);
    gal_buf_free(&bytes);
    gal_card_free(&s.card);
    gal_walk_free(&s.files);
    gal_model_destroy(model);
    return status;
}

static bool parse_rule(const char *name, gal_range_calibration *how) {
    static const char *const rules[] = {"minmax", "percentile", "mse"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, rules[i]) != 0) continue;
        how->rule = (gal_range_rule)i;
        return true;
    }
    return false;
}

int main(int argc, char **argv) {
    const char *name[3] = {NULL}; /* model, output, folder */
    int named = 0;
    size_t count = 0;
    bool fits = true;
    gal_range_calibration how = {.rule = GAL_RANGE_MINMAX, .percentile = 99.99};
    for (int i = 1; i < argc && fits; i++) {
        if (strcmp(argv[i], "--range") == 0 && i + 1 < argc)
            fits = parse_rule(argv[++i], &how);
        else if (strcmp(argv[i], "--images") == 0 && i + 1 < argc)
            fits = (count = strtoul(argv[++i], NULL, 10)) > 0;
        else if ((fits = named < 3))
            name[named++] = argv[i];
    }
    if (!fits || named < 2) {
        fprintf(stderr, "use: quantize MODEL.onnx OUT.onnx [--range minmax|percentile|mse] [--images N] [FOLDER]\n");
        return 2;
    }
    if (count == 0) count = name[2] != NULL ? PICTURES : RANDOM;
    galen_error err;
    if (quantize(name[0], name[1], name[2], count, &how, &err) == GALEN_OK) return 0;
    fprintf(stderr, "quantize: %s\n", err.message);
    return 3;
}
