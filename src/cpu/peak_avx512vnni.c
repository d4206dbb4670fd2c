/* Twelve independent chains of dot products of four bytes, AVX512-VNNI. */
#include "cpu/peak.h"

#include <immintrin.h>

double gal_peak_vnni_avx512vnni(long turns) {
    __m512i x = _mm512_set1_epi8(3), y = _mm512_set1_epi8(-2);
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a;
    for (long n = 0; n < turns; n++) {
        a = _mm512_dpbusd_epi32(a, x, y), b = _mm512_dpbusd_epi32(b, x, y), c = _mm512_dpbusd_epi32(c, x, y),
        d = _mm512_dpbusd_epi32(d, x, y);
        e = _mm512_dpbusd_epi32(e, x, y), f = _mm512_dpbusd_epi32(f, x, y), g = _mm512_dpbusd_epi32(g, x, y),
        h = _mm512_dpbusd_epi32(h, x, y);
        i = _mm512_dpbusd_epi32(i, x, y), j = _mm512_dpbusd_epi32(j, x, y), k = _mm512_dpbusd_epi32(k, x, y),
        l = _mm512_dpbusd_epi32(l, x, y);
        /* Opaque to the compiler, so that equal chains are not merged. */
        __asm__ volatile(""
                         : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(g), "+v"(h), "+v"(i), "+v"(j),
                           "+v"(k), "+v"(l));
    }
    return 12.0 * 2 * 64 * (double)turns;
}
