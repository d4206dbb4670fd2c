/* The rows of bf16.def other than convolution and matrix product: windows, threads and borders around loops_bf16.h. */
#if defined(__x86_64__) || defined(__aarch64__)
#include "cpu/loops_bf16.h"
#include "cpu/rows.h"
#include "graph/ops/pool_ref.h"

enum { MAX_TAPS = 256, CHANNELS = 64 /* of a task's mean */, PIECE = 16384 /* elements a task handles, about */ };

/* The one level that a processor has: ROW(maxpool, run) is gal_maxpool_bf16_<level>_run. */
#if defined(__x86_64__)
#define ROW(name, what) gal_##name##_bf16_avx512bf16_##what
static const gal_loops_bf16 *const loops = &gal_loops_bf16_avx512bf16;
#else
#define ROW(name, what) gal_##name##_bf16_neonbf16_##what
static const gal_loops_bf16 *const loops = &gal_loops_bf16_neonbf16;
#endif

/* ---- windows ---- */

typedef struct pool_job {
    gal_window win;
    bool largest, count_pad;
    int64_t c, in_pitch, out_pitch, rows, bands;
    const uint16_t *x;
    uint16_t *y;
} pool_job;

/* Positions of the window at output `o` that lie on the padded input along dimension d. */
static int64_t padded_taps(const gal_window *win, int d, int64_t o) {
    int64_t room = win->in[d] + win->after[d] - (o * win->stride[d] - win->before[d]);
    int64_t fit = (room + win->dilation[d] - 1) / win->dilation[d];
    return fit < win->kernel[d] ? fit : win->kernel[d];
}

static void run_pixel(const pool_job *job, const uint16_t *x, uint16_t *y, int64_t oh, int64_t ow) {
    const gal_window *win = &job->win;
    size_t tap[MAX_TAPS], taps = 0;
    int64_t r0, r1, s0, s1;
    gal_window_taps(win, 1, oh, &r0, &r1);
    gal_window_taps(win, 2, ow, &s0, &s1);
    for (int64_t r = r0; r < r1; r++) {
        for (int64_t s = s0; s < s1; s++) {
            int64_t h = oh * win->stride[1] - win->before[1] + r * win->dilation[1];
            int64_t w = ow * win->stride[2] - win->before[2] + s * win->dilation[2];
            tap[taps++] = (size_t)((h * win->in[2] + w) * job->in_pitch);
        }
    }
    if (job->largest) {
        loops->pool_max(x, tap, taps, y, (size_t)job->c);
    } else {
        int64_t count = job->count_pad ? padded_taps(win, 1, oh) * padded_taps(win, 2, ow) : (int64_t)taps;
        loops->pool_sum(x, tap, taps, y, (size_t)job->c, count > 0 ? 1.0f / (float)count : 0.0f);
    }
}

static void run_band(void *context, size_t index) {
    const pool_job *job = context;
    const gal_window *win = &job->win;
    int64_t n = (int64_t)index / job->bands, first = (int64_t)index % job->bands * job->rows;
    int64_t end = first + job->rows < win->out[1] ? first + job->rows : win->out[1];
    const uint16_t *x = job->x + n * win->in[1] * win->in[2] * job->in_pitch;
    uint16_t *y = job->y + (n * win->out[1] + first) * win->out[2] * job->out_pitch;
    for (int64_t oh = first; oh < end; oh++) {
        for (int64_t ow = 0; ow < win->out[2]; ow++, y += job->out_pitch) run_pixel(job, x, y, oh, ow);
    }
}

static galen_status run_pool(const gal_call *call, bool largest) {
    gal_shape shape;
    pool_job job = {.largest = largest, .c = call->in[0]->dim[3], .x = call->in[0]->data, .y = call->out[0]->data};
    gal_pool_shape(call->node, true, &job.win, &shape, NULL);
    job.count_pad = gal_attr_int(call->node, "count_include_pad", 0) != 0;
    job.in_pitch = call->in_pitch, job.out_pitch = call->out_pitch;
    job.rows = PIECE / (job.win.out[2] * job.c) + 1;
    job.bands = (job.win.out[1] + job.rows - 1) / job.rows;
    gal_pool_run(call->pool, run_band, &job, (size_t)(call->in[0]->dim[0] * job.bands));
    return GALEN_OK;
}

static const char *reject_pool(const gal_node *node) {
    gal_window win;
    gal_shape shape;
    if (node->n_out > 1 && node->out[1] != NULL) return "the indices are wanted";
    if (gal_pool_shape(node, true, &win, &shape, NULL) != GALEN_OK) return "the window is not understood";
    if (win.kernel[1] > MAX_TAPS || win.kernel[2] > MAX_TAPS || win.kernel[1] * win.kernel[2] > MAX_TAPS)
        return "the window has more than 256 taps";
    if (win.out[1] < 1 || win.out[2] < 1 || shape.dim[3].size < 1) return "there is nothing to compute";
    return NULL;
}

const char *ROW(maxpool, reject)(const gal_node *node) {
    return reject_pool(node);
}

galen_status ROW(maxpool, run)(const gal_call *call, galen_error *err) {
    (void)err;
    return run_pool(call, true);
}

const char *ROW(avgpool, reject)(const gal_node *node) {
    return reject_pool(node);
}

galen_status ROW(avgpool, run)(const gal_call *call, galen_error *err) {
    (void)err;
    return run_pool(call, false);
}

/* ---- the whole image ---- */

typedef struct mean_job {
    const uint16_t *x;
    uint16_t *y;
    size_t area, c, blocks, in_pitch, out_pitch;
} mean_job;

static void run_mean(void *context, size_t index) {
    const mean_job *job = context;
    size_t n = index / job->blocks, from = index % job->blocks * CHANNELS;
    size_t count = job->c - from < CHANNELS ? job->c - from : CHANNELS;
    loops->mean(job->x + n * job->area * job->in_pitch + from, job->area, job->in_pitch,
                job->y + n * job->out_pitch + from, count, 1.0f / (float)job->area);
}

const char *ROW(gap, reject)(const gal_node *node) {
    const gal_shape *x = &node->in[0]->shape;
    if (x->rank != 4) return "the input is not an image";
    return x->dim[3].size < 1 ? "there is nothing to compute" : NULL;
}

galen_status ROW(gap, run)(const gal_call *call, galen_error *err) {
    const galen_tensor *x = call->in[0];
    mean_job job = {.x = x->data, .y = call->out[0]->data};
    (void)err;
    job.area = (size_t)(x->dim[1] * x->dim[2]), job.c = (size_t)x->dim[3];
    job.in_pitch = (size_t)call->in_pitch, job.out_pitch = (size_t)call->out_pitch;
    job.blocks = (job.c + CHANNELS - 1) / CHANNELS;
    gal_pool_run(call->pool, run_mean, &job, (size_t)x->dim[0] * job.blocks);
    return GALEN_OK;
}

/* ---- scale and shift of each channel ---- */

typedef struct affine {
    gal_cpu_activation act;
    const uint16_t *x;
    const float *scale, *shift;
    uint16_t *y;
    size_t pixels, c, each, x_pitch, y_pitch;
} affine;

static void run_pixels(void *context, size_t index) {
    const affine *job = context;
    size_t from = index * job->each, n = job->pixels - from < job->each ? job->pixels - from : job->each;
    loops->scale_shift(job->x + from * job->x_pitch, job->x_pitch, job->scale, job->shift, job->y + from * job->y_pitch,
                       job->y_pitch, n, job->c, &job->act);
}

const char *ROW(scale_shift, reject)(const gal_node *node) {
    return node->in[1]->shape.dim[0].size < 1 ? "there is nothing to compute" : NULL;
}

galen_status ROW(scale_shift, run)(const gal_call *call, galen_error *err) {
    bool relu = gal_attr_string(call->node, "activation", "")[0] != '\0';
    affine job = {.act = gal_cpu_activation_make(relu ? GAL_ACT_RELU : GAL_ACT_NONE, 0, 0)};
    (void)err;
    job.x = call->in[0]->data, job.scale = call->in[1]->data, job.shift = call->in[2]->data, job.y = call->out[0]->data;
    job.c = (size_t)call->in[1]->dim[0], job.x_pitch = (size_t)call->in_pitch, job.y_pitch = (size_t)call->out_pitch;
    job.pixels = (size_t)galen_tensor_elements(call->in[0]) / job.c;
    job.each = job.c < PIECE ? PIECE / job.c : 1;
    gal_pool_run(call->pool, run_pixels, &job, (job.pixels + job.each - 1) / job.each);
    return GALEN_OK;
}

/* ---- to bf16 and back ---- */

typedef struct convert {
    const void *x;
    void *y;
    size_t rows, each, from, to; /* elements of a row in x and y */
} convert;

static void run_narrow(void *context, size_t index) {
    const convert *job = context;
    size_t first = index * job->each, end = first + job->each < job->rows ? first + job->each : job->rows;
    loops->narrow_rows((const float *)job->x + first * job->from, job->from, (uint16_t *)job->y + first * job->to,
                       job->to, end - first);
}

const char *ROW(narrow, reject)(const gal_node *node) {
    const gal_shape *x = &node->in[0]->shape;
    if (node->out[0]->dtype != GALEN_BF16) return "is for f32 to bf16";
    if (x->rank < 1 || x->dim[x->rank - 1].batch || x->dim[x->rank - 1].size < 1) return "there are no channels";
    return NULL;
}

galen_status ROW(narrow, run)(const gal_call *call, galen_error *err) {
    const galen_tensor *x = call->in[0], *y = call->out[0];
    convert job = {.x = x->data, .y = y->data};
    (void)err;
    job.from = (size_t)x->dim[x->rank - 1], job.to = (size_t)y->dim[x->rank - 1];
    job.rows = (size_t)galen_tensor_elements(y) / job.to;
    job.each = job.to < PIECE ? PIECE / job.to : 1;
    gal_pool_run(call->pool, run_narrow, &job, (job.rows + job.each - 1) / job.each);
    return GALEN_OK;
}

static void run_widen(void *context, size_t index) {
    const convert *job = context;
    size_t first = index * PIECE, n = job->rows - first < PIECE ? job->rows - first : PIECE;
    loops->widen((const uint16_t *)job->x + first, (float *)job->y + first, n);
}

const char *ROW(widen, reject)(const gal_node *node) {
    return node->out[0]->dtype != GALEN_F32 ? "is for bf16 to f32" : NULL;
}

galen_status ROW(widen, run)(const gal_call *call, galen_error *err) {
    convert job = {.x = call->in[0]->data, .y = call->out[0]->data};
    (void)err;
    job.rows = (size_t)galen_tensor_elements(call->out[0]);
    gal_pool_run(call->pool, run_widen, &job, (job.rows + PIECE - 1) / PIECE);
    return GALEN_OK;
}
#endif
