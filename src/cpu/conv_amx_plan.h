/* How a call of conv_amx.h is cut into tasks, and where a task's gathered image lies. Only for conv_amx*.c. */
#ifndef GAL_CPU_CONV_AMX_PLAN_H
#define GAL_CPU_CONV_AMX_PLAN_H

#include "cpu/conv_amx.h"

enum { GAL_AMX_STRIDES = 8 };

/* `images` interleaved images by `rows` output rows, gathered. Sizes in bytes unless they are counts. */
typedef struct gal_amx_gather {
    int64_t images, rows;
    int64_t phases_h, phases_w;                                /* phases of the strides that any tap meets */
    int8_t phase_h[GAL_AMX_STRIDES], phase_w[GAL_AMX_STRIDES]; /* the number of each, -1: no tap meets it */
    int64_t across, down;                                      /* pixels of a phase's line; its lines */
    int64_t line, plane;                                       /* of one phase */
    int64_t bytes;
    int64_t m; /* rows of tiles, from the first output pixel to the last */
} gal_amx_gather;

void gal_amx_gather_make(const gal_amx_conv *amx, int64_t images, int64_t rows, gal_amx_gather *to);
/* Where the rows of tap (r, s) begin; s is 0 when window rows are segments. */
int64_t gal_amx_tap_offset(const gal_amx_conv *amx, const gal_amx_gather *g, int64_t r, int64_t s);

typedef struct gal_amx_cut {
    bool direct;
    int64_t images, groups, rows, bands; /* gathered: images and output rows of a task, and how many of each */
    int64_t chunk, chunks;               /* direct: pixels of a task; chunks: tasks of a group and share, both ways */
    int64_t share, shares;               /* panels of a task */
    bool rows_outer;                     /* as in gal_amx_product */
} gal_amx_cut;

void gal_amx_cut_make(const gal_amx_conv *amx, int64_t n, int threads, gal_amx_cut *cut);

/* A thread's scratch: the gathered image at 0, then tables. */
typedef struct gal_amx_slot {
    size_t rows, pixel_of, bytes;
} gal_amx_slot;

void gal_amx_slot_make(const gal_amx_conv *amx, int64_t max_batch, gal_amx_slot *slot);

#endif
