/* Winograd's transforms of f16, AVX2 with F16C. */
#include "cpu/vec_avx2.h"

#include "cpu/vec_f16_avx2.h"

#include "cpu/vec_math.h"

#include "cpu/conv_wino_f16_body.h"

const gal_wino_level gal_wino_f16_avx2 = {.gemm = &gal_tile_avx2,
                                          .dtype = GALEN_F16,
                                          .smallest = 2,
                                          .cost = {.multiply = 2, .direct = 1.7, .l3 = 7.5},
                                          .weights = weights,
                                          .input = input,
                                          .output = output};
