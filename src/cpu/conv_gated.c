/*
 * Rows of galen.GatedConv in f32, bf16 and f16: a chunk of pixels is multiplied by its images' gates into the thread's
 * scratch, which stays in L2 while every panel of the weights goes by. The product is rounded as Mul would round it, so
 * the bits are those of Mul and galen.Conv.
 */
#include "base/whole.h"
#include "cpu/conv_f32.h"
#include "cpu/elementwise.h"
#include "cpu/levels.h"
#include "cpu/rows.h"
#include "cpu/share.h"

enum {
    SCRATCH = 256 << 10,       /* bytes of pixels a thread holds, unless a tile has more */
    LIGHT_WEIGHTS = 256 << 10, /* weights that stay in L2 beside them: then threads share pixels, not weights */
    LINE = 64                  /* bytes */
};

/* A type at one level: the tile and the row of its convolution, and the product in front. */
typedef struct gated_level {
    const gal_gemm_f32 *gemm;
    const gal_elementwise *elementwise;
    const char *(*reject)(const gal_node *node);
    void (*pack)(const gal_node *node, gal_columns part, void *packed);
} gated_level;

typedef struct gated_job {
    const gal_conv *conv;
    const gated_level *level;
    const char *x, *gate, *residual;
    char *y, *slots;
    size_t slot;          /* bytes of a thread's scratch */
    size_t pixel, out;    /* bytes of a pixel of x and of y */
    int64_t pixels, area; /* of all images; of one */
    int64_t chunks;
    int64_t share, shares; /* panels a task computes, and pieces of the panels */
    gal_share *own;
    int64_t n_own; /* threads that have tasks */
} gated_job;

/* Pixels of a full chunk; a channel, or two of 16 bits, is a word. */
static int64_t most_pixels(const gal_conv *cv, const gal_gemm_f32 *gemm) {
    int64_t fit = SCRATCH / (cv->c * (int64_t)sizeof(float)) / gemm->mr * gemm->mr;
    return fit > gemm->mr ? fit : gemm->mr;
}

static size_t slot_bytes(const gal_conv *cv, const gal_gemm_f32 *gemm) {
    return ((size_t)(most_pixels(cv, gemm) * cv->c) * sizeof(float) + LINE - 1) / LINE * LINE;
}

static const char *gated_decode(const gal_node *node, const gal_gemm_f32 *gemm, gal_conv *cv) {
    const char *why = gal_conv_f32_decode(node, gemm->vec, cv);
    if (why != NULL) return why;
    bool plain =
        cv->r == 1 && cv->s == 1 && cv->sh == 1 && cv->sw == 1 && cv->group == 1 && cv->oh == cv->h && cv->ow == cv->w;
    return plain ? NULL : "is for 1x1 windows with stride 1 in one group";
}

static const char *gated_reject(const gal_node *node, const gated_level *level) {
    gal_conv cv;
    const char *why = gated_decode(node, level->gemm, &cv);
    return why != NULL ? why : level->reject(node);
}

static void gated_needs(const gal_node *node, const gal_gemm_f32 *gemm, int threads, gal_kernel_needs *needs) {
    gal_conv cv;
    *needs = (gal_kernel_needs){0};
    if (gated_decode(node, gemm, &cv) != NULL) return;
    needs->packed_bytes = gal_conv_f32_packed_bytes(&cv);
    needs->outputs = cv.k;
    needs->scratch_bytes = (size_t)threads * (slot_bytes(&cv, gemm) + sizeof(gal_share));
}

/* Pixels [first, end) times the gates of their images. */
static void multiply(const gated_job *job, int64_t first, int64_t end, char *to) {
    const gal_elementwise *level = job->level->elementwise;
    size_t c = job->pixel / level->element;
    while (first < end) {
        int64_t image = first / job->area, stop = gal_at_most(end, (image + 1) * job->area);
        const gal_operand x = {job->x + (size_t)first * job->pixel, 1, c};
        const gal_operand gate = {job->gate + (size_t)image * job->pixel, 1, 0};
        level->binary(GAL_BINARY_MUL, &x, &gate, to, (size_t)(stop - first), c);
        to += (size_t)(stop - first) * job->pixel;
        first = stop;
    }
}

static void run_task(const gated_job *job, int64_t chunk, int64_t share, char *slot) {
    const gal_conv *cv = job->conv;
    const gal_gemm_f32 *gemm = job->level->gemm;
    int64_t first = chunk * job->pixels / job->chunks, end = (chunk + 1) * job->pixels / job->chunks;
    int64_t from = share * job->share * gemm->nr, to = gal_at_most(cv->k, from + job->share * gemm->nr);
    size_t at = (size_t)first * job->out + (size_t)from * gemm->element;
    multiply(job, first, end, slot);
    const gal_pixels pixels = {.conv = cv,
                               .gemm = gemm,
                               .x = slot,
                               .count = end - first,
                               .from = from,
                               .columns = to - from,
                               .out = job->y + at,
                               .out_pitch = cv->k,
                               .residual = job->residual == NULL ? NULL : job->residual + at};
    gal_conv_pixels(&pixels);
}

static void run_slot(void *context, size_t index) {
    gated_job *job = context;
    char *slot = job->slots + index * job->slot;
    for (int64_t task; (task = gal_share_take(job->own, job->n_own, (int64_t)index)) >= 0;)
        run_task(job, task / job->shares, task % job->shares, slot);
}

/* No choice here changes a bit (gemm_f32.h), so they may look at batch and threads. */
static void cut(gated_job *job, int threads) {
    const gal_conv *cv = job->conv;
    int64_t wanted = threads > 1 ? 4 * threads : 1, mr = job->level->gemm->mr;
    int64_t chunk = most_pixels(cv, job->level->gemm);
    bool light = cv->c * cv->k * (int64_t)sizeof(float) <= LIGHT_WEIGHTS;
    if (light) chunk = gal_at_most(chunk, gal_ceil_div(gal_ceil_div(job->pixels, wanted), mr) * mr);
    int64_t panels = gal_ceil_div(cv->k, job->level->gemm->nr);
    job->chunks =
        gal_at_most(gal_ceil_div(gal_ceil_div(job->pixels, chunk), threads) * threads, gal_ceil_div(job->pixels, mr));
    job->shares = job->chunks >= wanted ? 1 : gal_at_most(panels, gal_ceil_div(wanted, job->chunks));
    job->share = gal_ceil_div(panels, job->shares);
    job->shares = gal_ceil_div(panels, job->share);
}

static galen_status gated_run(const gal_call *call, const gated_level *level) {
    const galen_tensor *x = call->in[0], *residual = call->in[3];
    gated_job job = {.conv = call->packed, .level = level, .x = x->data, .gate = call->in[4]->data};
    job.residual = residual != NULL ? residual->data : NULL;
    job.y = call->out[0]->data, job.slots = call->scratch;
    job.slot = slot_bytes(job.conv, level->gemm);
    job.pixel = (size_t)job.conv->c * sizeof(float), job.out = (size_t)job.conv->k * level->gemm->element;
    job.area = job.conv->h * job.conv->w;
    job.pixels = x->dim[0] * job.area;
    if (job.pixels == 0) return GALEN_OK;
    int threads = gal_pool_threads(call->pool);
    cut(&job, threads);
    job.own = (gal_share *)(void *)(job.slots + (size_t)threads * job.slot);
    job.n_own = gal_at_most(threads, job.chunks * job.shares);
    gal_share_out(job.own, job.n_own, job.chunks * job.shares);
    gal_pool_run(call->pool, run_slot, &job, (size_t)job.n_own);
    return GALEN_OK;
}

#define GATED(name, tile, product)                                                                                     \
    static const gated_level level_##name = {.gemm = &(tile),                                                          \
                                             .elementwise = &(product),                                                \
                                             .reject = gal_conv_##name##_reject,                                       \
                                             .pack = gal_conv_##name##_pack};                                          \
    const char *gal_gated_##name##_reject(const gal_node *node) {                                                      \
        return gated_reject(node, &level_##name);                                                                      \
    }                                                                                                                  \
    void gal_gated_##name##_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) {     \
        (void)max_batch;                                                                                               \
        gated_needs(node, &(tile), threads, needs);                                                                    \
    }                                                                                                                  \
    void gal_gated_##name##_pack(const gal_node *node, gal_columns part, void *packed) {                               \
        level_##name.pack(node, part, packed);                                                                         \
    }                                                                                                                  \
    galen_status gal_gated_##name##_run(const gal_call *call, galen_error *err) {                                      \
        (void)err;                                                                                                     \
        return gated_run(call, &level_##name);                                                                         \
    }
#define GATED_F32(level)  GATED(f32_##level, gal_tile_##level, gal_elementwise_##level)
#define GATED_HALF(level) GATED(level, gal_tile_##level, gal_elementwise_##level)

GAL_EACH_LEVEL(GATED_F32)
GAL_EACH_HALF_LEVEL(GATED_HALF)
