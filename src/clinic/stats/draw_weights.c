/*
 * Multinomial weights. A stratum is cut into blocks whose counters stay in the first-level cache: how many draws fall
 * into a block is binomial given those that fell into earlier ones, and within it each unit is as likely. One word of
 * 64 bits names five units of a whole block.
 */
#include "clinic/stats/binomial.h"
#include "clinic/stats/bootstrap.h"

#include <string.h>

enum { BLOCK_BITS = 12, BLOCK = 1 << BLOCK_BITS, INDICES = 64 / BLOCK_BITS };

/* Indices of one block of the generator, and how many of those are made at once. */
enum { PER_BLOCK = 2 * INDICES, AHEAD = 64 };

/* Bits not yet used of a stream. */
typedef struct source {
    gal_rng index, split; /* separate streams: the number of indices of a word must not move the splits */
    uint32_t word[4];
    int used;
} source;

static uint32_t next_word(source *s) {
    if (s->used == 4) {
        gal_rng_block(&s->index, s->word);
        s->used = 0;
    }
    return s->word[s->used++];
}

static void draw_block(source *s, uint64_t draws, gal_weights *weight, int lane) {
    uint8_t *count = &weight[0][lane];
    uint32_t word[AHEAD][4];
    while (draws >= PER_BLOCK) {
        size_t blocks = draws / PER_BLOCK < AHEAD ? draws / PER_BLOCK : AHEAD;
        gal_rng_blocks(&s->index, blocks, word);
        for (size_t b = 0; b < blocks; b++)
            for (int half = 0; half < 4; half += 2) {
                uint64_t bits = word[b][half] | (uint64_t)word[b][half + 1] << 32;
                for (int i = 0; i < INDICES; i++, bits >>= BLOCK_BITS) count[(bits & (BLOCK - 1)) * GAL_LANES]++;
            }
        draws -= blocks * PER_BLOCK;
    }
    for (; draws > 0; draws--) count[(next_word(s) & (BLOCK - 1)) * GAL_LANES]++;
}

/* `size` units, any number below 2^32, each exactly as likely (D. Lemire, ACM TOMACS 29:3, 2019). */
static void draw_rest(source *s, uint64_t draws, uint32_t size, gal_weights *weight, int lane) {
    uint32_t least = (uint32_t)(-size) % size;
    for (; draws > 0; draws--) {
        uint64_t product = (uint64_t)next_word(s) * size;
        while ((uint32_t)product < least) product = (uint64_t)next_word(s) * size;
        weight[product >> 32][lane]++;
    }
}

static void draw_stratum(source *s, size_t size, gal_weights *weight) {
    uint64_t left[GAL_LANES];
    for (int lane = 0; lane < GAL_LANES; lane++) left[lane] = size;
    for (size_t at = 0; at < size; at += BLOCK) {
        size_t rest = size - at, units = rest < BLOCK ? rest : BLOCK;
        memset(weight + at, 0, units * sizeof *weight);
        for (int lane = 0; lane < GAL_LANES; lane++) {
            uint64_t here = gal_rng_binomial(&s[lane].split, left[lane], (double)units / (double)rest);
            left[lane] -= here;
            if (units == BLOCK)
                draw_block(&s[lane], here, weight + at, lane);
            else
                draw_rest(&s[lane], here, (uint32_t)units, weight + at, lane);
        }
    }
}

void gal_draw_weights(const gal_strata *strata, uint64_t seed, size_t first, gal_weights *weight) {
    source s[GAL_LANES];
    for (int lane = 0; lane < GAL_LANES; lane++) {
        uint64_t stream = 2 * ((uint64_t)first + (uint64_t)lane);
        s[lane] = (source){gal_rng_make(seed, stream), gal_rng_make(seed, stream + 1), {0}, 4};
    }
    for (int k = 0; k < strata->count; weight += strata->size[k++]) draw_stratum(s, strata->size[k], weight);
}
