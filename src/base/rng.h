/* Counter-based random numbers: the value at (seed, stream, index) never depends on what was drawn before. */
#ifndef GAL_BASE_RNG_H
#define GAL_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* Philox4x32-10 (Salmon et al., SC 2011): four 32-bit words for one counter and key. */
void gal_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

typedef struct gal_rng {
    uint64_t seed, stream, index;
} gal_rng;

/* stream separates independent uses of one seed (image number, purpose). */
gal_rng gal_rng_make(uint64_t seed, uint64_t stream);
uint32_t gal_rng_u32(gal_rng *rng);
/* Four words for the price of one: the next whole block of the generator; words left in the one begun are skipped. */
void gal_rng_block(gal_rng *rng, uint32_t out[4]);
/* The next `blocks` of them, in less time. */
void gal_rng_blocks(gal_rng *rng, size_t blocks, uint32_t (*out)[4]);
/* Uniform in [0, 1) with 53 bits. */
double gal_rng_uniform(gal_rng *rng);
/* Standard normal by inversion (Wichura AS 241, 1e-16), the same bits on every machine; one draw of gal_rng_uniform
 * each. */
double gal_rng_normal(gal_rng *rng);

#endif
