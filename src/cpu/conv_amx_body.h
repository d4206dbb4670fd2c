/*
 * All tiles of a task by one panel (gal_amx_panel), included once by each element type, which defines before:
 *   MULTIPLY(sum, left, right)   the tile product as an instruction on tile numbers
 *   finish                       what becomes of the sums of a panel, and finish_row(finish, sums, y, residual, add,
 * full)
 *
 * Two tiles of rows by two of columns are summed at a time: four sums, and every tile that is loaded is used twice.
 * While the tile unit multiplies a block, the vector units finish the block before it, two rows a step.
 */
#include "cpu/conv_amx.h"

#include <immintrin.h>

enum {
    SUM_PITCH = GAL_AMX_PANEL * 4,
    /* Steps after which a tile is stored for nothing. On Sapphire Rapids a tile store that comes more than about 32
     * steps (128 products) after the last one takes 0.3 us longer, as if its path had gone to sleep; one in time costs
     * 5 ns. */
    KEEP_AWAKE = 16,
};

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

/* A summed block of which rows `row` to `rows` are not written yet. */
typedef struct pending {
    const uint32_t (*sums)[GAL_AMX_PANEL];
    const int32_t *pixel_of;
    int row, rows;
} pending;

/* One panel's constants. The flags are constants of each copy of the code. */
typedef struct work {
    const gal_amx_panel *p;
    finish finish;
    bool add, full, is_signed; /* there is a residual; all columns are real; left operands have a sign */
    int64_t steps, tap_w, pixel;
    const uint8_t *fetch, *fetch_end; /* of the next panel */
    int64_t fetch_lines;              /* a step */
    int each;                         /* rows of the block before to finish a step */
} work;

#define INLINE static inline __attribute__((always_inline))

INLINE void finish_next(const work *w, pending *b) {
    if (b->row >= b->rows) return;
    int64_t at = b->pixel_of[b->row];
    const uint32_t *sums = b->sums[b->row++];
    if (at < 0) return;
    const uint8_t *residual = w->add ? w->p->residual + at * w->p->residual_pitch : NULL;
    finish_row(&w->finish, sums, w->p->y + at * w->p->y_pitch, residual, w->full);
}

INLINE void finish_all(const work *w, pending *b) {
    while (b->row < b->rows) finish_next(w, b);
}

/* Fetches the lines that a row of a block will be written to and added from. */
INLINE void fetch_output(const work *w, const int32_t *pixel_of, int row) {
    int64_t at = pixel_of[row];
    if (at < 0) return;
    __builtin_prefetch(w->p->y + at * w->p->y_pitch, 1, 3);
    if (w->add) __builtin_prefetch(w->p->residual + at * w->p->residual_pitch, 0, 3);
}

INLINE void fetch_weights(work *w) {
    const uint8_t *end = w->fetch + w->fetch_lines * GAL_AMX_STEP;
    if (w->fetch >= w->fetch_end) return;
    for (; w->fetch < end; w->fetch += GAL_AMX_STEP) __builtin_prefetch(w->fetch, 0, 2);
}

/* The taps that either of two tiles needs. */
typedef struct tap_range {
    int r0, r1, s0, s1;
} tap_range;

INLINE tap_range taps_of(const gal_amx_rows *a, const gal_amx_rows *b) {
    return (tap_range){a->r0 < b->r0 ? a->r0 : b->r0, a->r1 > b->r1 ? a->r1 : b->r1, a->s0 < b->s0 ? a->s0 : b->s0,
                       a->s1 > b->s1 ? a->s1 : b->s1};
}

/* `two` and `wide` (two tiles of rows, of columns) are constants where this is called. */
INLINE void sum_block(work *w, const gal_amx_rows *rows, const int32_t *pixel_of, gal_amx_sums *sums, pending *before,
                      const bool two, const bool wide) {
    const gal_amx_rows *second = two ? rows + 1 : rows;
    const tap_range taps = taps_of(rows, second);
    uint8_t unused[GAL_AMX_TILE] __attribute__((aligned(64)));
    int awake = KEEP_AWAKE, row = w->p->far ? 0 : 2 * GAL_AMX_ROWS;
    const int64_t pixel = w->pixel, steps = w->steps, width = wide ? 2 * GAL_AMX_TILE : GAL_AMX_TILE;
    _tile_zero(0);
    if (wide) _tile_zero(1);
    if (two) _tile_zero(2);
    if (two && wide) _tile_zero(3);
    for (int r = taps.r0; r < taps.r1; r++) {
        for (int s = taps.s0; s < taps.s1; s++) {
            const int64_t tap = r * w->tap_w + s;
            const uint8_t *a = w->p->a + rows->first + w->p->tap[tap], *c = w->p->a + second->first + w->p->tap[tap];
            const uint8_t *b = w->p->b + tap * steps * width;
            for (int64_t k = 0; k < steps; k++, a += GAL_AMX_STEP, c += GAL_AMX_STEP, b += width) {
                _tile_loadd(4, a, pixel);
                _tile_loadd(6, b, GAL_AMX_STEP);
                MULTIPLY(0, 4, 6);
                if (wide) {
                    _tile_loadd(7, b + GAL_AMX_TILE, GAL_AMX_STEP);
                    MULTIPLY(1, 4, 7);
                }
                if (two) {
                    _tile_loadd(5, c, pixel);
                    MULTIPLY(2, 5, 6);
                    if (wide) MULTIPLY(3, 5, 7);
                }
                for (int i = 0; i < w->each; i++) finish_next(w, before);
                if (row < (two ? 2 : 1) * GAL_AMX_ROWS) {
                    fetch_output(w, pixel_of, row);
                    fetch_output(w, pixel_of, row + 1);
                    row += 2;
                }
                fetch_weights(w);
                if (--awake == 0) {
                    _tile_stored(6, unused, GAL_AMX_STEP);
                    awake = KEEP_AWAKE;
                }
            }
        }
    }
    _tile_stored(0, sums->at[0], SUM_PITCH);
    if (wide) _tile_stored(1, sums->at[0] + GAL_AMX_ROWS, SUM_PITCH);
    if (two) _tile_stored(2, sums->at[GAL_AMX_ROWS], SUM_PITCH);
    if (two && wide) _tile_stored(3, sums->at[GAL_AMX_ROWS] + GAL_AMX_ROWS, SUM_PITCH);
}

/* Block after block; `wide` as above. */
INLINE void run_blocks(work *w, const bool wide) {
    const gal_amx_panel *p = w->p;
    w->fetch = p->next, w->fetch_end = p->next + p->next_bytes;
    int64_t steps = p->conv->cv.r * w->tap_w * w->steps;
    w->each = (int)(2 * GAL_AMX_ROWS / steps) + 1;
    w->fetch_lines = p->next_bytes / GAL_AMX_STEP / ((p->n_rows + 1) / 2 * steps) + 1;
    gal_amx_sums sums[2];
    pending before = {0};
    for (int64_t i = 0; i < p->n_rows; i += 2) {
        gal_amx_sums *now = &sums[i / 2 % 2];
        bool two = i + 1 < p->n_rows;
        if (two)
            sum_block(w, p->rows + i, p->pixel_of + i * GAL_AMX_ROWS, now, &before, true, wide);
        else
            sum_block(w, p->rows + i, p->pixel_of + i * GAL_AMX_ROWS, now, &before, false, wide);
        finish_all(w, &before);
        before = (pending){.sums = (const uint32_t(*)[GAL_AMX_PANEL])now->at,
                           .pixel_of = p->pixel_of + i * GAL_AMX_ROWS,
                           .rows = two ? 2 * GAL_AMX_ROWS : GAL_AMX_ROWS};
    }
    finish_all(w, &before);
}
