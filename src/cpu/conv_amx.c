/* AMX convolution: sizes, the order of the packed weights, and how one call is cut into tasks. */
#include "base/whole.h"
#include "cpu/conv_amx_plan.h"

enum {
    LEAST_DEPTH = 32,          /* bytes of a group's channels: half a step */
    ALIASED = 512,             /* rows this far apart fall into few sets of a cache */
    BUDGET = 640 << 10,        /* bytes of input that stay in L2 while all panels go through it */
    LIGHT_WEIGHTS = 512 << 10, /* weights that stay in L2 too */
    LEAST_ROWS = 128,          /* of a task in place: fewer read heavy weights too often */
    MOST_ROWS = 4096,          /* and what its tables hold */
    LEAST_M = 96,              /* rows of a band: fewer leave too much of the last tile empty */
    PRODUCT_PS = 4500,         /* picoseconds of a tile product (Sapphire Rapids) */
    WEIGHTS_PS = 34,           /* and of a byte of weights from L3 */
    TASK_PS = 2500000,         /* a shorter task is not worth handing to another thread */
    TASKS = 3,                 /* a thread, at least: the last to finish is not far behind */
};

/* Output pixels of images worth interleaving. */
enum { TINY = 4, SMALL = 16, MEDIUM = 64 };

static int64_t round_up(int64_t a, int64_t to) {
    return gal_ceil_div(a, to) * to;
}

static bool reads_in_place(const gal_conv *cv) {
    bool point = cv->r == 1 && cv->s == 1 && cv->sh == 1 && cv->sw == 1 && cv->top == 0 && cv->left == 0;
    return point && cv->oh == cv->h && cv->ow == cv->w && cv->cg % GAL_AMX_STEP == 0;
}

const char *gal_amx_conv_make(gal_amx_conv *amx, uint8_t padding, int per_column, size_t extra) {
    gal_conv *cv = &amx->cv;
    if (cv->group > 1 && (cv->cg < LEAST_DEPTH || cv->kg < GAL_AMX_ROWS))
        return "a group has too few channels for a tile";
    if (cv->sh > GAL_AMX_STRIDES || cv->sw > GAL_AMX_STRIDES) return "the stride is too large";
    cv->merged = cv->group == 1 && cv->s > 1 && cv->dw == 1 && cv->c < GAL_AMX_STEP;
    int64_t bytes = cv->merged ? cv->s * cv->c : cv->cg;
    amx->tap_w = cv->merged ? 1 : cv->s;
    amx->steps = gal_ceil_div(bytes, GAL_AMX_STEP);
    amx->pixel = cv->merged ? cv->sw * cv->c : amx->steps * GAL_AMX_STEP;
    if (!cv->merged && amx->pixel % ALIASED == 0) amx->pixel += GAL_AMX_STEP;
    amx->direct = reads_in_place(cv);
    amx->padding = padding;
    amx->skips = padding == 0;
    int64_t columns = round_up(cv->kg, GAL_AMX_ROWS);
    cv->columns = (size_t)columns;
    amx->panels = gal_ceil_div(columns, GAL_AMX_PANEL);
    amx->columns_at = (size_t)round_up((int64_t)sizeof *amx, 64);
    amx->extra_at = amx->columns_at + (size_t)(columns * cv->group * per_column) * 4;
    amx->tiles = (size_t)round_up((int64_t)(amx->extra_at + extra), 64);
    amx->size = amx->tiles + (size_t)(cv->group * cv->r * amx->tap_w * amx->steps * columns) * GAL_AMX_STEP;
    return NULL;
}

size_t gal_amx_weight_at(const gal_amx_conv *amx, int64_t k, int64_t tap, int64_t at) {
    int64_t columns = (int64_t)amx->cv.columns, all = amx->cv.r * amx->tap_w * amx->steps;
    int64_t group = k / amx->cv.kg, j = k % amx->cv.kg, panel = j / GAL_AMX_PANEL;
    int64_t wide = gal_at_most(columns - panel * GAL_AMX_PANEL, GAL_AMX_PANEL) / GAL_AMX_ROWS;
    int64_t tile = j % GAL_AMX_PANEL / GAL_AMX_ROWS, step = tap * amx->steps + at / GAL_AMX_STEP;
    int64_t to = (group * columns + panel * GAL_AMX_PANEL) * all * GAL_AMX_STEP;
    to += (step * wide + tile) * GAL_AMX_TILE + at % GAL_AMX_STEP / 4 * GAL_AMX_STEP + j % GAL_AMX_ROWS * 4 + at % 4;
    return amx->tiles + (size_t)to;
}

size_t gal_amx_column_at(const gal_amx_conv *amx, int which, int64_t k) {
    int64_t columns = (int64_t)amx->cv.columns, column = k / amx->cv.kg * columns + k % amx->cv.kg;
    return amx->columns_at + (size_t)(which * columns * amx->cv.group + column) * 4;
}

/* ---- the gathered image ---- */

static int64_t phases(int64_t taps, int64_t dilation, int64_t stride, int8_t *index) {
    int64_t used = 0;
    for (int64_t p = 0; p < stride; p++) {
        bool met = false;
        for (int64_t t = 0; t < taps; t++) met |= t * dilation % stride == p;
        index[p] = met ? (int8_t)used++ : -1;
    }
    return used;
}

void gal_amx_gather_make(const gal_amx_conv *amx, int64_t images, int64_t rows, gal_amx_gather *to) {
    const gal_conv *cv = &amx->cv;
    int64_t width = (cv->ow - 1) * cv->sw + (cv->s - 1) * cv->dw + 1;
    to->images = images, to->rows = rows;
    to->phases_h = phases(cv->r, cv->dh, cv->sh, to->phase_h);
    to->phases_w = cv->merged ? 1 : phases(cv->s, cv->dw, cv->sw, to->phase_w);
    to->across = gal_ceil_div(width, cv->sw);
    to->down = gal_ceil_div((rows - 1) * cv->sh + (cv->r - 1) * cv->dh + 1, cv->sh);
    to->line = to->across * images * amx->pixel;
    to->plane = to->line * to->down;
    /* Rows of the last tile that nobody wants, and the end of the last row's last segment. */
    to->bytes = to->plane * to->phases_h * to->phases_w + GAL_AMX_ROWS * amx->pixel + amx->steps * GAL_AMX_STEP;
    to->m = ((rows - 1) * to->across + cv->ow) * images;
}

int64_t gal_amx_tap_offset(const gal_amx_conv *amx, const gal_amx_gather *g, int64_t r, int64_t s) {
    const gal_conv *cv = &amx->cv;
    int64_t h = r * cv->dh, w = s * cv->dw;
    int64_t plane = (int64_t)g->phase_h[h % cv->sh] * g->phases_w + (cv->merged ? 0 : g->phase_w[w % cv->sw]);
    int64_t at = plane * g->plane + h / cv->sh * g->line;
    return cv->merged ? at : at + w / cv->sw * g->images * amx->pixel;
}

/* ---- cutting ---- */

static int64_t weight_bytes(const gal_amx_conv *amx) {
    return (int64_t)(amx->size - amx->tiles) / amx->cv.group;
}

/*
 * Images whose pixels are interleaved. Of sixteen and more a tile is one pixel of each, and no product meets padding;
 * with fewer the taps of neighbouring pixels share more lines of the first cache. Rises with n.
 */
static int64_t interleave(const gal_amx_conv *amx, int64_t n) {
    int64_t area = amx->cv.oh * amx->cv.ow, most = area <= TINY ? 64 : area <= SMALL ? 32 : 8;
    if (amx->cv.merged || area > MEDIUM) return 1;
    if (n >= most) return most;
    return n >= GAL_AMX_ROWS ? n / GAL_AMX_ROWS * GAL_AMX_ROWS : n;
}

/* Output rows whose gathered input stays in the cache while all panels go through it. */
static int64_t rows_in_budget(const gal_amx_conv *amx, int64_t images) {
    gal_amx_gather one;
    gal_amx_gather_make(amx, images, 1, &one);
    return gal_at_least(1, gal_at_most(amx->cv.oh, BUDGET / (one.line * one.phases_h * one.phases_w)));
}

/* How many tasks are worth making. */
static int64_t tasks_wanted(const gal_amx_conv *amx, int64_t n, int threads) {
    const gal_conv *cv = &amx->cv;
    int64_t tiles = gal_ceil_div(n * cv->oh * cv->ow, GAL_AMX_ROWS) * (int64_t)cv->columns / GAL_AMX_ROWS * cv->group;
    int64_t products = tiles * cv->r * amx->tap_w * amx->steps;
    int64_t time = gal_at_least(products * PRODUCT_PS, weight_bytes(amx) * cv->group * WEIGHTS_PS);
    return gal_at_least(1, gal_at_most(time / TASK_PS, threads > 1 ? TASKS * threads : 1));
}

/* Tasks of a call in place: runs of pixels. */
static void cut_direct(const gal_amx_conv *amx, int64_t n, int64_t wanted, gal_amx_cut *cut) {
    const gal_conv *cv = &amx->cv;
    int64_t all = n * cv->oh * cv->ow, chunk = gal_at_most(MOST_ROWS, gal_at_least(LEAST_ROWS, BUDGET / cv->cg));
    if (weight_bytes(amx) <= LIGHT_WEIGHTS)
        chunk = gal_at_most(chunk, gal_at_least(GAL_AMX_PANEL, gal_ceil_div(all, wanted)));
    cut->chunks = gal_ceil_div(all, chunk);
    cut->chunk = gal_at_most(round_up(gal_ceil_div(all, cut->chunks), GAL_AMX_PANEL), all);
    cut->chunks = gal_ceil_div(all, cut->chunk);
}

/* Tasks of a gathered call: some images by some rows. */
static void cut_gathered(const gal_amx_conv *amx, int64_t n, int64_t wanted, gal_amx_cut *cut) {
    cut->images = interleave(amx, n);
    cut->groups = gal_ceil_div(n, cut->images);
    int64_t bands = gal_ceil_div(amx->cv.oh, rows_in_budget(amx, cut->images));
    gal_amx_gather one;
    gal_amx_gather_make(amx, cut->images, 1, &one);
    int64_t most = gal_at_most(amx->cv.oh, gal_at_least(1, amx->cv.oh * one.across * one.images / LEAST_M));
    if (weight_bytes(amx) <= LIGHT_WEIGHTS)
        bands = gal_at_least(bands, gal_at_most(most, gal_ceil_div(wanted, cut->groups)));
    cut->rows = gal_ceil_div(amx->cv.oh, bands);
    cut->bands = gal_ceil_div(amx->cv.oh, cut->rows);
    cut->chunks = cut->groups * cut->bands;
}

void gal_amx_cut_make(const gal_amx_conv *amx, int64_t n, int threads, gal_amx_cut *cut) {
    int64_t wanted = tasks_wanted(amx, n, threads);
    *cut = (gal_amx_cut){.images = 1, .groups = n, .rows = amx->cv.oh, .bands = 1};
    cut->direct = amx->direct && n * amx->cv.oh * amx->cv.ow >= GAL_AMX_ROWS;
    if (cut->direct)
        cut_direct(amx, n, wanted, cut);
    else
        cut_gathered(amx, n, wanted, cut);
    /* Weights that stay in L2 may be read again and again; then outputs are written in the order of memory. */
    cut->rows_outer = weight_bytes(amx) <= LIGHT_WEIGHTS;
    int64_t tasks = cut->chunks * amx->cv.group;
    if (!cut->direct) wanted = gal_at_most(wanted, threads); /* each share gathers its chunk anew */
    cut->shares = tasks >= wanted ? 1 : gal_at_most(amx->panels, gal_ceil_div(wanted, tasks));
    cut->share = gal_ceil_div(amx->panels, cut->shares);
    cut->shares = gal_ceil_div(amx->panels, cut->share);
}

/* No task of a batch up to max_batch gathers more: one row, and further ones within the budget. */
static int64_t gather_bytes(const gal_amx_conv *amx, int64_t max_batch) {
    gal_amx_gather whole, one;
    if (amx->direct && amx->cv.oh * amx->cv.ow >= GAL_AMX_ROWS) return 0;
    int64_t images = interleave(amx, max_batch);
    gal_amx_gather_make(amx, images, amx->cv.oh, &whole);
    gal_amx_gather_make(amx, images, 1, &one);
    return gal_at_most(whole.bytes, BUDGET + one.bytes);
}

void gal_amx_slot_make(const gal_amx_conv *amx, int64_t max_batch, gal_amx_slot *slot) {
    int64_t bytes = gather_bytes(amx, max_batch),
            tiles = gal_at_least(bytes / amx->pixel, MOST_ROWS) / GAL_AMX_ROWS + 2;
    slot->rows = (size_t)round_up(bytes, 64);
    slot->pixel_of = slot->rows + (size_t)round_up(tiles * (int64_t)sizeof(gal_amx_rows), 64);
    slot->bytes = slot->pixel_of + (size_t)tiles * GAL_AMX_ROWS * sizeof(int32_t) + 64;
}

size_t gal_amx_scratch_bytes(const gal_amx_conv *amx, int64_t max_batch, int threads) {
    gal_amx_slot slot;
    gal_amx_slot_make(amx, max_batch, &slot);
    return slot.bytes * (size_t)(threads < 1 ? 1 : threads);
}
