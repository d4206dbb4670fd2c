/*
 * Weight gradient of convolution, bf16 on AMX: 16 channels by 32 outputs, sixteen pixels of two images a step.
 *
 * TDPBF16PS wants the right operand as rows of pixels, which is how dY lies, and the left one as rows of channels: X is
 * transposed in registers on the way into its tile. Every sum is one chain over the list of pixels in steps of sixteen,
 * the last completed with zeros.
 */
#include "cpu/conv_grad_weight.h"
#include "cpu/rows.h"

#include <immintrin.h>

enum { SIDE = 16, WIDTH = 2 * SIDE, ROW = 64 /* bytes of a tile's row */ };

/* What one step multiplies. */
typedef struct operands {
    __m512i x[SIDE];     /* [channel][pixel] */
    __m512i dy[SIDE][2]; /* [pixel][output] */
} operands;

/* The register configuration as LDTILECFG reads it. */
typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} tile_config;

/* The tile instructions of gcc 12 do not say which memory they read. */
static inline void settle(void) {
    __asm__ volatile("" ::: "memory");
}

static void begin(void) {
    tile_config config __attribute__((aligned(64))) = {.palette = 1};
    for (int i = 0; i < 8; i++) config.bytes[i] = ROW, config.rows[i] = SIDE;
    settle();
    _tile_loadconfig(&config);
}

static void end(void) {
    _tile_release();
}

/* A square of words: in each quarter of a vector first, then the quarters. */
static inline void transpose_square(const __m512i from[SIDE], __m512i to[SIDE]) {
    __m512i a[SIDE], b[SIDE];
    for (int i = 0; i < SIDE; i += 2) {
        a[i] = _mm512_unpacklo_epi32(from[i], from[i + 1]);
        a[i + 1] = _mm512_unpackhi_epi32(from[i], from[i + 1]);
    }
    for (int i = 0; i < SIDE; i += 4) {
        b[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
        b[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
        b[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
        b[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        __m512i even = _mm512_shuffle_i32x4(b[i], b[i + 4], 0x88), odd = _mm512_shuffle_i32x4(b[i], b[i + 4], 0xdd);
        __m512i even2 = _mm512_shuffle_i32x4(b[i + 8], b[i + 12], 0x88);
        __m512i odd2 = _mm512_shuffle_i32x4(b[i + 8], b[i + 12], 0xdd);
        to[i] = _mm512_shuffle_i32x4(even, even2, 0x88);
        to[i + 4] = _mm512_shuffle_i32x4(odd, odd2, 0x88);
        to[i + 8] = _mm512_shuffle_i32x4(even, even2, 0xdd);
        to[i + 12] = _mm512_shuffle_i32x4(odd, odd2, 0xdd);
    }
}

/* Brings the n pixels of a step together, 1 .. SIDE. */
static void gather(const gal_grad_tile *t, const gal_grad_pixel *pixel, size_t n, operands *to) {
    const __mmask16 channels = (__mmask16)((1u << t->rows) - 1);
    __m512i x[SIDE];
    for (size_t i = 0; i < SIDE; i++) {
        const float *dy = t->dy + pixel[i < n ? i : 0].dy;
        x[i] = i < n ? _mm512_maskz_loadu_epi32(channels, t->x + pixel[i].x) : _mm512_setzero_si512();
        to->dy[i][0] = i < n ? _mm512_loadu_si512(dy) : _mm512_setzero_si512();
        if (t->vectors == 2) to->dy[i][1] = i < n ? _mm512_loadu_si512(dy + SIDE) : _mm512_setzero_si512();
    }
    transpose_square(x, to->x);
}

static void write_sums(const gal_grad_tile *t, const float from[SIDE][WIDTH]) {
    for (int i = 0; i < t->rows; i++) {
        float *sum = t->sum + (size_t)i * t->stride;
        for (int j = 0; j < t->vectors * SIDE; j += SIDE) {
            __m512 v = _mm512_load_ps(from[i] + j);
            _mm512_storeu_ps(sum + j, t->first ? v : _mm512_add_ps(_mm512_loadu_ps(sum + j), v));
        }
    }
}

static void tile(const gal_grad_tile *t) {
    operands step;
    float sums[SIDE][WIDTH] __attribute__((aligned(64)));
    const bool two = t->vectors == 2;
    _tile_zero(0);
    _tile_zero(1);
    for (size_t i = 0; i < t->pixels; i += SIDE) {
        gather(t, t->pixel + i, t->pixels - i < SIDE ? t->pixels - i : SIDE, &step);
        settle();
        _tile_loadd(4, step.x, ROW);
        _tile_loadd(6, &step.dy[0][0], 2 * ROW);
        _tile_dpbf16ps(0, 4, 6);
        if (two) {
            _tile_loadd(7, &step.dy[0][1], 2 * ROW);
            _tile_dpbf16ps(1, 4, 7);
        }
        settle();
    }
    _tile_stored(0, sums[0], WIDTH * sizeof(float));
    if (two) _tile_stored(1, sums[0] + SIDE, WIDTH * sizeof(float));
    write_sums(t, (const float(*)[WIDTH])sums);
}

static void transpose(const float *from, int64_t step, int64_t rows, int64_t columns, float *to, int64_t to_step) {
    gal_grad_avx512.transpose(from, step, rows, columns, to, to_step);
}

static void pair(const uint16_t *a, const uint16_t *b, uint32_t *word, size_t n) {
    gal_grad_avx512bf16.pair(a, b, word, n);
}

static const gal_grad_level level = {
    .mr = SIDE, .vec = SIDE, .tile = tile, .transpose = transpose, .pair = pair, .begin = begin, .end = end};

const char *gal_conv_grad_weight_bf16_amx_reject(const gal_node *node) {
    return gal_grad_weight_reject(node, &level);
}

void gal_conv_grad_weight_bf16_amx_needs(const gal_node *node, int64_t max_batch, int threads,
                                         gal_kernel_needs *needs) {
    (void)threads;
    gal_grad_weight_needs(node, &level, max_batch, needs);
}

galen_status gal_conv_grad_weight_bf16_amx_run(const gal_call *call, galen_error *err) {
    (void)err;
    return gal_grad_weight_run(call, &level);
}
