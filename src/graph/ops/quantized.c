/* Attributes of integer ops. */
#include "graph/ops/quantized.h"

#include "base/error.h"
#include "graph/ops/activation.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"

#include <stdio.h>

static bool is_byte(galen_dtype dtype) {
    return dtype == GALEN_U8 || dtype == GALEN_I8;
}

static float lowest(galen_dtype dtype) {
    return dtype == GALEN_U8 ? 0 : dtype == GALEN_I8 ? -128 : -INFINITY;
}

static float highest(galen_dtype dtype) {
    return dtype == GALEN_U8 ? 255 : dtype == GALEN_I8 ? 127 : INFINITY;
}

static int64_t fixed_size(const gal_value *value) {
    gal_dim count;
    const gal_shape *s = &value->shape;
    return gal_shape_product(s, 0, s->rank, &count) && !count.batch ? count.size : -1;
}

gal_quant gal_quant_of(const gal_node *node, char name, galen_dtype dtype) {
    char scale[] = "?_scale", zero[] = "?_zero";
    scale[0] = zero[0] = name;
    return (gal_quant){gal_attr_float(node, scale, 1), (int32_t)gal_attr_int(node, zero, 0), dtype};
}

galen_dtype gal_quant_output(const gal_node *node) {
    return (galen_dtype)gal_attr_int(node, "y_type", GALEN_U8);
}

/* A float output has no scale: its step is 1. */
static float y_scale(const gal_node *node) {
    return is_byte(gal_quant_output(node)) ? gal_attr_float(node, "y_scale", 1) : 1;
}

void gal_requant_of(const gal_node *node, gal_requant *out) {
    gal_activation kind = GAL_ACT_NONE;
    gal_activation_of(node, &kind);
    float step = y_scale(node);
    *out = (gal_requant){.dtype = gal_quant_output(node)};
    bool bytes = is_byte(out->dtype);
    out->zero = bytes ? (int32_t)gal_attr_int(node, "y_zero", 0) : 0;
    out->low = lowest(out->dtype) - (float)out->zero, out->high = highest(out->dtype) - (float)out->zero;
    float low = -INFINITY, high = INFINITY;
    if (kind == GAL_ACT_RELU) low = 0;
    if (kind == GAL_ACT_CLIP)
        low = gal_attr_float(node, "act_alpha", 0) / step, high = gal_attr_float(node, "act_beta", 0) / step;
    if (bytes) low = rintf(low), high = rintf(high); /* rounding keeps order: clamping before it or after is the same */
    out->low = gal_clampf(low, out->low, out->high), out->high = gal_clampf(high, out->low, out->high);
    out->has_residual = gal_attr_find(node, "r_scale") != NULL && node->n_in > 3 && node->in[3] != NULL;
    if (out->has_residual) {
        out->residual = gal_attr_float(node, "r_scale", 1) / step;
        out->residual_zero = (int32_t)gal_attr_int(node, "r_zero", 0);
        out->residual_dtype = node->in[3]->dtype;
    }
    out->has_mid = gal_attr_find(node, "mid_scale") != NULL;
    if (out->has_mid) {
        float zero = (float)gal_attr_int(node, "mid_zero", 0);
        galen_dtype mid = (galen_dtype)gal_attr_int(node, "mid_type", GALEN_U8);
        out->mid = gal_attr_float(node, "mid_scale", 1) / step;
        out->mid_low = lowest(mid) - zero, out->mid_high = highest(mid) - zero;
    }
}

float gal_requant_factor(const gal_node *node, const galen_tensor *w_scale, int64_t k) {
    float ws = ((const float *)w_scale->data)[galen_tensor_elements(w_scale) == 1 ? 0 : k];
    float product = gal_attr_float(node, "x_scale", 1) * ws;
    float step = gal_attr_find(node, "mid_scale") != NULL ? gal_attr_float(node, "mid_scale", 1) : y_scale(node);
    return product / step;
}

static galen_status check_pair(const gal_node *node, const char *name, galen_dtype dtype, galen_error *err) {
    char scale[16], zero[16];
    snprintf(scale, sizeof scale, "%.8s_scale", name);
    snprintf(zero, sizeof zero, "%.8s_zero", name);
    float s = gal_attr_float(node, scale, 1);
    int64_t z = gal_attr_int(node, zero, 0);
    if (!(s > 0) || !isfinite(s))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute %s is %g, must be positive", scale, (double)s);
    if (is_byte(dtype) && ((float)z < lowest(dtype) || (float)z > highest(dtype)))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute %s is %lld, outside %s", zero, (long long)z,
                             galen_dtype_name(dtype));
    return GALEN_OK;
}

galen_status gal_quant_check(const gal_node *node, uint32_t types, galen_error *err) {
    gal_activation kind;
    galen_dtype y = gal_quant_output(node);
    if ((unsigned)y >= 32 || !(types & GAL_BIT(y)))
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "attribute y_type is %s", galen_dtype_name(y));
    GAL_TRY(check_pair(node, "x", node->in[0]->dtype, err));
    GAL_TRY(check_pair(node, "y", y, err));
    if (gal_activation_of(node, &kind) && kind <= GAL_ACT_CLIP) return GALEN_OK;
    return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "activation '%s' is not one that clamps",
                         gal_attr_string(node, "activation", ""));
}

static galen_status check_factors(const gal_node *node, int64_t outputs, galen_error *err) {
    const galen_tensor *scale = node->in[4]->constant;
    if (scale == NULL) return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "the weights' scale is not constant");
    for (int64_t k = 0; k < outputs; k++) {
        float f = gal_requant_factor(node, scale, k);
        if (!(f > 0) || !isfinite(f))
            return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "the scales of channel %lld make a factor of %g",
                                 (long long)k, (double)f);
    }
    return GALEN_OK;
}

galen_status gal_quant_check_product(const gal_node *node, int64_t outputs, galen_error *err) {
    static const uint32_t types = GAL_BYTES | GAL_BIT(GALEN_F32) | GAL_BIT(GALEN_BF16);
    galen_dtype y = gal_quant_output(node);
    GAL_TRY(gal_need_dtype(node, 0, GAL_BYTES, err));
    GAL_TRY(gal_need_dtype(node, 1, GAL_BIT(GALEN_I8), err));
    GAL_TRY(gal_quant_check(node, types, err));
    GAL_TRY(check_pair(node, "w", GALEN_I8, err));
    if (node->n_in < 5 || node->in[4] == NULL)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the weights' scale (input 4) is missing");
    GAL_TRY(gal_need_parameter(node, 4, GALEN_F32, outputs, err));
    if (node->in[2] != NULL) GAL_TRY(gal_need_parameter(node, 2, GALEN_I32, outputs, err));
    if (node->in[2] != NULL && fixed_size(node->in[2]) != outputs)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the bias must have %lld numbers", (long long)outputs);
    if (node->in[3] != NULL) {
        GAL_TRY(gal_need_dtype(node, 3, GAL_BYTES, err));
        GAL_TRY(check_pair(node, "r", node->in[3]->dtype, err));
    }
    if (gal_attr_find(node, "mid_scale") != NULL)
        GAL_TRY(check_pair(node, "mid", (galen_dtype)gal_attr_int(node, "mid_type", GALEN_U8), err));
    if (node->n_in > 5 && node->in[5] != NULL) {
        if (!is_byte(y)) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "a table needs a byte output");
        GAL_TRY(gal_need_dtype(node, 5, GAL_BIT(y), err));
        if (node->in[5]->shape.rank != 1 || fixed_size(node->in[5]) != 256)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the table must have 256 elements");
    }
    return check_factors(node, outputs, err);
}
