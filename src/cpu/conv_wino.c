/* Winograd convolution: which layers it pays for, and their weights. */
#include "cpu/conv_wino.h"
#include "base/whole.h"

#include "base/half.h"

#include <math.h>
#include <string.h>

enum {
    LINE = 16,             /* floats of a cache line */
    BLOCK_BYTES = 1 << 20, /* of L2 for a block's transformed pixels and its products */
    MIN_BLOCK_TILES = 2,   /* register tiles that share a read of the weights at least */
    WIDEST_PANEL = 32,     /* columns of any level's panel */
    TRAINING_IMAGES = 16,  /* that share one packing of weights that change */
};

/* ---- choice ---- */

/*
 * Cycles of one core for one image, from the shape alone so that every batch gets the same bits. Weights are counted
 * as if read from L3 once an image, which is what a batch of one does: it keeps the direct sums where the weights are
 * large and the image is small. Weights that change from run to run are those of training, which runs batches: each
 * image pays its share of reading them and of packing them anew.
 */
static const double transform = 4;        /* cycles for a vector of one position, either way: measured */
static const double repack[2] = {14, 34}; /* cycles for a window of nine weights, as they are or transformed */

static double weight_cycles(const gal_wino *wino, double l3, double window_bytes, int transformed) {
    double windows = (double)wino->cv.c * (double)wino->columns, read = windows * window_bytes / l3;
    return wino->changing ? (read + windows * repack[transformed]) / TRAINING_IMAGES : read;
}

static double direct_cycles(const gal_wino *wino, const gal_wino_level *level) {
    const gal_conv *cv = &wino->cv;
    double weights = 9 * (double)cv->c * (double)wino->columns, each = level->cost.direct * level->gemm->vec;
    double window_bytes = 9 * (double)galen_dtype_size(level->dtype);
    return (double)(cv->oh * cv->ow) * weights / each + weight_cycles(wino, level->cost.l3, window_bytes, 0);
}

static double winograd_cycles(const gal_wino *wino, const gal_wino_level *level) {
    double tiles = (double)(wino->down * wino->across), positions = wino->side * wino->side, vec = level->gemm->vec;
    double weights = positions * (double)wino->cv.c * (double)wino->columns;
    double transformed = positions * (double)(wino->pixel + wino->columns) / vec;
    return tiles * (weights / (level->cost.multiply * vec) + transform * transformed) +
           weight_cycles(wino, level->cost.l3, positions * sizeof(float), 1);
}

static void set_tiles(gal_wino *wino, int m) {
    wino->m = m, wino->side = m + 2;
    wino->down = gal_ceil_div(wino->cv.oh, m), wino->across = gal_ceil_div(wino->cv.ow, m);
}

/* The output size of a tile that takes the fewest cycles, or 0: the direct sums do. */
static int choose(const gal_wino *wino, const gal_wino_level *level) {
    gal_wino try = *wino;
    int best = 0;
    double fewest = direct_cycles(wino, level);
    for (int m = level->smallest; m <= 4; m += 2) {
        set_tiles(&try, m);
        double cycles = winograd_cycles(&try, level);
        if (cycles >= fewest) continue;
        fewest = cycles;
        best = m;
    }
    return best;
}

/* ---- places ---- */

static void place(gal_wino *wino, const gal_gemm_f32 *gemm) {
    size_t positions = (size_t)(wino->side * wino->side), nr = (size_t)gemm->nr;
    size_t zeros = wino->pixel > nr ? wino->pixel : nr, tile = positions * (wino->pixel + nr) * sizeof(float);
    int64_t fit = (int64_t)(BLOCK_BYTES / tile) / gemm->mr;
    wino->block = (fit < MIN_BLOCK_TILES ? MIN_BLOCK_TILES : fit) * gemm->mr;
    wino->zero = gal_round_up(sizeof *wino / sizeof(float) + 1, LINE);
    wino->bias = wino->zero + gal_round_up(zeros, LINE);
    wino->weights = wino->bias + gal_round_up(wino->columns, nr);
    wino->size = wino->weights + positions * (size_t)wino->cv.c * wino->columns;
}

size_t gal_wino_slot_bytes(const gal_wino *wino, const gal_gemm_f32 *gemm, int64_t batch) {
    int64_t tiles = batch * wino->down * wino->across;
    size_t positions = (size_t)(wino->side * wino->side), block = (size_t)gal_at_most(wino->block, tiles);
    size_t pixels = block * wino->pixel + LINE, products = block * (size_t)gemm->nr + LINE;
    return gal_round_up(positions * (pixels + products) * sizeof(float), 64);
}

const char *gal_wino_make(const gal_conv *conv, const gal_wino_level *level, bool changing, int m, gal_wino *wino) {
    const gal_conv *cv = &wino->cv;
    const gal_gemm_f32 *gemm = level->gemm;
    memset(wino, 0, sizeof *wino);
    wino->cv = *conv;
    wino->changing = changing;
    wino->dtype = level->dtype;
    if (cv->r != 3 || cv->s != 3 || cv->sh != 1 || cv->sw != 1 || cv->dh != 1 || cv->dw != 1 || cv->group != 1)
        return "is for 3x3 windows with stride 1 in one group";
    wino->pixel = gal_round_up((size_t)cv->c, (size_t)gemm->vec);
    wino->columns = gal_round_up((size_t)cv->k, (size_t)gemm->vec);
    int best = choose(wino, level);
    if (best == 0) return "the direct sums take fewer cycles at this shape";
    if (best != m) return "another tile takes fewer cycles at this shape";
    set_tiles(wino, m);
    place(wino, gemm);
    return NULL;
}

const char *gal_wino_decode(const gal_node *node, const gal_wino_level *level, int m, gal_wino *wino) {
    gal_conv conv;
    memset(&conv, 0, sizeof conv);
    const char *why = gal_conv_geometry(node, &conv);
    if (why != NULL) return why;
    if (node->in[0]->dtype != level->dtype || node->in[1]->dtype != level->dtype) return "is for another element type";
    return gal_wino_make(&conv, level, node->in[1]->is_variable, m, wino);
}

/* ---- weights ---- */

/* G for each kind: row i is (1, p, p^2) over the product of (p - point) of the other points; the last is infinity. */
static void make_g(int m, double g[6][3]) {
    static const double points[2][5] = {{0, 1, -1}, {0, 0.6875, -0.6875, 1.5, -1.5}};
    const double *point = points[m == 4];
    int finite = m + 1;
    for (int i = 0; i < finite; i++) {
        double product = 1;
        for (int j = 0; j < finite; j++) product *= i == j ? 1 : point[i] - point[j];
        for (int e = 0; e < 3; e++) g[i][e] = pow(point[i], e) / product;
    }
    g[finite][0] = g[finite][1] = 0;
    g[finite][2] = 1;
}

static float widen(galen_dtype dtype, const void *from, int64_t at) {
    if (dtype == GALEN_F32) return ((const float *)from)[at];
    uint16_t x = ((const uint16_t *)from)[at];
    return dtype == GALEN_BF16 ? gal_bf16_to_f32(x) : gal_f16_to_f32(x);
}

/* Windows [tap][column] of one channel and the columns from `first` on; zeros behind the last. */
static void gather(const gal_wino_weights *from, galen_dtype dtype, int64_t c, gal_columns of, int64_t width,
                   float *to) {
    if (of.end - of.first < width) memset(to, 0, (size_t)(9 * width) * sizeof *to);
    for (int64_t k = of.first; k < of.end; k++, to++) {
        int64_t at = k * from->column + c * from->channel;
        for (int t = 0; t < 9; t++) to[t * width] = widen(dtype, from->w, at + (from->reversed ? 8 - t : t));
    }
}

void gal_wino_pack(const gal_wino *wino, const gal_wino_level *level, const gal_wino_weights *from, gal_columns part,
                   float *packed) {
    const gal_conv *cv = &wino->cv;
    size_t depth = (size_t)(wino->side * wino->side * cv->c);
    int64_t nr = level->gemm->nr;
    float window[9 * WIDEST_PANEL];
    double g[6][3];
    make_g(wino->m, g);
    if (part.first == 0) {
        memcpy(packed, wino, sizeof *wino);
        if (from->bias != NULL) memcpy(packed + wino->bias, from->bias, (size_t)cv->k * sizeof(float));
    }
    for (int64_t first = part.first; first < part.end; first += nr) {
        int64_t width = gal_at_most(nr, (int64_t)wino->columns - first);
        const gal_columns of = {first, gal_at_most(first + width, part.end)};
        float *panel = packed + wino->weights + (size_t)first * depth;
        for (int64_t c = 0; c < cv->c; c++) {
            gather(from, wino->dtype, c, of, width, window);
            level->weights(wino->m, g, window, (size_t)width, panel + c * width, (size_t)(cv->c * width));
        }
    }
}
