/* Split conformal prediction. */
#include "clinic/watch/conformal.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char method[] = "split conformal, 1 - probability";

static int descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static int classes_of(int columns) {
    return columns == 1 ? 2 : columns;
}

/* What the model gave class k. */
static double probability_of(const double *probability, int columns, int k) {
    if (columns > 1) return probability[k];
    return k == 1 ? probability[0] : 1 - probability[0];
}

void gal_conformal_free(gal_conformal *conformal) {
    gal_free(conformal->least);
    gal_free(conformal->cases);
    *conformal = (gal_conformal){0};
}

static galen_status make(int classes, gal_conformal *out, galen_error *err) {
    out->classes = classes;
    out->least = gal_calloc((size_t)classes, sizeof *out->least);
    out->cases = gal_calloc((size_t)classes, sizeof *out->cases);
    return out->least && out->cases ? GALEN_OK : gal_fail_memory(err, "a conformal calibration", (size_t)classes);
}

static galen_status check(const gal_class_cases *cases, galen_error *err) {
    if (cases->columns < 1 || cases->columns > GAL_CONFORMAL_MAX_CLASSES)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%d columns of probabilities: from 1 to %d", cases->columns,
                        GAL_CONFORMAL_MAX_CLASSES);
    if (cases->count == 0) return gal_fail(err, GALEN_ERR_ARGUMENT, "there are no cases to calibrate on");
    for (size_t i = 0; i < cases->count; i++) {
        if (cases->label[i] >= (uint32_t)classes_of(cases->columns))
            return gal_fail(err, GALEN_ERR_ARGUMENT, "case %zu has the label %u of %d classes", i + 1, cases->label[i],
                            classes_of(cases->columns));
        for (int c = 0; c < cases->columns; c++) {
            double p = cases->probability[i * (size_t)cases->columns + (size_t)c];
            if (!(p >= 0 && p <= 1))
                return gal_fail(err, GALEN_ERR_NUMERIC, "case %zu has a probability of %g: it must be from 0 to 1",
                                i + 1, p);
        }
    }
    return GALEN_OK;
}

/* The largest rank whose value may be missed; sorts in place. */
static double least_of(double *probability, size_t n, double alpha) {
    double rank = ceil((double)(n + 1) * (1 - alpha) - 1e-9 * (double)n);
    if (n == 0 || rank > (double)n) return 0;
    qsort(probability, n, sizeof *probability, descending);
    return probability[rank < 1 ? 0 : (size_t)rank - 1];
}

static void fit(const gal_class_cases *cases, double *room, gal_conformal *out) {
    for (int k = 0; k < out->classes; k++) {
        size_t n = 0;
        for (size_t i = 0; i < cases->count; i++) {
            if (cases->label[i] == (uint32_t)k) out->cases[k]++;
            if (out->by_class && cases->label[i] != (uint32_t)k) continue;
            room[n++] =
                probability_of(&cases->probability[i * (size_t)cases->columns], cases->columns, (int)cases->label[i]);
        }
        if (out->by_class || k == 0)
            out->least[k] = least_of(room, n, out->alpha);
        else
            out->least[k] = out->least[0];
    }
}

galen_status gal_conformal_fit(const gal_class_cases *cases, double alpha, bool by_class, gal_conformal *out,
                               galen_error *err) {
    *out = (gal_conformal){.alpha = alpha, .by_class = by_class};
    if (!(alpha > 0 && alpha < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "alpha is %g: the share of sets that may miss lies between 0 and 1",
                        alpha);
    GAL_TRY(check(cases, err));
    double *room = gal_calloc(cases->count, sizeof *room);
    galen_status status = room ? make(classes_of(cases->columns), out, err)
                               : gal_fail_memory(err, "a conformal calibration", cases->count * sizeof *room);
    if (status == GALEN_OK) fit(cases, room, out);
    gal_free(room);
    if (status != GALEN_OK) gal_conformal_free(out);
    return status;
}

int gal_conformal_set(const gal_conformal *conformal, const double *probability, uint8_t *in) {
    int columns = conformal->classes, size = 0;
    for (int k = 0; k < columns; k++) size += in[k] = probability[k] >= conformal->least[k];
    return size;
}

galen_status gal_conformal_measure(const gal_conformal *conformal, const gal_class_cases *cases,
                                   gal_conformal_quality *out, galen_error *err) {
    double all[GAL_CONFORMAL_MAX_CLASSES];
    uint8_t in[GAL_CONFORMAL_MAX_CLASSES];
    size_t *class_cases = out->class_cases, *class_covered = out->class_covered, sizes = 0;
    GAL_TRY(check(cases, err));
    if (classes_of(cases->columns) != conformal->classes)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the cases have %d classes, the calibration %d",
                        classes_of(cases->columns), conformal->classes);
    *out = (gal_conformal_quality){.cases = cases->count, .class_cases = class_cases, .class_covered = class_covered};
    memset(class_cases, 0, (size_t)conformal->classes * sizeof *class_cases);
    memset(class_covered, 0, (size_t)conformal->classes * sizeof *class_covered);
    for (size_t i = 0; i < cases->count; i++) {
        uint32_t label = cases->label[i];
        for (int k = 0; k < conformal->classes; k++)
            all[k] = probability_of(&cases->probability[i * (size_t)cases->columns], cases->columns, k);
        int size = gal_conformal_set(conformal, all, in);
        sizes += (size_t)size;
        out->covered += in[label];
        out->answered += size == 1;
        out->wrong += size == 1 && !in[label];
        out->empty += size == 0;
        class_cases[label]++;
        class_covered[label] += in[label];
    }
    out->mean_size = (double)sizes / (double)cases->count;
    return GALEN_OK;
}

/* ---- JSON ---- */

json_t *gal_conformal_json(const gal_conformal *conformal) {
    json_t *least = json_array(), *cases = json_array();
    bool whole = least && cases;
    for (int k = 0; k < conformal->classes; k++) {
        whole = whole && json_array_append_new(least, json_real(conformal->least[k])) == 0;
        whole = whole && json_array_append_new(cases, json_integer((json_int_t)conformal->cases[k])) == 0;
    }
    if (whole)
        return json_pack("{s:s, s:f, s:b, s:o, s:o}", "method", method, "alpha", conformal->alpha, "by_class",
                         conformal->by_class, "least_probability", least, "cases", cases);
    json_decref(least);
    json_decref(cases);
    return NULL;
}

static galen_status bad(galen_error *err, const char *key, const char *need) {
    return gal_fail(err, GALEN_ERR_FORMAT, "conformal.%s must be %s", key, need);
}

static galen_status read_classes(const json_t *least, const json_t *cases, gal_conformal *out, galen_error *err) {
    for (int k = 0; k < out->classes; k++) {
        const json_t *p = json_array_get(least, (size_t)k), *n = json_array_get(cases, (size_t)k);
        if (!json_is_number(p) || !(json_number_value(p) >= 0 && json_number_value(p) <= 1))
            return bad(err, "least_probability", "numbers from 0 to 1");
        if (!json_is_integer(n) || json_integer_value(n) < 0) return bad(err, "cases", "whole numbers");
        out->least[k] = json_number_value(p);
        out->cases[k] = (size_t)json_integer_value(n);
    }
    return GALEN_OK;
}

galen_status gal_conformal_read(const json_t *object, int classes, gal_conformal *out, galen_error *err) {
    const json_t *alpha = json_object_get(object, "alpha"), *by_class = json_object_get(object, "by_class");
    const json_t *least = json_object_get(object, "least_probability"), *cases = json_object_get(object, "cases");
    const char *how = json_string_value(json_object_get(object, "method"));
    size_t n = json_array_size(least);
    *out = (gal_conformal){0};
    if (!how || strcmp(how, method) != 0) return bad(err, "method", "\"split conformal, 1 - probability\"");
    if (!json_is_number(alpha) || !(json_number_value(alpha) > 0 && json_number_value(alpha) < 1))
        return bad(err, "alpha", "a number between 0 and 1");
    if (!json_is_boolean(by_class)) return bad(err, "by_class", "true or false");
    if (n < 2 || n > GAL_CONFORMAL_MAX_CLASSES || (classes > 0 && n != (size_t)classes))
        return bad(err, "least_probability", "a list with a number for each class");
    if (json_array_size(cases) != n) return bad(err, "cases", "a list with a number for each class");
    galen_status status = make((int)n, out, err);
    out->alpha = json_number_value(alpha);
    out->by_class = json_is_true(by_class);
    if (status == GALEN_OK) status = read_classes(least, cases, out, err);
    if (status != GALEN_OK) gal_conformal_free(out);
    return status;
}
