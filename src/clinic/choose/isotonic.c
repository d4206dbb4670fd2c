/* Pooling adjacent violators, in whole numbers: no mean is compared in floating point. */
#include "clinic/choose/isotonic.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/measures/ranked.h"

#include <string.h>

/* Cases of one score are one block to begin with; `r` has the highest first. */
static size_t blocks_of(const gal_ranked *r, size_t count, gal_isotonic_block *block) {
    size_t blocks = 0;
    for (size_t i = count; i-- > 0;) {
        if (blocks == 0 || block[blocks - 1].high != r[i].score)
            block[blocks++] = (gal_isotonic_block){.low = r[i].score, .high = r[i].score};
        block[blocks - 1].cases++;
        block[blocks - 1].positives += r[i].positive;
    }
    return blocks;
}

/* The share of `a` is at least that of `b`. Products of counts below 2^32 fit. */
static int not_below(const gal_isotonic_block *a, const gal_isotonic_block *b) {
    return (uint64_t)a->positives * b->cases >= (uint64_t)b->positives * a->cases;
}

static void join(gal_isotonic_block *a, const gal_isotonic_block *b) {
    a->high = b->high;
    a->cases += b->cases;
    a->positives += b->positives;
}

static size_t pool(gal_isotonic_block *block, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        block[kept++] = block[i];
        for (; kept > 1 && not_below(&block[kept - 2], &block[kept - 1]); kept--)
            join(&block[kept - 2], &block[kept - 1]);
    }
    return kept;
}

/* What joining two blocks adds to the sum of squared errors. */
static double cost_of(const gal_isotonic_block *a, const gal_isotonic_block *b) {
    double m = (double)a->cases, n = (double)b->cases;
    double apart = (double)b->positives / n - (double)a->positives / m;
    return m * n / (m + n) * apart * apart;
}

static size_t thin(gal_isotonic_block *block, size_t count) {
    for (; count > GAL_ISOTONIC_BLOCKS; count--) {
        size_t best = 0;
        double least = cost_of(&block[0], &block[1]);
        for (size_t i = 1; i + 1 < count; i++) {
            double cost = cost_of(&block[i], &block[i + 1]);
            if (cost < least) least = cost, best = i;
        }
        join(&block[best], &block[best + 1]);
        memmove(block + best + 1, block + best + 2, (count - best - 2) * sizeof *block);
    }
    return count;
}

galen_status gal_isotonic(const gal_scores *s, gal_isotonic_block **out, size_t *count, galen_error *err) {
    gal_ranked *r;
    size_t positives;
    GAL_TRY(gal_rank(s, &r, &positives, err));
    gal_isotonic_block *block = gal_calloc(s->count, sizeof *block);
    if (block) *count = thin(block, pool(block, blocks_of(r, s->count, block)));
    gal_free(r);
    if (!block) return gal_fail_memory(err, "an isotonic curve", s->count * sizeof *block);
    *out = block;
    return GALEN_OK;
}
