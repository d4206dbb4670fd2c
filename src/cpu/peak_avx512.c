/* Twelve independent chains of fused multiply-adds, AVX-512: enough to hide the latency of two units. */
#include "cpu/peak.h"

#include <immintrin.h>
#include <string.h>

double gal_peak_fma_avx512(long turns) {
    __m512 x = _mm512_set1_ps(0.5f), y = _mm512_set1_ps(0.25f);
    __m512 a = x, b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a;
    for (long n = 0; n < turns; n++) {
        a = _mm512_fmadd_ps(a, x, y), b = _mm512_fmadd_ps(b, x, y), c = _mm512_fmadd_ps(c, x, y),
        d = _mm512_fmadd_ps(d, x, y);
        e = _mm512_fmadd_ps(e, x, y), f = _mm512_fmadd_ps(f, x, y), g = _mm512_fmadd_ps(g, x, y),
        h = _mm512_fmadd_ps(h, x, y);
        i = _mm512_fmadd_ps(i, x, y), j = _mm512_fmadd_ps(j, x, y), k = _mm512_fmadd_ps(k, x, y),
        l = _mm512_fmadd_ps(l, x, y);
        /* Opaque to the compiler, so that equal chains are not merged. */
        __asm__ volatile(""
                         : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(g), "+v"(h), "+v"(i), "+v"(j),
                           "+v"(k), "+v"(l));
    }
    return 12.0 * 2 * 16 * (double)turns;
}

/* Eight loads in flight; a sum each, so that no addition waits for another. */
uint64_t gal_peak_read_avx512(const void *from, size_t bytes) {
    const __m512i *x = from;
    __m512i sum[8];
    for (int k = 0; k < 8; k++) sum[k] = _mm512_setzero_si512();
    for (size_t i = 0; i < bytes / sizeof *x; i += 8) {
#pragma GCC unroll 8
        for (size_t k = 0; k < 8; k++) sum[k] = _mm512_add_epi64(sum[k], _mm512_load_si512(x + i + k));
    }
    for (int k = 1; k < 8; k++) sum[0] = _mm512_add_epi64(sum[0], sum[k]);
    uint64_t out[8];
    memcpy(out, sum, sizeof out);
    uint64_t all = 0;
    for (size_t k = 0; k < sizeof out / sizeof *out; k++) all += out[k];
    return all;
}
