/* Weights in kernel order. Once a constant is packed and nobody else reads it, its memory goes back to the system. */
#include "base/error.h"
#include "base/mem.h"
#include "session/internal.h"

#include <string.h>

/* Smaller constants may still be read by a kernel as parameters, and giving a few pages back is not worth a call. */
enum { RELEASE_MIN = 64 << 10 };

static galen_status lay_out(gal_session *s, galen_error *err) {
    size_t total = 0;
    for (uint32_t t = 0; t < s->n_step; t++) {
        size_t padded;
        if (s->step[t].packed_bytes == 0) continue;
        if (!gal_size_add(s->step[t].packed_bytes, GAL_TAIL_PAD + GAL_ALIGN - 1, &padded) ||
            !gal_size_add(total, padded / GAL_ALIGN * GAL_ALIGN, &total))
            return gal_fail_memory(err, "packed weights", SIZE_MAX);
    }
    s->packed_bytes = total;
    if (total == 0) return GALEN_OK;
    s->packed = gal_alloc_huge(total);
    return s->packed != NULL ? GALEN_OK : gal_fail_memory(err, "packed weights", total);
}

/* Read only as the second input (the weights) of steps that pack it. */
static bool packs(const gal_session *s, const uint32_t *step_of, const gal_use *use) {
    return use->index == 1 && s->step[step_of[use->node->id]].packed_bytes > 0;
}

static bool may_release(const gal_session *s, const uint32_t *step_of, const gal_value *value, uint32_t now) {
    if (value == NULL || value->constant == NULL || value->producer != NULL || value->is_output) return false;
    if (s->block[s->slot[s->slot_of[value->id]].block].bytes < RELEASE_MIN) return false;
    for (const gal_use *use = value->uses; use != NULL; use = use->next)
        if (!packs(s, step_of, use) || step_of[use->node->id] > now) return false;
    return true;
}

/* Neither kernels nor the graph keep a pointer, so that whoever still reads the constant is found at once. */
static void release(gal_session *s, const gal_value *value) {
    gal_block *block = &s->block[s->slot[s->slot_of[value->id]].block];
    gal_graph_discard(s->graph, block->data, block->bytes);
    block->data = NULL;
    galen_tensor *tensor = (galen_tensor *)(uintptr_t)value->constant; /* the session owns the graph */
    tensor->data = NULL;
}

galen_status gal_session_check_constants(const gal_graph *graph, galen_error *err) {
    for (uint32_t i = 0; i < graph->n_value; i++) {
        const gal_value *value = graph->value[i];
        if (value->constant != NULL && value->uses != NULL && value->constant->data == NULL &&
            galen_tensor_elements(value->constant) != 0)
            return gal_fail(err, GALEN_ERR_ARGUMENT,
                            "constant '%s' was taken by an earlier session; load the model again", value->name);
    }
    return GALEN_OK;
}

static void pack_all(gal_session *s, const uint32_t *step_of) {
    uint8_t *at = s->packed;
    for (uint32_t t = 0; t < s->n_step; t++) {
        gal_step *step = &s->step[t];
        if (step->packed_bytes == 0) continue;
        memset(at, 0, step->packed_bytes);
        step->packed = at;
        if (step->kernel->pack != NULL) step->kernel->pack(step->node, at);
        at += (step->packed_bytes + GAL_TAIL_PAD + GAL_ALIGN - 1) / GAL_ALIGN * GAL_ALIGN;
        const gal_value *weights = step->node->n_in > 1 ? step->node->in[1] : NULL;
        if (may_release(s, step_of, weights, t)) release(s, weights);
    }
}

galen_status gal_session_pack(gal_session *session, galen_error *err) {
    GAL_TRY(lay_out(session, err));
    uint32_t n = session->graph->next_node;
    uint32_t *step_of = gal_calloc(n > 0 ? n : 1, sizeof *step_of);
    if (step_of == NULL) return gal_fail_memory(err, "packed weights", n * sizeof *step_of);
    for (uint32_t t = 0; t < session->n_step; t++) step_of[session->step[t].node->id] = t;
    pack_all(session, step_of);
    gal_free(step_of);
    return GALEN_OK;
}
