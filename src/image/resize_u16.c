/* Resizing 16-bit pictures: f64 weights and sums, rounded once at the end. */
#include "image/resize.h"

#include "base/error.h"
#include "base/mem.h"

static void across_row(const gal_axis *axis, size_t channels, const uint16_t *from, double *to) {
    for (int x = 0; x < axis->outputs; x++) {
        const double *weight = axis->weight + (size_t)x * (size_t)axis->taps;
        const uint16_t *p = from + (size_t)axis->first[x] * channels;
        for (size_t c = 0; c < channels; c++) {
            double sum = 0;
            for (int j = 0; j < axis->count[x]; j++) sum += weight[j] * p[(size_t)j * channels + c];
            to[(size_t)x * channels + c] = sum;
        }
    }
}

static uint16_t round_u16(double v) {
    if (v <= 0) return 0;
    return v >= 65535 ? 65535 : (uint16_t)(v + 0.5);
}

galen_status gal_resize_u16(const galen_image *image, const gal_axis *across, const gal_axis *down, galen_image *out,
                            galen_error *err) {
    int last = down->outputs - 1, top = down->first[0], bottom = down->first[last] + down->count[last];
    size_t channels = (size_t)image->channels, n = (size_t)across->outputs * channels;
    size_t stride = (size_t)image->width * channels, cells = 0;
    double *between = gal_size_mul((size_t)(bottom - top), n, &cells) ? gal_calloc(cells, sizeof *between) : NULL;
    if (!between) return gal_fail_memory(err, "the rows of a resize", (unsigned long long)cells * sizeof(double));
    for (int y = top; y < bottom; y++)
        across_row(across, channels, (const uint16_t *)image->data + (size_t)y * stride,
                   between + (size_t)(y - top) * n);
    uint16_t *to = out->data;
    for (int y = 0; y < down->outputs; y++) {
        const double *weight = down->weight + (size_t)y * (size_t)down->taps;
        const double *from = between + (size_t)(down->first[y] - top) * n;
        for (size_t x = 0; x < n; x++) {
            double sum = 0;
            for (int j = 0; j < down->count[y]; j++) sum += weight[j] * from[(size_t)j * n + x];
            *to++ = round_u16(sum);
        }
    }
    gal_free(between);
    return GALEN_OK;
}
