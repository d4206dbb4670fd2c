/* bf16 depthwise convolution, NEON with BF16 (for the rounding alone: sums are f32). */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#include "cpu/pair_bf16_neon.h"

#define GAL_TILE_HALF 1
#include "cpu/activation_body.h"
#include "cpu/conv_dw_half_body.h"

const gal_dw_level gal_dw_bf16_neonbf16 = {
    .element = sizeof(uint16_t), .block = PAIR, .split = PAIR_SPLIT, .band = dw_band, .mean = dw_mean};
#endif
