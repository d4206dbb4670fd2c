/* Scales and zero points. */
#include "graph/ops/affine.h"

#include "base/error.h"

#include <math.h>

void gal_store_byte(galen_dtype t, void *p, int64_t i, double v, int32_t zero) {
    double r = isnan(v) ? zero : rint(v) + zero;
    double lo = t == GALEN_U8 ? 0 : -128, hi = t == GALEN_U8 ? 255 : 127;
    if (r < lo) r = lo;
    if (r > hi) r = hi;
    if (t == GALEN_U8) {
        ((uint8_t *)p)[i] = (uint8_t)r;
    } else {
        ((int8_t *)p)[i] = (int8_t)r;
    }
}

bool gal_is_single(const gal_node *node, uint32_t index) {
    gal_dim count;
    if (index >= node->n_in || !node->in[index]) return false;
    const gal_shape *s = &node->in[index]->shape;
    return gal_shape_product(s, 0, s->rank, &count) && !count.batch && count.size == 1;
}

galen_status gal_need_parameter(const gal_node *node, uint32_t index, galen_dtype dtype, int64_t count,
                                galen_error *err) {
    if (index >= node->n_in || !node->in[index]) return GALEN_OK;
    const gal_value *v = node->in[index];
    if (v->dtype != dtype)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u is %s, must be %s", index,
                             galen_dtype_name(v->dtype), galen_dtype_name(dtype));
    if (gal_is_single(node, index)) return GALEN_OK;
    if (count > 0 && v->shape.rank == 1 && gal_dim_equal(v->shape.dim[0], gal_dim_fixed(count))) return GALEN_OK;
    if (count > 0)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must be one number or %lld in one dimension", index,
                             (long long)count);
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "input %u must be one number", index);
}

int32_t gal_zero_at(const galen_tensor *zero, int64_t i) {
    if (!zero) return 0;
    if (galen_tensor_elements(zero) == 1) i = 0;
    return zero->dtype == GALEN_I32 ? ((const int32_t *)zero->data)[i] : gal_byte_at(zero->dtype, zero->data, i);
}

double gal_scale_at(const galen_tensor *scale, int64_t i) {
    if (galen_tensor_elements(scale) == 1) i = 0;
    return scale->dtype == GALEN_F64 ? ((const double *)scale->data)[i] : (double)((const float *)scale->data)[i];
}
