/* Inner loops of training on f16, AVX-512: floats between loading and one rounding. */
#include "cpu/vec_avx512.h"

#include "cpu/vec_f16_avx512.h"

typedef uint16_t element;

static inline __attribute__((always_inline)) vf load(const uint16_t *p, size_t n) {
    return f16_load_part(p, n);
}

static inline __attribute__((always_inline)) void store(uint16_t *p, size_t n, vf x) {
    f16_store_part(p, n, x);
}

#include "cpu/train_loops_body.h"

const gal_train_loops gal_train_loops_f16_avx512 = TRAIN_LOOPS;
