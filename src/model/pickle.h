/*
 * An unpickler that can only build tensors, text, numbers and containers: it knows a handful of names and calls
 * nothing. A pickle that asks for anything else is refused by that name.
 */
#ifndef GAL_MODEL_PICKLE_H
#define GAL_MODEL_PICKLE_H

#include "base/arena.h"

#include <galen/status.h>
#include <galen/tensor.h>
#include <stddef.h>
#include <stdint.h>

typedef enum gal_pickle_kind {
    GAL_PICKLE_NONE,
    GAL_PICKLE_BOOL,
    GAL_PICKLE_INT,
    GAL_PICKLE_FLOAT,
    GAL_PICKLE_TEXT,
    GAL_PICKLE_TUPLE,
    GAL_PICKLE_LIST,
    GAL_PICKLE_DICT,
    GAL_PICKLE_GLOBAL,
    GAL_PICKLE_STORAGE,
    GAL_PICKLE_TENSOR,
    GAL_PICKLE_MARK,
} gal_pickle_kind;

/* What a known global name does. */
typedef enum gal_pickle_global {
    GAL_GLOBAL_DICT,
    GAL_GLOBAL_TENSOR,
    GAL_GLOBAL_OLD_TENSOR,
    GAL_GLOBAL_PARAMETER,
    GAL_GLOBAL_PARAMETER_CLASS,
    GAL_GLOBAL_STORAGE
} gal_pickle_global;

typedef struct gal_pickle_value gal_pickle_value;
struct gal_pickle_value {
    gal_pickle_kind kind;
    int64_t i;        /* bool and int; elements of a storage; offset of a tensor in its storage, in elements */
    double f;         /* float */
    const char *text; /* text; key of a storage */
    gal_pickle_global global;
    galen_dtype dtype;       /* of a storage or a storage type */
    gal_pickle_value **item; /* tuple, list: n items; dict: n keys and values, alternating (n counts both) */
    size_t n, capacity;
    const gal_pickle_value *storage; /* of a tensor */
    int rank;
    int64_t dim[GALEN_MAX_RANK], stride[GALEN_MAX_RANK];
};

enum { GAL_PICKLE_MAX_STACK = 1 << 20, GAL_PICKLE_MAX_MEMO = 1 << 22, GAL_PICKLE_MAX_TEXT = 1 << 20 };

typedef struct gal_pickle {
    const gal_pickle_value *value;
    size_t bytes;                     /* of the pickle; more may follow it */
    gal_pickle_value *const *storage; /* every storage that was named, each as often as it was */
    size_t n_storage;
} gal_pickle;

/* Reads a pickle of protocol 2 to 5. Everything is allocated from `arena`. Containers may contain themselves: walk with
 * a depth limit. */
galen_status gal_pickle_read(const void *bytes, size_t size, gal_arena *arena, gal_pickle *out, galen_error *err);

#endif
