/* The reference of drift: fitting, comparing, as JSON for the model card. */
#include "clinic/watch/drift_reference.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/refmath.h"

#include <math.h>
#include <string.h>

enum { PSI_BINS = 10 };

/* Customary limits of the index; Page's sums. */
static const double moderate = 0.1, large = 0.25, slack = 0.5, limit = 8;

const char *gal_drift_series_name(gal_drift_series series) {
    static const char *const names[] = {[GAL_DRIFT_SCORE] = "score",
                                        [GAL_DRIFT_MEAN] = "mean",
                                        [GAL_DRIFT_SPREAD] = "spread",
                                        [GAL_DRIFT_DARK] = "dark"};
    return names[series];
}

/* One series of the rows, checked; `out` has room for `count`. */
static galen_status take_column(const double *value, size_t count, int series, double *out, galen_error *err) {
    for (size_t i = 0; i < count; i++) {
        out[i] = value[i * GAL_DRIFT_SERIES + (size_t)series];
        if (!isfinite(out[i]))
            return gal_fail(err, GALEN_ERR_NUMERIC, "the %s of picture %zu is no finite number: leave it out",
                            gal_drift_series_name((gal_drift_series)series), i + 1);
    }
    return GALEN_OK;
}

static galen_status start(size_t count, double **column, galen_error *err) {
    if (count < GAL_DRIFT_LEAST)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%zu pictures are too few to speak of drift: it takes %d", count,
                        GAL_DRIFT_LEAST);
    *column = gal_calloc(count, sizeof **column);
    return *column ? GALEN_OK : gal_fail_memory(err, "a comparison of pictures", count * sizeof **column);
}

/* ---- fitting ---- */

static galen_status fit_parts(const double *column, size_t count, gal_drift_parts *out, galen_error *err) {
    int bins = count < GAL_PSI_MAX_BINS ? (int)count : GAL_PSI_MAX_BINS, edges = 0;
    GAL_TRY(gal_psi_edges(column, count, bins, out->edge, &edges, err));
    out->bins = edges + 1;
    gal_psi_count(column, count, out->edge, edges, out->count);
    return GALEN_OK;
}

galen_status gal_drift_fit(const double *value, size_t count, gal_drift_reference *out, galen_error *err) {
    double *column;
    *out = (gal_drift_reference){.cases = 0};
    GAL_TRY(start(count, &column, err));
    galen_status status = GALEN_OK;
    for (int s = 0; s < GAL_DRIFT_SERIES && status == GALEN_OK; s++) {
        status = take_column(value, count, s, column, err);
        if (status == GALEN_OK) status = fit_parts(column, count, &out->parts[s], err);
    }
    gal_free(column);
    out->cases = status == GALEN_OK ? count : 0;
    return status;
}

/* ---- comparing ---- */

/* Of tenths: 64 parts of few cases each would let the index grow by chance alone. */
static gal_psi psi_of_tenths(const gal_drift_parts *then, const uint64_t *now) {
    uint64_t a[PSI_BINS] = {0}, b[PSI_BINS] = {0}, cases = 0, before = 0;
    int n = -1, last = -1;
    for (int i = 0; i < then->bins; i++) cases += then->count[i];
    for (int i = 0; i < then->bins; i++) {
        int tenth = (int)(PSI_BINS * before / cases);
        if (tenth != last) n++;
        last = tenth;
        a[n] += then->count[i];
        b[n] += now[i];
        before += then->count[i];
    }
    return gal_psi_of(a, b, n + 1);
}

/* The normal score of each part, and their mean and deviation over the reference. */
static void normal_scores(const gal_drift_parts *then, size_t cases, double *score, double *mean, double *deviation) {
    double n = (double)cases, before = 0, square = 0;
    *mean = 0;
    for (int i = 0; i < then->bins; i++) {
        double count = (double)then->count[i];
        score[i] = gal_ref_normal_quantile((before + count / 2) / n);
        before += count;
        *mean += count / n * score[i];
        square += count / n * score[i] * score[i];
    }
    *deviation = sqrt(fmax(square - *mean * *mean, 0));
}

static galen_status find_alarm(const gal_drift_parts *then, size_t cases, const double *column, size_t count,
                               gal_drift_finding *out, galen_error *err) {
    double score[GAL_PSI_MAX_BINS], mean, deviation;
    gal_cusum sum;
    normal_scores(then, cases, score, &mean, &deviation);
    GAL_TRY(gal_cusum_start(mean, deviation, slack, limit, &sum, err));
    for (size_t i = 0; i < count && out->alarm == GAL_DRIFT_NONE; i++) {
        int b = 0;
        while (b < then->bins - 1 && column[i] >= then->edge[b]) b++;
        out->alarm = gal_cusum_add(&sum, score[b]);
        if (out->alarm == GAL_DRIFT_NONE) continue;
        out->at = i + 1;
        out->since = out->at + 1 - (size_t)(out->alarm == GAL_DRIFT_UP ? sum.high_run : sum.low_run);
    }
    return GALEN_OK;
}

static galen_status compare_one(const gal_drift_parts *then, size_t cases, const double *column, size_t count,
                                gal_drift_finding *out, galen_error *err) {
    uint64_t now[GAL_PSI_MAX_BINS] = {0};
    *out = (gal_drift_finding){.psi = {NAN, NAN}, .ks = {NAN, NAN, false}};
    if (then->bins < 2) return GALEN_OK;
    gal_psi_count(column, count, then->edge, then->bins - 1, now);
    out->psi = psi_of_tenths(then, now);
    if (out->psi.p * GAL_DRIFT_CHANCE < 1 && out->psi.index > moderate)
        out->shift = out->psi.index > large ? GAL_SHIFT_LARGE : GAL_SHIFT_MODERATE;
    GAL_TRY(gal_ks_of(then->count, now, then->bins, &out->ks, err));
    return find_alarm(then, cases, column, count, out, err);
}

galen_status gal_drift_compare(const gal_drift_reference *reference, const double *value, size_t count,
                               gal_drift_finding out[GAL_DRIFT_SERIES], galen_error *err) {
    double *column;
    if (reference->cases == 0) return gal_fail(err, GALEN_ERR_ARGUMENT, "there is no reference to compare with");
    GAL_TRY(start(count, &column, err));
    galen_status status = GALEN_OK;
    for (int s = 0; s < GAL_DRIFT_SERIES && status == GALEN_OK; s++) {
        status = take_column(value, count, s, column, err);
        if (status == GALEN_OK)
            status = compare_one(&reference->parts[s], reference->cases, column, count, &out[s], err);
    }
    gal_free(column);
    return status;
}

/* ---- JSON ---- */

static json_t *parts_json(const gal_drift_parts *parts) {
    json_t *edges = json_array(), *counts = json_array();
    bool whole = edges && counts;
    for (int b = 0; b < parts->bins && whole; b++) {
        if (b > 0) whole = json_array_append_new(edges, json_real(parts->edge[b - 1])) == 0;
        whole = whole && json_array_append_new(counts, json_integer((json_int_t)parts->count[b])) == 0;
    }
    if (whole) return json_pack("{s:o, s:o}", "edges", edges, "counts", counts);
    json_decref(edges);
    json_decref(counts);
    return NULL;
}

json_t *gal_drift_json(const gal_drift_reference *reference) {
    json_t *out = json_pack("{s:I}", "cases", (json_int_t)reference->cases);
    for (int s = 0; out && s < GAL_DRIFT_SERIES; s++) {
        if (json_object_set_new(out, gal_drift_series_name((gal_drift_series)s), parts_json(&reference->parts[s])) == 0)
            continue;
        json_decref(out);
        out = NULL;
    }
    return out;
}

static bool is_count(const json_t *value) {
    return json_is_integer(value) && json_integer_value(value) >= 1 && json_integer_value(value) <= INT32_MAX;
}

static galen_status read_parts(const json_t *object, const char *name, size_t cases, gal_drift_parts *out,
                               galen_error *err) {
    const json_t *edges = json_object_get(object, "edges"), *counts = json_object_get(object, "counts");
    size_t n = json_array_size(counts), sum = 0;
    if (!json_is_array(edges) || n < 1 || n > GAL_PSI_MAX_BINS || json_array_size(edges) != n - 1)
        return gal_fail(err, GALEN_ERR_FORMAT, "drift.%s must have 1 to %d counts and an edge less", name,
                        GAL_PSI_MAX_BINS);
    out->bins = (int)n;
    for (size_t b = 0; b < n; b++) {
        const json_t *edge = json_array_get(edges, b), *count = json_array_get(counts, b);
        if (!is_count(count)) return gal_fail(err, GALEN_ERR_FORMAT, "drift.%s.counts must be of 1 or more", name);
        out->count[b] = (uint64_t)json_integer_value(count);
        sum += out->count[b];
        if (b + 1 == n) break;
        out->edge[b] = json_number_value(edge);
        if (!json_is_number(edge) || !isfinite(out->edge[b]) || (b > 0 && !(out->edge[b] > out->edge[b - 1])))
            return gal_fail(err, GALEN_ERR_FORMAT, "drift.%s.edges must be numbers that rise", name);
    }
    if (sum == cases) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT, "drift.%s has %zu cases where drift.cases says %zu", name, sum, cases);
}

galen_status gal_drift_read(const json_t *object, gal_drift_reference *out, galen_error *err) {
    const json_t *cases = json_object_get(object, "cases");
    *out = (gal_drift_reference){.cases = 0};
    if (!is_count(cases) || json_integer_value(cases) < GAL_DRIFT_LEAST)
        return gal_fail(err, GALEN_ERR_FORMAT, "drift.cases must be a whole number from %d to %d", GAL_DRIFT_LEAST,
                        INT32_MAX);
    size_t n = (size_t)json_integer_value(cases);
    for (int s = 0; s < GAL_DRIFT_SERIES; s++) {
        const char *name = gal_drift_series_name((gal_drift_series)s);
        GAL_TRY(read_parts(json_object_get(object, name), name, n, &out->parts[s], err));
    }
    out->cases = n;
    return GALEN_OK;
}
