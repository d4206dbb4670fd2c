/* AVX-512 row of DynamicQuantizeLinear: the ends of the whole tensor, then its bytes. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_int8_avx512.h"

#include "cpu/rows.h"
#include "graph/ops/affine.h"

enum { TASK = 32 << 10 /* elements */ };

typedef struct ends {
    float low, high;
} ends;

typedef struct dynamic_job {
    const float *x;
    uint8_t *y;
    ends *part; /* one a task */
    gal_requant q;
    float scale;
    int64_t n;
} dynamic_job;

static int64_t tasks(int64_t n) {
    return (n + TASK - 1) / TASK;
}

static int64_t end_of(const dynamic_job *job, size_t index) {
    int64_t end = (int64_t)(index + 1) * TASK;
    return end < job->n ? end : job->n;
}

static int left_of(int64_t end, int64_t i) {
    return end - i < VF ? (int)(end - i) : VF;
}

/* The least and the greatest are the same in any order; 0 is among them, and NaN is not. */
static void find_some(void *context, size_t index) {
    const dynamic_job *job = context;
    int64_t end = end_of(job, index);
    vf low = vf_zero(), high = vf_zero();
    for (int64_t i = (int64_t)index * TASK; i < end; i += VF) {
        vf x = _mm512_maskz_loadu_ps(first_of(left_of(end, i)), job->x + i);
        low = vf_min(x, low), high = vf_max(x, high);
    }
    job->part[index] = (ends){_mm512_reduce_min_ps(low), _mm512_reduce_max_ps(high)};
}

static void round_some(void *context, size_t index) {
    const dynamic_job *job = context;
    int64_t end = end_of(job, index);
    for (int64_t i = (int64_t)index * TASK; i < end; i += VF) {
        __mmask16 mask = first_of(left_of(end, i));
        vf x = vf_div(_mm512_maskz_loadu_ps(mask, job->x + i), vf_set(job->scale));
        store_bytes(job->y + i, mask, &job->q, vf_if_nan(x, vf_zero(), clamp_to(x, job->q.low, job->q.high)));
    }
}

const char *gal_dynamic_quantize_avx512_reject(const gal_node *node) {
    (void)node;
    return NULL;
}

void gal_dynamic_quantize_avx512_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) {
    galen_tensor x;
    (void)threads;
    gal_shape_at(&node->in[0]->shape, GALEN_F32, max_batch, &x);
    *needs = (gal_kernel_needs){.scratch_bytes = (size_t)tasks(galen_tensor_elements(&x)) * sizeof(ends)};
}

galen_status gal_dynamic_quantize_avx512_run(const gal_call *call, galen_error *err) {
    dynamic_job job = {.x = call->in[0]->data, .part = call->scratch, .n = galen_tensor_elements(call->in[0])};
    ends all = {0, 0};
    uint8_t zero;
    (void)err;
    gal_pool_run(call->pool, find_some, &job, (size_t)tasks(job.n));
    for (int64_t i = 0; i < tasks(job.n); i++) {
        if (job.part[i].low < all.low) all.low = job.part[i].low;
        if (job.part[i].high > all.high) all.high = job.part[i].high;
    }
    job.scale = all.high == all.low ? 1 : (all.high - all.low) / 255;
    gal_store_byte(GALEN_U8, &zero, 0, (double)(0 - all.low / job.scale), 0);
    job.q = (gal_requant){.dtype = GALEN_U8, .zero = zero, .low = -(float)zero, .high = 255.0f - (float)zero};
    if (call->out[0] != NULL) {
        job.y = call->out[0]->data;
        gal_pool_run(call->pool, round_some, &job, (size_t)tasks(job.n));
    }
    if (call->node->n_out > 1 && call->out[1] != NULL) *(float *)call->out[1]->data = job.scale;
    if (call->node->n_out > 2 && call->out[2] != NULL) *(uint8_t *)call->out[2]->data = zero;
    return GALEN_OK;
}
