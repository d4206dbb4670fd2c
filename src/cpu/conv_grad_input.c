/*
 * Input gradient of convolution: convolutions of dY with the taps in reverse order and channels for outputs.
 *
 * With a stride of s, pixels of dX whose rows and columns leave the same remainders by s meet the same taps: each such
 * phase is a convolution of dY with stride 1 by its own taps, whose outputs lie s apart. Pixels of a phase that no tap
 * reaches are zero.
 */
#include "cpu/conv_grad_input.h"
#include "cpu/conv_bf16.h"
#include "cpu/conv_f32.h"
#include "cpu/levels.h"
#include "cpu/rows.h"
#include "graph/ops/conv_grad.h"

#include <string.h>

enum { MAX_TAPS = 256, MAX_PHASES = 16, LINE = 64 /* bytes */ };

/* A type at one level, for which dY is words of one channel, or of a pair. */
typedef struct grad_level {
    const gal_gemm_f32 *gemm;
    int64_t words;
    bool woven; /* the weights of a pair are one word; else the columns of one channel are followed by the other's */
} grad_level;

/* At the start of packed; offsets are in bytes from there. An offset of 0: the phase has no taps. */
typedef struct phases {
    int64_t rows, columns; /* strides */
    size_t bytes;
    size_t at[MAX_PHASES]; /* [row phase][column phase]: a gal_conv with its weights */
} phases;

gal_grad_axis gal_grad_axis_of(const gal_window *w, int d, int64_t phase) {
    int64_t s = w->stride[d], first = -1;
    gal_grad_axis a = {.outputs = (w->in[d] - phase + s - 1) / s, .step = 1, .dilation = 1};
    for (int64_t k = 0; k < w->kernel[d]; k++) {
        if ((phase + w->before[d] - k * w->dilation[d]) % s != 0) continue;
        if (a.taps == 1) a.step = k - first;
        if (a.taps == 0) first = k;
        a.last = k;
        a.taps++;
    }
    if (a.taps > 1) a.dilation = a.step * w->dilation[d] / s;
    a.pad = -(phase + w->before[d] - a.last * w->dilation[d]) / s;
    return a;
}

/* The convolution of phase (i, j); NULL axes are not needed. `words` is the channels in a word of dY. */
static gal_conv phase_conv(const gal_conv_grad *g, const gal_grad_axis *h, const gal_grad_axis *w, int64_t i, int64_t j,
                           int64_t words, int vec) {
    const gal_window *win = &g->window;
    gal_conv conv = {.h = win->out[1], .w = win->out[2], .c = g->outputs / words, .oh = h->outputs, .ow = w->outputs};
    conv.k = g->channels, conv.r = h->taps, conv.s = w->taps;
    conv.sh = conv.sw = 1, conv.dh = h->dilation, conv.dw = w->dilation, conv.top = h->pad, conv.left = w->pad;
    conv.group = g->group, conv.cg = conv.c / g->group, conv.kg = g->channels / g->group;
    conv.act = gal_cpu_activation_make(GAL_ACT_NONE, 0, 0);
    conv.spread = win->stride[1] > 1 || win->stride[2] > 1;
    conv.y_first = i * win->in[2] + j, conv.y_image = win->in[1] * win->in[2];
    conv.y_row = win->stride[1] * win->in[2], conv.y_step = win->stride[2];
    gal_conv_f32_place(&conv, vec);
    return conv;
}

static const char *decode(const gal_node *node, int64_t words, gal_conv_grad *g) {
    gal_shape shape;
    if (gal_conv_grad_input_shape(node, g, &shape, NULL) != GALEN_OK) return "the window is not understood";
    const gal_window *w = &g->window;
    if (node->in[1]->constant == NULL) return "the weights are not constant";
    if (w->stride[1] * w->stride[2] > MAX_PHASES) return "the strides make more than 16 phases";
    if (w->kernel[1] > MAX_TAPS || w->kernel[2] > MAX_TAPS || w->kernel[1] * w->kernel[2] > MAX_TAPS)
        return "the window has more than 256 taps";
    if (g->channels < 1 || g->outputs < 1 || w->in[1] < 1 || w->in[2] < 1 || w->out[1] < 1 || w->out[2] < 1)
        return "there is nothing to compute";
    if (g->outputs / g->group % words != 0) return "the outputs of a group are not pairs";
    return NULL;
}

/* Calls fn for each phase that has taps and pixels, with where it lies. Returns where the last ends. */
typedef void (*phase_fn)(const gal_conv *conv, const gal_grad_axis *h, const gal_grad_axis *w, const void *context,
                         char *at);

static size_t each_phase(const gal_conv_grad *g, int64_t words, int vec, phases *to, phase_fn fn, const void *context,
                         char *packed) {
    const gal_window *win = &g->window;
    size_t at = (sizeof *to + LINE - 1) / LINE * LINE;
    *to = (phases){.rows = win->stride[1], .columns = win->stride[2]};
    for (int64_t i = 0; i < to->rows; i++) {
        gal_grad_axis h = gal_grad_axis_of(win, 1, i);
        for (int64_t j = 0; j < to->columns; j++) {
            gal_grad_axis w = gal_grad_axis_of(win, 2, j);
            if (h.taps == 0 || w.taps == 0 || h.outputs < 1 || w.outputs < 1) continue;
            gal_conv conv = phase_conv(g, &h, &w, i, j, words, vec);
            to->at[i * to->columns + j] = at;
            if (fn != NULL) fn(&conv, &h, &w, context, packed + at);
            at += (gal_conv_f32_packed_bytes(&conv) + LINE - 1) / LINE * LINE;
        }
    }
    to->bytes = at;
    return at;
}

/* ---- weights ---- */

typedef struct pack_job {
    const gal_conv_grad *g;
    const grad_level *level;
    const void *weights;
    gal_columns part; /* channels of dX; without groups only */
} pack_job;

/* One panel: [tap][outputs of dY][width], from weights [outputs][channels][window]. */
static void pack_panel(const pack_job *job, const gal_conv *conv, const gal_grad_axis *h, const gal_grad_axis *w,
                       int64_t group, int64_t first, float *to) {
    const int64_t *kernel = job->g->window.kernel;
    int64_t window = kernel[1] * kernel[2], row = conv->kg * window, depth = conv->cg;
    int64_t width =
        (int64_t)conv->columns - first < job->level->gemm->nr ? (int64_t)conv->columns - first : job->level->gemm->nr;
    int64_t count = conv->kg - first < width ? conv->kg - first : width;
    int64_t from = (group * depth * job->level->words * conv->kg + first) * window;
    for (int64_t k = 0; k < depth; k++, from += row * job->level->words) {
        for (int64_t t = 0; t < conv->r * conv->s; t++) {
            int64_t tap = (h->last - t / conv->s * h->step) * kernel[2] + w->last - t % conv->s * w->step;
            float *line = to + (t * depth + k) * width;
            if (job->level->words == 1) {
                const float *x = (const float *)job->weights + from + tap;
                for (int64_t j = 0; j < count; j++) line[j] = x[j * window];
            } else {
                const uint16_t *x = (const uint16_t *)job->weights + from + tap;
                uint16_t *half = (uint16_t *)(void *)line;
                int64_t step = job->level->woven ? 2 : 1, next = job->level->woven ? 1 : width;
                for (int64_t j = 0; j < count; j++)
                    half[j * step] = x[j * window], half[j * step + next] = x[row + j * window];
            }
        }
    }
}

static void pack_phase(const gal_conv *conv, const gal_grad_axis *h, const gal_grad_axis *w, const void *context,
                       char *at) {
    const pack_job *job = context;
    int64_t depth = conv->r * conv->s * conv->cg;
    bool all = conv->group > 1;
    if (all || job->part.first == 0) memcpy(at, conv, sizeof *conv);
    float *panels = (float *)(void *)at + conv->panels;
    for (int64_t group = 0; group < conv->group; group++) {
        for (int64_t first = all ? 0 : job->part.first; first < (all ? conv->kg : job->part.end);
             first += job->level->gemm->nr)
            pack_panel(job, conv, h, w, group, first, panels + (group * (int64_t)conv->columns + first) * depth);
    }
}

static void pack(const gal_node *node, const grad_level *level, gal_columns part, void *packed) {
    gal_conv_grad g;
    phases p;
    if (decode(node, level->words, &g) != NULL) return;
    const pack_job job = {.g = &g, .level = level, .weights = node->in[1]->constant->data, .part = part};
    each_phase(&g, level->words, level->gemm->vec, &p, pack_phase, &job, packed);
    if (g.group > 1 || part.first == 0) memcpy(packed, &p, sizeof p);
}

static void find_needs(const gal_node *node, const grad_level *level, gal_kernel_needs *needs) {
    gal_conv_grad g;
    phases p;
    *needs = (gal_kernel_needs){0};
    if (decode(node, level->words, &g) != NULL) return;
    needs->packed_bytes = each_phase(&g, level->words, level->gemm->vec, &p, NULL, NULL, NULL);
    if (g.group == 1) needs->outputs = g.channels;
}

/* ---- run ---- */

typedef struct zero_job {
    const phases *p;
    char *out;
    int64_t h, w;
    size_t pixel, pitch; /* bytes */
} zero_job;

/* Pixels of one row of dX that no tap reaches. */
static void zero_row(void *context, size_t index) {
    const zero_job *job = context;
    const size_t *at = job->p->at + (int64_t)index % job->h % job->p->rows * job->p->columns;
    char *row = job->out + index * (size_t)job->w * job->pitch;
    for (int64_t j = 0; j < job->p->columns; j++) {
        if (at[j] != 0) continue;
        for (int64_t w = j; w < job->w; w += job->p->columns) memset(row + (size_t)w * job->pitch, 0, job->pixel);
    }
}

static galen_status run(const gal_call *call, const gal_gemm_f32 *gemm) {
    const phases *p = call->packed;
    const galen_tensor *out = call->out[0];
    size_t size = galen_dtype_size(out->dtype);
    zero_job zero = {.p = p, .out = out->data, .h = out->dim[1], .w = out->dim[2]};
    zero.pixel = (size_t)out->dim[3] * size, zero.pitch = (size_t)call->out_pitch * size;
    bool empty = false;
    for (int64_t i = 0; i < p->rows * p->columns; i++) {
        empty |= p->at[i] == 0;
        if (p->at[i] != 0) gal_conv_f32_run_by(gemm, call, (const char *)call->packed + p->at[i]);
    }
    if (empty) gal_pool_run(call->pool, zero_row, &zero, (size_t)(out->dim[0] * out->dim[1]));
    return GALEN_OK;
}

/* ---- rows ---- */

static const char *reject(const gal_node *node, const grad_level *level) {
    gal_conv_grad g;
    const char *why = decode(node, level->words, &g);
    if (why != NULL) return why;
    const galen_tensor *weights = node->in[1]->constant;
    bool finite = level->words == 1 ? gal_conv_f32_finite(weights) : gal_conv_half_finite(weights);
    return finite ? NULL : "the weights hold NaN or infinity";
}

#define GRAD_INPUT(row, tile, words, woven)                                                                            \
    static const grad_level row = {&gal_tile_##tile, words, woven};                                                    \
    const char *gal_conv_grad_input_##row##_reject(const gal_node *node) {                                             \
        return reject(node, &row);                                                                                     \
    }                                                                                                                  \
    void gal_conv_grad_input_##row##_needs(const gal_node *node, int64_t max_batch, int threads,                       \
                                           gal_kernel_needs *needs) {                                                  \
        (void)max_batch, (void)threads;                                                                                \
        find_needs(node, &row, needs);                                                                                 \
    }                                                                                                                  \
    void gal_conv_grad_input_##row##_pack(const gal_node *node, gal_columns part, void *packed) {                      \
        pack(node, &row, part, packed);                                                                                \
    }                                                                                                                  \
    galen_status gal_conv_grad_input_##row##_run(const gal_call *call, galen_error *err) {                             \
        (void)err;                                                                                                     \
        return run(call, row.gemm);                                                                                    \
    }

#define GRAD_INPUT_F32(level) GRAD_INPUT(f32_##level, level, 1, false)
GAL_EACH_LEVEL(GRAD_INPUT_F32)
#if defined(__x86_64__)
GRAD_INPUT(bf16_avx512bf16, bf16_avx512bf16, 2, true)
GRAD_INPUT(f16_avx512, f16_avx512, 2, false)
GRAD_INPUT(f16_avx2, f16_avx2, 2, false)
#elif defined(__aarch64__)
GRAD_INPUT(bf16_neonbf16, bf16_neonbf16, 2, true)
#endif
