/* bf16 inner loops, AVX512-BF16. The conversion at the store flushes denormals to zero. */
#include "cpu/loops_bf16.h"
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

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

static void mean(const uint16_t *x, size_t pixels, size_t stride, uint16_t *y, size_t n, float factor) {
    for (size_t i = 0; i < n; i += VF) {
        vf acc = vf_zero();
        for (size_t p = 0; p < pixels; p++) acc = vf_add(acc, load(x + p * stride + i, n - i));
        store(y + i, n - i, vf_mul(acc, vf_set(factor)));
    }
}

static void scale_shift(const uint16_t *x, const float *scale, const float *shift, uint16_t *y, size_t pixels, size_t c,
                        const gal_cpu_activation *act) {
    vf low = vf_set(act->low), high = vf_set(act->high);
    for (size_t p = 0; p < pixels; p++, x += c, y += c) {
        for (size_t i = 0; i < c; i += VF) {
            vf v = vf_fma(load(x + i, c - i), load_f32(scale + i, c - i), load_f32(shift + i, c - i));
            store(y + i, c - i, vf_clamp(v, low, high));
        }
    }
}

static void narrow(const float *x, uint16_t *y, size_t n) {
    for (size_t i = 0; i < n; i += VF) store(y + i, n - i, load_f32(x + i, n - i));
}

static void widen(const uint16_t *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i += VF) _mm512_mask_storeu_ps(y + i, mask_of(n - i), load(x + i, n - i));
}

const gal_loops_bf16 gal_loops_bf16_avx512bf16 = {
    .pool_max = pool_max,
    .pool_sum = pool_sum,
    .mean = mean,
    .scale_shift = scale_shift,
    .narrow = narrow,
    .widen = widen,
};
