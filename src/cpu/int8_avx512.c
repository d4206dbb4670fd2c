/* AVX-512 rows between integer convolutions: the arithmetic of quantized_element.c on sixteen channels at a time. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_int8_avx512.h"

#include "cpu/qconv.h"
#include "cpu/rows.h"

#include <string.h>

enum {
    TASK = 32 << 10, /* elements, about */
    WIDE = 64,       /* bytes of a vector */
    TOGETHER = 8,    /* pixels that share a gate, of at most FEW channels that are no whole vectors */
    FEW = 256,
};

static int left_of(int64_t n, int64_t i) {
    return n - i < VF ? (int)(n - i) : VF;
}

static int64_t tasks(int64_t rows, int64_t a_task) {
    return (rows + a_task - 1) / a_task;
}

static int64_t at_most(int64_t a, int64_t b) {
    return a < b ? a : b;
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
    int64_t first = (int64_t)index * TASK, n = at_most(TASK, job->n - first);
    job->map(job->table, job->x + first, job->y + first, (size_t)n);
}

const char *gal_qmap_avx512_reject(const gal_node *node) {
    return accept(node);
}

galen_status gal_qmap_avx512_run(const gal_call *call, galen_error *err) {
    map_job job = {gal_map_bytes_best(), call->in[1]->data, call->in[0]->data, call->out[0]->data, 0};
    (void)err;
    job.n = galen_tensor_elements(call->in[0]);
    gal_pool_run(call->pool, map_some, &job, (size_t)tasks(job.n, TASK));
    return GALEN_OK;
}

/* ---- two operands: alike, or one a row of channels an image ---- */

typedef struct pair_job {
    gal_qpair pair;
    bool multiply, a_signed, b_signed;
    const uint8_t *a, *b;
    uint8_t *y;
    int64_t pixels, channels, a_task;                 /* of an image */
    int64_t a_image, b_image, a_pixel, b_pixel, each; /* steps in bytes; tasks of an image */
} pair_job;

/* v of the reference for sixteen pairs. */
static inline __attribute__((always_inline)) vf pair_vector(const gal_qpair *p, bool multiply, vf u, vf v) {
    /* Products of two bytes are exact in f32. */
    return multiply ? vf_mul(vf_mul(u, v), vf_set(p->product))
                    : vf_add(vf_mul(u, vf_set(p->a)), vf_mul(v, vf_set(p->b)));
}

static inline __attribute__((always_inline)) void pair_bytes(const pair_job *job, bool multiply, const uint8_t *a,
                                                             const uint8_t *b, uint8_t *y, int64_t n) {
    const gal_qpair p = job->pair;
    const bool a_signed = job->a_signed, b_signed = job->b_signed;
    const narrow k = narrow_of(&p.q);
    int64_t c = 0;
    for (; c + WIDE <= n; c += WIDE) {
        vf v[4];
        GAL_UNROLL
        for (int i = 0; i < 4; i++) {
            int64_t at = c + i * VF;
            v[i] = pair_vector(&p, multiply, load_bytes(a + at, 0xffff, a_signed, p.a_zero),
                               load_bytes(b + at, 0xffff, b_signed, p.b_zero));
        }
        _mm512_storeu_si512(y + c, narrow_quad(&k, v[0], v[1], v[2], v[3]));
    }
    for (; c < n; c += VF) {
        __mmask16 mask = first_of(left_of(n, c));
        vf u = load_bytes(a + c, mask, a_signed, p.a_zero), v = load_bytes(b + c, mask, b_signed, p.b_zero);
        store_bytes(y + c, mask, &p.q, pair_vector(&p, multiply, u, v));
    }
}

static void pair_row(const pair_job *job, const uint8_t *a, const uint8_t *b, uint8_t *y, int64_t n) {
    if (job->multiply)
        pair_bytes(job, true, a, b, y, n);
    else
        pair_bytes(job, false, a, b, y, n);
}

/* The gate of `channels` bytes as often as TOGETHER pixels need it. */
static const uint8_t *repeat(const uint8_t *gate, int64_t channels, uint8_t *to) {
    for (int64_t i = 0; i < TOGETHER; i++) memcpy(to + i * channels, gate, (size_t)channels);
    return to;
}

static void pair_some(void *context, size_t index) {
    const pair_job *job = context;
    int64_t n = (int64_t)index / job->each, p = (int64_t)index % job->each * job->a_task;
    int64_t end = at_most(p + job->a_task, job->pixels);
    const uint8_t *a = job->a + n * job->a_image + p * job->a_pixel, *b = job->b + n * job->b_image + p * job->b_pixel;
    uint8_t *y = job->y + (n * job->pixels + p) * job->channels, gate[TOGETHER * FEW];
    if (job->channels <= FEW && job->channels % WIDE != 0) {
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
    pair_job job = *(const pair_job *)context;
    int64_t first = (int64_t)index * TASK;
    job.channels = at_most(TASK, job.channels - first);
    pair_row(&job, job.a + first, job.b + first, job.y + first, job.channels);
}

static galen_status run_pair(const gal_call *call, bool multiply) {
    pair_job job = {.multiply = multiply, .a = call->in[0]->data, .b = call->in[1]->data, .y = call->out[0]->data};
    job.a_signed = call->in[0]->dtype == GALEN_I8, job.b_signed = call->in[1]->dtype == GALEN_I8;
    gal_qpair_of(call->node, &job.pair);
    pair_shape(call, &job);
    if (job.a_image == 0)
        gal_pool_run(call->pool, pair_piece, &job, (size_t)job.pixels);
    else
        gal_pool_run(call->pool, pair_some, &job, (size_t)(call->out[0]->dim[0] * job.each));
    return GALEN_OK;
}

const char *gal_qadd_avx512_reject(const gal_node *node) {
    return reject_pair(node);
}

galen_status gal_qadd_avx512_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run_pair(call, false);
}

const char *gal_qmul_avx512_reject(const gal_node *node) {
    return reject_pair(node);
}

galen_status gal_qmul_avx512_run(const gal_call *call, galen_error *err) {
    (void)err;
    return run_pair(call, true);
}

/* ---- rows of channels: QScaleShift and conversions from and to f32 ---- */

typedef struct row_job {
    gal_requant q;
    bool is_signed;
    int32_t zero;
    const void *x;
    void *y;
    const float *scale, *shift;
    float step;
    int64_t x_pitch, y_pitch;                   /* of QScaleShift */
    int64_t rows, channels, a_task, area, from; /* area of a plane and number of planes, for pictures */
} row_job;

/* What a row of QScaleShift needs, in registers: stores of bytes might change anything that lies in memory. */
typedef struct shift_constants {
    gal_requant q;
    narrow narrow;
    int32_t zero;
    bool is_signed;
} shift_constants;

static inline __attribute__((always_inline)) void shift_row(const shift_constants *k, bool is_signed, const uint8_t *x,
                                                            const float *scale, const float *shift, uint8_t *y,
                                                            int64_t n) {
    int64_t c = 0;
    for (; c + WIDE <= n; c += WIDE) {
        vf v[4];
        GAL_UNROLL
        for (int i = 0; i < 4; i++) {
            int64_t at = c + i * VF;
            v[i] = vf_add(vf_mul(load_bytes(x + at, 0xffff, is_signed, k->zero), vf_load(scale + at)),
                          vf_load(shift + at));
        }
        _mm512_storeu_si512(y + c, narrow_quad(&k->narrow, v[0], v[1], v[2], v[3]));
    }
    for (; c < n; c += VF) {
        __mmask16 mask = first_of(left_of(n, c));
        vf v = vf_mul(load_bytes(x + c, mask, is_signed, k->zero), _mm512_maskz_loadu_ps(mask, scale + c));
        store_bytes(y + c, mask, &k->q, vf_add(v, _mm512_maskz_loadu_ps(mask, shift + c)));
    }
}

static void shift_some(void *context, size_t index) {
    const row_job *job = context;
    int64_t first = (int64_t)index * job->a_task, end = at_most(first + job->a_task, job->rows);
    const shift_constants k = {job->q, narrow_of(&job->q), job->zero, job->is_signed};
    const float *scale = job->scale, *shift = job->shift;
    int64_t n = job->channels, x_pitch = job->x_pitch, y_pitch = job->y_pitch;
    const uint8_t *x = (const uint8_t *)job->x + first * x_pitch;
    uint8_t *y = (uint8_t *)job->y + first * y_pitch;
    for (int64_t r = first; r < end; r++, x += x_pitch, y += y_pitch) {
        if (k.is_signed)
            shift_row(&k, true, x, scale, shift, y, n);
        else
            shift_row(&k, false, x, scale, shift, y, n);
    }
}

const char *gal_qscale_shift_avx512_reject(const gal_node *node) {
    return accept(node);
}

galen_status gal_qscale_shift_avx512_run(const gal_call *call, galen_error *err) {
    const galen_tensor *x = call->in[0];
    row_job job = {.x = x->data, .y = call->out[0]->data, .scale = call->in[1]->data, .shift = call->in[2]->data};
    (void)err;
    gal_requant_of(call->node, &job.q);
    job.is_signed = x->dtype == GALEN_I8, job.zero = gal_quant_of(call->node, 'x', x->dtype).zero;
    job.channels = x->dim[x->rank - 1], job.rows = galen_tensor_elements(x) / job.channels;
    job.x_pitch = call->in_pitch, job.y_pitch = call->out_pitch;
    job.a_task = TASK / job.channels + 1;
    gal_pool_run(call->pool, shift_some, &job, (size_t)tasks(job.rows, job.a_task));
    return GALEN_OK;
}

/* x / step with NaN as 0, clamped: what is left is to round. */
static inline vf divide(const row_job *job, vf x) {
    vf v = clamp_to(vf_div(x, vf_set(job->step)), job->q.low, job->q.high);
    return vf_if_nan(x, vf_zero(), v);
}

static void quantize_some(void *context, size_t index) {
    const row_job *job = context;
    int64_t end = at_most((int64_t)(index + 1) * TASK, job->rows);
    for (int64_t i = (int64_t)index * TASK; i < end; i += VF) {
        __mmask16 mask = first_of(left_of(end, i));
        vf v = divide(job, _mm512_maskz_loadu_ps(mask, (const float *)job->x + i));
        store_bytes((uint8_t *)job->y + i, mask, &job->q, v);
    }
}

/* One to four planes into pixels of four bytes. */
static void pixels_some(void *context, size_t index) {
    const row_job *job = context;
    int64_t each = tasks(job->area, TASK), n = (int64_t)index / each, first = (int64_t)index % each * TASK;
    int64_t end = at_most(first + TASK, job->area);
    const float *x = (const float *)job->x + n * job->from * job->area;
    uint8_t *y = (uint8_t *)job->y + n * 4 * job->area;
    for (int64_t i = first; i < end; i += VF) {
        __mmask16 mask = first_of(left_of(end, i));
        vi pixel = _mm512_set1_epi32((int)(0x01010101u * (uint8_t)job->q.zero));
        for (int c = 0; c < (int)job->from; c++) {
            vf v = divide(job, _mm512_maskz_loadu_ps(mask, x + c * job->area + i));
            vi byte = _mm512_add_epi32(_mm512_cvtps_epi32(v), _mm512_set1_epi32(job->q.zero));
            __mmask64 place = (__mmask64)0x1111111111111111u << c;
            pixel = _mm512_mask_mov_epi8(pixel, place, _mm512_slli_epi32(byte, (unsigned)(8 * c)));
        }
        _mm512_mask_storeu_epi32(y + 4 * i, mask, pixel);
    }
}

const char *gal_quantize_avx512_reject(const gal_node *node) {
    const gal_shape *x = &node->in[0]->shape, *y = &node->out[0]->shape;
    int64_t to = y->dim[y->rank - 1].size;
    if (gal_attr_int(node, "planes", 0) == 0)
        return gal_dim_equal(x->dim[x->rank - 1], y->dim[y->rank - 1]) ? NULL : "the channels grow";
    if (x->dim[1].size == 1 && to == 1) return NULL;
    return to == 4 ? NULL : "pixels are not four bytes";
}

static void quantize_all(const gal_call *call, row_job *job) {
    job->rows = galen_tensor_elements(call->in[0]);
    gal_pool_run(call->pool, quantize_some, job, (size_t)tasks(job->rows, TASK));
}

galen_status gal_quantize_avx512_run(const gal_call *call, galen_error *err) {
    const galen_tensor *x = call->in[0], *y = call->out[0];
    row_job job = {.x = x->data, .y = y->data, .step = gal_attr_float(call->node, "y_scale", 1)};
    (void)err;
    gal_requant_of(call->node, &job.q);
    if (gal_attr_int(call->node, "planes", 0) == 0 || y->dim[3] == 1) {
        quantize_all(call, &job);
        return GALEN_OK;
    }
    job.from = x->dim[1], job.area = x->dim[2] * x->dim[3];
    gal_pool_run(call->pool, pixels_some, &job, (size_t)(x->dim[0] * tasks(job.area, TASK)));
    return GALEN_OK;
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

const char *gal_quantize_linear_avx512_reject(const gal_node *node) {
    return reject_many_scales(node);
}

galen_status gal_quantize_linear_avx512_run(const gal_call *call, galen_error *err) {
    row_job job = {.x = call->in[0]->data, .y = call->out[0]->data, .step = *(const float *)call->in[1]->data};
    galen_dtype to = call->out[0]->dtype;
    (void)err;
    job.q = (gal_requant){.dtype = to, .zero = gal_zero_at(call->node->n_in > 2 ? call->in[2] : NULL, 0)};
    job.q.low = (to == GALEN_U8 ? 0.0f : -128.0f) - (float)job.q.zero;
    job.q.high = (to == GALEN_U8 ? 255.0f : 127.0f) - (float)job.q.zero;
    quantize_all(call, &job);
    return GALEN_OK;
}

static void dequantize_some(void *context, size_t index) {
    const row_job *job = context;
    int64_t end = at_most((int64_t)(index + 1) * TASK, job->rows);
    for (int64_t i = (int64_t)index * TASK; i < end; i += VF) {
        __mmask16 mask = first_of(left_of(end, i));
        vf v = load_bytes((const uint8_t *)job->x + i, mask, job->is_signed, job->zero);
        _mm512_mask_storeu_ps((float *)job->y + i, mask, vf_mul(v, vf_set(job->step)));
    }
}

const char *gal_dequantize_linear_avx512_reject(const gal_node *node) {
    return reject_many_scales(node);
}

galen_status gal_dequantize_linear_avx512_run(const gal_call *call, galen_error *err) {
    row_job job = {.x = call->in[0]->data, .y = call->out[0]->data, .step = *(const float *)call->in[1]->data};
    (void)err;
    job.is_signed = call->in[0]->dtype == GALEN_I8;
    job.zero = gal_zero_at(call->node->n_in > 2 ? call->in[2] : NULL, 0);
    job.rows = galen_tensor_elements(call->in[0]);
    gal_pool_run(call->pool, dequantize_some, &job, (size_t)tasks(job.rows, TASK));
    return GALEN_OK;
}
