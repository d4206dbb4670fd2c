/* Numbers of golden/metrics.json (scikit-learn, statsmodels, pROC) and the scores they were made from. */
#ifndef GAL_TEST_CLINIC_GOLDEN_H
#define GAL_TEST_CLINIC_GOLDEN_H

#include "base/file.h"
#include "clinic/measures/roc.h"
#include "clinic/stats/interval.h"
#include "data/npz.h"
#include "support/shared.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GOLDEN_MOST = 4096 };

/* Cases with scores. */
typedef struct golden_set {
    double score[GOLDEN_MOST];
    uint8_t positive[GOLDEN_MOST];
    size_t count;
} golden_set;

static inline json_t *golden_open(void) {
    json_error_t why;
    json_t *root = json_load_file(test_shared("golden/metrics.json"), 0, &why);
    if (root == NULL) fail_msg("%s", why.text);
    return root;
}

static inline void golden_near(double got, double wanted, double tolerance, const char *what) {
    if (!(fabs(got - wanted) <= tolerance)) fail_msg("%s: %.17g, %.17g is wanted", what, got, wanted);
}

static inline double golden_number(const json_t *entry, const char *key) {
    const json_t *value = json_object_get(entry, key);
    if (!json_is_number(value)) fail_msg("no %s", key);
    return json_number_value(value);
}

static inline void golden_interval(gal_interval got, const json_t *wanted, double tolerance, const char *what) {
    golden_near(got.low, json_number_value(json_array_get(wanted, 0)), tolerance, what);
    golden_near(got.high, json_number_value(json_array_get(wanted, 1)), tolerance, what);
}

/* A drawn set of the file itself. */
static inline void golden_drawn(const json_t *root, const char *name, golden_set *out) {
    const json_t *set = json_object_get(json_object_get(root, "synthetic"), name);
    const json_t *label = json_object_get(set, "label"), *probability = json_object_get(set, "probability");
    out->count = json_array_size(label);
    assert_in_range(out->count, 2, GOLDEN_MOST);
    for (size_t k = 0; k < out->count; k++) {
        out->score[k] = json_number_value(json_array_get(probability, k));
        out->positive[k] = json_integer_value(json_array_get(label, k)) != 0;
    }
}

/* An array of a file of the shared folder; the caller frees the collection, which owns it, with gal_npz_free. */
static inline gal_npz *golden_arrays(const char *path) {
    galen_error err;
    gal_file file;
    gal_npz *npz;
    assert_ok(gal_file_map(test_shared(path), SIZE_MAX / 2, &file, &err), err);
    assert_ok(gal_npz_read(file.data, file.size, NULL, &npz, &err), err);
    gal_file_unmap(&file);
    return npz;
}

static inline const galen_tensor *golden_array(const gal_npz *npz, const char *name) {
    galen_error err;
    const galen_tensor *out;
    assert_ok(gal_npz_find(npz, name, &out, &err), err);
    return out;
}

/* A model's logits of the 624 test X-rays. */
static inline void golden_logits(const char *model, golden_set *out) {
    char path[256];
    snprintf(path, sizeof path, "golden/%s.expected.npz", model);
    gal_npz *npz = golden_arrays(path);
    const galen_tensor *logit = golden_array(npz, "logit_f64"), *label = golden_array(npz, "label");
    out->count = (size_t)logit->dim[0];
    assert_in_range(out->count, 2, GOLDEN_MOST);
    for (size_t k = 0; k < out->count; k++) {
        out->score[k] = ((const double *)logit->data)[k];
        out->positive[k] = ((const int64_t *)label->data)[k] != 0;
    }
    gal_npz_free(npz);
}

/* The probabilities of any entry of "binary": a drawn set, a model with or without "@threshold", FILE.npz#classN. */
static inline void golden_probabilities(const json_t *root, const char *name, golden_set *out) {
    char path[160];
    const char *class = strstr(name, "#class");
    if (json_object_get(json_object_get(root, "synthetic"), name) != NULL) {
        golden_drawn(root, name, out);
    } else if (class == NULL) {
        snprintf(path, sizeof path, "%.*s", (int)strcspn(name, "@"), name);
        golden_logits(path, out);
        for (size_t k = 0; k < out->count; k++) out->score[k] = 1 / (1 + exp(-out->score[k]));
    } else {
        snprintf(path, sizeof path, "predictions/%.*s", (int)(class - name), name);
        gal_npz *npz = golden_arrays(path);
        const galen_tensor *probs = golden_array(npz, "probs"), *labels = golden_array(npz, "labels");
        size_t classes = (size_t)probs->dim[1], wanted = strtoul(class + strlen("#class"), NULL, 10);
        out->count = (size_t)probs->dim[0];
        assert_in_range(out->count, 2, GOLDEN_MOST);
        for (size_t k = 0; k < out->count; k++) {
            const float *row = (const float *)probs->data + k * classes;
            double sum = 0;
            for (size_t c = 0; c < classes; c++) sum += (double)row[c];
            out->score[k] = (double)row[wanted] / sum;
            out->positive[k] = ((const int64_t *)labels->data)[k] == (int64_t)wanted;
        }
        gal_npz_free(npz);
    }
}

#endif
