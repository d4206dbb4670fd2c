/* Roofline arithmetic. */
#include "analyze/roofline.h"

#include "graph/ops/conv_ref.h"

#include <string.h>

/* The part of a convolution's taps that fall inside the input. */
static double taps_inside(const gal_node *node, bool channels_last) {
    gal_window window;
    gal_shape shape;
    double part = 1;
    if (gal_conv_shape(node, 0, 1, UINT32_MAX, channels_last, &window, &shape, NULL) != GALEN_OK) return 1;
    for (int d = GAL_WINDOW_RANK - window.rank; d < GAL_WINDOW_RANK; d++) {
        double inside = 0, all = (double)window.out[d] * (double)window.kernel[d];
        for (int64_t o = 0; o < window.out[d]; o++) {
            int64_t low, high;
            gal_window_taps(&window, d, o, &low, &high);
            inside += (double)(high - low);
        }
        if (all > 0) part *= inside / all;
    }
    return part;
}

void gal_work_of(const gal_node *node, int64_t batch, gal_cost *cost) {
    gal_node_cost(node, batch, cost);
    static const char *const convs[] = {"Conv", "DynConv", "QConv"};
    bool conv = false;
    for (size_t i = 0; i < sizeof convs / sizeof *convs; i++) conv |= strcmp(node->op->name, convs[i]) == 0;
    if (!conv) return;
    double padding = 1 - taps_inside(node, strcmp(node->op->domain, "galen") == 0);
    cost->flop -= (int64_t)(2 * (double)cost->mac * padding + 0.5);
}

static gal_store store_of(double bytes, const gal_peaks *peaks) {
    for (gal_store store = GAL_STORE_L2; store < GAL_STORE_MEMORY; store++)
        if (peaks->gbytes[store] > 0 && bytes <= (double)peaks->holds[store]) return store;
    return GAL_STORE_MEMORY;
}

gal_roofline gal_roofline_of(const gal_cost *cost, double seconds, gal_arithmetic arithmetic, const gal_peaks *peaks) {
    double bytes = (double)cost->bytes_read + (double)cost->bytes_written;
    gal_roofline out = {.arithmetic = arithmetic, .store = store_of(bytes, peaks)};
    if (!(seconds > 0)) return out;
    double gflop = (double)cost->flop * 1e-9, gbytes = bytes * 1e-9;
    out.gflops = gflop / seconds;
    out.gbytes = gbytes / seconds;
    if (!(peaks->gops[arithmetic] > 0) || !(peaks->gbytes[out.store] > 0)) return out;
    double compute = gflop / peaks->gops[arithmetic], memory = gbytes / peaks->gbytes[out.store];
    out.by_memory = memory > compute;
    out.least = out.by_memory ? memory : compute;
    out.share = out.least / seconds;
    return out;
}

const char *gal_roofline_bound(const gal_roofline *roofline) {
    return roofline->by_memory ? gal_store_name(roofline->store) : gal_arithmetic_name(roofline->arithmetic);
}
