/* Files of named tensors: finds the format, builds the index. */
#include "model/weights.h"

#include "base/error.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const size_t max_bytes = (size_t)8 << 30;

static int by_name(const void *a, const void *b, void *context) {
    const gal_weight *entry = context;
    return strcmp(entry[*(const size_t *)a].name, entry[*(const size_t *)b].name);
}

static galen_status build_index(gal_weights *weights, galen_error *err) {
    weights->by_name = gal_arena_alloc(&weights->arena, weights->n, sizeof *weights->by_name);
    if (!weights->by_name) return gal_fail_memory(err, "the index of tensors", weights->n * sizeof *weights->by_name);
    for (size_t i = 0; i < weights->n; i++) weights->by_name[i] = i;
    qsort_r(weights->by_name, weights->n, sizeof *weights->by_name, by_name, weights->entry);
    for (size_t i = 1; i < weights->n; i++) {
        const char *name = weights->entry[weights->by_name[i]].name;
        if (strcmp(name, weights->entry[weights->by_name[i - 1]].name) == 0)
            return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s' is stored twice", name);
    }
    return GALEN_OK;
}

/* Pickles that torch.save did not write, and PyTorch's tar archives of before 2017. */
static bool is_foreign(const unsigned char *b, size_t size) {
    return (size > 2 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5) || (size > 262 && memcmp(b + 257, "ustar", 5) == 0);
}

static galen_status read_format(const void *bytes, size_t size, gal_weights *weights, galen_error *err) {
    const unsigned char *b = bytes;
    if (size >= 4 && memcmp(b, "PK\3\4", 4) == 0) return gal_pth_read(bytes, size, weights, err);
    if (size > 8 && b[8] == '{') return gal_safetensors_read(bytes, size, weights, err);
    if (gal_pth_is_old(bytes, size)) return gal_pth_read_old(bytes, size, weights, err);
    if (is_foreign(b, size))
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "a pickle or tar archive that is no checkpoint of torch.save: load it in PyTorch and save its "
                        "state_dict with torch.save");
    return gal_fail(err, GALEN_ERR_FORMAT, "neither a safetensors file nor a PyTorch checkpoint");
}

static galen_status parse(const void *bytes, size_t size, gal_weights *weights, galen_error *err) {
    GAL_TRY(read_format(bytes, size, weights, err));
    return build_index(weights, err);
}

static gal_weights *new_weights(galen_error *err) {
    gal_weights *weights = gal_calloc(1, sizeof *weights);
    if (weights)
        gal_arena_init(&weights->arena, max_bytes);
    else
        gal_fail_memory(err, "a table of tensors", sizeof *weights);
    return weights;
}

galen_status gal_weights_parse(const void *bytes, size_t size, gal_weights **out, galen_error *err) {
    *out = NULL;
    gal_weights *weights = new_weights(err);
    if (!weights) return GALEN_ERR_MEMORY;
    galen_status status = parse(bytes, size, weights, err);
    if (status == GALEN_OK)
        *out = weights;
    else
        gal_weights_destroy(weights);
    return status;
}

galen_status gal_weights_load(const char *path, gal_weights **out, galen_error *err) {
    *out = NULL;
    gal_weights *weights = new_weights(err);
    if (!weights) return GALEN_ERR_MEMORY;
    galen_status status = gal_file_map(path, max_bytes, &weights->file, err);
    if (status == GALEN_OK) {
        status = parse(weights->file.data, weights->file.size, weights, err);
        if (status != GALEN_OK) gal_fail_in(err, status, path);
    }
    if (status == GALEN_OK)
        *out = weights;
    else
        gal_weights_destroy(weights);
    return status;
}

void gal_weights_destroy(gal_weights *weights) {
    if (!weights) return;
    gal_arena_free(&weights->arena);
    gal_file_unmap(&weights->file);
    gal_free(weights);
}

size_t gal_weights_index(const gal_weights *weights, const char *name) {
    size_t low = 0, high = weights->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, weights->entry[weights->by_name[middle]].name);
        if (order == 0) return weights->by_name[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return weights->n;
}

const galen_tensor *gal_weights_find(const gal_weights *weights, const char *name) {
    size_t index = gal_weights_index(weights, name);
    return index < weights->n ? &weights->entry[index].tensor : NULL;
}
