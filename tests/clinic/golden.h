/* Numbers of golden/metrics.json (scikit-learn, statsmodels, pROC) and the scores they were made from. */
#ifndef GAL_TEST_CLINIC_GOLDEN_H
#define GAL_TEST_CLINIC_GOLDEN_H

#include "base/file.h"
#include "clinic/interval.h"
#include "clinic/roc.h"
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

/* A model's logits of the 624 test X-rays. */
static inline void golden_logits(const char *model, golden_set *out) {
    char path[64];
    galen_error err;
    gal_file file;
    gal_npz *npz;
    const galen_tensor *logit, *label;
    snprintf(path, sizeof path, "golden/%s.expected.npz", model);
    assert_ok(gal_file_map(test_shared(path), SIZE_MAX / 2, &file, &err), err);
    assert_ok(gal_npz_read(file.data, file.size, NULL, &npz, &err), err);
    assert_ok(gal_npz_find(npz, "logit_f64", &logit, &err), err);
    assert_ok(gal_npz_find(npz, "label", &label, &err), err);
    out->count = (size_t)logit->dim[0];
    assert_in_range(out->count, 2, GOLDEN_MOST);
    size_t step = (size_t)galen_tensor_bytes(label) / out->count;
    for (size_t k = 0; k < out->count; k++) {
        out->score[k] = ((const double *)logit->data)[k];
        out->positive[k] = ((const uint8_t *)label->data)[k * step] != 0; /* little-endian 0 and 1 */
    }
    gal_npz_free(npz);
    gal_file_unmap(&file);
}

#endif
