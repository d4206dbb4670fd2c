/* bf16 inner loops, AVX512-BF16. The conversion at the store flushes denormals to zero. */
#include "cpu/loops_half.h"
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

#include "cpu/pair_bf16.h"

static inline __mmask16 mask_of(size_t n) {
    return n >= VF ? (__mmask16)-1 : (__mmask16)((1u << n) - 1);
}

/* At most VF of n elements; the others are zero and never touched in memory. */
static inline vf load(const uint16_t *p, size_t n) {
    __m256i x = _mm256_maskz_loadu_epi16(mask_of(n), p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

static inline void store(uint16_t *p, size_t n, vf x) {
    _mm256_mask_storeu_epi16(p, mask_of(n), (__m256i)_mm512_cvtneps_pbh(x));
}

static inline vf load_f32(const float *p, size_t n) {
    return _mm512_maskz_loadu_ps(mask_of(n), p);
}

static void pool_max(const uint16_t *x, const size_t *tap, size_t taps, uint16_t *y, size_t n) {
    for (size_t i = 0; i < n; i += VF) {
        vf acc = vf_set(-INFINITY);
        for (size_t t = 0; t < taps; t++) acc = vf_max_nan(acc, load(x + tap[t] + i, n - i));
        store(y + i, n - i, acc);
    }
}

static void pool_sum(const uint16_t *x, const size_t *tap, size_t taps, uint16_t *y, size_t n, float factor) {
    for (size_t i = 0; i < n; i += VF) {
        vf acc = vf_zero();
        for (size_t t = 0; t < taps; t++) acc = vf_add(acc, load(x + tap[t] + i, n - i));
        store(y + i, n - i, vf_mul(acc, vf_set(factor)));
    }
}

/* Sums of up to 64 channels side by side: an addition takes as long as four of them begin. */
static void mean_block(const uint16_t *x, size_t pixels, size_t stride, uint16_t *y, size_t n, float factor) {
    __mmask32 low = pair_first(n), high = n > PAIR ? pair_first(n - PAIR) : 0;
    pair sum[2] = {{vf_zero(), vf_zero()}, {vf_zero(), vf_zero()}};
    vf by = vf_set(factor);
    for (size_t p = 0; p < pixels; p++, x += stride) {
        pair v = pair_load_part(x, low), w = pair_load_part(x + PAIR, high);
        sum[0] = (pair){vf_add(sum[0].a, v.a), vf_add(sum[0].b, v.b)};
        sum[1] = (pair){vf_add(sum[1].a, w.a), vf_add(sum[1].b, w.b)};
    }
    pair_store_part(y, low, (pair){vf_mul(sum[0].a, by), vf_mul(sum[0].b, by)});
    pair_store_part(y + PAIR, high, (pair){vf_mul(sum[1].a, by), vf_mul(sum[1].b, by)});
}

static void mean(const uint16_t *x, size_t pixels, size_t stride, uint16_t *y, size_t n, float factor) {
    for (size_t i = 0; i < n; i += 2 * PAIR) mean_block(x + i, pixels, stride, y + i, n - i, factor);
}

/* Thirty-two channels with the scale and shift of both halves. */
typedef struct affine {
    vf k[2], b[2], low, high;
} affine;

/* Sixteen of the words, each moved into the upper half of a float. */
static inline vf widen_half(__m512i x, int half) {
    const __m512i places = _mm512_add_epi16(_mm512_set_epi16(15, 15, 14, 14, 13, 13, 12, 12, 11, 11, 10, 10, 9, 9, 8, 8,
                                                             7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0),
                                            _mm512_set1_epi16((short)(16 * half)));
    return _mm512_castsi512_ps(_mm512_maskz_permutexvar_epi16(0xaaaaaaaa, places, x));
}

static inline void affine_32(const affine *a, const uint16_t *x, uint16_t *y) {
    __m512i words = _mm512_loadu_si512(x);
    vf first = vf_clamp(vf_fma(widen_half(words, 0), a->k[0], a->b[0]), a->low, a->high);
    vf second = vf_clamp(vf_fma(widen_half(words, 1), a->k[1], a->b[1]), a->low, a->high);
    _mm512_storeu_si512(y, (__m512i)_mm512_cvtne2ps_pbh(second, first));
}

/* px pixels: what is read once a channel serves them all. */
static inline __attribute__((always_inline)) void affine_pixels(const uint16_t *x, size_t x_pitch, const float *scale,
                                                                const float *shift, uint16_t *y, size_t y_pitch,
                                                                size_t c, affine *a, const size_t px) {
    size_t i = 0;
    for (; i + 2 * VF <= c; i += 2 * VF) {
        for (int j = 0; j < 2; j++) a->k[j] = vf_load(scale + i + j * VF), a->b[j] = vf_load(shift + i + j * VF);
        GAL_UNROLL
        for (size_t p = 0; p < px; p++) affine_32(a, x + p * x_pitch + i, y + p * y_pitch + i);
    }
    for (; i < c; i += VF) {
        vf k = load_f32(scale + i, c - i), b = load_f32(shift + i, c - i);
        for (size_t p = 0; p < px; p++)
            store(y + p * y_pitch + i, c - i,
                  vf_clamp(vf_fma(load(x + p * x_pitch + i, c - i), k, b), a->low, a->high));
    }
}

static void scale_shift(const uint16_t *x, size_t x_pitch, const float *scale, const float *shift, uint16_t *y,
                        size_t y_pitch, size_t pixels, size_t c, const gal_cpu_activation *act) {
    affine a = {.low = vf_set(act->low), .high = vf_set(act->high)};
    for (; pixels >= 4; pixels -= 4, x += 4 * x_pitch, y += 4 * y_pitch)
        affine_pixels(x, x_pitch, scale, shift, y, y_pitch, c, &a, 4);
    for (; pixels > 0; pixels--, x += x_pitch, y += y_pitch)
        affine_pixels(x, x_pitch, scale, shift, y, y_pitch, c, &a, 1);
}

static void narrow(const float *x, uint16_t *y, size_t n) {
    for (size_t i = 0; i < n; i += VF) store(y + i, n - i, load_f32(x + i, n - i));
}

/* Rows of few floats, as pixels are: as many at once as fill a vector. */
static void grow(const float *x, size_t from, uint16_t *y, size_t to, size_t rows) {
    size_t each = VF / to, r = 0;
    __mmask16 mask = 0;
    for (size_t i = 0; i < each; i++) mask |= (__mmask16)(((1u << from) - 1) << (i * to));
    for (; r + each <= rows; r += each, x += each * from, y += each * to)
        store(y, each * to, _mm512_maskz_expandloadu_ps(mask, x));
    for (; r < rows; r++, x += from, y += to) store(y, to, load_f32(x, from));
}

static void narrow_rows(const float *x, size_t from, uint16_t *y, size_t to, size_t rows) {
    if (from == to) {
        narrow(x, y, rows * to);
    } else if (to <= VF) {
        grow(x, from, y, to, rows);
    } else {
        for (size_t r = 0; r < rows; r++, x += from, y += to) {
            narrow(x, y, from);
            for (size_t c = from; c < to; c++) y[c] = 0;
        }
    }
}

static void widen(const uint16_t *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i += VF) _mm512_mask_storeu_ps(y + i, mask_of(n - i), load(x + i, n - i));
}

#include "cpu/blend_half_body.h"

const gal_loops_half gal_loops_bf16_avx512bf16 = {
    .dtype = GALEN_BF16,
    .pool_max = pool_max,
    .pool_sum = pool_sum,
    .mean = mean,
    .scale_shift = scale_shift,
    .narrow_rows = narrow_rows,
    .widen = widen,
    .blend = blend,
};
