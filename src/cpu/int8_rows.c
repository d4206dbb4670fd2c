/* The rows of int8.def between convolutions: shapes and threads around loops_int8.h. */
#include "base/whole.h"
#include "cpu/levels.h"
#include "cpu/loops_int8.h"
#include "cpu/rows.h"

#include <string.h>

enum {
    TASK = 32 << 10, /* elements, about */
    TOGETHER = 8,    /* pixels that share a gate, of at most FEW channels that are no whole vectors */
    FEW = 256,
};

static int64_t tasks(int64_t rows, int64_t a_task) {
    return (rows + a_task - 1) / a_task;
}

static const char *accept(const gal_node *node) {
    (void)node;
    return NULL;
}

/* ---- tables ---- */

typedef struct map_job {
    gal_map_fn map;
    const uint8_t *table, *x;
    uint8_t *y;
    int64_t n;
} map_job;

static void map_some(void *context, size_t index) {
    const map_job *job = context;
    int64_t first = (int64_t)index * TASK, n = gal_at_most(TASK, job->n - first);
    job->map(job->table, job->x + first, job->y + first, (size_t)n);
}

static void run_map(const gal_call *call, const gal_loops_int8 *loops) {
    map_job job = {loops->map, call->in[1]->data, call->in[0]->data, call->out[0]->data, 0};
    job.n = galen_tensor_elements(call->in[0]);
    gal_pool_run(call->pool, map_some, &job, (size_t)tasks(job.n, TASK));
}

/* ---- two operands: alike, or one a row of channels an image ---- */

typedef struct pair_job {
    const gal_loops_int8 *loops;
    gal_qpair pair;
    bool multiply, a_signed, b_signed;
    const uint8_t *a, *b;
    uint8_t *y;
    int64_t pixels, channels, a_task;                 /* of an image */
    int64_t a_image, b_image, a_pixel, b_pixel, each; /* steps in bytes; tasks of an image */
} pair_job;

static void pair_row(const pair_job *job, const uint8_t *a, const uint8_t *b, uint8_t *y, int64_t n) {
    job->loops->pair(&job->pair, job->multiply, a, job->a_signed, b, job->b_signed, y, (size_t)n);
}

/* The gate of `channels` bytes as often as TOGETHER pixels need it. */
static const uint8_t *repeat(const uint8_t *gate, int64_t channels, uint8_t *to) {
    for (int64_t i = 0; i < TOGETHER; i++) memcpy(to + i * channels, gate, (size_t)channels);
    return to;
}

static void pair_some(void *context, size_t index) {
    const pair_job *job = context;
    int64_t n = (int64_t)index / job->each, p = (int64_t)index % job->each * job->a_task;
    int64_t end = gal_at_most(p + job->a_task, job->pixels);
    const uint8_t *a = job->a + n * job->a_image + p * job->a_pixel, *b = job->b + n * job->b_image + p * job->b_pixel;
    uint8_t *y = job->y + (n * job->pixels + p) * job->channels, gate[TOGETHER * FEW];
    if (job->channels <= FEW && job->channels % (int64_t)job->loops->wide != 0) {
        const uint8_t *many_a = job->a_pixel == 0 ? repeat(a, job->channels, gate) : NULL;
        const uint8_t *many_b = job->a_pixel == 0 ? NULL : repeat(b, job->channels, gate);
        int64_t wide = TOGETHER * job->channels;
        for (; p + TOGETHER <= end; p += TOGETHER, y += wide) {
            pair_row(job, many_a != NULL ? many_a : a, many_b != NULL ? many_b : b, y, wide);
            a += TOGETHER * job->a_pixel, b += TOGETHER * job->b_pixel;
        }
    }
    for (; p < end; p++, a += job->a_pixel, b += job->b_pixel, y += job->channels)
        pair_row(job, a, b, y, job->channels);
}

/* [N, 1, 1, C] beside [N, H, W, C]. */
static bool is_gate(const gal_shape *gate, const gal_shape *image) {
    if (gate->rank != 4 || image->rank != 4 || !gal_dim_equal(gate->dim[0], image->dim[0])) return false;
    for (int i = 1; i < 3; i++)
        if (gate->dim[i].batch || gate->dim[i].size != 1) return false;
    return gal_dim_equal(gate->dim[3], image->dim[3]) && !gate->dim[3].batch;
}

static const char *reject_pair(const gal_node *node) {
    const gal_shape *a = &node->in[0]->shape, *b = &node->in[1]->shape;
    if (gal_shape_equal(a, b) || is_gate(a, b) || is_gate(b, a)) return NULL;
    return "the operands are neither alike nor a row of channels an image";
}

static void pair_shape(const gal_call *call, pair_job *job) {
    const galen_tensor *a = call->in[0], *b = call->in[1], *y = call->out[0];
    int64_t na = galen_tensor_elements(a), nb = galen_tensor_elements(b), images = 1;
    if (na == nb) {
        job->pixels = tasks(na, TASK), job->channels = na, job->a_task = 1, job->each = 1;
        return;
    }
    images = y->dim[0], job->channels = y->dim[3], job->pixels = y->dim[1] * y->dim[2];
    job->a_image = na / images, job->b_image = nb / images;
    job->a_pixel = na > nb ? job->channels : 0, job->b_pixel = nb > na ? job->channels : 0;
    job->a_task = TASK / job->channels + 1;
    job->each = tasks(job->pixels, job->a_task);
}

/* Two tensors alike: one row, cut into pieces. */
static void pair_piece(void *context, size_t index) {
    const pair_job *job = context;
    int64_t first = (int64_t)index * TASK;
    pair_row(job, job->a + first, job->b + first, job->y + first, gal_at_most(TASK, job->channels - first));
}

static void run_pair(const gal_call *call, const gal_loops_int8 *loops, bool multiply) {
    pair_job job = {
        .loops = loops, .multiply = multiply, .a = call->in[0]->data, .b = call->in[1]->data, .y = call->out[0]->data};
    job.a_signed = call->in[0]->dtype == GALEN_I8, job.b_signed = call->in[1]->dtype == GALEN_I8;
    gal_qpair_of(call->node, &job.pair);
    pair_shape(call, &job);
    if (job.a_image == 0)
        gal_pool_run(call->pool, pair_piece, &job, (size_t)job.pixels);
    else
        gal_pool_run(call->pool, pair_some, &job, (size_t)(call->out[0]->dim[0] * job.each));
}

/* ---- a factor and a term for each channel ---- */

typedef struct shift_job {
    const gal_loops_int8 *loops;
    gal_requant q;
    bool is_signed;
    int32_t zero;
    const uint8_t *x;
    uint8_t *y;
    const float *scale, *shift;
    int64_t x_pitch, y_pitch, rows, channels, a_task;
} shift_job;

static void shift_some(void *context, size_t index) {
    const shift_job *job = context;
    int64_t first = (int64_t)index * job->a_task, end = gal_at_most(first + job->a_task, job->rows);
    for (int64_t r = first; r < end; r++)
        job->loops->shift(&job->q, job->x + r * job->x_pitch, job->is_signed, job->zero, job->scale, job->shift,
                          job->y + r * job->y_pitch, (size_t)job->channels);
}

static void run_shift(const gal_call *call, const gal_loops_int8 *loops) {
    const galen_tensor *x = call->in[0];
    shift_job job = {.loops = loops,
                     .x = x->data,
                     .y = call->out[0]->data,
                     .scale = call->in[1]->data,
                     .shift = call->in[2]->data,
                     .x_pitch = call->in_pitch,
                     .y_pitch = call->out_pitch};
    gal_requant_of(call->node, &job.q);
    job.is_signed = x->dtype == GALEN_I8, job.zero = gal_quant_of(call->node, 'x', x->dtype).zero;
    job.channels = x->dim[x->rank - 1], job.rows = galen_tensor_elements(x) / job.channels;
    job.a_task = TASK / job.channels + 1;
    gal_pool_run(call->pool, shift_some, &job, (size_t)tasks(job.rows, job.a_task));
}

/* ---- from and to f32 ---- */

typedef struct convert_job {
    const gal_loops_int8 *loops;
    gal_requant q;
    float step;
    bool is_signed;
    int32_t zero;
    const void *x;
    void *y;
    int64_t n;            /* elements, or of a plane */
    int64_t planes, each; /* of a picture; tasks of one */
} convert_job;

static size_t count_of(const convert_job *job, int64_t first) {
    return (size_t)gal_at_most(TASK, job->n - first);
}

static void quantize_some(void *context, size_t index) {
    const convert_job *job = context;
    int64_t first = (int64_t)index * TASK;
    job->loops->quantize(&job->q, job->step, (const float *)job->x + first, (uint8_t *)job->y + first,
                         count_of(job, first));
}

static void dequantize_some(void *context, size_t index) {
    const convert_job *job = context;
    int64_t first = (int64_t)index * TASK;
    job->loops->dequantize((const uint8_t *)job->x + first, job->is_signed, job->zero, job->step,
                           (float *)job->y + first, count_of(job, first));
}

/* One to four planes into pixels of four bytes. */
static void pixels_some(void *context, size_t index) {
    const convert_job *job = context;
    int64_t n = (int64_t)index / job->each, first = (int64_t)index % job->each * TASK;
    job->loops->pixels(&job->q, job->step, (const float *)job->x + n * job->planes * job->n + first, (size_t)job->n,
                       (size_t)job->planes, (uint8_t *)job->y + 4 * (n * job->n + first), count_of(job, first));
}

static void quantize_all(const gal_call *call, convert_job *job) {
    job->n = galen_tensor_elements(call->in[0]);
    gal_pool_run(call->pool, quantize_some, job, (size_t)tasks(job->n, TASK));
}

static const char *reject_quantize(const gal_node *node) {
    const gal_shape *x = &node->in[0]->shape, *y = &node->out[0]->shape;
    int64_t to = y->dim[y->rank - 1].size;
    if (gal_attr_int(node, "planes", 0) == 0)
        return gal_dim_equal(x->dim[x->rank - 1], y->dim[y->rank - 1]) ? NULL : "the channels grow";
    if (x->dim[1].size == 1 && to == 1) return NULL;
    return to == 4 ? NULL : "pixels are not four bytes";
}

static void run_quantize(const gal_call *call, const gal_loops_int8 *loops) {
    const galen_tensor *x = call->in[0], *y = call->out[0];
    convert_job job = {.loops = loops, .x = x->data, .y = y->data, .step = gal_attr_float(call->node, "y_scale", 1)};
    gal_requant_of(call->node, &job.q);
    if (gal_attr_int(call->node, "planes", 0) == 0 || y->dim[3] == 1) {
        quantize_all(call, &job);
        return;
    }
    job.planes = x->dim[1], job.n = x->dim[2] * x->dim[3], job.each = tasks(job.n, TASK);
    gal_pool_run(call->pool, pixels_some, &job, (size_t)(x->dim[0] * job.each));
}

static const char *reject_many_scales(const gal_node *node) {
    const gal_value *scale = node->in[1], *zero = node->n_in > 2 ? node->in[2] : NULL;
    if (scale->constant == NULL || galen_tensor_elements(scale->constant) != 1)
        return "there is not one constant scale";
    float s = *(const float *)scale->constant->data;
    if (!(s > 0) || !isfinite(s)) return "the scale is not positive";
    if (zero != NULL && zero->constant == NULL) return "the zero point is not constant";
    return NULL;
}

static convert_job linear_job(const gal_call *call, const gal_loops_int8 *loops) {
    return (convert_job){.loops = loops,
                         .x = call->in[0]->data,
                         .y = call->out[0]->data,
                         .step = *(const float *)call->in[1]->data,
                         .zero = gal_zero_at(call->node->n_in > 2 ? call->in[2] : NULL, 0)};
}

static void run_quantize_linear(const gal_call *call, const gal_loops_int8 *loops) {
    convert_job job = linear_job(call, loops);
    galen_dtype to = call->out[0]->dtype;
    job.q = (gal_requant){.dtype = to, .zero = job.zero};
    job.q.low = (to == GALEN_U8 ? 0.0f : -128.0f) - (float)job.zero;
    job.q.high = (to == GALEN_U8 ? 255.0f : 127.0f) - (float)job.zero;
    quantize_all(call, &job);
}

static void run_dequantize_linear(const gal_call *call, const gal_loops_int8 *loops) {
    convert_job job = linear_job(call, loops);
    job.is_signed = call->in[0]->dtype == GALEN_I8;
    job.n = galen_tensor_elements(call->in[0]);
    gal_pool_run(call->pool, dequantize_some, &job, (size_t)tasks(job.n, TASK));
}

/* ---- the rows of each level ---- */

#define ROW(name, reject_fn, level, how)                                                                               \
    const char *gal_##name##_##level##_reject(const gal_node *node) {                                                  \
        return reject_fn(node);                                                                                        \
    }                                                                                                                  \
    galen_status gal_##name##_##level##_run(const gal_call *call, galen_error *err) {                                  \
        (void)err;                                                                                                     \
        how;                                                                                                           \
        return GALEN_OK;                                                                                               \
    }
#define LEVEL(level)                                                                                                   \
    ROW(qmap, accept, level, run_map(call, &gal_loops_int8_##level))                                                   \
    ROW(qadd, reject_pair, level, run_pair(call, &gal_loops_int8_##level, false))                                      \
    ROW(qmul, reject_pair, level, run_pair(call, &gal_loops_int8_##level, true))                                       \
    ROW(qscale_shift, accept, level, run_shift(call, &gal_loops_int8_##level))                                         \
    ROW(quantize, reject_quantize, level, run_quantize(call, &gal_loops_int8_##level))                                 \
    ROW(quantize_linear, reject_many_scales, level, run_quantize_linear(call, &gal_loops_int8_##level))                \
    ROW(dequantize_linear, reject_many_scales, level, run_dequantize_linear(call, &gal_loops_int8_##level))

GAL_EACH_LEVEL(LEVEL)
