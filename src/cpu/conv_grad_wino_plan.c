/*
 * Weight gradient by Winograd: which layers it pays for, and where things lie.
 *
 * A chunk is as many tiles as leave their transformed pixels in cache until the products have read them.
 */
#include "base/whole.h"
#include "cpu/conv_grad_wino.h"

enum {
    LINE = 16,             /* floats of a cache line; positions lie that much apart, or powers of two would meet */
    CHUNK_BYTES = 1 << 20, /* of transformed pixels */
    LEAST_TILES = 96,      /* of a chunk, so that sums are not read and written too often */
    POSITIONS = GAL_GRAD_WINO_SIDE * GAL_GRAD_WINO_SIDE,
    TRAINING_IMAGES = 32,    /* that share the sums, which are written and transformed once a batch */
    MOST_PIXELS = 1 << 26,   /* of X and dY, and */
    MOST_CHANNELS = 1 << 20, /* channels of both, far above any network: no size below overflows */
};

/* Taps of one axis that meet the image, summed over the outputs. */
static int64_t taps_inside(const gal_window *w, int d) {
    int64_t inside = 0;
    for (int64_t o = 0; o < w->out[d]; o++) {
        for (int64_t k = 0; k < 3; k++) inside += (uint64_t)(o + k - w->before[d]) < (uint64_t)w->in[d];
    }
    return inside;
}

/*
 * Cycles of one core for one image, in multiply-adds of a vector, from the shape alone so that every batch gets the
 * same bits; the constants are measured. The direct sums leave out taps in the padding.
 */
static const double direct_share = 1.1; /* of the direct sums' multiply-adds, with what the tile does beside them */
static const double transform = 8;      /* for a vector of one position of X or dY, stored and fetched again */
static const double finish = 6;         /* for a vector of one position's sums, likewise */

static double direct_cycles(const gal_conv_grad *g, int vec, bool half) {
    double taps = (double)taps_inside(&g->window, 1) * (double)taps_inside(&g->window, 2) * direct_share;
    return taps * (double)g->channels * (double)gal_ceil_div(g->outputs, vec) / (half ? 2 : 1);
}

static double winograd_cycles(const gal_grad_wino *wino, int vec) {
    double columns = (double)gal_ceil_div(wino->g.outputs, vec),
           pixels = (double)gal_ceil_div(wino->g.channels, vec) + columns;
    double tiles = (double)(wino->down * wino->across), sums = (double)wino->g.channels * columns;
    return POSITIONS * (tiles * (sums + transform * pixels) + finish * sums / TRAINING_IMAGES);
}

static const char *check(const gal_grad_wino *wino, const gal_grad_wino_level *level) {
    const gal_conv_grad *g = &wino->g;
    const gal_window *w = &g->window;
    int vec = level->grad->vec;
    if (w->kernel[1] != 3 || w->kernel[2] != 3 || w->stride[1] != 1 || w->stride[2] != 1 || w->dilation[1] != 1 ||
        w->dilation[2] != 1 || g->group != 1)
        return "is for 3x3 windows with stride 1 in one group";
    if (g->channels < 1 || g->outputs < 1 || w->out[1] < 1 || w->out[2] < 1 || w->in[1] < 1 || w->in[2] < 1)
        return "there is nothing to compute";
    if (g->channels > MOST_CHANNELS || g->outputs > MOST_CHANNELS || w->in[1] > MOST_PIXELS / w->in[2] ||
        w->out[1] > MOST_PIXELS / w->out[2])
        return "the image or its channels are too many";
    if (winograd_cycles(wino, vec) >= direct_cycles(g, vec, level->wino->dtype != GALEN_F32))
        return "the direct sums take fewer cycles at this shape";
    return NULL;
}

/* The least multiple-and-transform work of the largest part: parts of few channels transform dY again and again. */
static void cut(gal_grad_wino *wino, const gal_grad_wino_level *level, int threads) {
    double least = 0;
    for (int64_t blocks = 1; blocks <= wino->blocks && blocks <= threads; blocks++) {
        int64_t panels = threads / blocks < wino->panels ? threads / blocks : wino->panels;
        double x = (double)(gal_ceil_div(wino->blocks, blocks) * level->grad->mr);
        double dy = (double)(gal_ceil_div(wino->panels, panels) * 2 * level->grad->vec);
        double work = x * dy + transform * (x + dy);
        if (blocks > 1 && work >= least) continue;
        least = work;
        wino->block_parts = blocks, wino->panel_parts = panels;
    }
}

static void place(gal_grad_wino *wino, const gal_grad_wino_level *level) {
    size_t vec = (size_t)level->grad->vec, x = gal_round_up((size_t)wino->g.channels, vec);
    size_t dy = gal_round_up((size_t)wino->g.outputs, vec), most = CHUNK_BYTES / ((x + dy) * POSITIONS * sizeof(float));
    wino->tiles = most > LEAST_TILES ? (int64_t)most : LEAST_TILES;
    wino->whole = wino->all <= wino->tiles;
    if (wino->whole) wino->tiles = wino->all;
    /* A block has a channel more than another at most. */
    int64_t block = gal_ceil_div(wino->g.channels, wino->blocks),
            panels = gal_ceil_div(wino->panels, wino->panel_parts);
    int64_t channels = gal_ceil_div(wino->blocks, wino->block_parts) * block;
    size_t tiles = (size_t)wino->tiles;
    wino->pixel = gal_round_up((size_t)channels, vec);
    wino->columns = (size_t)panels * 2 * vec < dy ? (size_t)panels * 2 * vec : dy;
    wino->x_step = tiles * wino->pixel + LINE;
    wino->dy_step = tiles * wino->columns + LINE;
    wino->sum_step = (size_t)channels * wino->columns + LINE;
    size_t zeros = wino->pixel > wino->columns ? wino->pixel : wino->columns;
    wino->zero_bytes = gal_round_up(zeros, LINE) * sizeof(float);
    wino->x_at = gal_round_up(tiles * sizeof(gal_grad_pixel), LINE * sizeof(float)); /* behind the list of tiles */
    wino->dy_at = wino->x_at + POSITIONS * wino->x_step * sizeof(float);
    wino->sum_at = wino->dy_at + POSITIONS * wino->dy_step * sizeof(float);
    wino->part_bytes = gal_round_up(wino->sum_at + (wino->whole ? 0 : POSITIONS * wino->sum_step * sizeof(float)),
                                    LINE * sizeof(float));
}

const char *gal_grad_wino_make(const gal_node *node, const gal_grad_wino_level *level, int64_t batch, int threads,
                               gal_grad_wino *wino) {
    gal_shape shape;
    *wino = (gal_grad_wino){.down = 0};
    if (gal_conv_grad_weight_shape(node, &wino->g, &shape, NULL) != GALEN_OK) return "the window is not understood";
    if (node->in[0]->dtype != level->wino->dtype) return "is for another element type";
    wino->down = gal_ceil_div(wino->g.window.out[1], GAL_GRAD_WINO_TILE);
    wino->across = gal_ceil_div(wino->g.window.out[2], GAL_GRAD_WINO_TILE);
    const char *why = check(wino, level);
    if (why != NULL) return why;
    wino->all = batch * wino->down * wino->across;
    wino->blocks = gal_ceil_div(wino->g.channels, level->grad->mr);
    wino->panels = gal_ceil_div(wino->g.outputs, 2 * (int64_t)level->grad->vec);
    cut(wino, level, threads);
    place(wino, level);
    return NULL;
}

size_t gal_grad_wino_bytes(const gal_grad_wino *wino) {
    return wino->zero_bytes + (size_t)(wino->block_parts * wino->panel_parts) * wino->part_bytes;
}
