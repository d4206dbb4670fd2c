/* Winograd's transforms of f16, NEON: floats between loading and one rounding. */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_f16_neon.h"

#include "cpu/vec_math.h"

#define GAL_WINO_HALF 1
typedef uint16_t element;

static inline __attribute__((always_inline)) vf load(const uint16_t *p, int left) {
    return f16_load_part(p, (size_t)left);
}

static inline __attribute__((always_inline)) void store(uint16_t *p, int left, vf x) {
    f16_store_part(p, (size_t)left, x);
}

#include "cpu/conv_wino_body.h"

const gal_wino_level gal_wino_f16_neon = {.gemm = &gal_tile_neon,
                                          .dtype = GALEN_F16,
                                          .smallest = 2,
                                          .cost = {.multiply = 2, .direct = 1.7, .l3 = 7.5},
                                          .weights = weights,
                                          .input = input,
                                          .output = output};
#endif
