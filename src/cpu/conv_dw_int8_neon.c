/* int8 depthwise convolution, NEON: four channels, and a tap a widening multiply-add. */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_int8_neon.h"

static inline vi load_ints(const int32_t *p) {
    return vld1q_s32(p);
}
static inline vi mul_ints(vi a, vi b) {
    return vmulq_s32(a, b);
}
static inline int16x4_t wide_bytes(const uint8_t *p, int n, uint8_t flip) {
    uint8x8_t bytes = veor_u8(load_four(p, n), vdup_n_u8(flip));
    return vreinterpret_s16_u16(vget_low_u16(vmovl_u8(bytes)));
}
static inline vi dot2(vi sum, const uint8_t *a, const uint8_t *b, int n, uint8_t flip, const int16_t *w) {
    int16x4x2_t pair = vld2_s16(w);
    sum = vmlal_s16(sum, wide_bytes(a, n, flip), pair.val[0]);
    return vmlal_s16(sum, wide_bytes(b, n, flip), pair.val[1]);
}
#define map_bytes gal_map_bytes_neon
#define PIXEL     gal_dw_int8_neon
#include "cpu/conv_dw_int8_body.h"
#endif
