/*
 * All tiles of a task by its panels (gal_amx_product), included once by each element type, which defines before:
 *   MULTIPLY(sum, left, right)   the tile product as an instruction on tile numbers
 *   finish, columns              what becomes of sums: constants of a call, and of a panel's columns
 *   columns_of(product, panel)   reads the latter
 *   finish_row(finish, columns, sums, y, residual, variant)   writes one output pixel's columns of a panel
 *
 * Two tiles of rows by two of columns are summed at a time: four sums, and every tile that is loaded is used twice.
 * While the tile unit multiplies a block, the vector units finish the block before it, some rows a step, and what comes
 * next is fetched: the lines the block will be written to, and the next panel's weights.
 */
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

/* A panel, as far as a block needs to know. */
typedef struct panel_side {
    columns columns;
    const uint8_t *b;
    uint8_t *y;
    const uint8_t *residual;
    bool wide; /* two tiles of columns */
} panel_side;

/* A summed block of which rows `row` to `rows` are not written yet. */
typedef struct pending {
    const uint32_t (*sums)[GAL_AMX_PANEL];
    const int32_t *pixel_of;
    const panel_side *side;
    int row, rows;
} pending;

/* A call's constants. */
typedef struct work {
    const gal_amx_product *p;
    finish finish;
    int64_t steps, tap_w, pixel;
    const uint8_t *fetch, *fetch_end; /* of the next panel */
    int64_t fetch_lines;              /* a step */
    int each;                         /* rows of the block before to finish a step */
} work;

#define INLINE static inline __attribute__((always_inline))

INLINE void finish_next(const work *w, pending *b, const variant c) {
    if (b->row >= b->rows) return;
    int64_t at = b->pixel_of[b->row];
    const uint32_t *sums = b->sums[b->row++];
    if (at < 0) return;
    const panel_side *side = b->side;
    const uint8_t *residual = c.add ? side->residual + at * w->p->residual_pitch : NULL;
    finish_row(&w->finish, &side->columns, sums, side->y + at * w->p->y_pitch, residual, c);
}

INLINE void finish_all(const work *w, pending *b, const variant c) {
    while (b->row < b->rows) finish_next(w, b, c);
}

/* Fetches the lines that a row of a block will be written to and added from. */
INLINE void fetch_output(const work *w, const panel_side *side, const int32_t *pixel_of, int row, const variant c) {
    int64_t at = pixel_of[row];
    if (at < 0) return;
    __builtin_prefetch(side->y + at * w->p->y_pitch, 1, 3);
    if (c.add) __builtin_prefetch(side->residual + at * w->p->residual_pitch, 0, 3);
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
INLINE void sum_block(work *w, const gal_amx_rows *rows, const int32_t *pixel_of, const panel_side *side,
                      gal_amx_sums *sums, pending *before, const bool two, const bool wide, const variant c) {
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
            const uint8_t *a = w->p->a + rows->first + w->p->tap[tap], *d = w->p->a + second->first + w->p->tap[tap];
            const uint8_t *b = side->b + tap * steps * width;
            for (int64_t k = 0; k < steps; k++, a += GAL_AMX_STEP, d += GAL_AMX_STEP, b += width) {
                _tile_loadd(4, a, pixel);
                _tile_loadd(6, b, GAL_AMX_STEP);
                MULTIPLY(0, 4, 6);
                if (wide) {
                    _tile_loadd(7, b + GAL_AMX_TILE, GAL_AMX_STEP);
                    MULTIPLY(1, 4, 7);
                }
                if (two) {
                    _tile_loadd(5, d, pixel);
                    MULTIPLY(2, 5, 6);
                    if (wide) MULTIPLY(3, 5, 7);
                }
                for (int i = 0; i < w->each; i++) finish_next(w, before, c);
                if (row < (two ? 2 : 1) * GAL_AMX_ROWS) {
                    fetch_output(w, side, pixel_of, row, c);
                    fetch_output(w, side, pixel_of, row + 1, c);
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

static int64_t panel_bytes(const work *w) {
    return w->p->conv->cv.r * w->tap_w * w->steps * 2 * GAL_AMX_TILE;
}

INLINE void make_side(const work *w, int64_t panel, const variant c, panel_side *to) {
    const gal_amx_product *p = w->p;
    int64_t column = panel * GAL_AMX_PANEL;
    to->columns = columns_of(p, panel);
    to->b = p->b + panel * panel_bytes(w);
    to->y = p->y + column * (int64_t)c.element;
    to->residual = p->residual == NULL ? NULL : p->residual + column * (int64_t)c.residual;
    to->wide = p->columns - column > GAL_AMX_ROWS;
}

/* How the weights of the panel after `panel` are fetched while the blocks of that one are summed. */
static void plan_fetch(work *w, int64_t panel, int64_t blocks) {
    const gal_amx_product *p = w->p;
    int64_t steps = p->conv->cv.r * w->tap_w * w->steps;
    w->fetch = w->fetch_end = NULL;
    if (panel + 1 == p->panels) return;
    bool wide = p->columns - (panel + 1) * GAL_AMX_PANEL > GAL_AMX_ROWS;
    w->fetch = p->b + (panel + 1) * panel_bytes(w);
    w->fetch_end = w->fetch + panel_bytes(w) / (wide ? 1 : 2);
    w->fetch_lines = (w->fetch_end - w->fetch) / GAL_AMX_STEP / (blocks * steps) + 1;
}

/* Sums block `block` of a panel into *sums while the one before is finished, and leaves it pending in its place. */
INLINE void run_block(work *w, const panel_side *side, int64_t block, gal_amx_sums *sums, pending *before,
                      const variant c) {
    const gal_amx_product *p = w->p;
    const gal_amx_rows *rows = p->rows + 2 * block;
    const int32_t *pixel_of = p->pixel_of + 2 * block * GAL_AMX_ROWS;
    bool two = 2 * block + 1 < p->n_rows;
    if (side->wide && two)
        sum_block(w, rows, pixel_of, side, sums, before, true, true, c);
    else if (side->wide)
        sum_block(w, rows, pixel_of, side, sums, before, false, true, c);
    else if (two)
        sum_block(w, rows, pixel_of, side, sums, before, true, false, c);
    else
        sum_block(w, rows, pixel_of, side, sums, before, false, false, c);
    finish_all(w, before, c);
    *before = (pending){.sums = (const uint32_t(*)[GAL_AMX_PANEL])sums->at,
                        .pixel_of = pixel_of,
                        .side = side,
                        .rows = two ? 2 * GAL_AMX_ROWS : GAL_AMX_ROWS};
}

/* Block after block, by panels or by rows. The block before still needs its own side and sums, so there are two. */
INLINE void run_product(work *w, const variant c) {
    const gal_amx_product *p = w->p;
    gal_amx_sums sums[2];
    panel_side side[2];
    pending before = {0};
    int64_t blocks = (p->n_rows + 1) / 2, outer = p->rows_outer ? blocks : p->panels;
    int now = 0, turn = 0;
    for (int64_t i = 0; i < outer; i++) {
        if (!p->rows_outer) {
            now = !now;
            make_side(w, i, c, &side[now]);
            plan_fetch(w, i, blocks);
        }
        for (int64_t j = 0; j < (p->rows_outer ? p->panels : blocks); j++, turn = !turn) {
            if (p->rows_outer) {
                now = !now;
                make_side(w, j, c, &side[now]);
            }
            run_block(w, &side[now], p->rows_outer ? i : j, &sums[turn], &before, c);
        }
    }
    finish_all(w, &before, c);
}

static work work_of(const gal_amx_product *p) {
    int64_t steps = p->conv->cv.r * p->conv->tap_w * p->conv->steps;
    return (work){.p = p,
                  .each = (int)(2 * GAL_AMX_ROWS / steps) + 1,
                  .finish = finish_of(p),
                  .steps = p->conv->steps,
                  .tap_w = p->conv->tap_w,
                  .pixel = p->pixel};
}
