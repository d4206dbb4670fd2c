/* Four floats: the vector of the NEON rows. Include only from *_neon*.c. */
#include "cpu/unroll.h"

#include <arm_neon.h>

#define VF 4

typedef float32x4_t vf;

static inline vf vf_zero(void) {
    return vdupq_n_f32(0);
}
static inline vf vf_set(float x) {
    return vdupq_n_f32(x);
}
static inline vf vf_load(const float *p) {
    return vld1q_f32(p);
}
static inline void vf_store(float *p, vf x) {
    vst1q_f32(p, x);
}
/* The first n floats, 0 < n < VF; the others are zero and never touched in memory. */
static inline vf vf_load_part(const float *p, int n) {
    if (n == 1) return vld1q_lane_f32(p, vf_zero(), 0);
    vf x = vcombine_f32(vld1_f32(p), vdup_n_f32(0));
    return n == 2 ? x : vld1q_lane_f32(p + 2, x, 2);
}
static inline void vf_store_part(float *p, int n, vf x) {
    if (n == 1) {
        vst1q_lane_f32(p, x, 0);
        return;
    }
    vst1_f32(p, vget_low_f32(x));
    if (n == 3) vst1q_lane_f32(p + 2, x, 2);
}
static inline vf vf_add(vf a, vf b) {
    return vaddq_f32(a, b);
}
static inline vf vf_sub(vf a, vf b) {
    return vsubq_f32(a, b);
}
static inline vf vf_mul(vf a, vf b) {
    return vmulq_f32(a, b);
}
static inline vf vf_div(vf a, vf b) {
    return vdivq_f32(a, b);
}
static inline vf vf_sqrt(vf a) {
    return vsqrtq_f32(a);
}
/* a * b + c, rounded once. */
static inline vf vf_fma(vf a, vf b, vf c) {
    return vfmaq_f32(c, a, b);
}
/* The second operand when either is NaN or both are zero, as on x86; FMAX and FMIN differ there. */
static inline vf vf_max(vf a, vf b) {
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}
static inline vf vf_min(vf a, vf b) {
    return vbslq_f32(vcltq_f32(a, b), a, b);
}
static inline vf vf_abs(vf a) {
    return vabsq_f32(a);
}
/* a where its sign bit is set in `sign`, else b. */
static inline vf vf_if_negative(vf sign, vf a, vf b) {
    return vbslq_f32(vreinterpretq_u32_s32(vshrq_n_s32(vreinterpretq_s32_f32(sign), 31)), a, b);
}
/* a where x < y, else b (also when either is NaN). */
static inline vf vf_if_less(vf x, vf y, vf a, vf b) {
    return vbslq_f32(vcltq_f32(x, y), a, b);
}
/* a where x is NaN, else b. */
static inline vf vf_if_nan(vf x, vf a, vf b) {
    return vbslq_f32(vceqq_f32(x, x), b, a);
}
static inline vf vf_round(vf a) {
    return vrndnq_f32(a);
}
static inline vf vf_power2(int32x4_t n) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}
/* a * 2^n for a whole n in [-252, 254] and a in [0.5, 2], rounded once: only the second factor can leave the normal
 * range. */
static inline vf vf_scale2(vf a, vf n) {
    int32x4_t whole = vcvtnq_s32_f32(n), half = vshrq_n_s32(whole, 1);
    return vmulq_f32(vmulq_f32(a, vf_power2(half)), vf_power2(vsubq_s32(whole, half)));
}
