/* Twelve independent chains of dot products of four bytes, AVX-VNNI. */
#include "cpu/peak.h"

#include <immintrin.h>

double gal_peak_vnni_avxvnni(long turns) {
    __m256i x = _mm256_set1_epi8(3), y = _mm256_set1_epi8(-2);
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a;
    for (long n = 0; n < turns; n++) {
        a = _mm256_dpbusd_avx_epi32(a, x, y), b = _mm256_dpbusd_avx_epi32(b, x, y),
        c = _mm256_dpbusd_avx_epi32(c, x, y), d = _mm256_dpbusd_avx_epi32(d, x, y);
        e = _mm256_dpbusd_avx_epi32(e, x, y), f = _mm256_dpbusd_avx_epi32(f, x, y),
        g = _mm256_dpbusd_avx_epi32(g, x, y), h = _mm256_dpbusd_avx_epi32(h, x, y);
        i = _mm256_dpbusd_avx_epi32(i, x, y), j = _mm256_dpbusd_avx_epi32(j, x, y),
        k = _mm256_dpbusd_avx_epi32(k, x, y), l = _mm256_dpbusd_avx_epi32(l, x, y);
        /* Opaque to the compiler, so that equal chains are not merged. */
        __asm__ volatile(""
                         : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(g), "+v"(h), "+v"(i), "+v"(j),
                           "+v"(k), "+v"(l));
    }
    return 12.0 * 2 * 32 * (double)turns;
}
