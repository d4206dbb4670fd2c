/*
 * The rows of bf16.def and f16.def other than convolution, matrix product and element-wise ops: windows, threads and
 * borders around loops_half.h.
 */
#if defined(__x86_64__) || defined(__aarch64__)
#include "cpu/loops_half.h"
#include "cpu/pool_rows.h"
#include "cpu/rows.h"

enum { PIECE = 16384 /* elements a task handles, about */ };

/* ---- pools ---- */

static void largest(const void *level, const void *x, const size_t *tap, size_t taps, void *y, size_t n) {
    ((const gal_loops_half *)level)->pool_max(x, tap, taps, y, n);
}

static void sum(const void *level, const void *x, const size_t *tap, size_t taps, int64_t count, void *y, size_t n) {
    float factor = count > 0 ? 1.0f / (float)count : 0.0f;
    ((const gal_loops_half *)level)->pool_sum(x, tap, taps, y, n, factor);
}

static void mean(const void *level, const void *x, size_t pixels, size_t stride, void *y, size_t n) {
    ((const gal_loops_half *)level)->mean(x, pixels, stride, y, n, 1.0f / (float)pixels);
}

static const gal_pool_loops pool_loops = {sizeof(uint16_t), largest, sum, mean};

static galen_status run_pool(const gal_call *call, const gal_loops_half *level, bool max) {
    gal_pool_rows_run(call, &pool_loops, level, max);
    return GALEN_OK;
}

static galen_status run_gap(const gal_call *call, const gal_loops_half *level) {
    gal_pool_rows_run_global(call, &pool_loops, level);
    return GALEN_OK;
}

/* ---- scale and shift of each channel ---- */

typedef struct affine {
    const gal_loops_half *loops;
    gal_cpu_activation act;
    const uint16_t *x;
    const float *scale, *shift;
    uint16_t *y;
    size_t pixels, c, each, x_pitch, y_pitch;
} affine;

static void run_pixels(void *context, size_t index) {
    const affine *job = context;
    size_t from = index * job->each, n = job->pixels - from < job->each ? job->pixels - from : job->each;
    job->loops->scale_shift(job->x + from * job->x_pitch, job->x_pitch, job->scale, job->shift,
                            job->y + from * job->y_pitch, job->y_pitch, n, job->c, &job->act);
}

static const char *reject_scale_shift(const gal_node *node) {
    return node->in[1]->shape.dim[0].size < 1 ? "there is nothing to compute" : NULL;
}

static galen_status run_scale_shift(const gal_call *call, const gal_loops_half *loops) {
    bool relu = gal_attr_string(call->node, "activation", "")[0] != '\0';
    affine job = {.loops = loops, .act = gal_cpu_activation_make(relu ? GAL_ACT_RELU : GAL_ACT_NONE, 0, 0)};
    job.x = call->in[0]->data, job.scale = call->in[1]->data, job.shift = call->in[2]->data, job.y = call->out[0]->data;
    job.c = (size_t)call->in[1]->dim[0], job.x_pitch = (size_t)call->in_pitch, job.y_pitch = (size_t)call->out_pitch;
    job.pixels = (size_t)galen_tensor_elements(call->in[0]) / job.c;
    job.each = job.c < PIECE ? PIECE / job.c : 1;
    gal_pool_run(call->pool, run_pixels, &job, (job.pixels + job.each - 1) / job.each);
    return GALEN_OK;
}

/* ---- to 16 bits and back ---- */

typedef struct convert {
    const gal_loops_half *loops;
    const void *x;
    void *y;
    size_t rows, each, from, to; /* elements of a row in x and y */
} convert;

static void narrow_some(void *context, size_t index) {
    const convert *job = context;
    size_t first = index * job->each, end = first + job->each < job->rows ? first + job->each : job->rows;
    job->loops->narrow_rows((const float *)job->x + first * job->from, job->from, (uint16_t *)job->y + first * job->to,
                            job->to, end - first);
}

static const char *reject_narrow(const gal_node *node, const gal_loops_half *loops) {
    const gal_shape *x = &node->in[0]->shape;
    if (node->out[0]->dtype != loops->dtype) return "is for another element type behind it";
    if (x->rank < 1 || x->dim[x->rank - 1].batch || x->dim[x->rank - 1].size < 1) return "there are no channels";
    return NULL;
}

static galen_status run_narrow(const gal_call *call, const gal_loops_half *loops) {
    const galen_tensor *x = call->in[0], *y = call->out[0];
    convert job = {.loops = loops, .x = x->data, .y = y->data};
    job.from = (size_t)x->dim[x->rank - 1], job.to = (size_t)y->dim[x->rank - 1];
    job.rows = (size_t)galen_tensor_elements(y) / job.to;
    job.each = job.to < PIECE ? PIECE / job.to : 1;
    gal_pool_run(call->pool, narrow_some, &job, (job.rows + job.each - 1) / job.each);
    return GALEN_OK;
}

static void widen_some(void *context, size_t index) {
    const convert *job = context;
    size_t first = index * PIECE, n = job->rows - first < PIECE ? job->rows - first : PIECE;
    job->loops->widen((const uint16_t *)job->x + first, (float *)job->y + first, n);
}

static const char *reject_widen(const gal_node *node) {
    return node->out[0]->dtype != GALEN_F32 ? "is for f32 behind it" : NULL;
}

static galen_status run_widen(const gal_call *call, const gal_loops_half *loops) {
    convert job = {.loops = loops, .x = call->in[0]->data, .y = call->out[0]->data};
    job.rows = (size_t)galen_tensor_elements(call->out[0]);
    gal_pool_run(call->pool, widen_some, &job, (job.rows + PIECE - 1) / PIECE);
    return GALEN_OK;
}
/* ---- the rows of each level ---- */

#define ROW(name, level, why, how)                                                                                     \
    const char *gal_##name##_##level##_reject(const gal_node *node) {                                                  \
        return why;                                                                                                    \
    }                                                                                                                  \
    galen_status gal_##name##_##level##_run(const gal_call *call, galen_error *err) {                                  \
        (void)err;                                                                                                     \
        return how;                                                                                                    \
    }
#define LEVEL(level)                                                                                                   \
    ROW(maxpool, level, gal_pool_rows_reject(node), run_pool(call, &gal_loops_##level, true))                          \
    ROW(avgpool, level, gal_pool_rows_reject(node), run_pool(call, &gal_loops_##level, false))                         \
    ROW(gap, level, gal_pool_rows_reject_global(node), run_gap(call, &gal_loops_##level))                              \
    ROW(scale_shift, level, reject_scale_shift(node), run_scale_shift(call, &gal_loops_##level))                       \
    ROW(narrow, level, reject_narrow(node, &gal_loops_##level), run_narrow(call, &gal_loops_##level))                  \
    ROW(widen, level, reject_widen(node), run_widen(call, &gal_loops_##level))

#if defined(__x86_64__)
LEVEL(bf16_avx512bf16)
LEVEL(f16_avx512)
LEVEL(f16_avx2)
#else
LEVEL(bf16_neonbf16)
LEVEL(f16_neon)
#endif
#endif
