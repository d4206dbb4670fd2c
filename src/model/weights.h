/* Named tensors out of .safetensors and PyTorch .pth files. */
#ifndef GAL_MODEL_WEIGHTS_H
#define GAL_MODEL_WEIGHTS_H

#include "base/arena.h"
#include "base/file.h"

#include <galen/tensor.h>
#include <stdbool.h>
#include <stddef.h>

enum { GAL_WEIGHTS_MAX_TENSORS = 1 << 20, GAL_WEIGHTS_MAX_NAME = 4096 };

typedef struct gal_weight {
    const char *name;
    galen_tensor tensor; /* dense; read only */
} gal_weight;

/* A table of tensors. Everything lives in the arena or the mapped file and dies with the table. */
typedef struct gal_weights {
    gal_weight *entry; /* in the file's order */
    size_t n;
    size_t *by_name;      /* indices of entries sorted by name */
    const char *metadata; /* of safetensors: the object "__metadata__" as JSON text; NULL without */
    gal_arena arena;
    gal_file file;
} gal_weights;

/*
 * Loads a file whose content (not its name) says it is safetensors or a PyTorch checkpoint, a zip or, of before PyTorch
 * 1.6, pickles in a row. Of a checkpoint, the
 * state dict is taken: the dictionary of tensors under "model_state_dict", "state_dict" or "model", else the top one; a
 * prefix "module." that all names share is dropped. Errors name the file. On success the caller owns *out.
 */
galen_status gal_weights_load(const char *path, gal_weights **out, galen_error *err);
/* The same from memory, which must outlive the weights. */
galen_status gal_weights_parse(const void *bytes, size_t size, gal_weights **out, galen_error *err);
void gal_weights_destroy(gal_weights *weights);
/* The tensor of that name, or NULL. */
const galen_tensor *gal_weights_find(const gal_weights *weights, const char *name);
/* Its place in `entry`, or n. */
size_t gal_weights_index(const gal_weights *weights, const char *name);

/* The formats, called by gal_weights_parse: fill entry and n of empty weights. */
galen_status gal_safetensors_read(const void *bytes, size_t size, gal_weights *weights, galen_error *err);
galen_status gal_pth_read(const void *bytes, size_t size, gal_weights *weights, galen_error *err);
bool gal_pth_is_old(const void *bytes, size_t size); /* begins as checkpoints of before PyTorch 1.6 do */
galen_status gal_pth_read_old(const void *bytes, size_t size, gal_weights *weights, galen_error *err);

#endif
