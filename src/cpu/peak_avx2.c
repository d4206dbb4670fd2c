/* Twelve independent chains of fused multiply-adds, AVX2: enough to hide the latency of two units. */
#include "cpu/peak.h"

#include <immintrin.h>

double gal_peak_flops_avx2(long turns) {
    __m256 x = _mm256_set1_ps(0.5f), y = _mm256_set1_ps(0.25f);
    __m256 a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
    for (long n = 0; n < turns; n++) {
        a = _mm256_fmadd_ps(a, x, y), b = _mm256_fmadd_ps(b, x, y), c = _mm256_fmadd_ps(c, x, y),
        d = _mm256_fmadd_ps(d, x, y);
        e = _mm256_fmadd_ps(e, x, y), f = _mm256_fmadd_ps(f, x, y), g = _mm256_fmadd_ps(g, x, y),
        h = _mm256_fmadd_ps(h, x, y);
        i = _mm256_fmadd_ps(i, x, y), j = _mm256_fmadd_ps(j, x, y), k = _mm256_fmadd_ps(k, x, y),
        l = _mm256_fmadd_ps(l, x, y);
        /* Opaque to the compiler, so that equal chains are not merged. */
        __asm__ volatile(""
                         : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(g), "+v"(h), "+v"(i), "+v"(j),
                           "+v"(k), "+v"(l));
    }
    return 12.0 * 2 * 8 * (double)turns;
}
