/* Conversions between element types for the reference kernels. */
#include "graph/ops/types.h"

#include <math.h>

float gal_f64_to_f32_odd(double v) {
    float f = (float)v;
    if ((double)f == v || isnan(v) || isinf(v)) return f;
    if (isinf(f)) return f;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if (fabs((double)f) > fabs(v)) bits--; /* truncate, then make the last bit sticky */
    bits |= 1;
    memcpy(&f, &bits, sizeof f);
    return f;
}

uint16_t gal_f64_to_f16(double v) {
    return gal_f32_to_f16(gal_f64_to_f32_odd(v));
}
uint16_t gal_f64_to_bf16(double v) {
    return gal_f32_to_bf16(gal_f64_to_f32_odd(v));
}

double gal_load_f64(galen_dtype dtype, const void *p) {
    switch (dtype) {
    case GALEN_F32: return (double)gal_ld_f32(p);
    case GALEN_F64: return gal_ld_f64(p);
    case GALEN_F16: return (double)gal_ld_f16(p);
    case GALEN_BF16: return (double)gal_ld_bf16(p);
    case GALEN_U64: return (double)gal_ld_u64(p);
    default: return (double)gal_load_i64(dtype, p);
    }
}

int64_t gal_load_i64(galen_dtype dtype, const void *p) {
    switch (dtype) {
    case GALEN_U8: return gal_ld_u8(p);
    case GALEN_I8: return gal_ld_i8(p);
    case GALEN_U16: return gal_ld_u16(p);
    case GALEN_I16: return gal_ld_i16(p);
    case GALEN_U32: return gal_ld_u32(p);
    case GALEN_I32: return gal_ld_i32(p);
    case GALEN_U64: return (int64_t)gal_ld_u64(p);
    case GALEN_I64: return gal_ld_i64(p);
    case GALEN_BOOL: return gal_ld_u8(p) != 0;
    default: return 0;
    }
}

void gal_store_float(galen_dtype dtype, void *p, double v) {
    switch (dtype) {
    case GALEN_F32: gal_st_f32(p, (float)v); break;
    case GALEN_F64: gal_st_f64(p, v); break;
    case GALEN_F16: gal_st_u16(p, gal_f64_to_f16(v)); break;
    case GALEN_BF16: gal_st_u16(p, gal_f64_to_bf16(v)); break;
    default: break;
    }
}

void gal_store_int(galen_dtype dtype, void *p, int64_t v) {
    uint64_t bits = (uint64_t)v;
    switch (dtype) {
    case GALEN_BOOL: gal_st_u8(p, bits != 0); break;
    case GALEN_U8:
    case GALEN_I8: gal_st_u8(p, (uint8_t)bits); break;
    case GALEN_U16:
    case GALEN_I16: gal_st_u16(p, (uint16_t)bits); break;
    case GALEN_U32:
    case GALEN_I32: gal_st_u32(p, (uint32_t)bits); break;
    case GALEN_U64:
    case GALEN_I64: gal_st_u64(p, bits); break;
    default: break;
    }
}

uint64_t gal_order_key(galen_dtype dtype, const void *p, bool nan_high) {
    const uint64_t top = (uint64_t)1 << 63;
    if (dtype == GALEN_U64) return gal_ld_u64(p);
    if (!gal_dtype_is_float(dtype)) return (uint64_t)gal_load_i64(dtype, p) ^ top;
    double v = gal_load_f64(dtype, p);
    if (isnan(v)) return nan_high ? UINT64_MAX : 0;
    if (v == 0) v = 0; /* both zeros are one value */
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits & top ? ~bits : bits | top;
}
