/* Batches of prepared pictures, made by threads of their own ahead of whoever trains on them. */
#ifndef GAL_DATA_LOADER_H
#define GAL_DATA_LOADER_H

#include "data/dataset.h"
#include "image/augment.h"

typedef struct gal_loader_options {
    gal_split split;   /* which pictures */
    gal_recipe recipe; /* of the model's card */
    int batch;
    int workers; /* threads that decode and prepare; 0: the thread that asks for batches does it */
    int depth;   /* whole batches made ahead, at least 0 */
    bool shuffle;
    /* Each epoch draws as many pictures as there are, with replacement, all classes being equally likely. A picture of
     * several classes is as likely as its rarest one makes it; those of none are a class of their own. */
    bool weighted;
    bool drop_last; /* leave out what does not fill a batch at an epoch's end */
    uint64_t seed;
    const gal_augment *augment;       /* read while the loader is opened; NULL: pictures as a prediction sees them */
    size_t cache_bytes;               /* pixels kept after decoding and resizing; 0: none */
    const galen_image_limits *limits; /* NULL: the default */
} gal_loader_options;

/* What gal_loader_next gives; the loader's until the next call of any of its functions. */
typedef struct gal_loader_batch {
    size_t count;         /* 0: the epoch is over */
    const float *images;  /* [count, channels, height, width] as gal_prepare makes them */
    const size_t *sample; /* [count] indices into the data set */
    /* [count], NULL unless pictures were mixed: picture i is weight[i] times its own, and for the rest picture
     * partner[i] of the batch. Targets are to be mixed likewise. The batch is paired first with last and so on. */
    const float *weight;
    const size_t *partner;
} gal_loader_batch;

typedef struct gal_loader gal_loader;

/*
 * The data set must outlive the loader. The pictures of an epoch, their order and every bit of them depend on the data,
 * the recipe, the changes, the seed and the number of the epoch alone: not on workers, depth or cache (mixing: on the
 * batch too). Where the system grants fewer threads, fewer are used. The caller owns *out (gal_loader_close), NULL on
 * failure.
 */
galen_status gal_loader_open(const gal_dataset *dataset, const gal_loader_options *options, gal_loader **out,
                             galen_error *err);
/* NULL is fine. Waits for the pictures in work. */
void gal_loader_close(gal_loader *loader);

/* Pictures and batches of an epoch. */
size_t gal_loader_count(const gal_loader *loader);
size_t gal_loader_batches(const gal_loader *loader);

/* Goes to the start of an epoch (from 0), whatever was made before. */
galen_status gal_loader_start(gal_loader *loader, uint64_t epoch, galen_error *err);

/*
 * The next batch of the epoch that was started. A picture that cannot be read is an error that names it (the first of
 * the batch); so is every later call until another start.
 */
galen_status gal_loader_next(gal_loader *loader, gal_loader_batch *out, galen_error *err);

#endif
