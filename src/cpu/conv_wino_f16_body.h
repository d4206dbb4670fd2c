/*
 * Winograd's transforms of f16 (conv_wino_body.h), included once by each level after its vec_f16_*.h and vec_math.h:
 * floats between loading and one rounding.
 */
#define GAL_WINO_HALF 1
typedef uint16_t element;

static inline __attribute__((always_inline)) vf load(const uint16_t *p, int left) {
    return f16_load_part(p, (size_t)left);
}

static inline __attribute__((always_inline)) void store(uint16_t *p, int left, vf x) {
    f16_store_part(p, (size_t)left, x);
}

#include "cpu/conv_wino_body.h"
