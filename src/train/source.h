/* Where pictures come from, seen from a training: anything that can go through them in an order of its own. */
#ifndef GAL_TRAIN_SOURCE_H
#define GAL_TRAIN_SOURCE_H

#include "base/pool.h"

#include <stdbool.h>
#include <stdint.h>

/* Pictures ready for the model, and what they show. The memory is the source's until its next call. */
typedef struct gal_train_batch {
    int64_t count;        /* 0: the epoch is over */
    const float *images;  /* [count, ...] as the model takes them */
    const float *targets; /* [count, K] in [0, 1] */
} gal_train_batch;

typedef struct gal_train_source {
    void *context;
    int64_t count; /* pictures an epoch gives */
    /* The epoch's order may depend on nothing but its number. */
    galen_status (*start)(void *context, int64_t epoch, galen_error *err);
    /* At most as many pictures as the source was made for. */
    galen_status (*next)(void *context, gal_train_batch *out, galen_error *err);
} gal_train_source;

#endif
