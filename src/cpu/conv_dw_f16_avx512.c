/* f16 depthwise convolution, AVX-512: sums are f32. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_math.h"

#include "cpu/vec_f16_avx512.h"

#define GAL_TILE_HALF 1
#define GAL_TILE_F16  1
#include "cpu/activation_body.h"
#include "cpu/conv_dw_half_body.h"

const gal_dw_level gal_dw_f16_avx512 = {
    .element = sizeof(uint16_t), .block = PAIR, .split = PAIR_SPLIT, .band = dw_band, .mean = dw_mean};
