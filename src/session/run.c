/* Executing the plan, segment by segment. Nothing here allocates. */
#include "base/clock.h"
#include "base/error.h"
#include "base/whole.h"
#include "session/internal.h"

#include <stdio.h>
#include <string.h>

static void set_batch(gal_session *s, int64_t batch) {
    if (s->batch == batch) return;
    for (uint32_t i = 0; i < s->n_slot; i++) {
        galen_tensor *tensor = &s->slot[i].tensor;
        void *data = tensor->data;
        gal_shape_at(&s->slot[i].value->shape, s->slot[i].value->dtype, batch, tensor);
        tensor->data = data;
    }
    s->batch = batch;
}

/* The caller's pointers for this run. Inputs are never written: the cast only fits them into a tensor. */
static void set_caller_memory(gal_session *s, const void *const *in, void *const *out) {
    for (uint32_t i = 0; i < s->n_slot; i++) {
        const gal_block *block = &s->block[s->slot[i].block];
        if (block->home == GAL_HOME_INPUT) s->slot[i].tensor.data = (void *)(uintptr_t)in[block->index];
        if (block->home == GAL_HOME_OUTPUT) {
            uint8_t *data = out[block->index];
            s->slot[i].tensor.data = data != NULL ? data + s->slot[i].offset : NULL;
        }
    }
}

static galen_status check_caller(const gal_session *s, int64_t batch, const void *const *in, void *const *out,
                                 galen_error *err) {
    const gal_graph *graph = s->graph;
    if (s->plan_only)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the session was only planned: it has no memory to run in");
    if (batch < 1 || batch > s->max_batch)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "batch %lld; the session was made for 1 to %lld", (long long)batch,
                        (long long)s->max_batch);
    for (uint32_t i = 0; i < graph->n_input + graph->n_output; i++) {
        bool is_in = i < graph->n_input;
        uint32_t k = is_in ? i : i - graph->n_input;
        const gal_value *value = is_in ? graph->input[k] : graph->output[k];
        galen_tensor tensor;
        gal_shape_at(&value->shape, value->dtype, batch, &tensor);
        if ((is_in ? in[k] : out[k]) == NULL && galen_tensor_bytes(&tensor) != 0)
            return gal_fail(err, GALEN_ERR_ARGUMENT, "%s '%s': no memory was given", is_in ? "input" : "output",
                            value->name);
    }
    return GALEN_OK;
}

/* A step's tensors: for the whole batch, or a lane's. */
typedef struct view {
    const galen_tensor **in;
    galen_tensor **out;
} view;

static view whole_of(const gal_step *step) {
    return (view){step->in, step->out};
}

static view lane_of(const gal_step *step, int lane) {
    size_t set = 1 + (size_t)lane;
    return (view){step->in + set * step->node->n_in, step->out + set * step->node->n_out};
}

static bool has_work(const gal_step *step, view tensors) {
    if (step->is_view) return false;
    for (uint32_t i = 0; i < step->node->n_out; i++)
        if (tensors.out[i] != NULL && galen_tensor_elements(tensors.out[i]) != 0) return true;
    return false;
}

/* Of tensor i of n: as planned, else dense. */
static int64_t pitch_of(int64_t planned, const galen_tensor *const *tensor, uint32_t n, uint32_t i) {
    if (planned != 0 || i >= n || tensor[i] == NULL) return planned;
    return gal_dense_pitch(tensor[i]);
}

static galen_status run_step(const gal_step *step, view tensors, void *scratch, gal_pool *pool, galen_error *err) {
    const gal_node *node = step->node;
    uint32_t pitched_in = step->kernel != NULL ? step->kernel->pitched_in : 0;
    const gal_call call = {.node = node,
                           .in = tensors.in,
                           .out = tensors.out,
                           .scratch = scratch,
                           .packed = step->packed,
                           .pool = pool,
                           .in_pitch = pitch_of(step->in_pitch, tensors.in, node->n_in, pitched_in),
                           .out_pitch =
                               pitch_of(step->out_pitch, (const galen_tensor *const *)tensors.out, node->n_out, 0)};
    if (!has_work(step, tensors)) return GALEN_OK;
    galen_status status = step->kernel != NULL ? step->kernel->run(&call, err) : node->op->run(&call, err);
    if (status == GALEN_OK || err == NULL || strncmp(err->message, "node '", 6) == 0) return status;
    char what[160];
    snprintf(what, sizeof what, "node '%.100s' (%.40s)", node->name, node->op->name);
    return gal_fail_in(err, status, what);
}

static galen_status finish_outputs(gal_session *s, void *const *out, galen_error *err) {
    for (uint32_t i = 0; i < s->n_copy; i++) {
        const galen_tensor *tensor = &s->slot[s->copy[i].slot].tensor;
        size_t bytes = (size_t)galen_tensor_bytes(tensor);
        if (bytes > 0) memcpy(out[s->copy[i].output], tensor->data, bytes);
    }
    for (uint32_t o = 0; o < s->graph->n_output && !s->unchecked; o++) {
        const gal_value *value = s->graph->output[o];
        GAL_TRY(gal_session_check_finite(value, &s->slot[s->slot_of[value->id]].tensor, err));
    }
    return GALEN_OK;
}

static galen_status begin(gal_session *s, int64_t batch, const void *const *in, void *const *out, galen_error *err) {
    GAL_TRY(check_caller(s, batch, in, out, err));
    set_batch(s, batch);
    set_caller_memory(s, in, out);
    gal_session_repack(s);
    return GALEN_OK;
}

/* ---- the whole batch ---- */

static galen_status run_whole(const gal_session *s, const gal_segment *segment, double *seconds, galen_error *err) {
    for (uint32_t t = segment->first; t < segment->end; t++) {
        const gal_step *step = &s->step[t];
        double start = seconds != NULL ? gal_clock_seconds() : 0;
        GAL_TRY(run_step(step, whole_of(step), step->scratch, s->pool, err));
        if (seconds != NULL) seconds[t] = gal_clock_seconds() - start;
    }
    return GALEN_OK;
}

/* ---- groups of images ---- */

static uint8_t *slice_of(const gal_session *s, const gal_segment *segment, int lane) {
    return s->arena + segment->offset + (size_t)lane * segment->slice;
}

/* Points the lane's tensors at images [first, first + count). */
static void set_lane(const gal_session *s, const gal_segment *segment, int lane, int64_t first, int64_t count) {
    uint8_t *slice = slice_of(s, segment, lane);
    for (uint32_t i = 0; i < segment->n_slot; i++) {
        const gal_slot *slot = &s->slot[segment->slot[i]];
        const gal_block *block = &s->block[slot->block];
        galen_tensor *tensor = &s->lane[lane].tensor[segment->slot[i]];
        uint8_t *whole = slot->tensor.data;
        if (gal_shape_is_fixed(&slot->value->shape)) {
            tensor->data = whole;
            continue;
        }
        tensor->dim[0] = count;
        size_t item = gal_session_item_bytes(s, block);
        tensor->data = block->local    ? slice + block->offset + slot->offset
                       : whole != NULL ? whole + (size_t)first * item
                                       : NULL;
    }
}

/* All steps for one group, on this thread alone or with the pool. */
static galen_status run_group(const gal_session *s, const gal_segment *segment, int lane, gal_pool *pool,
                              double *seconds, galen_error *err) {
    uint8_t *slice = slice_of(s, segment, lane);
    double start = seconds != NULL ? gal_clock_seconds() : 0;
    for (uint32_t t = segment->first; t < segment->end; t++) {
        const gal_step *step = &s->step[t];
        GAL_TRY(run_step(step, lane_of(step, lane), slice + step->scratch_offset, pool, err));
        if (seconds == NULL) continue;
        double now = gal_clock_seconds();
        seconds[t] += now - start;
        start = now;
    }
    return GALEN_OK;
}

/* Images [0, images) in equal groups. */
typedef struct groups {
    const gal_session *s;
    const gal_segment *segment;
    int64_t images, count;
    bool timed;
} groups;

/* A task of the pool: whoever takes it runs the group in a lane of its own. */
static void take_group(void *context, size_t index) {
    const groups *job = context;
    int number = gal_pool_self();
    gal_lane *lane = &job->s->lane[number];
    galen_error err;
    int64_t first = (int64_t)index * job->images / job->count, end = ((int64_t)index + 1) * job->images / job->count;
    set_lane(job->s, job->segment, number, first, end - first);
    galen_status status = run_group(job->s, job->segment, number, NULL, job->timed ? lane->seconds : NULL, &err);
    if (status == GALEN_OK || lane->failed < index) return;
    lane->failed = index;
    lane->status = status;
    lane->error = err;
}

/* The failure of the first group that failed, whichever thread ran it. */
static galen_status first_failure(const gal_session *s, galen_error *err) {
    const gal_lane *worst = &s->lane[0];
    for (int i = 1; i < s->n_lane; i++)
        if (s->lane[i].failed < worst->failed) worst = &s->lane[i];
    if (worst->failed == SIZE_MAX) return GALEN_OK;
    if (err != NULL) *err = worst->error;
    return worst->status;
}

/* Throughput mode. */
static galen_status share_groups(const gal_session *s, groups *job, double *seconds, galen_error *err) {
    const gal_segment *segment = job->segment;
    uint32_t first = segment->first, steps = segment->end - first;
    for (int i = 0; i < s->n_lane; i++) {
        s->lane[i].failed = SIZE_MAX;
        if (job->timed) memset(s->lane[i].seconds + first, 0, steps * sizeof *seconds);
    }
    gal_pool_run(s->pool, take_group, job, (size_t)job->count);
    for (int i = 0; i < s->n_lane && job->timed; i++)
        for (uint32_t t = first; t < segment->end; t++) seconds[t] += s->lane[i].seconds[t] / s->n_lane;
    return first_failure(s, err);
}

/*
 * As many images as divide evenly among the threads in throughput mode, the rest in latency mode; when the rest keeps
 * more than half of the threads busy it joins the others. With too few images for that all threads share each step.
 */
static galen_status run_groups(const gal_session *s, const gal_segment *segment, int64_t batch, double *seconds,
                               galen_error *err) {
    int64_t lanes = s->n_lane, each = batch / lanes, rest = batch % lanes;
    groups job = {.s = s, .segment = segment, .timed = seconds != NULL};
    if (each >= segment->least) {
        if (2 * rest > lanes) each++, rest = 0;
        job.images = batch - rest;
        job.count = gal_ceil_div(each, segment->group) * lanes;
        if (job.count > job.images) job.count = job.images;
        GAL_TRY(share_groups(s, &job, seconds, err));
    }
    int64_t left = batch - job.images, count = gal_ceil_div(left, segment->group);
    for (int64_t i = 0; i < count; i++) {
        int64_t first = i * left / count, end = (i + 1) * left / count;
        set_lane(s, segment, 0, job.images + first, end - first);
        GAL_TRY(run_group(s, segment, 0, s->pool, seconds, err));
    }
    return GALEN_OK;
}

static galen_status run_segments(gal_session *s, int64_t batch, double *seconds, galen_error *err) {
    for (uint32_t i = 0; i < s->n_segment; i++) {
        const gal_segment *segment = &s->segment[i];
        GAL_TRY(segment->group == 0 ? run_whole(s, segment, seconds, err)
                                    : run_groups(s, segment, batch, seconds, err));
    }
    return GALEN_OK;
}

galen_status gal_session_run(gal_session *session, int64_t batch, const void *const *in, void *const *out,
                             galen_error *err) {
    GAL_TRY(begin(session, batch, in, out, err));
    GAL_TRY(run_segments(session, batch, NULL, err));
    return finish_outputs(session, out, err);
}

galen_status gal_session_profile(gal_session *session, int64_t batch, const void *const *in, void *const *out,
                                 double *seconds, galen_error *err) {
    GAL_TRY(begin(session, batch, in, out, err));
    for (uint32_t t = 0; t < session->n_step; t++) seconds[t] = 0;
    GAL_TRY(run_segments(session, batch, seconds, err));
    return finish_outputs(session, out, err);
}

galen_status gal_session_observe(gal_session *session, const void *const *in, void *const *out, gal_observe_fn fn,
                                 void *context, galen_error *err) {
    GAL_TRY(begin(session, 1, in, out, err));
    for (uint32_t i = 0; i < session->n_segment; i++) {
        const gal_segment *segment = &session->segment[i];
        bool whole = segment->group == 0;
        uint8_t *slice = whole ? NULL : slice_of(session, segment, 0);
        if (!whole) set_lane(session, segment, 0, 0, 1);
        for (uint32_t t = segment->first; t < segment->end; t++) {
            const gal_step *step = &session->step[t];
            view tensors = whole ? whole_of(step) : lane_of(step, 0);
            const galen_tensor *const *made = (const galen_tensor *const *)tensors.out;
            void *scratch = whole ? step->scratch : slice + step->scratch_offset;
            GAL_TRY(run_step(step, tensors, scratch, session->pool, err));
            GAL_TRY(fn(context, t, made, pitch_of(step->out_pitch, made, step->node->n_out, 0), err));
        }
    }
    return finish_outputs(session, out, err);
}
