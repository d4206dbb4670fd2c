/* Preparing and running one kernel. */
#include "call.h"

#include "base/half.h"

#include <string.h>

static bool by_batch(const gal_value *value) {
    return value->shape.rank > 0 && value->shape.dim[0].batch;
}

static guarded aligned_guard(size_t bytes) {
    return guard_make((bytes + 63) / 64 * 64);
}

static void fill(gal_rng *rng, galen_tensor *x, float scale) {
    int64_t n = galen_tensor_elements(x);
    if (x->dtype == GALEN_F32) case_fill(rng, x->data, (size_t)n, scale);
    for (int64_t i = 0; x->dtype == GALEN_BF16 && i < n; i++) {
        float v;
        case_fill(rng, &v, 1, scale);
        ((uint16_t *)x->data)[i] = gal_f32_to_bf16(v);
    }
}

void call_prepare(prepared *p, const kernel_case *problem, const gal_kernel *kernel, uint64_t seed) {
    const gal_node *node = problem->node;
    *p = (prepared){.problem = problem, .kernel = kernel, .batch = problem->batch, .n_in = node->n_in};
    for (uint32_t i = 0; i < node->n_in; i++) {
        const gal_value *value = node->in[i];
        gal_rng rng = gal_rng_make(seed, i);
        if (value == NULL) continue;
        gal_shape_at(&value->shape, value->dtype, p->batch, &p->in[i]);
        size_t bytes = (size_t)galen_tensor_bytes(&p->in[i]);
        p->in_memory[i] = guard_make(bytes);
        p->in[i].data = p->in_memory[i].data;
        if (value->constant != NULL)
            memcpy(p->in[i].data, value->constant->data, bytes);
        else
            fill(&rng, &p->in[i], 4);
    }
    gal_shape_at(&node->out[0]->shape, node->out[0]->dtype, p->batch, &p->out);
    p->out_memory = guard_make((size_t)galen_tensor_bytes(&p->out));
    p->out.data = p->out_memory.data;
    gal_kernel_needs needs = {0};
    if (kernel == NULL)
        needs.scratch_bytes = node->op->scratch == NULL ? 0 : node->op->scratch(node, p->batch);
    else if (kernel->needs != NULL)
        kernel->needs(node, p->batch, 2, &needs);
    p->packed = aligned_guard(needs.packed_bytes);
    p->scratch = aligned_guard(needs.scratch_bytes);
    memset(p->packed.data, 0, p->packed.size);
    if (needs.packed_bytes > 0) kernel->pack(node, p->packed.data);
}

static void slice(const gal_value *value, galen_tensor *tensor, int64_t first, int64_t count) {
    if (!by_batch(value)) return;
    int64_t item = galen_tensor_bytes(tensor) / tensor->dim[0];
    tensor->data = (char *)tensor->data + first * item;
    tensor->dim[0] = count;
}

galen_status call_run(prepared *p, int64_t first, int64_t count, gal_pool *pool, galen_error *err) {
    const gal_node *node = p->problem->node;
    galen_tensor in[CALL_MAX_IN], out = p->out;
    const galen_tensor *in_at[CALL_MAX_IN];
    galen_tensor *out_at[1] = {&out};
    for (uint32_t i = 0; i < p->n_in; i++) {
        in[i] = p->in[i];
        in_at[i] = node->in[i] == NULL ? NULL : &in[i];
        if (node->in[i] != NULL) slice(node->in[i], &in[i], first, count);
    }
    slice(node->out[0], &out, first, count);
    gal_call call = {
        .node = node, .in = in_at, .out = out_at, .scratch = p->scratch.data, .packed = p->packed.data, .pool = pool};
    call.in_pitch = gal_dense_pitch(&in[0]), call.out_pitch = gal_dense_pitch(&out);
    return (p->kernel == NULL ? node->op->run : p->kernel->run)(&call, err);
}

void call_spoil(prepared *p, int byte) {
    memset(p->out_memory.data, byte, p->out_memory.size);
}

bool call_intact(const prepared *p) {
    for (uint32_t i = 0; i < p->n_in; i++) {
        if (p->in_memory[i].data != NULL && !guard_intact(&p->in_memory[i])) return false;
    }
    return guard_intact(&p->out_memory) && guard_intact(&p->packed) && guard_intact(&p->scratch);
}

void call_free(prepared *p) {
    for (uint32_t i = 0; i < p->n_in; i++) {
        if (p->in_memory[i].map != NULL) guard_free(&p->in_memory[i]);
    }
    guard_free(&p->out_memory);
    guard_free(&p->packed);
    guard_free(&p->scratch);
}
