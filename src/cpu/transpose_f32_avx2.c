/* Images from channels first to channels last, AVX2: planes woven in registers. */
#include "cpu/rows.h"

#include "cpu/transpose_block_avx2.h"

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

#include "cpu/transpose_f32_body.h"

const char *gal_to_nhwc_f32_avx2_reject(const gal_node *node) {
    return to_nhwc_reject(node);
}

galen_status gal_to_nhwc_f32_avx2_run(const gal_call *call, galen_error *err) {
    (void)err;
    to_nhwc(call);
    return GALEN_OK;
}
