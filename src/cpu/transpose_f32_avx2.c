/*
 * Images from channels first to channels last, AVX2: the first step of every graph in the inside layout. Pictures of
 * one plane are copied, of three woven in registers; more planes go through 8x8 blocks.
 */
#include "cpu/rows.h"

#include <immintrin.h>
#include <string.h>

enum { BAND = 4096 /* pixels a task moves */ };

typedef struct weave {
    const float *x;
    float *y;
    int64_t c, area, bands;
} weave;

/* Eight channels of eight pixels. */
static void block8(const float *x, int64_t plane, float *y, int64_t pixel) {
    __m256 r[8], t[8];
    for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(x + i * plane);
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(y + i * pixel, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(y + (i + 4) * pixel, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

/* Three planes, eight pixels: 24 floats in order. */
static void weave3(const float *a, const float *b, const float *c, float *y) {
    const __m256i spread_a = _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5),
                  spread_b = _mm256_setr_epi32(5, 0, 3, 6, 1, 4, 7, 2);
    const __m256i spread_c = _mm256_setr_epi32(2, 5, 0, 3, 6, 1, 4, 7);
    __m256 va = _mm256_permutevar8x32_ps(_mm256_loadu_ps(a), spread_a);
    __m256 vb = _mm256_permutevar8x32_ps(_mm256_loadu_ps(b), spread_b);
    __m256 vc = _mm256_permutevar8x32_ps(_mm256_loadu_ps(c), spread_c);
    _mm256_storeu_ps(y, _mm256_blend_ps(_mm256_blend_ps(va, vb, 0x92), vc, 0x24));
    _mm256_storeu_ps(y + 8, _mm256_blend_ps(_mm256_blend_ps(va, vb, 0x24), vc, 0x49));
    _mm256_storeu_ps(y + 16, _mm256_blend_ps(_mm256_blend_ps(va, vb, 0x49), vc, 0x92));
}

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
    for (; p + 8 <= end; p += 8) {
        int64_t c = 0;
        if (w->c == 3) {
            weave3(x + p, x + w->area + p, x + 2 * w->area + p, y + 3 * p);
            continue;
        }
        for (; c + 8 <= w->c; c += 8) block8(x + c * w->area + p, w->area, y + p * w->c + c, w->c);
        scatter(w, x, y, c, w->c - c, p, p + 8);
    }
    scatter(w, x, y, 0, w->c, p, end);
}

const char *gal_to_nhwc_f32_avx2_reject(const gal_node *node) {
    static const int64_t order[4] = {0, 2, 3, 1};
    size_t count;
    const int64_t *perm = gal_attr_ints(node, "perm", &count);
    if (count != 4 || memcmp(perm, order, sizeof order) != 0) return "is for channels first to channels last";
    return NULL;
}

galen_status gal_to_nhwc_f32_avx2_run(const gal_call *call, galen_error *err) {
    (void)err;
    const galen_tensor *x = call->in[0];
    weave w = {.x = x->data, .y = call->out[0]->data, .c = x->dim[1], .area = x->dim[2] * x->dim[3]};
    w.bands = (w.area + BAND - 1) / BAND;
    gal_pool_run(call->pool, run_band, &w, (size_t)(x->dim[0] * w.bands));
    return GALEN_OK;
}
