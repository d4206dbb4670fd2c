/*
 * Products of tiles that stay in their registers, AMX: six chains, for a product takes 52 cycles and one can begin
 * every 16 (Intel, Optimization Reference Manual, 20.6).
 */
#include "cpu/peak.h"

#include <immintrin.h>
#include <string.h>

/* A tile product takes as long as about sixteen turns of the vector loops. */
enum { ROWS = 16, ROW_BYTES = 64, CHAINS = 6, SHORTER = 16 };

/* What LDTILECFG reads (Intel SDM vol. 1, 18.3). */
typedef struct configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} configuration;

/* All eight tiles of the full size, every byte of each 16-bit half set to `low` and `high`. */
static void begin(uint8_t low, uint8_t high) {
    _Alignas(64) uint8_t data[ROWS * ROW_BYTES];
    configuration c = {.palette = 1};
    for (int i = 0; i < 8; i++) c.row_bytes[i] = ROW_BYTES, c.rows[i] = ROWS;
    for (size_t i = 0; i < sizeof data; i += 2) data[i] = low, data[i + 1] = high;
    __asm__ volatile("" : : "r"(&c), "r"(data) : "memory"); /* the stores come first: gcc 12 may drop them otherwise */
    _tile_loadconfig(&c);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    _tile_loadd(6, data, ROW_BYTES);
    _tile_loadd(7, data, ROW_BYTES);
}

double gal_peak_bf16_amx(long turns) {
    const long products = turns / SHORTER;
    begin(0x80, 0x3e); /* 1/4 */
    for (long n = 0; n < products; n++) {
        _tile_dpbf16ps(0, 6, 7);
        _tile_dpbf16ps(1, 6, 7);
        _tile_dpbf16ps(2, 6, 7);
        _tile_dpbf16ps(3, 6, 7);
        _tile_dpbf16ps(4, 6, 7);
        _tile_dpbf16ps(5, 6, 7);
    }
    _tile_release();
    return 2.0 * CHAINS * ROWS * ROWS * 32 * (double)products;
}

double gal_peak_int8_amx(long turns) {
    const long products = turns / SHORTER;
    begin(1, 2);
    for (long n = 0; n < products; n++) {
        _tile_dpbusd(0, 6, 7);
        _tile_dpbusd(1, 6, 7);
        _tile_dpbusd(2, 6, 7);
        _tile_dpbusd(3, 6, 7);
        _tile_dpbusd(4, 6, 7);
        _tile_dpbusd(5, 6, 7);
    }
    _tile_release();
    return 2.0 * CHAINS * ROWS * ROWS * 64 * (double)products;
}
