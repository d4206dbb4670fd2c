/*
 * Observing: the model is written as ONNX and read again, so that the copy can be run without touching the original,
 * with every watched value as an output. Where histograms are needed the samples run a second time.
 */
#include "optimize/observe.h"

#include "base/error.h"
#include "base/mem.h"
#include "session/session.h"

#include <math.h>
#include <string.h>

enum { BINS = 2048, SHRINKS = 80 };
#define MAX_FILE ((size_t)0x7fffffff) /* protobuf's own limit */

typedef struct watched {
    galen_tensor tensor; /* of the copy's output, with memory */
    gal_range range;
    uint32_t *bin; /* BINS, over [low, high]; NULL for min and max alone */
} watched;

typedef struct observer {
    gal_buf file;
    gal_model *copy;
    gal_session *session;
    watched *value; /* one an output of the copy */
    uint32_t n_value;
    void **out;
    void *input;
} observer;

static galen_status open_copy(observer *o, const gal_model *model, gal_value *const *watch, size_t n, int threads,
                              galen_error *err) {
    gal_buf_init(&o->file, MAX_FILE);
    GAL_TRY(gal_onnx_write(model, &o->file, err));
    GAL_TRY(gal_onnx_parse(o->file.data, o->file.size, NULL, &o->copy, err));
    gal_graph *graph = o->copy->graph;
    for (size_t i = 0; i < n; i++) {
        gal_value *value = gal_graph_find(graph, watch[i]->name);
        if (value == NULL)
            return gal_fail(err, GALEN_ERR_INTERNAL, "value '%s' is missing in the copy", watch[i]->name);
        if (!value->is_output && !value->is_input) GAL_TRY(gal_graph_mark_output(graph, value, err));
    }
    gal_session_options options = gal_session_default_options();
    options.threads = threads;
    return gal_session_create(graph, &options, &o->session, err);
}

static galen_status take_memory(observer *o, bool histograms, galen_error *err) {
    const gal_graph *graph = o->copy->graph;
    galen_tensor input;
    gal_shape_at(&graph->input[0]->shape, GALEN_F32, 1, &input);
    o->input = gal_alloc_aligned((size_t)galen_tensor_bytes(&input));
    o->n_value = graph->n_output + 1; /* the input comes last */
    o->value = gal_calloc(o->n_value, sizeof *o->value);
    o->out = gal_calloc(o->n_value, sizeof *o->out);
    if (o->input == NULL || o->value == NULL || o->out == NULL) return gal_fail_memory(err, "observing", SIZE_MAX);
    for (uint32_t i = 0; i < o->n_value; i++) {
        bool last = i == graph->n_output;
        const gal_value *value = last ? graph->input[0] : graph->output[i];
        galen_tensor *t = &o->value[i].tensor;
        gal_shape_at(&value->shape, value->dtype, 1, t);
        t->data = o->out[i] = last ? o->input : gal_alloc_aligned((size_t)galen_tensor_bytes(t));
        if (histograms) o->value[i].bin = gal_calloc(BINS, sizeof(uint32_t));
        if (t->data == NULL || (histograms && o->value[i].bin == NULL))
            return gal_fail_memory(err, value->name, (unsigned long long)galen_tensor_bytes(t));
    }
    return GALEN_OK;
}

static void close_copy(observer *o) {
    for (uint32_t i = 0; o->value != NULL && i < o->n_value; i++) {
        if (o->out[i] != o->input) gal_free(o->out[i]);
        gal_free(o->value[i].bin);
    }
    gal_free(o->value);
    gal_free(o->out);
    gal_free(o->input);
    gal_session_destroy(o->session);
    gal_model_destroy(o->copy);
    gal_buf_free(&o->file);
}

static void widen(watched *w) {
    const float *x = w->tensor.data;
    int64_t n = w->tensor.dtype == GALEN_F32 ? galen_tensor_elements(&w->tensor) : 0;
    for (int64_t i = 0; i < n; i++) {
        if (x[i] < w->range.low) w->range.low = x[i];
        if (x[i] > w->range.high) w->range.high = x[i];
    }
}

static double bin_width(const gal_range *range) {
    return ((double)range->high - (double)range->low) / BINS;
}

static void count(watched *w) {
    const float *x = w->tensor.data;
    int64_t n = w->tensor.dtype == GALEN_F32 ? galen_tensor_elements(&w->tensor) : 0;
    double width = bin_width(&w->range);
    for (int64_t i = 0; i < n && width > 0; i++) {
        int64_t bin = (int64_t)(((double)x[i] - (double)w->range.low) / width);
        w->bin[bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin]++;
    }
}

static galen_status run_all(observer *o, const gal_range_calibration *how, void (*see)(watched *w), galen_error *err) {
    for (size_t s = 0; s < how->count; s++) {
        GAL_TRY(how->sample(how->context, s, o->input, err));
        const void *in[1] = {o->input};
        GAL_TRY(gal_session_run(o->session, 1, in, o->out, err));
        for (uint32_t i = 0; i < o->n_value; i++) see(&o->value[i]);
    }
    return GALEN_OK;
}

/* All but `share` of the values at either end. */
static gal_range cut_ends(const watched *w, double share) {
    double total = 0, width = bin_width(&w->range), below = 0, above = 0;
    int low = 0, high = BINS - 1;
    for (int b = 0; b < BINS; b++) total += w->bin[b];
    while (low < BINS - 1 && below + w->bin[low] <= share * total) below += w->bin[low++];
    while (high > 0 && above + w->bin[high] <= share * total) above += w->bin[high--];
    return (gal_range){(float)(w->range.low + low * width), (float)(w->range.low + (high + 1) * width)};
}

/* Mean squared error, but for a factor, of values rounded to 256 steps of this range: a twelfth of a step squared
 * inside, the distance squared outside. */
static double error_of(const watched *w, double low, double high) {
    double width = bin_width(&w->range), step = (high - low) / 255, sum = 0;
    for (int b = 0; b < BINS; b++) {
        double x = w->range.low + (b + 0.5) * width, out = x < low ? low - x : x > high ? x - high : 0;
        if (w->bin[b] > 0) sum += w->bin[b] * (out > 0 ? out * out : step * step / 12);
    }
    return sum;
}

static gal_range least_error(const watched *w) {
    gal_range best = w->range;
    double least = error_of(w, best.low, best.high);
    for (int i = 1; i < SHRINKS; i++) {
        double keep = 1 - i / 100.0, low = w->range.low * keep, high = w->range.high * keep, e = error_of(w, low, high);
        if (e >= least) continue;
        least = e;
        best = (gal_range){(float)low, (float)high};
    }
    return best;
}

static gal_range choose(const watched *w, const gal_range_calibration *how) {
    gal_range r = w->range;
    if (r.low < r.high && how->rule == GAL_RANGE_PERCENTILE) r = cut_ends(w, 1 - how->percentile / 100);
    if (r.low < r.high && how->rule == GAL_RANGE_MSE) r = least_error(w);
    return (gal_range){fminf(r.low, 0), fmaxf(r.high, 0)};
}

static galen_status observe(observer *o, const gal_model *model, const gal_range_calibration *how,
                            gal_value *const *watch, size_t n, gal_range *range, galen_error *err) {
    bool histograms = how->rule != GAL_RANGE_MINMAX;
    GAL_TRY(open_copy(o, model, watch, n, how->threads, err));
    GAL_TRY(take_memory(o, histograms, err));
    GAL_TRY(run_all(o, how, widen, err));
    if (histograms) GAL_TRY(run_all(o, how, count, err));
    const gal_graph *graph = o->copy->graph;
    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < o->n_value; k++) {
            const char *name = k < graph->n_output ? graph->output[k]->name : graph->input[0]->name;
            if (strcmp(name, watch[i]->name) == 0) range[i] = choose(&o->value[k], how);
        }
    return GALEN_OK;
}

galen_status gal_optimize_observe(const gal_model *model, const gal_range_calibration *how, gal_value *const *watch,
                                  size_t n, gal_range *range, galen_error *err) {
    observer o = {0};
    galen_status status = observe(&o, model, how, watch, n, range, err);
    close_copy(&o);
    return status;
}
