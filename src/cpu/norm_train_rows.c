/*
 * Rows of galen.BatchNorm, Moments, BatchNormGrad, NormGradSum, NormGradEnd and ChannelSum. Pixels are cut into blocks
 * whose size depends on the number of channels alone; each block is summed for itself in f32, and blocks are added in
 * order in f64. So threads change no bit, and a sum of millions loses no more than one of a block. A block stays in L2
 * between its two passes.
 */
#include "cpu/levels.h"
#include "cpu/rows.h"
#include "cpu/train_loops.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 16384 /* elements of a block, about */ };

/* A call cut into blocks. */
typedef struct norm_job {
    const gal_train_loops *loops;
    const gal_call *call;
    const char *a, *x; /* in[0]; X of a gradient */
    char *out;
    size_t rows, c, each, blocks; /* pixels, channels, pixels of a block, blocks */
    size_t in_step, out_step;     /* elements from pixel to pixel of X and out[0] */
    float *one, *two;             /* of each block and channel: what was summed */
    double *total, *square;       /* of each channel */
    gal_train_channels known;
    float *sum, *weighted; /* a channel's means of the gradient */
    float low;
} norm_job;

static size_t block_rows(size_t c) {
    return c < BLOCK ? BLOCK / c : 1;
}

static size_t channels(const gal_node *node, uint32_t in) {
    const gal_shape *s = &node->in[in]->shape;
    return (size_t)s->dim[s->rank - 1].size;
}

static void find_needs(const gal_node *node, int64_t max_batch, gal_kernel_needs *needs) {
    galen_tensor x;
    size_t c = channels(node, 0);
    gal_shape_at(&node->in[0]->shape, node->in[0]->dtype, max_batch, &x);
    size_t rows = (size_t)galen_tensor_elements(&x) / c, blocks = (rows + block_rows(c) - 1) / block_rows(c);
    *needs = (gal_kernel_needs){.scratch_bytes = c * (2 * sizeof(double) + (2 * blocks + 4) * sizeof(float))};
}

/* Blocks and scratch for j->c channels. */
static void lay_out(norm_job *j) {
    j->in_step = (size_t)j->call->in_pitch, j->out_step = (size_t)j->call->out_pitch;
    j->each = block_rows(j->c);
    j->blocks = (j->rows + j->each - 1) / j->each;
    j->total = j->call->scratch;
    j->square = j->total + j->c;
    j->one = (float *)(j->square + j->c);
    j->two = j->one + j->blocks * j->c;
    j->sum = j->two + j->blocks * j->c;
    j->weighted = j->sum + j->c;
}

static norm_job cut(const gal_call *call, const gal_train_loops *loops) {
    const galen_tensor *x = call->in[0];
    norm_job j = {.loops = loops, .call = call, .a = x->data, .out = call->out[0]->data, .c = channels(call->node, 0)};
    j.rows = (size_t)galen_tensor_elements(x) / j.c;
    lay_out(&j);
    return j;
}

static size_t rows_of(const norm_job *j, size_t block) {
    size_t left = j->rows - block * j->each;
    return left < j->each ? left : j->each;
}

/* Bytes from the first pixel to the block's, in a tensor of that step. */
static size_t offset_of(const norm_job *j, size_t block, size_t step) {
    return block * j->each * step * j->loops->element;
}

static void run_blocks(const norm_job *j, gal_task_fn fn) {
    gal_pool_run(j->blocks > 1 ? j->call->pool : NULL, fn, (void *)(uintptr_t)j, j->blocks);
}

/* total[c] = sum over blocks of part[c], in order. */
static void add_blocks(const norm_job *j, const float *part, double *total) {
    memset(total, 0, j->c * sizeof *total);
    for (size_t b = 0; b < j->blocks; b++)
        for (size_t i = 0; i < j->c; i++) total[i] += (double)part[b * j->c + i];
}

/* ---- forward ---- */

static void block_moments(void *context, size_t b) {
    const norm_job *j = context;
    j->loops->moments(j->a + offset_of(j, b, j->in_step), j->in_step, rows_of(j, b), j->c, j->one + b * j->c,
                      j->two + b * j->c);
}

/* Means and squares of the blocks into those of all (Chan, Golub and LeVeque, 1983). */
static void merge_moments(const norm_job *j) {
    memset(j->total, 0, j->c * sizeof *j->total);
    memset(j->square, 0, j->c * sizeof *j->square);
    for (size_t b = 0; b < j->blocks; b++)
        for (size_t i = 0; i < j->c; i++) j->total[i] += (double)rows_of(j, b) * (double)j->one[b * j->c + i];
    for (size_t i = 0; i < j->c; i++) j->total[i] /= (double)j->rows;
    for (size_t b = 0; b < j->blocks; b++)
        for (size_t i = 0; i < j->c; i++) {
            double d = (double)j->one[b * j->c + i] - j->total[i];
            j->square[i] += (double)j->two[b * j->c + i] + (double)rows_of(j, b) * d * d;
        }
}

static float *out_of(const norm_job *j, uint32_t k) {
    return k < j->call->node->n_out && j->call->out[k] != NULL ? j->call->out[k]->data : NULL;
}

/* The statistics' outputs; the factor of each channel goes to j->sum, its mean to j->weighted. */
static void finish_moments(const norm_job *j) {
    const gal_node *node = j->call->node;
    const float *gamma = j->call->in[1]->data, *mean = j->call->in[3]->data, *variance = j->call->in[4]->data;
    double epsilon = (double)gal_attr_float(node, "epsilon", 1e-5F), n = (double)j->rows;
    double momentum = (double)gal_attr_float(node, "momentum", 0.1F);
    float *to[4] = {out_of(j, 1), out_of(j, 2), out_of(j, 3), out_of(j, 4)};
    for (size_t i = 0; i < j->c; i++) {
        float istd = (float)(1 / sqrt(j->square[i] / n + epsilon)); /* as the gradient has it */
        double unbiased = j->square[i] / (n > 1 ? n - 1 : n);
        j->sum[i] = (float)((double)gamma[i] * (double)istd);
        j->weighted[i] = (float)j->total[i];
        if (to[0] != NULL) to[0][i] = (float)j->total[i];
        if (to[1] != NULL) to[1][i] = istd;
        if (to[2] != NULL) to[2][i] = (float)((1 - momentum) * (double)mean[i] + momentum * j->total[i]);
        if (to[3] != NULL) to[3][i] = (float)((1 - momentum) * (double)variance[i] + momentum * unbiased);
    }
}

static void block_normalise(void *context, size_t b) {
    const norm_job *j = context;
    j->loops->normalise(j->a + offset_of(j, b, j->in_step), j->in_step, rows_of(j, b), j->c, j->weighted, j->sum,
                        j->known.beta, j->low, j->out + offset_of(j, b, j->out_step), j->out_step);
}

/* From inputs 5 and 6. */
static void take_moments(const norm_job *j) {
    const float *mean = j->call->in[5]->data, *variance = j->call->in[6]->data;
    for (size_t i = 0; i < j->c; i++) {
        j->total[i] = (double)mean[i];
        j->square[i] = (double)variance[i] * (double)j->rows;
    }
}

static bool has_relu(const gal_node *node) {
    return gal_attr_string(node, "activation", "")[0] != '\0';
}

static void run_norm(const gal_call *call, const gal_train_loops *loops) {
    norm_job j = cut(call, loops);
    j.known.beta = call->in[2]->data;
    j.low = has_relu(call->node) ? 0 : -INFINITY;
    if (call->node->n_in > 5 && call->in[5] != NULL) {
        take_moments(&j);
    } else {
        run_blocks(&j, block_moments);
        merge_moments(&j);
    }
    finish_moments(&j);
    run_blocks(&j, block_normalise);
}

static void run_moments(const gal_call *call, const gal_train_loops *loops) {
    norm_job j = cut(call, loops);
    float *mean = call->out[0]->data, *variance = call->out[1]->data;
    run_blocks(&j, block_moments);
    merge_moments(&j);
    for (size_t i = 0; i < j.c; i++) {
        mean[i] = (float)j.total[i];
        variance[i] = (float)(j.square[i] / (double)j.rows);
    }
}

/* ---- backward ---- */

static void block_sums(void *context, size_t b) {
    const norm_job *j = context;
    j->loops->gradient_sums(j->a + offset_of(j, b, j->c), j->x + offset_of(j, b, j->in_step), j->in_step, rows_of(j, b),
                            j->c, &j->known, j->one + b * j->c, j->two + b * j->c);
}

/* By inputs gamma, mean, istd and beta, of which `gamma` is the first. The factors lie behind `weighted`. */
static gal_train_channels channels_of(const norm_job *j, uint32_t gamma_in) {
    const galen_tensor *const *in = j->call->in + gamma_in;
    const float *gamma = in[0]->data, *istd = in[2]->data;
    float *factor = j->weighted + j->c;
    for (size_t i = 0; i < j->c; i++) factor[i] = (float)((double)gamma[i] * (double)istd[i]);
    return (gal_train_channels){
        .mean = in[1]->data, .factor = factor, .beta = has_relu(j->call->node) ? in[3]->data : NULL};
}

/* dgamma and dbeta, and what each channel's dX takes of them. */
static void finish_sums(const norm_job *j, const float *istd) {
    float *dgamma = out_of(j, 1), *dbeta = out_of(j, 2);
    double n = (double)j->rows;
    add_blocks(j, j->one, j->total);
    add_blocks(j, j->two, j->square);
    for (size_t i = 0; i < j->c; i++) {
        double s = (double)istd[i];
        j->sum[i] = (float)(j->total[i] / n);
        j->weighted[i] = (float)(j->square[i] * s * s / n);
        if (dgamma != NULL) dgamma[i] = (float)(j->square[i] * s);
        if (dbeta != NULL) dbeta[i] = (float)j->total[i];
    }
}

static void block_gradient(void *context, size_t b) {
    const norm_job *j = context;
    j->loops->gradient(j->a + offset_of(j, b, j->c), j->x + offset_of(j, b, j->in_step), j->in_step, rows_of(j, b),
                       j->c, &j->known, j->sum, j->weighted, j->out + offset_of(j, b, j->out_step), j->out_step);
}

static void run_norm_grad(const gal_call *call, const gal_train_loops *loops) {
    norm_job j = cut(call, loops);
    j.x = call->in[1]->data;
    j.known = channels_of(&j, 2);
    run_blocks(&j, block_sums);
    finish_sums(&j, call->in[4]->data);
    run_blocks(&j, block_gradient);
}

/* ---- gradients that many layers add to ---- */

/* Channels behind the layer's go over as they are, where the sum is not made in place. */
static void copy_others(const norm_job *j, size_t block) {
    size_t wide = channels(j->call->node, 0), element = j->loops->element, others = (wide - j->c) * element;
    const char *from = j->a + offset_of(j, block, wide) + j->c * element;
    char *to = j->out + offset_of(j, block, j->out_step) + j->c * element;
    if (j->out == j->a) return;
    for (size_t r = 0; r < rows_of(j, block); r++)
        memcpy(to + r * j->out_step * element, from + r * wide * element, others);
}

static void block_add(void *context, size_t b) {
    const norm_job *j = context;
    size_t wide = channels(j->call->node, 0);
    const gal_train_sum job = {.g = j->a + offset_of(j, b, wide),
                               .dy = (const char *)j->call->in[1]->data + offset_of(j, b, j->c),
                               .x = j->x + offset_of(j, b, j->in_step),
                               .out = j->out + offset_of(j, b, j->out_step),
                               .c = j->c,
                               .g_step = wide,
                               .x_step = j->in_step,
                               .out_step = j->out_step,
                               .known = &j->known,
                               .sum = j->one + b * j->c,
                               .weighted = j->two + b * j->c};
    j->loops->gradient_add(&job, rows_of(j, b));
    copy_others(j, b);
}

/* The line through X with this layer's share. */
static void add_line(const norm_job *j) {
    const galen_tensor *before = j->call->node->n_in > 7 ? j->call->in[7] : NULL;
    size_t wide = channels(j->call->node, 0);
    float *line = j->call->out[3]->data;
    if (before != NULL)
        memcpy(line, before->data, 2 * wide * sizeof *line);
    else
        memset(line, 0, 2 * wide * sizeof *line);
    for (size_t i = 0; i < j->c; i++) {
        line[i] -= j->known.factor[i] * j->sum[i];
        line[wide + i] -= j->known.factor[i] * j->weighted[i];
    }
}

static void run_grad_sum(const gal_call *call, const gal_train_loops *loops) {
    norm_job j = cut(call, loops);
    j.c = channels(call->node, 2);
    lay_out(&j);
    j.x = call->in[2]->data;
    j.known = channels_of(&j, 3);
    run_blocks(&j, block_add);
    finish_sums(&j, call->in[5]->data);
    add_line(&j);
}

static void block_end(void *context, size_t b) {
    const norm_job *j = context;
    size_t wide = channels(j->call->node, 0), start = (size_t)gal_attr_int(j->call->node, "start", 0);
    const float *line = j->call->in[3]->data;
    const gal_train_end job = {.g = j->a + offset_of(j, b, wide) + start * j->loops->element,
                               .x = j->x + offset_of(j, b, j->in_step),
                               .dx = j->out + offset_of(j, b, j->out_step),
                               .c = j->c,
                               .g_step = wide,
                               .x_step = j->in_step,
                               .dx_step = j->out_step,
                               .mean = (const float *)j->call->in[2]->data + start,
                               .at_mean = line + start,
                               .slope = line + wide + start};
    j->loops->gradient_end(&job, rows_of(j, b));
}

static void run_grad_end(const gal_call *call, const gal_train_loops *loops) {
    norm_job j = cut(call, loops);
    j.c = channels(call->node, 1);
    lay_out(&j);
    j.x = call->in[1]->data;
    run_blocks(&j, block_end);
}

static void block_channel_sum(void *context, size_t b) {
    const norm_job *j = context;
    j->loops->channel_sum(j->a + offset_of(j, b, j->c), rows_of(j, b), j->c, j->one + b * j->c);
}

static void run_channel_sum(const gal_call *call, const gal_train_loops *loops) {
    norm_job j = cut(call, loops);
    float *sum = call->out[0]->data;
    run_blocks(&j, block_channel_sum);
    add_blocks(&j, j.one, j.total);
    for (size_t i = 0; i < j.c; i++) sum[i] = (float)j.total[i];
}

#define ROW(name, suffix, loops, run)                                                                                  \
    const char *gal_##name##_##suffix##_reject(const gal_node *node) {                                                 \
        (void)node;                                                                                                    \
        return NULL;                                                                                                   \
    }                                                                                                                  \
    void gal_##name##_##suffix##_needs(const gal_node *node, int64_t max_batch, int threads,                           \
                                       gal_kernel_needs *needs) {                                                      \
        (void)threads;                                                                                                 \
        find_needs(node, max_batch, needs);                                                                            \
    }                                                                                                                  \
    galen_status gal_##name##_##suffix##_run(const gal_call *call, galen_error *err) {                                 \
        (void)err;                                                                                                     \
        if (galen_tensor_elements(call->in[0]) > 0) run(call, &gal_train_loops_##loops);                               \
        return GALEN_OK;                                                                                               \
    }
#define ROWS(suffix, loops)                                                                                            \
    ROW(norm, suffix, loops, run_norm)                                                                                 \
    ROW(moments, suffix, loops, run_moments)                                                                           \
    ROW(norm_grad, suffix, loops, run_norm_grad)                                                                       \
    ROW(norm_grad_sum, suffix, loops, run_grad_sum)                                                                    \
    ROW(norm_grad_end, suffix, loops, run_grad_end)                                                                    \
    ROW(channel_sum, suffix, loops, run_channel_sum)
#define LEVEL(level) ROWS(f32_##level, level)
GAL_EACH_LEVEL(LEVEL)
#if defined(__x86_64__)
ROWS(bf16_avx512bf16, avx512bf16)
ROWS(f16_avx512, f16_avx512)
ROWS(f16_avx2, f16_avx2)
#endif
