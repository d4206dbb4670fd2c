/* Tables of 256 bytes, NEON: four look-ups of 64 entries each; an index beyond one leaves what is there. */
#if defined(__aarch64__)
#include "cpu/qconv.h"

#include <arm_neon.h>

void gal_map_bytes_neon(const uint8_t *table, const uint8_t *x, uint8_t *y, size_t n) {
    const uint8x16x4_t t[4] = {vld1q_u8_x4(table), vld1q_u8_x4(table + 64), vld1q_u8_x4(table + 128),
                               vld1q_u8_x4(table + 192)};
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        uint8x16_t index = vld1q_u8(x + i), out = vqtbl4q_u8(t[0], index);
        for (unsigned char part = 1; part < 4; part++)
            out = vqtbx4q_u8(out, t[part], vsubq_u8(index, vdupq_n_u8((uint8_t)(64 * part))));
        vst1q_u8(y + i, out);
    }
    for (; i < n; i++) y[i] = table[x[i]];
}

void gal_map_rows_neon(const uint8_t *table, uint8_t *y, size_t rows, size_t cols, size_t stride) {
    for (size_t i = 0; i < rows; i++, y += stride) gal_map_bytes_neon(table, y, y, cols);
}
#endif
