/* Inner loops of training on f32, AVX-512. */
#include "cpu/vec_avx512.h"

#include <stddef.h>

typedef float element;

static inline __attribute__((always_inline)) vf load(const float *p, size_t n) {
    return n >= VF ? vf_load(p) : vf_load_part(p, (int)n);
}

static inline __attribute__((always_inline)) void store(float *p, size_t n, vf x) {
    if (n >= VF)
        vf_store(p, x);
    else
        vf_store_part(p, (int)n, x);
}

#include "cpu/train_loops_body.h"

const gal_train_loops gal_train_loops_avx512 = TRAIN_LOOPS;
