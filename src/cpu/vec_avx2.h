/* Eight floats: the vector of the AVX2 rows. Include only from *_avx2.c. */
#include "cpu/unroll.h"

#include <immintrin.h>

#define VF 8

typedef __m256 vf;
typedef __m256i vi;

static inline vf vf_zero(void) {
    return _mm256_setzero_ps();
}
static inline vf vf_set(float x) {
    return _mm256_set1_ps(x);
}
static inline vf vf_load(const float *p) {
    return _mm256_loadu_ps(p);
}
static inline void vf_store(float *p, vf x) {
    _mm256_storeu_ps(p, x);
}
static inline vi vf_first(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
/* The first n floats, 0 < n < VF; the others are zero and never touched in memory. */
static inline vf vf_load_part(const float *p, int n) {
    return _mm256_maskload_ps(p, vf_first(n));
}
static inline void vf_store_part(float *p, int n, vf x) {
    _mm256_maskstore_ps(p, vf_first(n), x);
}
static inline vf vf_add(vf a, vf b) {
    return _mm256_add_ps(a, b);
}
static inline vf vf_sub(vf a, vf b) {
    return _mm256_sub_ps(a, b);
}
static inline vf vf_mul(vf a, vf b) {
    return _mm256_mul_ps(a, b);
}
static inline vf vf_div(vf a, vf b) {
    return _mm256_div_ps(a, b);
}
static inline vf vf_sqrt(vf a) {
    return _mm256_sqrt_ps(a);
}
static inline vf vf_fma(vf a, vf b, vf c) {
    return _mm256_fmadd_ps(a, b, c);
}
/* The second operand when either is NaN, as the instruction does. */
static inline vf vf_max(vf a, vf b) {
    return _mm256_max_ps(a, b);
}
static inline vf vf_min(vf a, vf b) {
    return _mm256_min_ps(a, b);
}
static inline vf vf_abs(vf a) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
/* a where its sign bit is set in `sign`, else b. */
static inline vf vf_if_negative(vf sign, vf a, vf b) {
    return _mm256_blendv_ps(b, a, sign);
}
/* a where x < y, else b (also when either is NaN). */
static inline vf vf_if_less(vf x, vf y, vf a, vf b) {
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, y, _CMP_LT_OQ));
}
/* a where x is NaN, else b. */
static inline vf vf_if_nan(vf x, vf a, vf b) {
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}
static inline vf vf_round(vf a) {
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vf vf_power2(vi n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
/* a * 2^n for a whole n in [-252, 254] and a in [0.5, 2], rounded once: only the second factor can leave the normal
 * range. */
static inline vf vf_scale2(vf a, vf n) {
    vi whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    return _mm256_mul_ps(_mm256_mul_ps(a, vf_power2(half)), vf_power2(_mm256_sub_epi32(whole, half)));
}
