/* Winograd convolution: which layers it pays for, and their weights. */
#include "cpu/conv_wino.h"

#include <math.h>
#include <string.h>

enum {
    LINE = 16,             /* floats of a cache line */
    BLOCK_BYTES = 1 << 20, /* of L2 for a block's transformed pixels and its products */
    MIN_BLOCK_TILES = 2,   /* register tiles that share a read of the weights at least */
};

static size_t round_up(size_t x, size_t to) {
    return (x + to - 1) / to * to;
}

static int64_t at_most(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* ---- choice ---- */

/*
 * Cycles of one core for one image, from the shape alone so that every batch gets the same bits. Weights are counted
 * as if read from L3 once an image, which is what a batch of one does: it keeps the direct sums where the weights are
 * large and the image is small.
 */
static const double l3_bytes = 7.5; /* a cycle: 29 GB/s at 3.84 GHz */
static const double transform = 4;  /* cycles for a vector of one position, either way: measured */

static double direct_cycles(const gal_conv *cv, double columns, int vec) {
    double weights = 9 * (double)cv->c * columns;
    return (double)(cv->oh * cv->ow) * weights / (2 * vec) + weights * sizeof(float) / l3_bytes;
}

static double winograd_cycles(const gal_wino *wino, int vec) {
    double tiles = (double)(wino->down * wino->across), positions = wino->side * wino->side;
    double weights = positions * (double)wino->cv.c * (double)wino->columns;
    double transformed = positions * (double)(wino->pixel + wino->columns) / vec;
    return tiles * (weights / (2 * vec) + transform * transformed) + weights * sizeof(float) / l3_bytes;
}

static void set_tiles(gal_wino *wino, int m) {
    wino->m = m, wino->side = m + 2;
    wino->down = ceil_div(wino->cv.oh, m), wino->across = ceil_div(wino->cv.ow, m);
}

/* The output size of a tile that takes the fewest cycles, or 0: the direct sums do. */
static int choose(const gal_wino *wino, int vec) {
    gal_wino try = *wino;
    int best = 0;
    double fewest = direct_cycles(&wino->cv, (double)wino->columns, vec);
    for (int m = 2; m <= 4; m += 2) {
        set_tiles(&try, m);
        double cycles = winograd_cycles(&try, vec);
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
    wino->zero = round_up(sizeof *wino / sizeof(float) + 1, LINE);
    wino->bias = wino->zero + round_up(zeros, LINE);
    wino->weights = wino->bias + round_up(wino->columns, nr);
    wino->size = wino->weights + positions * (size_t)wino->cv.c * wino->columns;
}

size_t gal_wino_slot_bytes(const gal_wino *wino, const gal_gemm_f32 *gemm) {
    size_t positions = (size_t)(wino->side * wino->side), block = (size_t)wino->block;
    size_t pixels = block * wino->pixel + LINE, products = block * (size_t)gemm->nr + LINE;
    return round_up(positions * (pixels + products) * sizeof(float), 64);
}

const char *gal_wino_decode(const gal_node *node, const gal_gemm_f32 *gemm, int m, gal_wino *wino) {
    memset(wino, 0, sizeof *wino);
    gal_conv *cv = &wino->cv;
    const char *why = gal_conv_f32_decode(node, gemm->vec, cv);
    if (why != NULL) return why;
    if (node->in[0]->dtype != GALEN_F32) return "the input is not f32";
    if (cv->r != 3 || cv->s != 3 || cv->sh != 1 || cv->sw != 1 || cv->dh != 1 || cv->dw != 1 || cv->group != 1)
        return "is for 3x3 windows with stride 1 in one group";
    wino->pixel = round_up((size_t)cv->c, (size_t)gemm->vec);
    wino->columns = round_up((size_t)cv->k, (size_t)gemm->vec);
    int best = choose(wino, gemm->vec);
    if (best == 0) return "the direct sums take fewer cycles at this shape";
    if (best != m) return "another tile takes fewer cycles at this shape";
    set_tiles(wino, m);
    place(wino, gemm);
    return NULL;
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

/* G w G' of one window, to positions `step` floats apart. */
static void transform_window(int side, const double g[6][3], const float *w, float *to, size_t step) {
    double half[6][3];
    for (int i = 0; i < side; i++) {
        for (int s = 0; s < 3; s++) half[i][s] = g[i][0] * w[s] + g[i][1] * w[3 + s] + g[i][2] * w[6 + s];
    }
    for (int i = 0; i < side; i++) {
        for (int j = 0; j < side; j++)
            to[(size_t)(i * side + j) * step] =
                (float)(half[i][0] * g[j][0] + half[i][1] * g[j][1] + half[i][2] * g[j][2]);
    }
}

void gal_wino_pack(const gal_wino *wino, const gal_node *node, const gal_gemm_f32 *gemm, gal_columns part,
                   float *packed) {
    const gal_conv *cv = &wino->cv;
    const float *w = node->in[1]->constant->data;
    const gal_value *bias = node->n_in > 2 ? node->in[2] : NULL;
    size_t depth = (size_t)(wino->side * wino->side * cv->c);
    double g[6][3];
    make_g(wino->m, g);
    if (part.first == 0) {
        memcpy(packed, wino, sizeof *wino);
        if (bias != NULL) memcpy(packed + wino->bias, bias->constant->data, (size_t)cv->k * sizeof(float));
    }
    for (int64_t first = part.first; first < part.end; first += gemm->nr) {
        size_t width = (size_t)at_most(gemm->nr, (int64_t)wino->columns - first);
        float *panel = packed + wino->weights + (size_t)first * depth;
        for (int64_t k = first; k < at_most(first + gemm->nr, part.end); k++) {
            for (int64_t c = 0; c < cv->c; c++)
                transform_window(wino->side, g, w + (k * cv->c + c) * 9,
                                 panel + (size_t)c * width + (size_t)(k - first), (size_t)cv->c * width);
        }
    }
}
