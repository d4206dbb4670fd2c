/* What the rows of pools share, whatever the type: windows, borders and threads around loops over channels. */
#ifndef GAL_CPU_POOL_ROWS_H
#define GAL_CPU_POOL_ROWS_H

#include "cpu/kernel.h"

/* One type's loops, over `n` channels of one output pixel; `level` is the level's own table, handed through. A sum is
 * over `count` elements, padding included where it counts; 0 of none. */
typedef struct gal_pool_loops {
    size_t bytes; /* of an element */
    void (*largest)(const void *level, const void *x, const size_t *tap, size_t taps, void *y, size_t n);
    void (*sum)(const void *level, const void *x, const size_t *tap, size_t taps, int64_t count, void *y, size_t n);
    void (*mean)(const void *level, const void *x, size_t pixels, size_t stride, void *y, size_t n);
} gal_pool_loops;

/* Why a MaxPool or AveragePool of images, channels last, is not for these rows; NULL when it is. */
const char *gal_pool_rows_reject(const gal_node *node);
const char *gal_pool_rows_reject_global(const gal_node *node);

void gal_pool_rows_run(const gal_call *call, const gal_pool_loops *loops, const void *level, bool largest);
void gal_pool_rows_run_global(const gal_call *call, const gal_pool_loops *loops, const void *level);

#endif
