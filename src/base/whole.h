/* Whole numbers cut and bounded: what every kernel that deals out tiles needs. Arguments are not negative, divisors and
 * multiples not 0, and sums within range, as callers check sizes first. */
#ifndef GAL_BASE_WHOLE_H
#define GAL_BASE_WHOLE_H

#include <stddef.h>
#include <stdint.h>

static inline int64_t gal_ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* The least multiple of `to` that is no less than x. */
static inline size_t gal_round_up(size_t x, size_t to) {
    return (x + to - 1) / to * to;
}

static inline int64_t gal_at_most(int64_t a, int64_t most) {
    return a < most ? a : most;
}

static inline int64_t gal_at_least(int64_t a, int64_t least) {
    return a > least ? a : least;
}

#endif
