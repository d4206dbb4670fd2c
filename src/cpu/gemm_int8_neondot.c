/*
 * int8 register tile, NEON with dot products. SDOT multiplies s8 by s8 only, so 128 is taken off each byte of the left
 * operand (an exclusive or with 0x80) as it is loaded; gal_gemm_f32.less says so to whoever makes the bias.
 */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_int8_neon.h"

static inline int8x16_t less_128(vf x) {
    return vreinterpretq_s8_u8(veorq_u8(vreinterpretq_u8_f32(x), vdupq_n_u8(0x80)));
}
#define STEP(acc, w, x, lane) as_floats(vdotq_laneq_s32(as_ints(acc), vreinterpretq_s8_f32(w), less_128(x), lane))
#include "cpu/gemm_int8_neon_tile.h"

const gal_gemm_f32 gal_tile_int8_neondot = {.mr = MR, .nr = 2 * VF, .vec = VF, .element = 1, .less = 128, .tile = tile};
const gal_gemm_f32 gal_tile_int8_f32_neondot = {
    .mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(float), .less = 128, .tile = tile};
#endif
