/* Preparing and running one kernel. */
#include "call.h"

#include "base/half.h"

#include <stdio.h>
#include <stdlib.h>
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
    for (int64_t i = 0; galen_dtype_size(x->dtype) == 1 && i < n; i++)
        ((uint8_t *)x->data)[i] = (uint8_t)case_pick(rng, 0, 255);
    for (int64_t i = 0; (x->dtype == GALEN_BF16 || x->dtype == GALEN_F16) && i < n; i++) {
        float v;
        case_fill(rng, &v, 1, scale);
        ((uint16_t *)x->data)[i] = x->dtype == GALEN_F16 ? gal_f32_to_f16(v) : gal_f32_to_bf16(v);
    }
}

/* The last part first, as threads may have it. */
static void pack_in_parts(const gal_kernel *kernel, const gal_node *node, int64_t outputs, void *packed) {
    if (outputs == 0) kernel->pack(node, (gal_columns){0, 0}, packed);
    for (int64_t end = outputs; end > 0;) {
        int64_t first = (end - 1) / GAL_PACK_STEP * GAL_PACK_STEP;
        kernel->pack(node, (gal_columns){first, end}, packed);
        end = first;
    }
}

/* A session asks for a row's needs again when it has let go of the packed weights: the answer may not depend on them.
 */
static void ask_again(const gal_kernel *kernel, const gal_node *node, int64_t batch, const gal_kernel_needs *first) {
    void *data[CALL_MAX_IN] = {NULL};
    gal_kernel_needs again = {0};
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (node->in[i] == NULL || node->in[i]->constant == NULL) continue;
        galen_tensor *tensor = (galen_tensor *)(uintptr_t)node->in[i]->constant; /* of a graph this program made */
        data[i] = tensor->data;
        tensor->data = NULL;
    }
    kernel->needs(node, batch, 2, &again);
    for (uint32_t i = 0; i < node->n_in; i++)
        if (data[i] != NULL) ((galen_tensor *)(uintptr_t)node->in[i]->constant)->data = data[i];
    if (again.packed_bytes == first->packed_bytes && again.scratch_bytes == first->scratch_bytes) return;
    fprintf(stderr, "galen-check: %s asks for other memory once its weights are gone\n", kernel->name);
    exit(1);
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
    p->n_more = node->n_out - 1;
    for (uint32_t i = 0; i < p->n_more; i++) {
        gal_shape_at(&node->out[i + 1]->shape, node->out[i + 1]->dtype, p->batch, &p->more[i]);
        p->more_memory[i] = guard_make((size_t)galen_tensor_bytes(&p->more[i]));
        p->more[i].data = p->more_memory[i].data;
    }
    gal_kernel_needs needs = {0};
    if (kernel == NULL)
        needs.scratch_bytes = node->op->scratch == NULL ? 0 : node->op->scratch(node, p->batch);
    else if (kernel->needs != NULL)
        kernel->needs(node, p->batch, 2, &needs);
    p->packed = aligned_guard(needs.packed_bytes);
    p->scratch = aligned_guard(needs.scratch_bytes);
    memset(p->packed.data, 0, p->packed.size);
    if (needs.packed_bytes > 0) {
        pack_in_parts(kernel, node, needs.outputs, p->packed.data);
        ask_again(kernel, node, p->batch, &needs);
    }
}

/* Items [first, first + count) of a tensor whose pixels are `pitch` elements apart. */
static void slice(const gal_value *value, galen_tensor *tensor, int64_t pitch, int64_t first, int64_t count) {
    if (!by_batch(value)) return;
    int64_t item = galen_tensor_bytes(tensor) / tensor->dim[0] / gal_dense_pitch(tensor) * pitch;
    tensor->data = (char *)tensor->data + first * item;
    tensor->dim[0] = count;
}

/* ---- slices ---- */

static size_t pixels_of(const galen_tensor *t) {
    return (size_t)(galen_tensor_elements(t) / gal_dense_pitch(t));
}

/* A pitch and a place for t's pixels: multiples of four bytes. The buffer ends with the last pixel. */
static guarded make_wide(gal_rng *rng, const galen_tensor *t, int64_t *pitch, size_t *at) {
    int64_t size = (int64_t)galen_dtype_size(t->dtype), word = size < 4 ? 4 / size : 1;
    int64_t before = case_pick(rng, 0, 2) == 0 ? 0 : case_pick(rng, 1, 40);
    *pitch = (gal_dense_pitch(t) + before + case_pick(rng, 0, 40) + word - 1) / word * word;
    *at = (size_t)(before / word * word * size);
    return guard_make(*at + ((pixels_of(t) - 1) * (size_t)*pitch + (size_t)gal_dense_pitch(t)) * (size_t)size);
}

void call_widen(prepared *p, uint64_t seed) {
    gal_rng rng = gal_rng_make(seed, 99);
    galen_tensor *in = &p->in[p->kernel->pitched_in];
    p->wide_in = make_wide(&rng, in, &p->in_pitch, &p->in_at);
    p->wide_out = make_wide(&rng, &p->out, &p->out_pitch, &p->out_at);
    size_t size = galen_dtype_size(in->dtype), line = (size_t)gal_dense_pitch(in) * size;
    memset(p->wide_in.data, 0xff, p->wide_in.size); /* NaN, should anybody compute with it */
    char *to = (char *)p->wide_in.data + p->in_at;
    for (size_t i = 0; i < pixels_of(in); i++)
        memcpy(to + i * (size_t)p->in_pitch * size, (char *)in->data + i * line, line);
    in->data = to;
    call_spoil(p, 0x7f);
}

/* The slice of the output, dense. */
static void gather(prepared *p) {
    size_t size = galen_dtype_size(p->out.dtype), line = (size_t)gal_dense_pitch(&p->out) * size;
    const char *from = (const char *)p->wide_out.data + p->out_at;
    for (size_t i = 0; i < pixels_of(&p->out); i++)
        memcpy((char *)p->out.data + i * line, from + i * (size_t)p->out_pitch * size, line);
}

static bool gaps_intact(const prepared *p) {
    size_t size = galen_dtype_size(p->out.dtype), line = (size_t)gal_dense_pitch(&p->out) * size;
    size_t step = (size_t)p->out_pitch * size;
    const uint8_t *at = p->wide_out.data;
    for (size_t i = 0; i < p->wide_out.size; i++) {
        bool inside = i >= p->out_at && (i - p->out_at) % step < line;
        if (!inside && at[i] != p->gap) return false;
    }
    return true;
}

/* ---- */

galen_status call_run(prepared *p, int64_t first, int64_t count, gal_pool *pool, galen_error *err) {
    const gal_node *node = p->problem->node;
    galen_tensor in[CALL_MAX_IN], out = p->out;
    const galen_tensor *in_at[CALL_MAX_IN];
    galen_tensor more[CALL_MAX_MORE], *out_at[1 + CALL_MAX_MORE] = {&out};
    bool wide = p->wide_out.map != NULL;
    uint32_t pitched_in = p->kernel != NULL ? p->kernel->pitched_in : 0;
    for (uint32_t i = 0; i < p->n_in; i++) {
        in[i] = p->in[i];
        in_at[i] = node->in[i] == NULL ? NULL : &in[i];
        int64_t pitch = i == pitched_in && wide ? p->in_pitch : gal_dense_pitch(&in[i]);
        if (node->in[i] != NULL) slice(node->in[i], &in[i], pitch, first, count);
    }
    if (wide) out.data = (char *)p->wide_out.data + p->out_at;
    for (uint32_t i = 0; i < p->n_more; i++) {
        more[i] = p->more[i];
        out_at[i + 1] = &more[i];
        slice(node->out[i + 1], &more[i], gal_dense_pitch(&more[i]), first, count);
    }
    slice(node->out[0], &out, wide ? p->out_pitch : gal_dense_pitch(&out), first, count);
    gal_call call = {
        .node = node, .in = in_at, .out = out_at, .scratch = p->scratch.data, .packed = p->packed.data, .pool = pool};
    call.in_pitch = gal_dense_pitch(&in[pitched_in]), call.out_pitch = gal_dense_pitch(&out);
    if (wide) call.in_pitch = p->in_pitch, call.out_pitch = p->out_pitch;
    galen_status status = (p->kernel == NULL ? node->op->run : p->kernel->run)(&call, err);
    if (wide) gather(p);
    return status;
}

const galen_tensor *call_output(const prepared *p, uint32_t index) {
    return index == 0 ? &p->out : &p->more[index - 1];
}

size_t call_output_bytes(const prepared *p) {
    size_t bytes = p->out_memory.size;
    for (uint32_t i = 0; i < p->n_more; i++) bytes += p->more_memory[i].size;
    return bytes;
}

void call_copy_outputs(const prepared *p, void *to) {
    char *at = to;
    memcpy(at, p->out.data, p->out_memory.size);
    at += p->out_memory.size;
    for (uint32_t i = 0; i < p->n_more; at += p->more_memory[i++].size)
        memcpy(at, p->more[i].data, p->more_memory[i].size);
}

bool call_outputs_are(const prepared *p, const void *bytes) {
    const char *at = bytes;
    bool same = memcmp(p->out.data, at, p->out_memory.size) == 0;
    at += p->out_memory.size;
    for (uint32_t i = 0; i < p->n_more; at += p->more_memory[i++].size)
        same &= memcmp(p->more[i].data, at, p->more_memory[i].size) == 0;
    return same;
}

void call_spoil(prepared *p, int byte) {
    for (uint32_t i = 0; i < p->n_more; i++) memset(p->more_memory[i].data, byte, p->more_memory[i].size);
    memset(p->out_memory.data, byte, p->out_memory.size);
    if (p->wide_out.map != NULL) memset(p->wide_out.data, byte, p->wide_out.size);
    p->gap = byte;
}

bool call_intact(const prepared *p) {
    for (uint32_t i = 0; i < p->n_in; i++) {
        if (p->in_memory[i].data != NULL && !guard_intact(&p->in_memory[i])) return false;
    }
    for (uint32_t i = 0; i < p->n_more; i++)
        if (!guard_intact(&p->more_memory[i])) return false;
    if (p->wide_out.map != NULL && !(guard_intact(&p->wide_in) && guard_intact(&p->wide_out) && gaps_intact(p)))
        return false;
    return guard_intact(&p->out_memory) && guard_intact(&p->packed) && guard_intact(&p->scratch);
}

void call_free(prepared *p) {
    for (uint32_t i = 0; i < p->n_in; i++) {
        if (p->in_memory[i].map != NULL) guard_free(&p->in_memory[i]);
    }
    if (p->wide_in.map != NULL) guard_free(&p->wide_in);
    if (p->wide_out.map != NULL) guard_free(&p->wide_out);
    for (uint32_t i = 0; i < p->n_more; i++) guard_free(&p->more_memory[i]);
    guard_free(&p->out_memory);
    guard_free(&p->packed);
    guard_free(&p->scratch);
}
