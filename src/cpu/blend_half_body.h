/* gal_blend_fn over 16-bit floats, included once by each type and level after its pair_*.h or vec_f16_*.h. */

static inline __attribute__((always_inline)) void blend_taps(const void *x, const size_t *tap, const float *weight,
                                                             const size_t taps, void *y, size_t n) {
    for (size_t i = 0; i < n; i += PAIR) {
        pair_mask mask = pair_first(n - i);
        pair sum = {vf_zero(), vf_zero()};
        GAL_UNROLL
        for (size_t t = 0; t < taps; t++) {
            pair v = pair_load_part((const uint16_t *)x + tap[t] + i, mask);
            vf w = vf_set(weight[t]);
            sum =
                t == 0 ? (pair){vf_mul(v.a, w), vf_mul(v.b, w)} : (pair){vf_fma(v.a, w, sum.a), vf_fma(v.b, w, sum.b)};
        }
        pair_store_part((uint16_t *)y + i, mask, sum);
    }
}

/* The usual numbers of taps with their weights in registers. */
static void blend(const void *x, const size_t *tap, const float *weight, size_t taps, void *y, size_t n) {
    if (taps == 4)
        blend_taps(x, tap, weight, 4, y, n);
    else if (taps == 2)
        blend_taps(x, tap, weight, 2, y, n);
    else
        blend_taps(x, tap, weight, taps, y, n);
}
