/* NumPy's .npy arrays and .npz collections of them. */
#ifndef GAL_DATA_NPZ_H
#define GAL_DATA_NPZ_H

#include "base/arena.h"

#include <galen/status.h>
#include <galen/tensor.h>

/* What is accepted from a file that may be hostile. */
typedef struct gal_npz_limits {
    size_t max_arrays;
    uint64_t max_bytes; /* unpacked, all arrays together */
} gal_npz_limits;

/* 4096 arrays, 4 GiB. */
gal_npz_limits gal_npz_default_limits(void);

/* Arrays by name, in the order of the file. */
typedef struct gal_npz gal_npz;

/*
 * Reads every numeric array of an .npz held in memory (stored or deflated). Little-endian bool, integers and floats of
 * 16, 32 and 64 bits; C and Fortran order, the latter turned into row-major. Other arrays are listed with dtype
 * GALEN_DTYPE_NONE and no data: texts are at gal_npz_texts, objects would have to be unpickled, which runs code. limits
 * NULL: the default.
 */
galen_status gal_npz_read(const void *bytes, size_t size, const gal_npz_limits *limits, gal_npz **out,
                          galen_error *err);
void gal_npz_free(gal_npz *npz);

size_t gal_npz_count(const gal_npz *npz);
/* Array i and its name without ".npy"; both live as long as the collection. */
const galen_tensor *gal_npz_at(const gal_npz *npz, size_t i, const char **name);
/* The array called `name`; GALEN_ERR_FORMAT when there is none. */
galen_status gal_npz_find(const gal_npz *npz, const char *name, const galen_tensor **out, galen_error *err);
/* The texts of array i (bytes_ as they are, str_ in UTF-8), which live as long as the collection; NULL, and *count 0,
 * where it is not a list of text of one dimension. */
const char *const *gal_npz_texts(const gal_npz *npz, size_t i, size_t *count);
/* Like gal_npz_find, and refuses another type or shape. */
galen_status gal_npz_expect(const gal_npz *npz, const char *name, galen_dtype dtype, int rank, const int64_t *dim,
                            const galen_tensor **out, galen_error *err);

/*
 * Parses one .npy. On success out->data is allocated for the caller, who releases it with gal_free; out->data is NULL
 * and out->dtype GALEN_DTYPE_NONE for what is not read. max_bytes limits the array.
 */
galen_status gal_npy_read(const void *bytes, size_t size, uint64_t max_bytes, galen_tensor *out, galen_error *err);

/* The texts of a .npy of one dimension whose elements are str_ (little-endian, made UTF-8) or bytes_; in the arena.
 * NULL and 0 of another array. */
galen_status gal_npy_texts(const void *bytes, size_t size, gal_arena *arena, const char ***out, size_t *count,
                           galen_error *err);

#endif
