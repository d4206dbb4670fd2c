/* Shuffling and drawing by counter-based random numbers. */
#include "data/order.h"

#include "base/error.h"
#include "base/mem.h"

gal_rng gal_draw_at(uint64_t seed, gal_draw use, uint64_t epoch, uint64_t position) {
    return gal_rng_make(seed, epoch << 40 | position << 2 | (uint64_t)use);
}

size_t gal_draw_below(gal_rng *rng, size_t n) {
    return (size_t)(gal_rng_uniform(rng) * (double)n); /* 53 bits: the last of n is never exceeded */
}

void gal_shuffle(size_t *index, size_t n, gal_rng *rng) {
    for (size_t i = n; i > 1; i--) {
        size_t j = gal_draw_below(rng, i), moved = index[i - 1];
        index[i - 1] = index[j];
        index[j] = moved;
    }
}

galen_status gal_class_chances(const gal_dataset *dataset, const size_t *picked, size_t n, double *chance,
                               galen_error *err) {
    size_t none = (size_t)dataset->classes, *count = gal_calloc(none + 1, sizeof *count);
    if (!count) return gal_fail_memory(err, "counts of classes", (none + 1) * sizeof *count);
    for (size_t i = 0; i < n; i++) {
        const gal_sample *sample = &dataset->sample[picked[i]];
        for (int l = 0; l < sample->labels; l++) count[sample->label[l]]++;
        count[none] += sample->labels == 0;
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const gal_sample *sample = &dataset->sample[picked[i]];
        size_t rarest = sample->labels ? count[sample->label[0]] : count[none];
        for (int l = 1; l < sample->labels; l++)
            if (count[sample->label[l]] < rarest) rarest = count[sample->label[l]];
        chance[i] = sum += 1.0 / (double)rarest;
    }
    gal_free(count);
    return GALEN_OK;
}

size_t gal_draw_by_chance(const double *chance, size_t n, gal_rng *rng) {
    double at = gal_rng_uniform(rng) * chance[n - 1];
    size_t low = 0, high = n - 1; /* the first whose sum is larger */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (chance[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
