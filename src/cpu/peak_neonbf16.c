/* Twenty-four independent chains of BFDOT. */
#if defined(__aarch64__)
#include "cpu/peak.h"
#include "cpu/unroll.h"

#include <arm_neon.h>

enum { CHAINS = 24 };

double gal_peak_bf16_neonbf16(long turns) {
    uint16x8_t quarter = vdupq_n_u16(0x3e80);
    __asm__ volatile("" : "+w"(quarter)); /* GCC 12 writes constants of bf16 as if they were f16 */
    bfloat16x8_t x = vreinterpretq_bf16_u16(quarter);
    float32x4_t a[CHAINS];
    GAL_UNROLL
    for (int i = 0; i < CHAINS; i++) a[i] = vdupq_n_f32(0);
    for (long n = 0; n < turns; n++) {
        GAL_UNROLL
        for (int i = 0; i < CHAINS; i++) {
            a[i] = vbfdotq_f32(a[i], x, x);
            __asm__ volatile("" : "+w"(a[i])); /* opaque to the compiler, so that equal chains are not merged */
        }
    }
    return CHAINS * 2.0 * 8 * (double)turns;
}
#endif
