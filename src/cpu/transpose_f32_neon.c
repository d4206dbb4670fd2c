/* Images from channels first to channels last, NEON: planes woven in registers. */
#if defined(__aarch64__)
#include "cpu/rows.h"

#include "cpu/transpose_block_neon.h"

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
