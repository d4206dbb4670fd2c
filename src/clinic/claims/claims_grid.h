/* A table's cells as texts, from CSV or JSON alike. */
#ifndef GAL_CLINIC_CLAIMS_GRID_H
#define GAL_CLINIC_CLAIMS_GRID_H

#include "base/arena.h"

#include <galen/status.h>

enum { GAL_GRID_MAX_ROWS = 10000, GAL_GRID_MAX_COLUMNS = 256, GAL_GRID_MAX_BYTES = 16 << 20 };

typedef struct gal_grid {
    int columns;
    size_t rows;
    const char **header;
    const char **cell;    /* rows x columns; "" where nothing stands */
    const size_t *number; /* of each row in the file */
} gal_grid;

/* Everything lies in `arena`. Errors as gal_claim_table_parse. */
galen_status gal_grid_read(const void *bytes, size_t size, gal_arena *arena, gal_grid *out, galen_error *err);

#endif
