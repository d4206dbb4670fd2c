/* Winograd's transforms, NEON. */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#include "cpu/conv_wino_body.h"

const gal_wino_level gal_wino_f32_neon = {
    .gemm = &gal_tile_neon, .dtype = GALEN_F32, .weights = weights, .input = input, .output = output};
#endif
