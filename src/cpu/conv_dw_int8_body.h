/*
 * All channels of one pixel of an int8 depthwise convolution (conv_dw_int8.h). Included once by each level after its
 * vec_int8_*.h and dot2(sum, a, b, n, flip, w): each sum plus the products of two bytes, of up to VF channels, by two
 * weights; and load_ints, set_ints, mul_ints, map_bytes and PIXEL, the function's name.
 */
#include "cpu/conv_dw_int8.h"

void PIXEL(const gal_dw_int8 *plan, const gal_dw_int8_pixel *px) {
    const char *base = (const char *)plan;
    const gal_requant *q = &plan->qc.q;
    const int16_t *weights = (const int16_t *)(const void *)(base + plan->weights);
    const int32_t *bias = (const int32_t *)(const void *)(base + plan->bias);
    const int32_t *sums = (const int32_t *)(const void *)(base + plan->sums);
    const float *factor = (const float *)(const void *)(base + plan->factor);
    const float *shift = plan->shift != 0 ? (const float *)(const void *)(base + plan->shift) : NULL;
    uint8_t flip = plan->qc.flip ? 0x80 : 0;
    for (int64_t c = 0; c < plan->qc.conv.c; c += VF) {
        int n = plan->qc.conv.c - c < VF ? (int)(plan->qc.conv.c - c) : VF;
        const int16_t *w = weights + 2 * c;
        vi sum = add_ints(load_ints(bias + c), mul_ints(set_ints(-px->x_zero), load_ints(sums + c)));
        for (int64_t p = 0; p < plan->pairs; p++, w += 2 * plan->columns)
            sum = dot2(sum, px->tap[2 * p] + c * px->step[2 * p], px->tap[2 * p + 1] + c * px->step[2 * p + 1], n, flip,
                       w);
        vf by = vf_mul(vf_set(px->x_scale), vf_load(factor + c));
        if (plan->qc.dynamic)
            store_scaled(q, sum, by, shift != NULL ? shift + c : NULL, px->out, (size_t)c, n);
        else
            store_sums(q, sum, by, px->residual != NULL ? px->residual + c : NULL, px->out, (size_t)c, n);
    }
    if (plan->table != 0) map_bytes((const uint8_t *)base + plan->table, px->out, px->out, (size_t)plan->qc.conv.c);
}
