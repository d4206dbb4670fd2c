/* Loops over bytes, AVX2: eight numbers, or 32 bytes that are compared. */
#include "cpu/vec_avx2.h"

#include "cpu/vec_int8_avx2.h"

#define WIDE 32

typedef __m256i vb;

static inline vb vb_load(const uint8_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
static inline void vb_store(uint8_t *p, vb x) {
    _mm256_storeu_si256((__m256i *)(void *)p, x);
}
static inline vb vb_set(uint8_t x) {
    return _mm256_set1_epi8((char)x);
}
static inline vb vb_max(vb a, vb b) {
    return _mm256_max_epu8(a, b);
}
static inline vb vb_xor(vb a, vb b) {
    return _mm256_xor_si256(a, b);
}
#define map_bytes gal_map_bytes_avx2
#define LOOPS     gal_loops_int8_avx2
#include "cpu/loops_int8_body.h"
