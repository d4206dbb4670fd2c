/*
 * Convolution and matrix product on AMX tiles.
 *
 * A tile holds sixteen rows of 64 bytes that lie a fixed distance apart, so the left operand is brought into a form in
 * which the rows of every tap are: each task copies its part of the image, padding included, into a scratch of its own,
 * laid out [row phase][column phase][row][column][image][channels] for the strides' phases. In it output pixel m and
 * pixel m + 1 are always one step apart, for every tap, also across the ends of rows (there lie a few pixels that
 * nobody wants, computed and dropped). Small images are interleaved, so that a tile is the same pixel of sixteen images
 * and taps that fall into the padding are skipped. A 1x1 window with whole tiles of channels reads the image where it
 * lies.
 *
 * Channels are counted in bytes: two for bf16, one for 8-bit types. Every output is one chain over (tap, step of 64
 * bytes) in that order, whatever the tile, task or batch: its bits depend on none of them.
 */
#ifndef GAL_CPU_CONV_AMX_H
#define GAL_CPU_CONV_AMX_H

#include "cpu/conv_f32.h"

enum { GAL_AMX_ROWS = 16, GAL_AMX_STEP = 64 /* bytes of a tile's row */, GAL_AMX_TILE = 1024, GAL_AMX_PANEL = 32 };

/* A convolution as the tiles see it, at the start of the packed weights. */
typedef struct gal_amx_conv {
    gal_conv cv;       /* c and cg in bytes; offsets in it are not used */
    int64_t tap_w;     /* taps along a window row: cv.s, or 1 when a window row is one segment (cv.merged) */
    int64_t steps;     /* of GAL_AMX_STEP bytes in a tap */
    int64_t pixel;     /* bytes from a row of a gathered tile to the next */
    int64_t panels;    /* of a group; a panel is GAL_AMX_PANEL columns, the last may be one tile wide */
    size_t columns_at; /* offset in packed of the columns' parameters: per_column arrays of four bytes a column */
    size_t extra_at;   /* and of what else the element type keeps there */
    size_t tiles;      /* and of the weights */
    size_t size;       /* of packed, in bytes */
    uint8_t padding;   /* the byte that stands outside the image */
    bool skips;        /* taps that meet only padding add nothing */
    bool direct;       /* rows are read where they lie */
} gal_amx_conv;

/* Completes *amx from amx->cv (c and cg in bytes), with room for `per_column` words a column and `extra` bytes in
 * packed. NULL, or why tiles cannot do it. */
const char *gal_amx_conv_make(gal_amx_conv *amx, uint8_t padding, int per_column, size_t extra);
/* Where column `k` of all (0 .. cv.k) has the weight of byte `at` of a tap, in packed. Four bytes of a column that
 * begin at a multiple of four lie side by side. */
size_t gal_amx_weight_at(const gal_amx_conv *amx, int64_t k, int64_t tap, int64_t at);
/* Where parameter `which` of column `k` of all is. */
size_t gal_amx_column_at(const gal_amx_conv *amx, int which, int64_t k);
/* Bytes of scratch for `threads` threads and batches up to max_batch. */
size_t gal_amx_scratch_bytes(const gal_amx_conv *amx, int64_t max_batch, int threads);

/* Sixteen rows of a task: output pixels or nobody's. */
typedef struct gal_amx_rows {
    int64_t first;          /* offset in bytes of the first row from the task's left operand */
    int16_t r0, r1, s0, s1; /* the taps that meet the image */
} gal_amx_rows;

/* All tiles of a task by some panels, whose pointers are of the first. */
typedef struct gal_amx_product {
    const gal_amx_conv *conv;
    const uint8_t *a;
    int64_t pixel;            /* bytes from a row of `a` to the next */
    const int64_t *tap;       /* offset in bytes of each tap from the first */
    const gal_amx_rows *rows; /* n_rows of them */
    const int32_t *pixel_of;  /* [n_rows][GAL_AMX_ROWS]: the output pixel from `y`, or -1 */
    int64_t n_rows;
    const uint8_t *b;                /* panels: [tap][step][tile of 16 columns][16 words][16 columns] */
    int64_t panels, columns;         /* columns: how many are real */
    const uint8_t *parameter[2];     /* of the columns */
    const uint8_t *extra;            /* of the element type */
    uint8_t *y;                      /* the task's first output pixel at the first column */
    const uint8_t *residual;         /* the same there, or NULL */
    int64_t y_pitch, residual_pitch; /* bytes from an output pixel to the next */
    bool far;                        /* y lies in no near cache: its lines are fetched before they are written */
    bool rows_outer;                 /* all panels for two tiles of rows, then the next two; else panel by panel */
} gal_amx_product;

/* Sums of two tiles of rows by two of columns, as stored. */
typedef struct gal_amx_sums {
    uint32_t at[2 * GAL_AMX_ROWS][GAL_AMX_PANEL] __attribute__((aligned(64)));
} gal_amx_sums;

/* The arithmetic of one element type. */
typedef struct gal_amx_kind {
    size_t element, residual_element; /* bytes of an output and of a residual */
    void (*begin)(void);              /* configures this thread's tiles */
    void (*end)(void);                /* gives them back */
    void (*multiply)(const gal_amx_product *product);
} gal_amx_kind;

extern const gal_amx_kind gal_amx_bf16, gal_amx_bf16_f32; /* with bf16 and with f32 output */

/* The bf16 weights of column k of all: channel c at window position (r, s) is w[c * stride[0] + r * stride[1] + s *
 * stride[2]]. packed was zero. */
void gal_amx_bf16_pack_column(const gal_amx_conv *amx, int64_t k, const uint16_t *w, const int64_t stride[3],
                              uint8_t *packed);

/* Copies `pixels` times `bytes` bytes, each completed with zeros to whole steps; `to` and `from` advance by so many
 * bytes a pixel. */
void gal_amx_copy_pixels(uint8_t *to, int64_t to_step, const uint8_t *from, int64_t from_step, int64_t bytes,
                         int64_t pixels);

/* One call: y = activation(conv(x) + bias + residual) for n images. `scratch` has gal_amx_scratch_bytes for at least n
 * images and the pool's threads. Pitches are from pixel to pixel: of x in bytes, of the others in elements. */
typedef struct gal_amx_call {
    const gal_amx_kind *kind;
    const void *packed, *x, *residual;
    void *y, *scratch;
    int64_t n, x_pitch, y_pitch, residual_pitch;
    gal_pool *pool;
} gal_amx_call;

void gal_amx_conv_run(const gal_amx_call *call);

#endif
