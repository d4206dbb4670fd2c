/* Twelve independent chains of fused multiply-adds of halves, AVX512-FP16. */
#include "cpu/peak.h"

#include <immintrin.h>

double gal_peak_fp16_avx512fp16(long turns) {
    __m512h x = _mm512_set1_ph((_Float16)0.5f), y = _mm512_set1_ph((_Float16)0.25f);
    __m512h a = x, b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a;
    for (long n = 0; n < turns; n++) {
        a = _mm512_fmadd_ph(a, x, y), b = _mm512_fmadd_ph(b, x, y), c = _mm512_fmadd_ph(c, x, y),
        d = _mm512_fmadd_ph(d, x, y);
        e = _mm512_fmadd_ph(e, x, y), f = _mm512_fmadd_ph(f, x, y), g = _mm512_fmadd_ph(g, x, y),
        h = _mm512_fmadd_ph(h, x, y);
        i = _mm512_fmadd_ph(i, x, y), j = _mm512_fmadd_ph(j, x, y), k = _mm512_fmadd_ph(k, x, y),
        l = _mm512_fmadd_ph(l, x, y);
        /* Opaque to the compiler, so that equal chains are not merged. */
        __asm__ volatile(""
                         : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(g), "+v"(h), "+v"(i), "+v"(j),
                           "+v"(k), "+v"(l));
    }
    return 12.0 * 2 * 32 * (double)turns;
}
