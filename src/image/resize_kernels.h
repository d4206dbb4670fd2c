/*
 * The two passes of an 8-bit resize in C that compilers vectorise; resize_plain.c and resize_avx2.c compile it.
 *
 * Along a row, neighbouring outputs read different pixels with different weights, which vectorises badly. So 16 rows
 * are turned on their side first: then one weight meets 16 samples, those of the 16 rows, that lie side by side.
 */
#ifndef GAL_IMAGE_RESIZE_KERNELS_H
#define GAL_IMAGE_RESIZE_KERNELS_H

#include "image/resize.h"

#include <string.h>

static inline uint8_t clip(int32_t sum) {
    int32_t v = sum >> GAL_FIXED_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Turns an 8x8 block of bytes on its diagonal, word i being row i; three rounds of swaps. */
static inline void transpose_8x8(uint64_t w[8]) {
#define SWAP(a, b, shift, mask)                                                                                        \
    do {                                                                                                               \
        uint64_t t_ = ((a) >> (shift) ^ (b)) & (mask);                                                                 \
        (b) ^= t_;                                                                                                     \
        (a) ^= t_ << (shift);                                                                                          \
    } while (0)
    for (int i = 0; i < 4; i++) SWAP(w[i], w[i + 4], 32, 0x00000000ffffffffu);
    for (int i = 0; i < 8; i += 4)
        for (int j = i; j < i + 2; j++) SWAP(w[j], w[j + 2], 16, 0x0000ffff0000ffffu);
    for (int i = 0; i < 8; i += 2) SWAP(w[i], w[i + 1], 8, 0x00ff00ff00ff00ffu);
#undef SWAP
}

/* Columns [0, n) of `rows` rows to n groups of GAL_TILE_ROWS bytes. Rows that are missing repeat the last. */
static void to_columns(const uint8_t *from, size_t stride, int rows, size_t n, uint8_t *to) {
    for (int half = 0; half < GAL_TILE_ROWS; half += 8) {
        const uint8_t *row[8];
        for (int i = 0; i < 8; i++) row[i] = from + (size_t)(half + i < rows ? half + i : rows - 1) * stride;
        size_t x = 0;
        for (; x + 8 <= n; x += 8) {
            uint64_t w[8];
            for (int i = 0; i < 8; i++) memcpy(&w[i], row[i] + x, 8);
            transpose_8x8(w);
            for (size_t i = 0; i < 8; i++) memcpy(to + (x + i) * GAL_TILE_ROWS + half, &w[i], 8);
        }
        for (; x < n; x++)
            for (int i = 0; i < 8; i++) to[x * GAL_TILE_ROWS + (size_t)(half + i)] = row[i][x];
    }
}

/* The way back: n groups of GAL_TILE_ROWS bytes to columns [0, n) of `rows` rows. */
static void to_rows(const uint8_t *from, size_t n, int rows, uint8_t *to, size_t stride) {
    for (int half = 0; half < rows; half += 8) {
        int live = rows - half < 8 ? rows - half : 8;
        size_t x = 0;
        for (; x + 8 <= n; x += 8) {
            uint64_t w[8];
            for (size_t i = 0; i < 8; i++) memcpy(&w[i], from + (x + i) * GAL_TILE_ROWS + half, 8);
            transpose_8x8(w);
            for (int i = 0; i < live; i++) memcpy(to + (size_t)(half + i) * stride + x, &w[i], 8);
        }
        for (; x < n; x++)
            for (int i = 0; i < live; i++)
                to[(size_t)(half + i) * stride + x] = from[x * GAL_TILE_ROWS + (size_t)(half + i)];
    }
}

static void tile(const gal_axis *axis, int channels, const uint8_t *from, size_t stride, int rows, int low, int high,
                 uint8_t *to, size_t to_stride, uint8_t *scratch) {
    size_t step = (size_t)channels, n = (size_t)(high - low) * step;
    uint8_t *sums = scratch + n * GAL_TILE_ROWS;
    to_columns(from + (size_t)low * step, stride, rows, n, scratch);
    for (int x = 0; x < axis->outputs; x++) {
        const int32_t *weight = axis->fixed + (size_t)x * (size_t)axis->taps;
        int count = axis->count[x];
        for (size_t c = 0; c < step; c++) {
            const uint8_t *p = scratch + ((size_t)(axis->first[x] - low) * step + c) * GAL_TILE_ROWS;
            int32_t sum[GAL_TILE_ROWS];
            for (int i = 0; i < GAL_TILE_ROWS; i++) sum[i] = 1 << (GAL_FIXED_BITS - 1);
            for (int j = 0; j < count; j++, p += step * GAL_TILE_ROWS)
                for (int i = 0; i < GAL_TILE_ROWS; i++) sum[i] += weight[j] * p[i];
            uint8_t *out = sums + ((size_t)x * step + c) * GAL_TILE_ROWS;
            for (int i = 0; i < GAL_TILE_ROWS; i++) out[i] = clip(sum[i]);
        }
    }
    to_rows(sums, (size_t)axis->outputs * step, rows, to, to_stride);
}

static void column(const int32_t *weight, int count, const uint8_t *from, size_t stride, size_t n, uint8_t *to) {
    enum { WIDE = 32 };
    size_t x = 0;
    for (; x + WIDE <= n; x += WIDE) {
        const uint8_t *p = from + x;
        int32_t sum[WIDE];
        for (int i = 0; i < WIDE; i++) sum[i] = 1 << (GAL_FIXED_BITS - 1);
        for (int j = 0; j < count; j++, p += stride)
            for (int i = 0; i < WIDE; i++) sum[i] += weight[j] * p[i];
        for (int i = 0; i < WIDE; i++) to[x + (size_t)i] = clip(sum[i]);
    }
    for (; x < n; x++) {
        int32_t sum = 1 << (GAL_FIXED_BITS - 1);
        for (int j = 0; j < count; j++) sum += weight[j] * from[(size_t)j * stride + x];
        to[x] = clip(sum);
    }
}

#endif
