/* Images from channels first to channels last, NEON: planes woven in registers. */
#if defined(__aarch64__)
#include "cpu/rows.h"

#include <arm_neon.h>

enum { SIDE = 4 };

/* Four channels of four pixels. */
static void block(const float *x, int64_t plane, float *y, int64_t pixel) {
    float64x2_t low[2], high[2];
    for (int i = 0; i < 2; i++) {
        float32x4_t a = vld1q_f32(x + 2 * i * plane), b = vld1q_f32(x + (2 * i + 1) * plane);
        low[i] = vreinterpretq_f64_f32(vzip1q_f32(a, b));
        high[i] = vreinterpretq_f64_f32(vzip2q_f32(a, b));
    }
    vst1q_f32(y, vreinterpretq_f32_f64(vzip1q_f64(low[0], low[1])));
    vst1q_f32(y + pixel, vreinterpretq_f32_f64(vzip2q_f64(low[0], low[1])));
    vst1q_f32(y + 2 * pixel, vreinterpretq_f32_f64(vzip1q_f64(high[0], high[1])));
    vst1q_f32(y + 3 * pixel, vreinterpretq_f32_f64(vzip2q_f64(high[0], high[1])));
}

/* Three planes, four pixels: 12 floats in order. */
static void weave3(const float *a, const float *b, const float *c, float *y) {
    vst3q_f32(y, ((float32x4x3_t){{vld1q_f32(a), vld1q_f32(b), vld1q_f32(c)}}));
}

#include "cpu/transpose_f32_body.h"

const char *gal_to_nhwc_f32_neon_reject(const gal_node *node) {
    return to_nhwc_reject(node);
}

galen_status gal_to_nhwc_f32_neon_run(const gal_call *call, galen_error *err) {
    (void)err;
    to_nhwc(call);
    return GALEN_OK;
}
#endif
