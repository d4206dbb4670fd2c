/*
 * Images from channels first to channels last, the first step of every graph in the inside layout; included once by
 * each level after its block (SIDE channels of SIDE pixels) and weave3 (three planes, SIDE pixels: 3 * SIDE floats in
 * order). Pictures of one plane are copied.
 */
#include "cpu/kernel.h"

#include <string.h>

enum { BAND = 4096 /* pixels a task moves */ };

typedef struct weave {
    const float *x;
    float *y;
    int64_t c, area, bands;
} weave;

/* Channels [c0, c0 + count) of pixels [from, to), one by one. */
static void scatter(const weave *w, const float *x, float *y, int64_t c0, int64_t count, int64_t from, int64_t to) {
    for (int64_t p = from; p < to; p++) {
        for (int64_t c = c0; c < c0 + count; c++) y[p * w->c + c] = x[c * w->area + p];
    }
}

static void run_band(void *context, size_t index) {
    const weave *w = context;
    int64_t n = (int64_t)index / w->bands, p = (int64_t)index % w->bands * BAND,
            end = p + BAND < w->area ? p + BAND : w->area;
    const float *x = w->x + n * w->c * w->area;
    float *y = w->y + n * w->c * w->area;
    if (w->c == 1) {
        memcpy(y + p, x + p, (size_t)(end - p) * sizeof *y);
        return;
    }
    for (; p + SIDE <= end; p += SIDE) {
        int64_t c = 0;
        if (w->c == 3) {
            weave3(x + p, x + w->area + p, x + 2 * w->area + p, y + 3 * p);
            continue;
        }
        for (; c + SIDE <= w->c; c += SIDE) block(x + c * w->area + p, w->area, y + p * w->c + c, w->c);
        scatter(w, x, y, c, w->c - c, p, p + SIDE);
    }
    scatter(w, x, y, 0, w->c, p, end);
}

static const char *to_nhwc_reject(const gal_node *node) {
    static const int64_t order[4] = {0, 2, 3, 1};
    size_t count;
    const int64_t *perm = gal_attr_ints(node, "perm", &count);
    if (count != 4 || memcmp(perm, order, sizeof order) != 0) return "is for channels first to channels last";
    return NULL;
}

static void to_nhwc(const gal_call *call) {
    const galen_tensor *x = call->in[0];
    weave w = {.x = x->data, .y = call->out[0]->data, .c = x->dim[1], .area = x->dim[2] * x->dim[3]};
    w.bands = (w.area + BAND - 1) / BAND;
    gal_pool_run(call->pool, run_band, &w, (size_t)(x->dim[0] * w.bands));
}
