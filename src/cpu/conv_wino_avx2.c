/* Winograd's transforms, AVX2. */
#include "cpu/vec_avx2.h"

#include "cpu/vec_math.h"

#include "cpu/conv_wino_body.h"

const gal_wino_level gal_wino_f32_avx2 = {.gemm = &gal_tile_avx2,
                                          .dtype = GALEN_F32,
                                          .smallest = 2,
                                          .cost = {.multiply = 2, .direct = 2, .l3 = 7.5},
                                          .weights = weights,
                                          .input = input,
                                          .output = output};
