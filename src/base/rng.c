/* Philox4x32-10 and what is drawn from it. */
#include "base/rng.h"

#include "base/refmath.h"

#include <math.h>

void gal_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

gal_rng gal_rng_make(uint64_t seed, uint64_t stream) {
    return (gal_rng){.seed = seed, .stream = stream};
}

static void block_at(const gal_rng *rng, uint64_t block, uint32_t out[4]) {
    uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)rng->stream,
                           (uint32_t)(rng->stream >> 32)};
    uint32_t key[2] = {(uint32_t)rng->seed, (uint32_t)(rng->seed >> 32)};
    gal_philox(counter, key, out);
}

uint32_t gal_rng_u32(gal_rng *rng) {
    uint32_t word[4];
    block_at(rng, rng->index >> 2, word);
    return word[rng->index++ & 3];
}

void gal_rng_block(gal_rng *rng, uint32_t out[4]) {
    uint64_t block = (rng->index + 3) >> 2;
    block_at(rng, block, out);
    rng->index = 4 * (block + 1);
}

double gal_rng_uniform(gal_rng *rng) {
    uint64_t high = gal_rng_u32(rng), low = gal_rng_u32(rng);
    return (double)((high << 21) ^ (low >> 11)) * 0x1p-53;
}

double gal_rng_normal(gal_rng *rng) {
    /* Half a step up keeps the argument inside (0, 1). */
    return gal_ref_normal_quantile(gal_rng_uniform(rng) + 0x1p-54);
}
