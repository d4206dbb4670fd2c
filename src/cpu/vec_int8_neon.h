/* Four sums and the bytes they become: include after vec_neon.h. */
#include "graph/ops/quantized.h"

#include <string.h>

typedef int32x4_t vi;

static inline vi as_ints(vf x) {
    return vreinterpretq_s32_f32(x);
}
static inline vf as_floats(vi x) {
    return vreinterpretq_f32_s32(x);
}
static inline vf as_numbers(vi x) {
    return vcvtq_f32_s32(x);
}
static inline vi set_ints(int32_t x) {
    return vdupq_n_s32(x);
}
static inline vi add_ints(vi a, vi b) {
    return vaddq_s32(a, b);
}
static inline vi sub_ints(vi a, vi b) {
    return vsubq_s32(a, b);
}

static inline vf clamp_to(vf v, float low, float high) {
    return vf_min(vf_max(v, vf_set(low)), vf_set(high));
}

/* The first n bytes, 0 < n, at most four of them; none behind is touched. */
static inline uint8x8_t load_four(const uint8_t *p, int n) {
    uint32_t word = 0;
    if (n >= VF)
        memcpy(&word, p, sizeof word);
    else
        for (int i = 0; i < n; i++) word |= (uint32_t)p[i] << (8 * i);
    return vreinterpret_u8_u32(vdup_n_u32(word));
}

/* u8 after an exclusive or with `flip`. */
static inline vi load_flipped(const uint8_t *p, int n, uint8_t flip) {
    uint8x8_t bytes = veor_u8(load_four(p, n), vdup_n_u8(flip));
    return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
}

/* As numbers less `zero`. */
static inline vf load_bytes(const uint8_t *p, int n, bool is_signed, int32_t zero) {
    uint8x8_t bytes = load_four(p, n);
    vi wide = is_signed ? vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u8(bytes))))
                        : vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
    return vcvtq_f32_s32(vsubq_s32(wide, vdupq_n_s32(zero)));
}

static inline void store_bytes(uint8_t *p, int n, const gal_requant *q, vf v) {
    vi whole = vaddq_s32(vcvtnq_s32_f32(clamp_to(v, q->low, q->high)), vdupq_n_s32(q->zero));
    int16x4_t half = vmovn_s32(whole);
    uint32_t word = vget_lane_u32(vreinterpret_u32_s8(vmovn_s16(vcombine_s16(half, half))), 0);
    if (n >= VF)
        memcpy(p, &word, sizeof word);
    else
        for (int i = 0; i < n; i++) p[i] = (uint8_t)(word >> (8 * i));
}

static inline vf load_floats(const float *p, int n) {
    return n >= VF ? vf_load(p) : vf_load_part(p, n);
}

static inline void store_floats(float *p, int n, vf v) {
    if (n >= VF)
        vf_store(p, v);
    else
        vf_store_part(p, n, v);
}

/*
 * The bytes of four vectors. Rounding keeps order, so that the lower clamp may come after it, where narrowing clamps to
 * the type anyway; the upper one keeps huge numbers from turning into the least integer.
 */
static inline __attribute__((always_inline)) void store_quad(uint8_t *p, const gal_requant *q, const vf *v) {
    const vf high = vf_set(q->high);
    const int16x8_t zero = vdupq_n_s16((int16_t)q->zero);
    const uint8_t low = (uint8_t)((int32_t)q->low + q->zero);
    int16x8_t a =
        vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(vf_min(v[0], high))), vqmovn_s32(vcvtnq_s32_f32(vf_min(v[1], high))));
    int16x8_t b =
        vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(vf_min(v[2], high))), vqmovn_s32(vcvtnq_s32_f32(vf_min(v[3], high))));
    a = vqaddq_s16(a, zero), b = vqaddq_s16(b, zero);
    if (q->dtype == GALEN_I8) {
        int8x16_t all = vmaxq_s8(vcombine_s8(vqmovn_s16(a), vqmovn_s16(b)), vdupq_n_s8((int8_t)low));
        vst1q_u8(p, vreinterpretq_u8_s8(all));
    } else {
        vst1q_u8(p, vmaxq_u8(vcombine_u8(vqmovun_s16(a), vqmovun_s16(b)), vdupq_n_u8(low)));
    }
}

/* gal_requant_value and gal_requant_store for four sums with the bias in them. */
static inline __attribute__((always_inline)) void store_sums(const gal_requant *q, vi sum, vf factor,
                                                             const uint8_t *residual, void *out, size_t at, int n) {
    vf v = vf_mul(vcvtq_f32_s32(sum), factor);
    if (q->has_mid) v = vf_mul(vf_round(clamp_to(v, q->mid_low, q->mid_high)), vf_set(q->mid));
    if (q->has_residual) {
        vf r = load_bytes(residual, n, q->residual_dtype == GALEN_I8, q->residual_zero);
        v = vf_add(v, vf_mul(r, vf_set(q->residual)));
    }
    if (q->dtype == GALEN_F32)
        store_floats((float *)out + at, n, clamp_to(v, q->low, q->high));
    else
        store_bytes((uint8_t *)out + at, n, q, v);
}

/* Sums themselves, or times a factor and with a term in f32 (galen.DynConv); low 0 is Relu. */
static inline __attribute__((always_inline)) void store_scaled(const gal_requant *q, vi sum, vf factor,
                                                               const float *shift, void *out, size_t at, int n) {
    vf v = as_floats(sum);
    if (q->dtype != GALEN_I32) {
        v = vf_mul(vcvtq_f32_s32(sum), factor);
        if (shift != NULL) v = vf_add(v, vf_load(shift));
        if (q->low == 0) v = vf_if_less(v, vf_zero(), vf_zero(), v);
    }
    store_floats((float *)out + at, n, v);
}
