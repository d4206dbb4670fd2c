/* Twenty-four independent chains of fused multiply-adds, NEON: enough to hide the latency of four units. */
#if defined(__aarch64__)
#include "cpu/peak.h"
#include "cpu/unroll.h"

#include <arm_neon.h>

enum { CHAINS = 24 };

double gal_peak_fma_neon(long turns) {
    float32x4_t x = vdupq_n_f32(0.5f), y = vdupq_n_f32(0.25f), a[CHAINS];
    GAL_UNROLL
    for (int i = 0; i < CHAINS; i++) a[i] = x;
    for (long n = 0; n < turns; n++) {
        GAL_UNROLL
        for (int i = 0; i < CHAINS; i++) {
            a[i] = vfmaq_f32(y, a[i], x);
            __asm__ volatile("" : "+w"(a[i])); /* opaque to the compiler, so that equal chains are not merged */
        }
    }
    return CHAINS * 2.0 * 4 * (double)turns;
}
#endif
