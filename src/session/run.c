/* Executing the plan. Nothing here allocates. */
#include "base/clock.h"
#include "base/error.h"
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
        if (block->home == GAL_HOME_OUTPUT) s->slot[i].tensor.data = out[block->index];
    }
}

static galen_status check_caller(const gal_session *s, int64_t batch, const void *const *in, void *const *out,
                                 galen_error *err) {
    const gal_graph *graph = s->graph;
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

static bool has_work(const gal_step *step) {
    if (step->is_view) return false;
    for (uint32_t i = 0; i < step->node->n_out; i++)
        if (step->out[i] != NULL && galen_tensor_elements(step->out[i]) != 0) return true;
    return false;
}

/* Of the first of n tensors: as planned, else dense. */
static int64_t pitch_of(int64_t planned, const galen_tensor *const *tensor, uint32_t n) {
    if (planned != 0 || n == 0 || tensor[0] == NULL) return planned;
    return gal_dense_pitch(tensor[0]);
}

static galen_status run_step(const gal_session *s, const gal_step *step, galen_error *err) {
    const gal_node *node = step->node;
    const gal_call call = {.node = node,
                           .in = step->in,
                           .out = step->out,
                           .scratch = step->scratch,
                           .packed = step->packed,
                           .pool = s->pool,
                           .in_pitch = pitch_of(step->in_pitch, step->in, node->n_in),
                           .out_pitch = pitch_of(step->out_pitch, (const galen_tensor *const *)step->out, node->n_out)};
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
    for (uint32_t o = 0; o < s->graph->n_output; o++) {
        const gal_value *value = s->graph->output[o];
        GAL_TRY(gal_session_check_finite(value, &s->slot[s->slot_of[value->id]].tensor, err));
    }
    return GALEN_OK;
}

static galen_status begin(gal_session *s, int64_t batch, const void *const *in, void *const *out, galen_error *err) {
    GAL_TRY(check_caller(s, batch, in, out, err));
    set_batch(s, batch);
    set_caller_memory(s, in, out);
    return GALEN_OK;
}

galen_status gal_session_run(gal_session *session, int64_t batch, const void *const *in, void *const *out,
                             galen_error *err) {
    GAL_TRY(begin(session, batch, in, out, err));
    for (uint32_t t = 0; t < session->n_step; t++)
        if (has_work(&session->step[t])) GAL_TRY(run_step(session, &session->step[t], err));
    return finish_outputs(session, out, err);
}

galen_status gal_session_profile(gal_session *session, int64_t batch, const void *const *in, void *const *out,
                                 double *seconds, galen_error *err) {
    GAL_TRY(begin(session, batch, in, out, err));
    for (uint32_t t = 0; t < session->n_step; t++) {
        double start = gal_clock_seconds();
        if (has_work(&session->step[t])) GAL_TRY(run_step(session, &session->step[t], err));
        seconds[t] = gal_clock_seconds() - start;
    }
    return finish_outputs(session, out, err);
}
