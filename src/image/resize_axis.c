/* The weights of a resize along one axis. */
#include "image/resize.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

static double box(double x) {
    return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double triangle(double x) {
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* Keys' cubic with a = -0.5 (Catmull-Rom), in the order of operations Pillow uses. */
static double cubic(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

static double sinc(double x) {
    if (x == 0) return 1;
    x *= M_PI;
    return sin(x) / x;
}

static double lanczos3(double x) {
    return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

typedef struct kernel {
    double (*at)(double x);
    double support;
} kernel;

static const kernel *kernel_of(galen_filter filter) {
    static const kernel kernels[] = {[GALEN_FILTER_BOX] = {box, 0.5},
                                     [GALEN_FILTER_BILINEAR] = {triangle, 1},
                                     [GALEN_FILTER_BICUBIC] = {cubic, 2},
                                     [GALEN_FILTER_LANCZOS] = {lanczos3, 3}};
    if (filter < GALEN_FILTER_BOX || filter > GALEN_FILTER_LANCZOS) return NULL;
    return &kernels[filter];
}

/* One output's weights: the kernel, stretched when shrinking, centred on the output and normalised. */
static void fill(gal_axis *axis, int i, const kernel *k, double centre, double stretch, int in) {
    double support = k->support * stretch, per = 1 / stretch, total = 0;
    double *weight = axis->weight + (size_t)i * (size_t)axis->taps;
    int32_t *fixed = axis->fixed + (size_t)i * (size_t)axis->taps;
    int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
    if (first < 0) first = 0;
    if (end > in) end = in;
    int count = end - first;
    for (int j = 0; j < count; j++) {
        weight[j] = k->at((j + first - centre + 0.5) * per);
        total += weight[j];
    }
    for (int j = 0; j < count; j++) {
        if (total != 0) weight[j] /= total;
        fixed[j] = (int32_t)(weight[j] * (1 << GAL_FIXED_BITS) + (weight[j] < 0 ? -0.5 : 0.5));
    }
    axis->first[i] = first;
    axis->count[i] = count;
}

galen_status gal_axis_make(int in, int out, int begin, int outputs, galen_filter filter, gal_axis *axis,
                           galen_error *err) {
    memset(axis, 0, sizeof *axis);
    const kernel *k = kernel_of(filter);
    if (!k)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the resize filter %d is unknown: use one of galen_filter",
                        (int)filter);
    double scale = (double)in / out, stretch = scale < 1 ? 1 : scale;
    axis->outputs = outputs;
    axis->taps = (int)ceil(k->support * stretch) * 2 + 1;
    size_t cells = 0, bytes = 0;
    if (!gal_size_mul((size_t)outputs, (size_t)axis->taps, &cells) || !gal_size_mul(cells, sizeof(double), &bytes))
        return gal_fail(err, GALEN_ERR_LIMIT, "a resize from %d to %d samples is too large", in, out);
    axis->first = gal_calloc((size_t)outputs, sizeof *axis->first);
    axis->count = gal_calloc((size_t)outputs, sizeof *axis->count);
    axis->weight = gal_calloc(cells, sizeof *axis->weight);
    axis->fixed = gal_calloc(cells, sizeof *axis->fixed);
    if (!axis->first || !axis->count || !axis->weight || !axis->fixed) {
        gal_axis_free(axis);
        return gal_fail_memory(err, "the weights of a resize", bytes);
    }
    for (int i = 0; i < outputs; i++) fill(axis, i, k, (begin + i + 0.5) * scale, stretch, in);
    return GALEN_OK;
}

void gal_axis_free(gal_axis *axis) {
    gal_free(axis->first);
    gal_free(axis->count);
    gal_free(axis->weight);
    gal_free(axis->fixed);
    memset(axis, 0, sizeof *axis);
}
