/* The rounding of channel counts that MobileNet and its descendants share. */
#ifndef GAL_MODEL_ZOO_ROUND_H
#define GAL_MODEL_ZOO_ROUND_H

/* The multiple of `divisor` nearest to v, at least one and never below 90 % of v. */
static inline int gal_zoo_divisible(double v, int divisor) {
    int rounded = (int)(v + divisor / 2.0) / divisor * divisor;
    if (rounded < divisor) rounded = divisor;
    return rounded < 0.9 * v ? rounded + divisor : rounded;
}

#endif
