/*
 * int8 register tile, NEON with I8MM: SUDOT multiplies s8 weights by u8 as they lie. SMMLA would multiply twice as much
 * at once, of another order of rows and weights than all other tiles have.
 */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_int8_neon.h"

#define STEP(acc, w, x, lane)                                                                                          \
    as_floats(vsudotq_laneq_s32(as_ints(acc), vreinterpretq_s8_f32(w), vreinterpretq_u8_f32(x), lane))
#include "cpu/gemm_int8_neon_tile.h"

const gal_gemm_f32 gal_tile_int8_neoni8mm = {.mr = MR, .nr = 2 * VF, .vec = VF, .element = 1, .tile = tile};
const gal_gemm_f32 gal_tile_int8_f32_neoni8mm = {
    .mr = MR, .nr = 2 * VF, .vec = VF, .element = sizeof(float), .tile = tile};
#endif
