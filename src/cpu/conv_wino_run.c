/*
 * One call of a Winograd convolution. A task is a block of neighbouring tiles, counted over the batch, by some of the
 * panels: it transforms the block's pixels into the thread's scratch, and for each panel multiplies position by
 * position and transforms the products back. How the work is cut changes no bit.
 */
#include "base/whole.h"
#include "cpu/conv_wino.h"

#include <math.h>
#include <stdatomic.h>

enum {
    LINE = 16,               /* floats of a cache line; positions lie that much apart, or powers of two would meet */
    LIGHT_WEIGHTS = 1 << 20, /* bytes of transformed weights that stay in L2 beside a small block */
    SMALL = 1 << 15,         /* products of positions that take less time than waking another thread */
};

typedef struct wino_job {
    const gal_wino *wino;
    const gal_wino_level *level;
    const float *packed;
    const char *x, *residual;
    char *y;
    float *scratch;
    size_t element; /* bytes of one of x, residual and y */
    size_t slot;    /* floats of a thread's scratch */
    int64_t in_pitch, out_pitch;
    int64_t tiles, blocks;         /* of the batch */
    int64_t panels, share, shares; /* all panels; panels of a task; number of such pieces */
    atomic_llong next;             /* the task nobody has taken yet */
} wino_job;

/* The tiles of one block, in one thread's scratch. */
typedef struct wino_block {
    const wino_job *job;
    int64_t index, first, tiles;
    float *pixels, *products;
    size_t pixels_step, products_step; /* floats from one position to the next */
} wino_block;

/* Where a tile lies: its image, and its first output. */
typedef struct place {
    int64_t image, h, w;
} place;

static place place_of(const gal_wino *wino, int64_t tile) {
    int64_t each = wino->down * wino->across, rest = tile % each;
    return (place){tile / each, rest / wino->across * wino->m, rest % wino->across * wino->m};
}

static void transform_pixels(wino_block *b) {
    const wino_job *job = b->job;
    const gal_wino *wino = job->wino;
    const gal_conv *cv = &wino->cv;
    const float *zero = job->packed + wino->zero;
    const void *pixel[GAL_WINO_POSITIONS];
    for (int64_t t = 0; t < b->tiles; t++) {
        place at = place_of(wino, b->first + t);
        const char *image = job->x + (size_t)(at.image * cv->h * cv->w * job->in_pitch) * job->element;
        for (int i = 0; i < wino->side; i++) {
            int64_t h = at.h - cv->top + i;
            for (int j = 0; j < wino->side; j++) {
                int64_t w = at.w - cv->left + j;
                bool inside = (uint64_t)h < (uint64_t)cv->h && (uint64_t)w < (uint64_t)cv->w;
                size_t from = (size_t)((h * cv->w + w) * job->in_pitch) * job->element;
                pixel[i * wino->side + j] = inside ? (const void *)(image + from) : zero;
            }
        }
        job->level->input(wino->m, pixel, (size_t)cv->c, b->pixels + (size_t)t * wino->pixel, b->pixels_step);
    }
}

/* All positions of the block by panel `p`. */
static void multiply(const wino_block *b, int64_t p) {
    const wino_job *job = b->job;
    const gal_wino *wino = job->wino;
    const gal_gemm_f32 *gemm = job->level->gemm;
    size_t positions = (size_t)(wino->side * wino->side), first = (size_t)(p * gemm->nr), c = (size_t)wino->cv.c;
    int64_t width = gal_at_most(gemm->nr, (int64_t)(wino->columns - first)), pieces = gal_ceil_div(b->tiles, gemm->mr);
    const uint32_t tap = 0;
    const float *row[GAL_TILE_ROWS];
    gal_tile_f32 tile = {.row = row,
                         .tap = &tap,
                         .taps = 1,
                         .seg = c,
                         .b = job->packed + wino->weights + first * positions * c,
                         .bias = job->packed + wino->zero,
                         .stride = (size_t)gemm->nr,
                         .cols = (int)width,
                         .low = -INFINITY,
                         .high = INFINITY,
                         .act = &wino->cv.act,
                         .element = sizeof(float)};
    for (size_t at = 0; at < positions; at++, tile.b += c * (size_t)width) {
        for (int64_t piece = 0; piece < pieces; piece++) {
            int64_t from = piece * b->tiles / pieces, to = (piece + 1) * b->tiles / pieces;
            tile.rows = (int)(to - from);
            for (int i = 0; i < tile.rows; i++)
                row[i] = b->pixels + at * b->pixels_step + (size_t)(from + i) * wino->pixel;
            tile.out = b->products + at * b->products_step + (size_t)from * tile.stride;
            gemm->tile(&tile);
        }
    }
}

static void transform_back(const wino_block *b, int64_t p) {
    const wino_job *job = b->job;
    const gal_wino *wino = job->wino;
    const gal_conv *cv = &wino->cv;
    const gal_gemm_f32 *gemm = job->level->gemm;
    int64_t first = p * gemm->nr;
    gal_wino_out out = {.step = b->products_step,
                        .cols = (int)gal_at_most(gemm->nr, cv->k - first),
                        .bias = job->packed + wino->bias + first,
                        .pixel = (size_t)job->out_pitch,
                        .line = (size_t)(cv->ow * job->out_pitch),
                        .residual_pixel = (size_t)cv->k,
                        .residual_line = (size_t)(cv->ow * cv->k),
                        .low = cv->act.low,
                        .high = cv->act.high};
    for (int64_t t = 0; t < b->tiles; t++) {
        place at = place_of(wino, b->first + t);
        int64_t pixel = (at.image * cv->oh + at.h) * cv->ow + at.w;
        out.products = b->products + t * gemm->nr;
        out.rows = (int)gal_at_most(wino->m, cv->oh - at.h);
        out.across = (int)gal_at_most(wino->m, cv->ow - at.w);
        out.out = job->y + (size_t)(pixel * job->out_pitch + first) * job->element;
        if (job->residual != NULL) out.residual = job->residual + (size_t)(pixel * cv->k + first) * job->element;
        job->level->output(wino->m, &out);
        for (int i = 0; cv->act.kind > GAL_ACT_CLIP && i < out.rows; i++)
            gemm->activate((float *)out.out + (size_t)i * out.line, (size_t)out.across, (size_t)out.cols, out.pixel,
                           &cv->act);
    }
}

static void start_block(wino_block *b, int64_t index) {
    const wino_job *job = b->job;
    if (index == b->index) return;
    b->index = index;
    b->first = index * job->tiles / job->blocks;
    b->tiles = (index + 1) * job->tiles / job->blocks - b->first;
    transform_pixels(b);
}

/* One thread: its own part of the scratch, and tasks until none is left. */
static void run_slot(void *context, size_t slot) {
    wino_job *job = context;
    const gal_wino *wino = job->wino;
    size_t positions = (size_t)(wino->side * wino->side), most = (size_t)gal_ceil_div(job->tiles, job->blocks);
    wino_block b = {.job = job, .index = -1, .pixels_step = most * wino->pixel + LINE};
    b.products_step = most * (size_t)job->level->gemm->nr + LINE;
    b.pixels = job->scratch + slot * job->slot;
    b.products = b.pixels + positions * b.pixels_step;
    for (;;) {
        int64_t task = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        if (task >= job->blocks * job->shares) break;
        start_block(&b, task / job->shares);
        int64_t from = task % job->shares * job->share, to = gal_at_most(from + job->share, job->panels);
        for (int64_t p = from; p < to; p++) {
            multiply(&b, p);
            transform_back(&b, p);
        }
    }
}

/*
 * Threads share the blocks, unless these are few: then the panels, so that each weight is read by one thread and the
 * pixels are transformed by several, which costs less.
 */
static void cut(wino_job *job, int threads) {
    const gal_wino *wino = job->wino;
    int64_t mr = job->level->gemm->mr, wanted = threads > 1 ? 4 * threads : 1, block = wino->block;
    size_t bytes = (wino->size - wino->weights) * sizeof(float);
    bool many = bytes <= LIGHT_WEIGHTS && job->tiles > block;
    if (many && job->tiles < block * wanted) {
        block = gal_ceil_div(job->tiles, wanted);
        if (block < mr) block = mr;
    }
    job->blocks = gal_ceil_div(job->tiles, block);
    job->panels = gal_ceil_div(wino->cv.k, job->level->gemm->nr);
    job->shares =
        job->blocks >= wanted || threads == 1 ? 1 : gal_at_most(job->panels, gal_ceil_div(2 * threads, job->blocks));
    job->share = gal_ceil_div(job->panels, job->shares);
    job->shares = gal_ceil_div(job->panels, job->share);
}

void gal_wino_run(const gal_wino_level *level, const gal_call *call) {
    const galen_tensor *x = call->in[0], *residual = call->node->n_in > 3 ? call->in[3] : NULL;
    wino_job job = {.wino = call->packed, .level = level, .packed = call->packed, .x = x->data};
    job.element = galen_dtype_size(x->dtype);
    const gal_wino *wino = job.wino;
    gal_pool *pool = call->pool;
    job.residual = residual != NULL ? residual->data : NULL;
    job.y = call->out[0]->data;
    job.scratch = call->scratch;
    job.slot = gal_wino_slot_bytes(wino, level->gemm, x->dim[0]) / sizeof(float);
    job.in_pitch = call->in_pitch, job.out_pitch = call->out_pitch;
    job.tiles = x->dim[0] * wino->down * wino->across;
    if (job.tiles == 0) return;
    double products = (double)job.tiles * (double)(wino->side * wino->side) * (double)(wino->cv.c * wino->cv.k);
    if (products < SMALL) pool = NULL;
    int threads = gal_pool_threads(pool);
    cut(&job, threads);
    atomic_init(&job.next, 0);
    gal_pool_run(pool, run_slot, &job, (size_t)gal_at_most(threads, job.blocks * job.shares));
}
