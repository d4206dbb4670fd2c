/* Rows of galen.MaxPoolGrad, AveragePoolGrad, GlobalAveragePoolGrad and ActivationGrad. */
#include "cpu/levels.h"
#include "cpu/rows.h"
#include "cpu/train_loops.h"
#include "graph/ops/activation.h"
#include "graph/ops/window.h"

#include <string.h>

enum { MAX_TAPS = 256, TASK = 16384 /* elements */ };

/* ---- pools: a task is an image ---- */

typedef struct pool_job {
    const gal_train_loops *loops;
    gal_window win;
    bool largest, count_pad;
    size_t c, image_in, image_out; /* elements */
    const char *dy, *x;
    char *dx;
} pool_job;

static galen_status find_window(const gal_node *node, gal_window *out) {
    const gal_shape *dx = &node->out[0]->shape;
    const gal_window_spec spec = {
        .spatial = dx->dim + 1, .rank = 2, .pool = true, .ceil = gal_attr_int(node, "ceil_mode", 0) == 1};
    return gal_window_make(node, &spec, out, NULL);
}

static const char *reject_pool(const gal_node *node) {
    gal_window win;
    if (find_window(node, &win) != GALEN_OK || win.kernel[1] * win.kernel[2] > MAX_TAPS)
        return "the window has more than 256 taps";
    return NULL;
}

/* In 16 bits each window's share would be rounded where windows meet. */
static const char *reject_mean(const gal_node *node) {
    gal_window win;
    const char *why = reject_pool(node);
    if (why != NULL || node->in[0]->dtype == GALEN_F32 || find_window(node, &win) != GALEN_OK) return why;
    bool overlap = win.kernel[1] > win.stride[1] || win.kernel[2] > win.stride[2];
    return overlap ? "windows overlap" : NULL;
}

static void spread(const pool_job *j, const char *dy, const char *x, char *dx, int64_t oh, int64_t ow) {
    const gal_window *win = &j->win;
    size_t tap[MAX_TAPS], taps = 0;
    int64_t r0, r1, s0, s1;
    gal_window_taps(win, 1, oh, &r0, &r1);
    gal_window_taps(win, 2, ow, &s0, &s1);
    for (int64_t r = r0; r < r1; r++)
        for (int64_t s = s0; s < s1; s++) {
            int64_t h = oh * win->stride[1] - win->before[1] + r * win->dilation[1];
            int64_t w = ow * win->stride[2] - win->before[2] + s * win->dilation[2];
            tap[taps++] = (size_t)(h * win->in[2] + w) * j->c;
        }
    if (taps == 0) return;
    int64_t count =
        j->count_pad ? gal_window_padded_taps(win, 1, oh) * gal_window_padded_taps(win, 2, ow) : (int64_t)taps;
    if (j->largest)
        j->loops->max_gradient(dy, x, tap, taps, dx, j->c);
    else
        j->loops->mean_gradient(dy, 1.0f / (float)count, tap, taps, dx, j->c);
}

static void one_image(void *context, size_t n) {
    const pool_job *j = context;
    size_t size = j->loops->element;
    const char *dy = j->dy + n * j->image_out * size, *x = j->x != NULL ? j->x + n * j->image_in * size : NULL;
    char *dx = j->dx + n * j->image_in * size;
    memset(dx, 0, j->image_in * size);
    for (int64_t oh = 0; oh < j->win.out[1]; oh++)
        for (int64_t ow = 0; ow < j->win.out[2]; ow++, dy += j->c * size) spread(j, dy, x, dx, oh, ow);
}

static void run_pool(const gal_call *call, const gal_train_loops *loops, bool largest) {
    const galen_tensor *dx = call->out[0];
    pool_job j = {.loops = loops, .largest = largest, .dy = call->in[0]->data, .dx = dx->data};
    if (find_window(call->node, &j.win) != GALEN_OK) return;
    j.count_pad = gal_attr_int(call->node, "count_include_pad", 0) != 0;
    j.x = largest ? call->in[1]->data : NULL;
    j.c = (size_t)dx->dim[3];
    j.image_in = (size_t)(j.win.in[1] * j.win.in[2]) * j.c;
    j.image_out = (size_t)(j.win.out[1] * j.win.out[2]) * j.c;
    gal_pool_run(call->pool, one_image, &j, (size_t)dx->dim[0]);
}

/* ---- the mean of whole images: a task is an image ---- */

static const char *reject_global(const gal_node *node) {
    return node->out[0]->shape.rank == 4 ? NULL : "the image is not two-dimensional";
}

/* Every pixel is the only one that adds to itself, so nothing is rounded twice. */
static void one_mean(void *context, size_t n) {
    const pool_job *j = context;
    size_t size = j->loops->element, pixels = j->image_in / j->c, tap[MAX_TAPS];
    char *dx = j->dx + n * j->image_in * size;
    for (size_t i = 0; i < MAX_TAPS; i++) tap[i] = i * j->c;
    memset(dx, 0, j->image_in * size);
    for (size_t first = 0; first < pixels; first += MAX_TAPS) {
        size_t taps = pixels - first < MAX_TAPS ? pixels - first : MAX_TAPS;
        j->loops->mean_gradient(j->dy + n * j->c * size, 1.0f / (float)pixels, tap, taps, dx + first * j->c * size,
                                j->c);
    }
}

static void run_global(const gal_call *call, const gal_train_loops *loops) {
    const galen_tensor *dx = call->out[0];
    pool_job j = {.loops = loops, .dy = call->in[0]->data, .dx = dx->data, .c = (size_t)dx->dim[3]};
    j.image_in = (size_t)(dx->dim[1] * dx->dim[2]) * j.c;
    gal_pool_run(call->pool, one_mean, &j, (size_t)dx->dim[0]);
}

/* ---- activations ---- */

static const char *reject_activation(const gal_node *node) {
    gal_activation kind;
    bool known = gal_activation_of(node, &kind) && kind != GAL_ACT_NONE && kind != GAL_ACT_GELU;
    return known ? NULL : "the activation has no fast gradient";
}

typedef struct activation_job {
    const gal_train_loops *loops;
    gal_cpu_activation f;
    const char *dy, *x;
    char *dx;
    size_t n;
} activation_job;

static void some(void *context, size_t index) {
    const activation_job *j = context;
    size_t at = index * TASK, n = j->n - at < TASK ? j->n - at : TASK, bytes = at * j->loops->element;
    if (j->f.kind == GAL_ACT_RELU)
        j->loops->relu_gradient(j->dy + bytes, j->x + bytes, n, j->dx + bytes);
    else
        j->loops->activation_gradient(&j->f, j->dy + bytes, j->x + bytes, n, j->dx + bytes);
}

static void run_activation(const gal_call *call, const gal_train_loops *loops) {
    activation_job j = {.loops = loops, .dy = call->in[0]->data, .x = call->in[1]->data, .dx = call->out[0]->data};
    if (gal_cpu_activation_of(call->node, &j.f) != NULL) return;
    j.n = (size_t)galen_tensor_elements(call->out[0]);
    gal_pool_run(j.n > TASK ? call->pool : NULL, some, &j, (j.n + TASK - 1) / TASK);
}

#define ROW(name, suffix, reject, run)                                                                                 \
    const char *gal_##name##_##suffix##_reject(const gal_node *node) {                                                 \
        return reject(node);                                                                                           \
    }                                                                                                                  \
    galen_status gal_##name##_##suffix##_run(const gal_call *call, galen_error *err) {                                 \
        (void)err;                                                                                                     \
        run;                                                                                                           \
        return GALEN_OK;                                                                                               \
    }
#define ROWS(suffix, loops)                                                                                            \
    ROW(maxpool_grad, suffix, reject_pool, run_pool(call, &gal_train_loops_##loops, true))                             \
    ROW(avgpool_grad, suffix, reject_mean, run_pool(call, &gal_train_loops_##loops, false))                            \
    ROW(gap_grad, suffix, reject_global, run_global(call, &gal_train_loops_##loops))                                   \
    ROW(activation_grad, suffix, reject_activation, run_activation(call, &gal_train_loops_##loops))
#define LEVEL(level) ROWS(f32_##level, level)
GAL_EACH_LEVEL(LEVEL)
#if defined(__x86_64__)
ROWS(bf16_avx512bf16, avx512bf16)
ROWS(f16_avx512, f16_avx512)
ROWS(f16_avx2, f16_avx2)
#endif
