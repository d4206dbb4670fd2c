/* Loops over bytes, NEON: four numbers, or 16 bytes that are compared. */
#if defined(__aarch64__)
#include "cpu/vec_neon.h"

#include "cpu/vec_int8_neon.h"

#define WIDE 16

typedef uint8x16_t vb;

static inline vb vb_load(const uint8_t *p) {
    return vld1q_u8(p);
}
static inline void vb_store(uint8_t *p, vb x) {
    vst1q_u8(p, x);
}
static inline vb vb_set(uint8_t x) {
    return vdupq_n_u8(x);
}
static inline vb vb_max(vb a, vb b) {
    return vmaxq_u8(a, b);
}
static inline vb vb_xor(vb a, vb b) {
    return veorq_u8(a, b);
}
#define map_bytes gal_map_bytes_neon
#define LOOPS     gal_loops_int8_neon
#include "cpu/loops_int8_body.h"
#endif
