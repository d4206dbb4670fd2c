/* Twelve independent chains of dot products of bf16 pairs, AVX512-BF16. */
#include "cpu/peak.h"

#include <immintrin.h>

double gal_peak_bf16_avx512bf16(long turns) {
    __m512bh x = (__m512bh)_mm512_set1_epi16(0x3e80), y = (__m512bh)_mm512_set1_epi16(0x3f00); /* 1/4 and 1/2 */
    __m512 a = _mm512_setzero_ps(), b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a;
    for (long n = 0; n < turns; n++) {
        a = _mm512_dpbf16_ps(a, x, y), b = _mm512_dpbf16_ps(b, x, y), c = _mm512_dpbf16_ps(c, x, y),
        d = _mm512_dpbf16_ps(d, x, y);
        e = _mm512_dpbf16_ps(e, x, y), f = _mm512_dpbf16_ps(f, x, y), g = _mm512_dpbf16_ps(g, x, y),
        h = _mm512_dpbf16_ps(h, x, y);
        i = _mm512_dpbf16_ps(i, x, y), j = _mm512_dpbf16_ps(j, x, y), k = _mm512_dpbf16_ps(k, x, y),
        l = _mm512_dpbf16_ps(l, x, y);
        /* Opaque to the compiler, so that equal chains are not merged. */
        __asm__ volatile(""
                         : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(g), "+v"(h), "+v"(i), "+v"(j),
                           "+v"(k), "+v"(l));
    }
    return 12.0 * 2 * 32 * (double)turns;
}
