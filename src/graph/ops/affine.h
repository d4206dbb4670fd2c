/* Scale and zero point of 8-bit tensors, shared by the integer convolutions, matrix products and
 * Quantize/DequantizeLinear. */
#ifndef GAL_GRAPH_OPS_AFFINE_H
#define GAL_GRAPH_OPS_AFFINE_H

#include "graph/op.h"

#define GAL_BYTES (GAL_BIT(GALEN_U8) | GAL_BIT(GALEN_I8))

static inline int32_t gal_byte_at(galen_dtype t, const void *p, int64_t i) {
    return t == GALEN_U8 ? ((const uint8_t *)p)[i] : ((const int8_t *)p)[i];
}

/* v rounded half to even plus zero, saturated to the type; NaN becomes zero. */
void gal_store_byte(galen_dtype t, void *p, int64_t i, double v, int32_t zero);

/* True when in[index] is there and has exactly one element. */
bool gal_is_single(const gal_node *node, uint32_t index);

/* Requires in[index], if there, to be of type `dtype` and to have one element, or `count` in one dimension when count
 * is not 0. */
galen_status gal_need_parameter(const gal_node *node, uint32_t index, galen_dtype dtype, int64_t count,
                                galen_error *err);

/* Element i of a parameter tensor with one element or many; 0 when it is absent. */
int32_t gal_zero_at(const galen_tensor *zero, int64_t i);
double gal_scale_at(const galen_tensor *scale, int64_t i);

#endif
