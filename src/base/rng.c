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

/* One round of Philox on SIDE counters side by side, which compilers turn into vectors. */
enum { SIDE = 8 };

static void round_side(uint32_t c[4][SIDE], uint32_t k0, uint32_t k1) {
    for (int i = 0; i < SIDE; i++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0][i], p1 = (uint64_t)0xCD9E8D57u * c[2][i];
        c[0][i] = (uint32_t)(p1 >> 32) ^ c[1][i] ^ k0;
        c[2][i] = (uint32_t)(p0 >> 32) ^ c[3][i] ^ k1;
        c[1][i] = (uint32_t)p1;
        c[3][i] = (uint32_t)p0;
    }
}

static void side_by_side(const gal_rng *rng, uint64_t block, uint32_t (*out)[4]) {
    uint32_t c[4][SIDE], k0 = (uint32_t)rng->seed, k1 = (uint32_t)(rng->seed >> 32);
    for (int i = 0; i < SIDE; i++) {
        c[0][i] = (uint32_t)(block + (uint64_t)i);
        c[1][i] = (uint32_t)((block + (uint64_t)i) >> 32);
        c[2][i] = (uint32_t)rng->stream;
        c[3][i] = (uint32_t)(rng->stream >> 32);
    }
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) round_side(c, k0, k1);
    for (int i = 0; i < SIDE; i++)
        for (int w = 0; w < 4; w++) out[i][w] = c[w][i];
}

void gal_rng_blocks(gal_rng *rng, size_t blocks, uint32_t (*out)[4]) {
    uint64_t block = (rng->index + 3) >> 2;
    size_t i = 0;
    for (; i + SIDE <= blocks; i += SIDE) side_by_side(rng, block + i, out + i);
    for (; i < blocks; i++) block_at(rng, block + i, out[i]);
    rng->index = 4 * (block + blocks);
}

double gal_rng_uniform(gal_rng *rng) {
    uint64_t high = gal_rng_u32(rng), low = gal_rng_u32(rng);
    return (double)((high << 21) ^ (low >> 11)) * 0x1p-53;
}

double gal_rng_normal(gal_rng *rng) {
    /* Half a step up keeps the argument inside (0, 1). */
    return gal_ref_normal_quantile(gal_rng_uniform(rng) + 0x1p-54);
}
