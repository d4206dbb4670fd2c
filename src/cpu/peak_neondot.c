/* Twenty-four independent chains of SDOT. */
#if defined(__aarch64__)
#include "cpu/peak.h"
#include "cpu/unroll.h"

#include <arm_neon.h>

enum { CHAINS = 24 };

double gal_peak_dot_neondot(long turns) {
    int8x16_t x = vdupq_n_s8(1);
    int32x4_t a[CHAINS];
    GAL_UNROLL
    for (int i = 0; i < CHAINS; i++) a[i] = vdupq_n_s32(0);
    for (long n = 0; n < turns; n++) {
        GAL_UNROLL
        for (int i = 0; i < CHAINS; i++) {
            a[i] = vdotq_s32(a[i], x, x);
            __asm__ volatile("" : "+w"(a[i])); /* opaque to the compiler, so that equal chains are not merged */
        }
    }
    return CHAINS * 2.0 * 16 * (double)turns;
}
#endif
