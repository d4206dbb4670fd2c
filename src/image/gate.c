/* Gates of the input: statistics of a coarse grid, and writing near the edges. */
#include "image/gate.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { GRID = 32, LEVELS = 256, PIECE = 32, TEXT_ROWS = 48 };

/* One of 256 levels of one channel. */
static int level(const galen_image *image, size_t at) {
    return image->sample == GALEN_SAMPLE_U8 ? ((const uint8_t *)image->data)[at]
                                            : ((const uint16_t *)image->data)[at] >> 8;
}

static size_t place(const galen_image *image, int x, int y) {
    return ((size_t)y * (size_t)image->width + (size_t)x) * (size_t)image->channels;
}

static bool is_colour(const galen_image *image) {
    return image->channels >= 3;
}

/* As bright as it looks; of colours the green channel, which is most of it. */
static int brightness(const galen_image *image, int x, int y) {
    return level(image, place(image, x, y) + (is_colour(image) ? 1 : 0));
}

/* ---- the grid ---- */

typedef struct grid {
    unsigned count[LEVELS];
    double all, sum, square, chroma;
    double frame, frames, middle, middles; /* sums and numbers of pixels */
} grid;

static void add_pixel(grid *g, const galen_image *image, int gx, int gy, int n, int x, int y) {
    int v = brightness(image, x, y);
    bool frame = gx < n / 16 || gy < n / 16 || gx >= n - n / 16 || gy >= n - n / 16;
    bool middle = gx >= n / 4 && gx < n - n / 4 && gy >= n / 4 && gy < n - n / 4;
    g->count[v]++;
    g->all++;
    g->sum += v;
    g->square += v * v;
    if (frame) g->frame += v, g->frames++;
    if (middle) g->middle += v, g->middles++;
    if (is_colour(image)) {
        size_t at = place(image, x, y);
        g->chroma += abs(level(image, at) - v) + abs(level(image, at + 2) - v);
    }
}

static void sample(const galen_image *image, grid *g) {
    for (int gy = 0; gy < GRID; gy++)
        for (int gx = 0; gx < GRID; gx++)
            add_pixel(g, image, gx, gy, GRID, (int)((int64_t)(2 * gx + 1) * image->width / (2 * GRID)),
                      (int)((int64_t)(2 * gy + 1) * image->height / (2 * GRID)));
}

/* The level below which a share of the pixels lies. */
static int quantile(const grid *g, double share) {
    double below = 0;
    int v = 0;
    for (; v < LEVELS - 1; v++) {
        below += g->count[v];
        if (below > share * g->all) break;
    }
    return v;
}

/* ---- writing ---- */

/* Sharp rises and falls in turn in a piece of a row; a stroke of a letter is one of each. */
static int alternations(const galen_image *image, int x, int y) {
    enum { STEP = 96 };
    int turns = 0, way = 0;
    int before = brightness(image, x, y), last = before;
    for (int i = 1; i < PIECE; i++) {
        int v = brightness(image, x + i, y), rise = v - before;
        if (abs(rise) >= STEP && (rise > 0 ? 1 : -1) != way) {
            way = rise > 0 ? 1 : -1;
            turns++;
        }
        before = last; /* edges are two pixels wide after scaling */
        last = v;
    }
    return turns;
}

/* The longest run of rows, two apart, that alternate in one column of pieces of a strip. */
static int writing_in(const galen_image *image, int x, int from, int to) {
    enum { TURNS = 5 };
    int run = 0, best = 0;
    for (int y = from; y < to; y += 2) {
        run = alternations(image, x, y) >= TURNS ? run + 1 : 0;
        best = run > best ? run : best;
    }
    return best;
}

/* Writing stands in the strips above and below, an eighth of the height each, which reach into all corners. */
static int writing(const galen_image *image) {
    int strip = image->height / 8 < TEXT_ROWS ? image->height / 8 : TEXT_ROWS, best = 0;
    for (int x = 0; x + PIECE <= image->width; x += PIECE) {
        int above = writing_in(image, x, 0, strip), below = writing_in(image, x, image->height - strip, image->height);
        best = above > best ? above : best;
        best = below > best ? below : best;
    }
    return best;
}

/* ---- findings ---- */

typedef struct findings {
    galen_gate *out;
    int n;
} findings;

static void check(findings *f, const char *name, double value, double limit, bool found) {
    if (found && f->n < GAL_INPUT_GATES) f->out[f->n++] = (galen_gate){name, value, limit};
}

static void check_levels(findings *f, const grid *g) {
    const double top = LEVELS - 1;
    double mean = g->sum / g->all, deviation = sqrt(fmax(g->square / g->all - mean * mean, 0)) / top;
    double white = (double)g->count[LEVELS - 1] / g->all, black = (double)g->count[0] / g->all;
    double range = (quantile(g, 0.99) - quantile(g, 0.01)) / top;
    bool blank = deviation < 0.005;
    check(f, "blank", deviation, 0.005, blank);
    check(f, "saturated", white, 0.25, white > 0.25);
    check(f, "dark", black, 0.95, black > 0.95 && !blank);
    check(f, "range", range, 0.2, range < 0.2 && !blank);
    double inverted = (g->frame / g->frames - g->middle / g->middles) / top;
    check(f, "inverted", inverted, 0.1, inverted > 0.1);
}

static void check_shape(findings *f, const galen_image *image, const gal_recipe *r) {
    double across = (double)image->width / r->width, down = (double)image->height / r->height;
    double stretch = across > down ? across / down : down / across;
    check(f, "small", fmin(across, down), 0.5, fmin(across, down) < 0.5);
    check(f, "aspect", stretch, 2, stretch > 2);
}

int gal_input_gates(const galen_image *image, const gal_recipe *recipe, galen_gate out[GAL_INPUT_GATES]) {
    findings f = {out, 0};
    grid g = {.all = 0};
    sample(image, &g);
    check_levels(&f, &g);
    check_shape(&f, image, recipe);
    double chroma = g.chroma / (2 * g.all * (LEVELS - 1));
    check(&f, "colour", chroma, 0.04, recipe->channels == 1 && chroma > 0.04);
    int text = writing(image);
    check(&f, "text", text, 3, text > 3);
    return f.n;
}
