/*
 * All tiles of a task by one panel (gal_amx_panel), included once by each element type, which defines DP(sum, a, b), the
 * tile product as an instruction on tile numbers, and store_block(panel, sums, pixel_of, rows, f32). Two tiles of rows by two of columns are summed at a
 * time: four sums, and every tile that is loaded is used twice.
 */
#include "cpu/conv_amx.h"

#include <immintrin.h>

enum { SUM_PITCH = GAL_AMX_PANEL * 4 };

/* The register configuration as LDTILECFG reads it. */
typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} tile_config;

static void begin(void) {
    tile_config config __attribute__((aligned(64))) = {.palette = 1};
    for (int i = 0; i < 8; i++) config.bytes[i] = GAL_AMX_STEP, config.rows[i] = GAL_AMX_ROWS;
    __asm__ volatile("" ::: "memory"); /* gcc 12 may drop the stores in front of the instruction that reads them */
    _tile_loadconfig(&config);
}

static void end(void) {
    _tile_release();
}

/* The taps two tiles need, row by row of the window. */
#define FOR_TAPS(p, first, second)                                                                                     \
    const int r0 = first->r0 < second->r0 ? first->r0 : second->r0, r1 = first->r1 > second->r1 ? first->r1 : second->r1; \
    const int s0 = first->s0 < second->s0 ? first->s0 : second->s0, s1 = first->s1 > second->s1 ? first->s1 : second->s1; \
    for (int r = r0; r < r1; r++)                                                                                      \
        for (int s = s0; s < s1; s++)

static void sum_2x2(const gal_amx_panel *p, const gal_amx_rows *rows, gal_amx_sums *sums) {
    const gal_amx_rows *second = rows + 1;
    const int64_t steps = p->conv->steps, tap_w = p->conv->tap_w, pixel = p->pixel;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    FOR_TAPS(p, rows, second) {
        const int64_t tap = r * tap_w + s;
        const uint8_t *a = p->a + rows->first + p->tap[tap], *c = p->a + second->first + p->tap[tap];
        const uint8_t *b = p->b + tap * steps * 2 * GAL_AMX_TILE;
        for (int64_t k = 0; k < steps; k++, a += GAL_AMX_STEP, c += GAL_AMX_STEP, b += 2 * GAL_AMX_TILE) {
            _tile_loadd(4, a, pixel);
            _tile_loadd(6, b, GAL_AMX_STEP);
            DP(0, 4, 6);
            _tile_loadd(7, b + GAL_AMX_TILE, GAL_AMX_STEP);
            DP(1, 4, 7);
            _tile_loadd(5, c, pixel);
            DP(2, 5, 6);
            DP(3, 5, 7);
        }
    }
    _tile_stored(0, sums->at[0], SUM_PITCH);
    _tile_stored(1, sums->at[0] + GAL_AMX_ROWS, SUM_PITCH);
    _tile_stored(2, sums->at[GAL_AMX_ROWS], SUM_PITCH);
    _tile_stored(3, sums->at[GAL_AMX_ROWS] + GAL_AMX_ROWS, SUM_PITCH);
}

static void sum_1x2(const gal_amx_panel *p, const gal_amx_rows *rows, gal_amx_sums *sums) {
    const int64_t steps = p->conv->steps, tap_w = p->conv->tap_w, pixel = p->pixel;
    _tile_zero(0);
    _tile_zero(1);
    FOR_TAPS(p, rows, rows) {
        const int64_t tap = r * tap_w + s;
        const uint8_t *a = p->a + rows->first + p->tap[tap], *b = p->b + tap * steps * 2 * GAL_AMX_TILE;
        for (int64_t k = 0; k < steps; k++, a += GAL_AMX_STEP, b += 2 * GAL_AMX_TILE) {
            _tile_loadd(4, a, pixel);
            _tile_loadd(6, b, GAL_AMX_STEP);
            DP(0, 4, 6);
            _tile_loadd(7, b + GAL_AMX_TILE, GAL_AMX_STEP);
            DP(1, 4, 7);
        }
    }
    _tile_stored(0, sums->at[0], SUM_PITCH);
    _tile_stored(1, sums->at[0] + GAL_AMX_ROWS, SUM_PITCH);
}

/* A last panel of one tile: two or one tiles of rows. */
static void sum_2x1(const gal_amx_panel *p, const gal_amx_rows *rows, gal_amx_sums *sums) {
    const gal_amx_rows *second = rows + 1;
    const int64_t steps = p->conv->steps, tap_w = p->conv->tap_w, pixel = p->pixel;
    _tile_zero(0);
    _tile_zero(2);
    FOR_TAPS(p, rows, second) {
        const int64_t tap = r * tap_w + s;
        const uint8_t *a = p->a + rows->first + p->tap[tap], *c = p->a + second->first + p->tap[tap];
        const uint8_t *b = p->b + tap * steps * GAL_AMX_TILE;
        for (int64_t k = 0; k < steps; k++, a += GAL_AMX_STEP, c += GAL_AMX_STEP, b += GAL_AMX_TILE) {
            _tile_loadd(4, a, pixel);
            _tile_loadd(6, b, GAL_AMX_STEP);
            DP(0, 4, 6);
            _tile_loadd(5, c, pixel);
            DP(2, 5, 6);
        }
    }
    _tile_stored(0, sums->at[0], SUM_PITCH);
    _tile_stored(2, sums->at[GAL_AMX_ROWS], SUM_PITCH);
}

static void sum_1x1(const gal_amx_panel *p, const gal_amx_rows *rows, gal_amx_sums *sums) {
    const int64_t steps = p->conv->steps, tap_w = p->conv->tap_w, pixel = p->pixel;
    _tile_zero(0);
    FOR_TAPS(p, rows, rows) {
        const int64_t tap = r * tap_w + s;
        const uint8_t *a = p->a + rows->first + p->tap[tap], *b = p->b + tap * steps * GAL_AMX_TILE;
        for (int64_t k = 0; k < steps; k++, a += GAL_AMX_STEP, b += GAL_AMX_TILE) {
            _tile_loadd(4, a, pixel);
            _tile_loadd(6, b, GAL_AMX_STEP);
            DP(0, 4, 6);
        }
    }
    _tile_stored(0, sums->at[0], SUM_PITCH);
}

/* Block after block of the task's tiles; `f32` is for store_block. */
static inline __attribute__((always_inline)) void run_panel(const gal_amx_panel *p, bool f32) {
    gal_amx_sums sums;
    for (int64_t i = 0; i < p->n_rows; i += 2) {
        const gal_amx_rows *rows = p->rows + i;
        bool two = i + 1 < p->n_rows, wide = p->columns > GAL_AMX_ROWS;
        if (two && wide)
            sum_2x2(p, rows, &sums);
        else if (wide)
            sum_1x2(p, rows, &sums);
        else if (two)
            sum_2x1(p, rows, &sums);
        else
            sum_1x1(p, rows, &sums);
        store_block(p, &sums, p->pixel_of + i * GAL_AMX_ROWS, two ? 2 * GAL_AMX_ROWS : GAL_AMX_ROWS, f32);
    }
}
