/* Winograd's transforms, NEON. */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_math.h"

#include "cpu/conv_wino_body.h"

const gal_wino_level gal_wino_f32_neon = {.gemm = &gal_tile_neon,
                                          .dtype = GALEN_F32,
                                          .smallest = 2,
                                          .cost = {.multiply = 2, .direct = 2, .l3 = 7.5},
                                          .weights = weights,
                                          .input = input,
                                          .output = output};
#endif
