/*
 * f32 convolution: which pixels share a tile, which taps a tile needs, and how the work is cut for caches and threads.
 *
 * None of these choices changes a bit of the result (gemm_f32.h), so they may look at the batch and the threads. Two
 * orders of pixels exist. By rows: output pixels in memory order, folded over the batch. By position: a tile holds the
 * same pixel of several images, so that taps which fall into the padding are the same for all its rows and are skipped;
 * on a 2x2 image under a 3x3 window that is five of nine.
 */
#include "base/whole.h"
#include "cpu/conv_f32.h"

#include <math.h>
#include <string.h>

enum {
    TABLE = 4096,              /* row pointers a thread holds on its stack: 32 KiB */
    TABLE_TILES = 64,          /* tiles it holds */
    CHUNK_BYTES = 256 << 10,   /* of input a thread walks through again for each panel: about what stays in L2 */
    LIGHT_WEIGHTS = 256 << 10, /* weights of a layer that stay in L2 with it */
    MIN_IMAGES = 6,            /* fewer rows than this do not fill a tile by position */
    SMALL = 1 << 16,           /* multiply-adds that take less time than waking another thread */
};

/* One call, cut up. */
typedef struct conv_job {
    const gal_conv *conv;
    const gal_gemm_f32 *gemm;
    const float *packed, *terms, *x; /* terms: all of packed but the panels; x holds words: floats, or pairs of bf16 */
    const char *residual;
    char *y;
    int64_t n;
    int64_t in_pitch, out_pitch; /* from pixel to pixel: words of x, elements of y */
    bool merged;                 /* as packed, and the pixels of x touch */
    bool by_position, weights_outer;
    int64_t tiles_each, tiles;     /* by position: tiles of one pixel over the batch, spread: of a row; all tiles */
    int64_t chunk, chunks;         /* tiles a unit computes; number of such pieces */
    int64_t panels, share, shares; /* panels of a group; panels a unit computes; number of such pieces */
} conv_job;

typedef struct row_table {
    size_t tiles, pointers, taps;
    gal_tile_f32 tile[TABLE_TILES];
    const float *row[TABLE];
    uint32_t tap[TABLE];
    float edge[GAL_CONV_EDGE];
    const char *ahead; /* what the next table reads, or NULL */
    size_t ahead_bytes;
} row_table;

/* The pixels of one tile. */
typedef struct pixels {
    int rows;
    size_t first, step;                /* output pixel of the first row, counted over the batch, and from row to row */
    const float *image[GAL_TILE_ROWS]; /* the row's image, at its group's first channel */
    int64_t h[GAL_TILE_ROWS], w[GAL_TILE_ROWS]; /* where its window begins; may lie in the padding */
} pixels;

static void set_pixel(const conv_job *job, int64_t group, int64_t image, int64_t oh, int64_t ow, pixels *px, int i) {
    const gal_conv *cv = job->conv;
    px->image[i] = job->x + image * cv->h * cv->w * job->in_pitch + group * cv->cg;
    px->h[i] = oh * cv->sh - cv->top;
    px->w[i] = ow * cv->sw - cv->left;
}

static int64_t spread_pixel(const gal_conv *cv, int64_t image, int64_t oh, int64_t ow) {
    return cv->y_first + image * cv->y_image + oh * cv->y_row + ow * cv->y_step;
}

/* Tile `t` by position: the images of one slice of the batch; slices outermost, so that neighbours share input. */
static void find_by_position(const conv_job *job, int64_t group, int64_t t, pixels *px) {
    int64_t area = job->conv->oh * job->conv->ow, slice = t / area, pixel = t % area;
    int64_t first = slice * job->n / job->tiles_each, end = (slice + 1) * job->n / job->tiles_each;
    px->rows = (int)(end - first);
    px->first = (size_t)(first * area + pixel);
    px->step = (size_t)area;
    int64_t oh = pixel / job->conv->ow, ow = pixel % job->conv->ow;
    if (job->conv->spread) {
        px->first = (size_t)spread_pixel(job->conv, first, oh, ow);
        px->step = (size_t)job->conv->y_image;
    }
    for (int i = 0; i < px->rows; i++) set_pixel(job, group, first + i, oh, ow, px, i);
}

/* Tile `t` of outputs that lie apart: a part of one row, where they are alike far from each other. */
static void find_in_row(const conv_job *job, int64_t group, int64_t t, pixels *px) {
    const gal_conv *cv = job->conv;
    int64_t line = t / job->tiles_each, part = t % job->tiles_each, image = line / cv->oh, oh = line % cv->oh;
    int64_t ow = part * cv->ow / job->tiles_each, end = (part + 1) * cv->ow / job->tiles_each;
    px->rows = (int)(end - ow);
    px->first = (size_t)spread_pixel(cv, image, oh, ow);
    px->step = (size_t)cv->y_step;
    for (int i = 0; i < px->rows; i++) set_pixel(job, group, image, oh, ow + i, px, i);
}

/* Tile `t` by rows: all tiles within one row of each other in size. */
static void find_by_rows(const conv_job *job, int64_t group, int64_t t, pixels *px) {
    int64_t area = job->conv->oh * job->conv->ow, all = job->n * area;
    int64_t first = t * (all / job->tiles) + gal_at_most(t, all % job->tiles);
    px->rows = (int)(all / job->tiles + (t < all % job->tiles));
    px->first = (size_t)first;
    px->step = 1;
    int64_t image = first / area, line = first % area, oh = line / job->conv->ow, ow = line % job->conv->ow;
    for (int i = 0; i < px->rows; i++) {
        set_pixel(job, group, image, oh, ow, px, i);
        if (++ow < job->conv->ow) continue;
        ow = 0;
        if (++oh == job->conv->oh) oh = 0, image++;
    }
}

/* One tap of every row; true when any row meets the image. */
static bool point_tap(const conv_job *job, const pixels *px, int64_t dh, int64_t dw, const float **row) {
    const gal_conv *cv = job->conv;
    const float *zero = job->terms + cv->zero;
    bool any = false;
    for (int i = 0; i < px->rows; i++) {
        int64_t h = px->h[i] + dh, w = px->w[i] + dw;
        bool inside = (uint64_t)h < (uint64_t)cv->h && (uint64_t)w < (uint64_t)cv->w;
        row[i] = inside ? px->image[i] + (h * cv->w + w) * job->in_pitch : zero;
        any |= inside;
    }
    return any;
}

/* What padding holds is not what the tile multiplies as 0. */
static bool padding_adds(const conv_job *job) {
    return job->conv->pad != 0x01010101u * (uint32_t)job->gemm->less;
}

static size_t point_taps(const conv_job *job, const pixels *px, const float **row, uint32_t *tap) {
    const gal_conv *cv = job->conv;
    size_t mr = (size_t)job->gemm->mr, taps = 0;
    for (int64_t r = 0; r < cv->r; r++) {
        for (int64_t s = 0; s < cv->s; s++) {
            bool any = point_tap(job, px, r * cv->dh, s * cv->dw, row + taps * mr);
            if (any || padding_adds(job)) tap[taps++] = (uint32_t)(r * cv->s + s);
        }
    }
    return taps;
}

/* A window row of s * c floats that the left or right border cuts, copied with the padding's words beside it. */
static const float *cut_row(const gal_conv *cv, const float *line, int64_t w, float *copy) {
    int64_t from = w < 0 ? -w : 0, to = gal_at_most(cv->s, cv->w - w);
    for (int64_t i = 0; i < cv->s * cv->c; i++) memcpy(copy + i, &cv->pad, sizeof cv->pad);
    if (from < to) memcpy(copy + from * cv->c, line + (w + from) * cv->c, (size_t)((to - from) * cv->c) * sizeof *copy);
    return copy;
}

/* Whole window rows as segments: pointers into the image, copies at its left and right border. */
static size_t point_rows(const conv_job *job, const pixels *px, const float **row, uint32_t *tap, float *edge) {
    const gal_conv *cv = job->conv;
    const float *zero = job->terms + cv->zero;
    int64_t mr = job->gemm->mr, line = cv->w * cv->c;
    for (int i = 0; i < px->rows; i++) {
        int64_t h = px->h[i], w = px->w[i];
        bool whole = w >= 0 && w + cv->s <= cv->w;
        for (int64_t r = 0; r < cv->r; r++, h += cv->dh) {
            const float *at = zero;
            bool inside = (uint64_t)h < (uint64_t)cv->h;
            if (inside && whole)
                at = px->image[i] + h * line + w * cv->c;
            else if (inside)
                at = cut_row(cv, px->image[i] + h * line, w, edge + (i * cv->r + r) * cv->s * cv->c);
            row[r * mr + i] = at;
        }
    }
    for (int64_t r = 0; r < cv->r; r++) tap[r] = (uint32_t)r;
    return (size_t)cv->r;
}

static void add_tile(const conv_job *job, int64_t group, int64_t t, row_table *table) {
    const gal_conv *cv = job->conv;
    pixels px;
    if (job->by_position)
        find_by_position(job, group, t, &px);
    else if (cv->spread)
        find_in_row(job, group, t, &px);
    else
        find_by_rows(job, group, t, &px);
    const float **row = table->row + table->pointers;
    uint32_t *tap = table->tap + table->taps;
    gal_tile_f32 *tile = &table->tile[table->tiles++];
    tile->taps = job->merged ? point_rows(job, &px, row, tap, table->edge) : point_taps(job, &px, row, tap);
    tile->seg = (size_t)(job->merged ? cv->s * cv->cg : cv->cg);
    tile->row = row;
    tile->tap = tap;
    tile->rows = px.rows;
    size_t pitch = (size_t)job->out_pitch, k = (size_t)cv->k, column = (size_t)(group * cv->kg);
    tile->stride = px.step * pitch;
    tile->residual_stride = px.step * k;
    tile->out = job->y + (px.first * pitch + column) * job->gemm->element;
    tile->residual = job->residual == NULL ? NULL : job->residual + (px.first * k + column) * job->gemm->element;
    tile->act = &cv->act;
    tile->element = job->gemm->element;
    tile->low = cv->act.low;
    tile->high = cv->act.high;
    table->pointers += tile->taps * (size_t)job->gemm->mr;
    table->taps += tile->taps;
}

/* The pixels behind tile `end`, as many as its chunk has, where a tile reads each of them once and in order: they come
 * from memory while the chunk's tiles compute. */
static void look_ahead(const conv_job *job, int64_t end, row_table *table) {
    const gal_conv *cv = job->conv;
    int64_t all = job->n * cv->h * cv->w, first = end * (all / job->tiles) + gal_at_most(end, all % job->tiles);
    bool plain = cv->r * cv->s == 1 && cv->sh * cv->sw == 1 && cv->group == 1 && job->in_pitch == cv->c;
    int64_t count = gal_at_most(all - first, job->chunk * job->gemm->mr);
    table->ahead = NULL;
    if (!plain || cv->h != cv->oh || cv->w != cv->ow || cv->spread || job->by_position || count <= 0) return;
    table->ahead = (const char *)(job->x + first * cv->c);
    table->ahead_bytes = (size_t)(count * cv->c) * sizeof(float);
}

/* Part `part` of `parts` of what the next table reads goes to L2. */
static void fetch_ahead(const row_table *table, size_t part, size_t parts) {
    if (table->ahead == NULL) return;
    size_t from = table->ahead_bytes * part / parts, end = table->ahead_bytes * (part + 1) / parts;
    for (size_t i = from; i < end; i += 64) __builtin_prefetch(table->ahead + i, 0, 2);
}

/* Every tile of the table by panel `p`, the `part`-th of `parts` panels. */
static void run_panel(const conv_job *job, int64_t group, int64_t p, const row_table *table, size_t part,
                      size_t parts) {
    const gal_conv *cv = job->conv;
    size_t depth = (size_t)(cv->r * cv->s * cv->cg), first = (size_t)(p * job->gemm->nr);
    const float *b = job->packed + cv->panels + ((size_t)group * cv->columns + first) * depth;
    for (size_t i = 0; i < table->tiles; i++) {
        gal_tile_f32 tile = table->tile[i];
        tile.b = b;
        tile.bias = job->terms + cv->bias + (size_t)group * cv->columns + first;
        tile.scale = job->terms + cv->scale + (size_t)group * cv->columns + first;
        tile.packed = job->terms;
        tile.out = (char *)tile.out + first * tile.element;
        if (tile.residual != NULL) tile.residual = (const char *)tile.residual + first * tile.element;
        tile.cols = (int)gal_at_most(job->gemm->nr, cv->kg - (int64_t)first);
        fetch_ahead(table, part * table->tiles + i, parts * table->tiles);
        job->gemm->tile(&tile);
        if (cv->act.kind > GAL_ACT_CLIP && job->gemm->activate != NULL)
            job->gemm->activate(tile.out, (size_t)tile.rows, (size_t)tile.cols, tile.stride, &cv->act);
    }
}

static void run_unit(void *context, size_t index) {
    const conv_job *job = context;
    const gal_conv *cv = job->conv;
    int64_t group = (int64_t)index / (job->chunks * job->shares), rest = (int64_t)index % (job->chunks * job->shares);
    int64_t chunk = job->weights_outer ? rest % job->chunks : rest / job->shares;
    int64_t share = job->weights_outer ? rest / job->chunks : rest % job->shares;
    int64_t end = gal_at_most((chunk + 1) * job->chunk, job->tiles),
            last = gal_at_most((share + 1) * job->share, job->panels);
    int64_t first = share * job->share;
    int64_t each = (int64_t)job->gemm->mr * (job->merged ? cv->r : cv->r * cv->s);
    int64_t at_once = job->merged ? 1 : gal_at_most(TABLE / each, TABLE_TILES);
    row_table table;
    for (int64_t t = chunk * job->chunk; t < end;) {
        table.tiles = table.pointers = table.taps = 0;
        for (int64_t stop = gal_at_most(t + at_once, end); t < stop; t++) add_tile(job, group, t, &table);
        look_ahead(job, t, &table);
        for (int64_t p = first; p < last; p++)
            run_panel(job, group, p, &table, (size_t)(p - first), (size_t)(last - first));
    }
}

/* Taps of one axis that meet the image, summed over its output positions. */
static int64_t taps_inside(int64_t out, int64_t size, int64_t window, int64_t stride, int64_t dilation, int64_t pad) {
    int64_t inside = 0;
    for (int64_t o = 0; o < out; o++) {
        for (int64_t k = 0; k < window; k++) inside += (uint64_t)(o * stride - pad + k * dilation) < (uint64_t)size;
    }
    return inside;
}

/* By position pays when at least a twentieth of all taps fall into the padding and the batch fills tiles. */
static bool want_by_position(const conv_job *job) {
    const gal_conv *cv = job->conv;
    if (job->n < MIN_IMAGES || job->merged || padding_adds(job)) return false;
    if (cv->spread && cv->ow < MIN_IMAGES) return true;
    if (cv->r * cv->s == 1) return false;
    int64_t rows = taps_inside(cv->oh, cv->h, cv->r, cv->sh, cv->dh, cv->top);
    int64_t columns = taps_inside(cv->ow, cv->w, cv->s, cv->sw, cv->dw, cv->left);
    return (double)rows * (double)columns < 0.95 * (double)(cv->oh * cv->r) * (double)(cv->ow * cv->s);
}

static void cut(conv_job *job, int threads) {
    const gal_conv *cv = job->conv;
    int64_t area = cv->oh * cv->ow, mr = job->gemm->mr, wanted = threads > 1 ? 4 * threads : 1;
    job->by_position = want_by_position(job);
    bool by_row = cv->spread && !job->by_position;
    job->tiles_each = gal_ceil_div(by_row ? cv->ow : job->n, mr);
    job->tiles = by_row             ? job->tiles_each * job->n * cv->oh
                 : job->by_position ? job->tiles_each * area
                                    : gal_ceil_div(job->n * area, mr);
    job->panels = gal_ceil_div(cv->kg, job->gemm->nr);
    int64_t tile_bytes = mr * cv->cg * cv->sh * cv->sw * (int64_t)sizeof(float);
    int64_t weight_bytes = cv->r * cv->s * cv->cg * (int64_t)(cv->columns * sizeof(float));
    int64_t input_bytes = job->n * cv->h * cv->w * cv->cg * (int64_t)sizeof(float);
    job->chunk = gal_at_most(CHUNK_BYTES / tile_bytes + 1, TABLE_TILES);
    if (weight_bytes <= LIGHT_WEIGHTS)
        job->chunk = gal_at_most(job->chunk, gal_ceil_div(job->tiles * cv->group, wanted));
    job->chunks = gal_ceil_div(job->tiles, job->chunk);
    int64_t units = job->chunks * cv->group;
    job->shares = units >= wanted ? 1 : gal_at_most(job->panels, gal_ceil_div(wanted, units));
    job->share = gal_ceil_div(job->panels, job->shares);
    job->shares = gal_ceil_div(job->panels, job->share);
    job->weights_outer = job->shares > 1 && weight_bytes > input_bytes;
}

static void run_conv(const gal_gemm_f32 *gemm, const gal_call *call, const void *terms, const void *packed,
                     const void *residual) {
    const galen_tensor *x = call->in[0];
    conv_job job = {
        .conv = terms, .gemm = gemm, .packed = packed, .terms = terms, .x = x->data, .y = call->out[0]->data};
    const gal_conv *cv = job.conv;
    gal_pool *pool = call->pool;
    job.n = galen_tensor_elements(x) / (x->dim[x->rank - 1] * cv->h * cv->w); /* each row of a product is one */
    job.residual = residual;
    job.in_pitch = call->in_pitch * (int64_t)galen_dtype_size(x->dtype) / (int64_t)sizeof(float);
    job.out_pitch = call->out_pitch;
    job.merged = cv->merged && job.in_pitch == cv->c;
    if (job.n == 0) return;
    if ((double)(job.n * cv->oh * cv->ow * cv->k) * (double)(cv->cg * cv->r * cv->s) < SMALL) pool = NULL;
    cut(&job, gal_pool_threads(pool));
    gal_pool_run(pool, run_unit, &job, (size_t)(job.chunks * job.shares * job.conv->group));
}

void gal_conv_f32_run(const gal_gemm_f32 *gemm, const gal_call *call) {
    const galen_tensor *residual = call->node->n_in > 3 ? call->in[3] : NULL;
    run_conv(gemm, call, call->packed, call->packed, residual != NULL ? residual->data : NULL);
}

void gal_conv_f32_run_by(const gal_gemm_f32 *gemm, const gal_call *call, const void *packed) {
    run_conv(gemm, call, packed, packed, NULL);
}

void gal_conv_f32_run_terms(const gal_gemm_f32 *gemm, const gal_call *call, const void *terms) {
    run_conv(gemm, call, terms, call->packed, NULL);
}
