/* A trainer's life: its memory, its sessions, runs and steps. */
#include "train/trainer.h"

#include "base/error.h"
#include "base/mem.h"
#include "graph/ops/types.h"
#include "pass/pass.h"
#include "train/internal.h"
#include "train/narrow.h"

#include <math.h>
#include <string.h>

static const size_t FILE_LIMIT = (size_t)8 << 30;

/* Dynamic loss scaling. Within the bounds the scale and what divides by it stay far from the ends of f32: without them
 * gradients that are all zero would let it grow to infinity, and a network of NaN shrink to zero. */
static const double SCALE_FIRST = 4096, SCALE_GROWTH = 1.5, SCALE_BACKOFF = 0.7, SCALE_LEAST = 0x1p-14,
                    SCALE_MOST = 0x1p24;
enum { SCALE_PATIENCE = 1000 /* good steps before it grows */ };

gal_trainer_options gal_trainer_default_options(void) {
    return (gal_trainer_options){.optimizer = GAL_OPTIMIZER_ADAM, .batch = 1, .isa = gal_isa_detect()};
}

/* ---- memory ---- */

typedef struct room {
    uint8_t *at; /* NULL: only measure */
    size_t size;
} room;

static void take(room *r, const galen_tensor *like, galen_tensor *out) {
    size_t bytes = ((size_t)galen_tensor_bytes(like) + GAL_TAIL_PAD + GAL_ALIGN - 1) / GAL_ALIGN * GAL_ALIGN;
    *out = *like;
    out->data = r->at != NULL ? r->at + r->size : NULL;
    r->size += bytes;
}

/* Gradients lie together, so that one call clears them. */
static void hand_out(gal_trainer *t, room *r) {
    bool adam = t->options.optimizer != GAL_OPTIMIZER_SGD;
    for (size_t i = 0; i < t->n_slot; i++) take(r, t->slot[i].value->constant, &t->slot[i].gradient);
    for (size_t i = 0; i < t->n_slot; i++) {
        gal_train_slot *slot = &t->slot[i];
        take(r, slot->value->constant, &slot->parameter);
        take(r, slot->value->constant, &slot->momentum);
        if (adam) take(r, slot->value->constant, &slot->square);
        if (t->options.average) take(r, slot->value->constant, &slot->average);
        if (slot->narrow != NULL) take(r, slot->narrow->constant, &slot->rounded);
    }
    for (size_t i = 0; i < t->n_running; i++) {
        take(r, t->running[i].value->constant, &t->running[i].tensor);
        take(r, t->running[i].value->constant, &t->running[i].saved);
    }
}

static size_t gradient_bytes(const gal_trainer *t) {
    const uint8_t *first = t->slot[0].gradient.data, *end = t->slot[0].parameter.data;
    return (size_t)(end - first);
}

static void copy(galen_tensor *to, const galen_tensor *from) {
    memcpy(to->data, from->data, (size_t)galen_tensor_bytes(from));
}

static galen_status take_memory(gal_trainer *t, galen_error *err) {
    room r = {0};
    t->n_slot = t->net.n_parameter, t->n_running = t->net.n_statistic;
    t->slot = gal_calloc(t->n_slot, sizeof *t->slot);
    t->running = gal_calloc(t->n_running > 0 ? t->n_running : 1, sizeof *t->running);
    if (t->slot == NULL || t->running == NULL)
        return gal_fail_memory(err, "the list of parameters", t->n_slot * sizeof *t->slot);
    for (size_t i = 0; i < t->n_slot; i++) {
        t->slot[i].value = t->net.parameter[i].value;
        t->slot[i].narrow = t->net.parameter[i].narrow;
    }
    for (size_t i = 0; i < t->n_running; i++) {
        t->running[i].value = t->net.statistic[i].value;
        t->running[i].next = t->net.statistic[i].next;
    }
    hand_out(t, &r);
    t->memory_bytes = r.size;
    t->memory = gal_alloc_huge(r.size);
    if (t->memory == NULL) return gal_fail_memory(err, "parameters, gradients and optimiser state", r.size);
    memset(t->memory, 0, r.size);
    r = (room){.at = t->memory};
    hand_out(t, &r);
    return GALEN_OK;
}

static galen_status make_variables(gal_trainer *t, galen_error *err) {
    for (size_t i = 0; i < t->n_slot; i++) {
        gal_train_slot *slot = &t->slot[i];
        slot->name = slot->value->name;
        GAL_TRY(gal_graph_make_variable(t->net.graph, slot->value, slot->parameter.data, err));
        if (t->options.average) copy(&slot->average, &slot->parameter);
        if (slot->narrow != NULL) GAL_TRY(gal_graph_make_variable(t->net.graph, slot->narrow, slot->rounded.data, err));
    }
    for (size_t i = 0; i < t->n_running; i++) {
        gal_train_running *running = &t->running[i];
        running->name = running->value->name;
        GAL_TRY(gal_graph_make_variable(t->net.graph, running->value, running->tensor.data, err));
        copy(&running->saved, &running->tensor);
    }
    return GALEN_OK;
}

/* ---- making one ---- */

/* PyTorch writes weights that begin alike (zeros, ones) once, and Identity nodes for the others' names: training parts
 * them, so each becomes a constant of its own. */
static galen_status part_weights(gal_graph *graph, galen_error *err) {
    bool changed;
    GAL_TRY(gal_pass_fold_constants(graph, &changed, err));
    return gal_pass_remove_dead(graph, &changed, err);
}

/* Two readings of the same bytes: one to train, one to put the result into. */
static galen_status copy_model(gal_trainer *t, const gal_model *model, galen_error *err) {
    gal_buf_init(&t->file, FILE_LIMIT);
    GAL_TRY(gal_onnx_write(model, &t->file, err));
    GAL_TRY(gal_onnx_parse(t->file.data, t->file.size, NULL, &t->base, err));
    GAL_TRY(part_weights(t->base->graph, err));
    GAL_TRY(gal_onnx_parse(t->file.data, t->file.size, NULL, &t->work, err));
    return part_weights(t->work->graph, err);
}

static galen_status open_sessions(gal_trainer *t, bool plan_only, galen_error *err) {
    gal_session_options options = gal_session_default_options();
    options.max_batch = t->options.batch;
    options.isa = t->options.isa;
    options.pool = t->pool;
    options.optimise = false;
    options.unchecked = true;
    options.plan_only = plan_only;
    GAL_TRY(gal_session_create(t->net.graph, &options, &t->run, err));
    options.max_batch = 1;
    return gal_session_create(t->update, &options, &t->step, err);
}

static galen_status list_outputs(gal_trainer *t, galen_error *err) {
    size_t bytes = (size_t)t->options.batch * (size_t)gal_trainer_classes(t) * sizeof(double);
    t->run_out = gal_calloc(gal_train_run_outputs(t, NULL), sizeof *t->run_out);
    t->step_out = gal_calloc(gal_train_update_outputs(t, NULL), sizeof *t->step_out);
    t->predictions = gal_alloc_aligned(bytes);
    if (t->run_out == NULL || t->step_out == NULL || t->predictions == NULL)
        return gal_fail_memory(err, "a training step", bytes);
    gal_train_run_outputs(t, t->run_out);
    gal_train_update_outputs(t, t->step_out);
    return GALEN_OK;
}

static galen_status build(gal_trainer *t, const gal_model *model, bool plan_only, galen_error *err) {
    if (t->pool == NULL) {
        GAL_TRY(gal_pool_create(t->options.threads, &t->pool, err));
        t->owns_pool = true;
    }
    GAL_TRY(copy_model(t, model, err));
    GAL_TRY(gal_train_network_make(t->work->graph, &t->options.network, &t->net, err));
    if (gal_dtype_is_half(t->options.precision)) GAL_TRY(gal_train_narrow(&t->net, t->options.precision, err));
    GAL_TRY(take_memory(t, err));
    GAL_TRY(make_variables(t, err));
    GAL_TRY(gal_train_build_run(t, err));
    GAL_TRY(gal_train_build_update(t, err));
    GAL_TRY(list_outputs(t, err));
    return open_sessions(t, plan_only, err);
}

static galen_status create(const gal_model *model, const gal_trainer_options *options, bool plan_only,
                           gal_trainer **out, galen_error *err) {
    *out = NULL;
    if (options->batch < 1)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "batch %lld; it must be at least 1", (long long)options->batch);
    if (options->precision != GALEN_DTYPE_NONE && options->precision != GALEN_F32 &&
        !gal_dtype_is_half(options->precision))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "training in %s; f32, bf16 and f16 are there",
                        galen_dtype_name(options->precision));
    if (!(options->loss_scale >= 0 && (double)options->loss_scale <= SCALE_MOST))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "loss scale %g; 0 to %g", (double)options->loss_scale, SCALE_MOST);
    if (!(options->loss.alpha >= 0 && options->loss.alpha <= 1) ||
        !(options->loss.temperature >= 0 && options->loss.temperature <= 1000))
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "alpha %g, temperature %g: alpha goes from 0 to 1, temperature to 1000",
                        (double)options->loss.alpha, (double)options->loss.temperature);
    gal_trainer *t = gal_calloc(1, sizeof *t);
    if (t == NULL) return gal_fail_memory(err, "the trainer", sizeof *t);
    t->options = *options;
    t->pool = options->pool;
    t->fresh = true;
    t->is_scaled = options->precision == GALEN_F16;
    t->scale[GAL_SCALE_NOW] = options->loss_scale > 0 ? (double)options->loss_scale : SCALE_FIRST;
    galen_status status = build(t, model, plan_only, err);
    if (status != GALEN_OK) {
        gal_trainer_destroy(t);
        return status;
    }
    *out = t;
    return GALEN_OK;
}

galen_status gal_trainer_create(const gal_model *model, const gal_trainer_options *options, gal_trainer **out,
                                galen_error *err) {
    return create(model, options, false, out, err);
}

/* ---- sizes ---- */

static size_t session_bytes(const gal_session *s) {
    return gal_session_arena_bytes(s) + gal_session_packed_bytes(s);
}

/* What asking about the validation pictures takes: the model as a file twice, read, and planned. */
static galen_status plan_judging(const gal_trainer *t, size_t *bytes, galen_error *err) {
    gal_session_options options = gal_session_default_options();
    gal_session *session;
    options.max_batch = t->options.batch;
    options.isa = t->options.isa;
    options.pool = t->pool;
    options.plan_only = true;
    GAL_TRY(gal_session_create(t->base->graph, &options, &session, err));
    *bytes = 3 * t->file.size + session_bytes(session);
    gal_session_destroy(session);
    return GALEN_OK;
}

/* A checkpoint is gathered and then put together. */
static size_t saving_bytes(const gal_trainer *t) {
    size_t bytes = 0;
    for (size_t i = 0; i < gal_trainer_states(t); i++) {
        gal_train_state state = gal_trainer_state(t, i);
        bytes += (size_t)galen_tensor_bytes(&state.tensor);
    }
    return 2 * bytes;
}

galen_status gal_trainer_plan(const gal_model *model, const gal_trainer_options *options, gal_trainer_needs *out,
                              galen_error *err) {
    gal_trainer *t;
    *out = (gal_trainer_needs){0};
    GAL_TRY(create(model, options, true, &t, err));
    out->arena = gal_session_arena_bytes(t->run);
    out->training = t->file.size + t->memory_bytes + session_bytes(t->run) + session_bytes(t->step);
    out->share = t->again.share;
    out->normalises = t->n_running > 0;
    galen_status status = plan_judging(t, &out->beside, err);
    if (saving_bytes(t) > out->beside) out->beside = saving_bytes(t);
    gal_trainer_destroy(t);
    return status;
}

void gal_trainer_destroy(gal_trainer *t) {
    if (t == NULL) return;
    gal_session_destroy(t->run);
    gal_session_destroy(t->step);
    if (t->update != NULL) gal_graph_destroy(t->update);
    gal_model_destroy(t->work);
    gal_model_destroy(t->base);
    gal_buf_free(&t->file);
    gal_free(t->slot);
    gal_free(t->running);
    gal_free(t->memory);
    gal_free(t->run_out);
    gal_free(t->step_out);
    gal_free(t->predictions);
    if (t->owns_pool) gal_pool_destroy(t->pool);
    gal_free(t);
}

gal_train_task gal_trainer_task(const gal_trainer *t) {
    return (gal_train_task){.categorical = t->options.loss.categorical, .classes = gal_trainer_classes(t)};
}

gal_isa gal_trainer_isa(const gal_trainer *t) {
    return t->options.isa;
}

int64_t gal_trainer_batch(const gal_trainer *t) {
    return t->options.batch;
}

const gal_shape *gal_trainer_image(const gal_trainer *t) {
    return &t->net.image->shape;
}

int64_t gal_trainer_classes(const gal_trainer *t) {
    return t->net.logits->shape.dim[1].size;
}

/* ---- runs and steps ---- */

static galen_status play(gal_session *s, int64_t batch, const void *const *in, void *const *out, double *seconds,
                         galen_error *err) {
    return seconds != NULL ? gal_session_profile(s, batch, in, out, seconds, err)
                           : gal_session_run(s, batch, in, out, err);
}

galen_status gal_trainer_run(gal_trainer *t, int64_t batch, const void *images, const void *targets, int64_t seed,
                             double *loss, galen_error *err) {
    uint32_t n = 0;
    t->seed = seed;
    t->run_in[n++] = images;
    if (t->net.seed != NULL) t->run_in[n++] = &t->seed;
    t->run_in[n++] = targets;
    if (t->options.loss.alpha > 0 && t->teacher == NULL)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a run needs the teacher's answers (gal_trainer_teach)");
    if (t->options.loss.alpha > 0) t->run_in[n++] = t->teacher;
    t->run_scale = (float)t->scale[GAL_SCALE_NOW];
    if (t->is_scaled) t->run_in[n++] = &t->run_scale;
    if (t->fresh && t->options.accumulate) memset(t->slot[0].gradient.data, 0, gradient_bytes(t));
    t->fresh = false;
    GAL_TRY(play(t->run, batch, t->run_in, t->run_out, t->run_seconds, err));
    float single;
    memcpy(&single, &t->loss, sizeof single);
    *loss = t->net.logits->dtype == GALEN_F64 ? t->loss : (double)single;
    return GALEN_OK;
}

void gal_trainer_teach(gal_trainer *t, const void *logits) {
    t->teacher = logits;
}

static void set_hyper(gal_trainer *t, const gal_train_hyper *n, int runs) {
    double step = (double)(t->steps + 1);
    t->hyper[GAL_HYPER_RATE] = n->rate, t->hyper[GAL_HYPER_DECAY] = n->decay;
    t->hyper[GAL_HYPER_BETA1] = n->beta1, t->hyper[GAL_HYPER_BETA2] = n->beta2;
    t->hyper[GAL_HYPER_EPSILON] = n->epsilon;
    t->hyper[GAL_HYPER_BIAS1] = 1 - pow(n->beta1, step), t->hyper[GAL_HYPER_BIAS2] = 1 - pow(n->beta2, step);
    t->hyper[GAL_HYPER_MAX_NORM] = n->max_norm;
    t->hyper[GAL_HYPER_SCALE] = 1 / ((double)runs * gal_trainer_scale(t));
    t->hyper[GAL_HYPER_EMA] = n->average;
}

double gal_trainer_scale(const gal_trainer *t) {
    return t->is_scaled ? t->scale[GAL_SCALE_NOW] : 1;
}

/* The next scale is a number of f32 too: runs multiply by exactly what steps divide by. */
static void adapt_scale(gal_trainer *t, bool skipped) {
    double *now = &t->scale[GAL_SCALE_NOW], *good = &t->scale[GAL_SCALE_GOOD];
    *good += 1;
    if (!skipped && *good < SCALE_PATIENCE) return;
    *now = (double)(float)fmin(fmax(*now * (skipped ? SCALE_BACKOFF : SCALE_GROWTH), SCALE_LEAST), SCALE_MOST);
    *good = 0;
}

galen_status gal_trainer_step(gal_trainer *t, const gal_train_hyper *hyper, int runs, double *norm, bool *skipped,
                              galen_error *err) {
    const void *in[1] = {t->hyper};
    if (runs < 1 || t->fresh) return gal_fail(err, GALEN_ERR_ARGUMENT, "a step needs a run before it");
    set_hyper(t, hyper, runs);
    GAL_TRY(play(t->step, 1, in, t->step_out, t->step_seconds, err));
    *norm = t->control[GAL_CONTROL_NORM];
    *skipped = t->control[GAL_CONTROL_FACTOR] == 0;
    for (size_t i = 0; i < t->n_running; i++) {
        gal_train_running *r = &t->running[i];
        copy(*skipped ? &r->tensor : &r->saved, *skipped ? &r->saved : &r->tensor);
    }
    t->steps += !*skipped;
    if (t->is_scaled) adapt_scale(t, *skipped);
    t->fresh = true;
    return GALEN_OK;
}

int64_t gal_trainer_steps(const gal_trainer *t) {
    return t->steps;
}

void gal_trainer_restored(gal_trainer *t, int64_t steps) {
    for (size_t i = 0; i < t->n_running; i++) copy(&t->running[i].saved, &t->running[i].tensor);
    for (size_t i = 0; i < t->n_slot; i++) {
        const gal_train_slot *slot = &t->slot[i];
        if (slot->rounded.data == NULL) continue;
        gal_f32_to_half_row(slot->rounded.dtype, slot->parameter.data, slot->rounded.data,
                            (size_t)galen_tensor_elements(&slot->parameter));
    }
    t->steps = steps;
    t->fresh = true;
}

void gal_trainer_time(gal_trainer *t, double *run, double *step) {
    t->run_seconds = run;
    t->step_seconds = step;
}

gal_session *gal_trainer_run_session(const gal_trainer *t) {
    return t->run;
}

gal_session *gal_trainer_step_session(const gal_trainer *t) {
    return t->step;
}
