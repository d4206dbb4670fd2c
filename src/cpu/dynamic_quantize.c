/* The rows of DynamicQuantizeLinear: the ends of the whole tensor, then its bytes. */
#include "cpu/levels.h"
#include "cpu/loops_int8.h"
#include "cpu/rows.h"
#include "graph/ops/affine.h"

enum { TASK = 32 << 10 /* elements */ };

typedef struct ends {
    float low, high;
} ends;

typedef struct dynamic_job {
    const gal_loops_int8 *loops;
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

static size_t count_of(const dynamic_job *job, size_t index) {
    int64_t left = job->n - (int64_t)index * TASK;
    return (size_t)(left < TASK ? left : TASK);
}

/* The least and the greatest are the same in any order. */
static void find_some(void *context, size_t index) {
    const dynamic_job *job = context;
    job->loops->ends(job->x + index * TASK, count_of(job, index), &job->part[index].low, &job->part[index].high);
}

static void round_some(void *context, size_t index) {
    const dynamic_job *job = context;
    job->loops->quantize(&job->q, job->scale, job->x + index * TASK, job->y + index * TASK, count_of(job, index));
}

static void needs_of(const gal_node *node, int64_t max_batch, gal_kernel_needs *needs) {
    galen_tensor x;
    gal_shape_at(&node->in[0]->shape, GALEN_F32, max_batch, &x);
    *needs = (gal_kernel_needs){.scratch_bytes = (size_t)tasks(galen_tensor_elements(&x)) * sizeof(ends)};
}

static galen_status run(const gal_call *call, const gal_loops_int8 *loops) {
    dynamic_job job = {
        .loops = loops, .x = call->in[0]->data, .part = call->scratch, .n = galen_tensor_elements(call->in[0])};
    ends all = {0, 0};
    uint8_t zero;
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

#define LEVEL(level)                                                                                                   \
    const char *gal_dynamic_quantize_##level##_reject(const gal_node *node) {                                          \
        (void)node;                                                                                                    \
        return NULL;                                                                                                   \
    }                                                                                                                  \
    void gal_dynamic_quantize_##level##_needs(const gal_node *node, int64_t max_batch, int threads,                    \
                                              gal_kernel_needs *needs) {                                               \
        (void)threads;                                                                                                 \
        needs_of(node, max_batch, needs);                                                                              \
    }                                                                                                                  \
    galen_status gal_dynamic_quantize_##level##_run(const gal_call *call, galen_error *err) {                          \
        (void)err;                                                                                                     \
        return run(call, &gal_loops_int8_##level);                                                                     \
    }

GAL_EACH_LEVEL(LEVEL)
