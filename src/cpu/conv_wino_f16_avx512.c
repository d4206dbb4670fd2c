/* Winograd's transforms of f16, AVX-512. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_f16_avx512.h"

#include "cpu/vec_math.h"

#include "cpu/conv_wino_f16_body.h"

const gal_wino_level gal_wino_f16_avx512 = {.gemm = &gal_tile_avx512,
                                            .dtype = GALEN_F16,
                                            .smallest = 2,
                                            .cost = {.multiply = 2, .direct = 1.7, .l3 = 7.5},
                                            .weights = weights,
                                            .input = input,
                                            .output = output};
