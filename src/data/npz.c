/* A .npz: a zip of .npy files. */
#include "data/npz.h"

#include "base/archive.h"
#include "base/error.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

typedef struct entry {
    char *name;
    galen_tensor tensor;
    const char **text;
    size_t texts;
} entry;

struct gal_npz {
    size_t count;
    entry *entries;
    gal_arena arena; /* of the texts */
};

gal_npz_limits gal_npz_default_limits(void) {
    return (gal_npz_limits){.max_arrays = 4096, .max_bytes = (uint64_t)4 << 30};
}

static galen_status read_entry(gal_archive *zip, size_t i, uint64_t *budget, gal_arena *arena, entry *out,
                               galen_error *err) {
    const char *name = NULL;
    uint64_t size = 0;
    GAL_TRY(gal_archive_entry(zip, i, &name, &size, err));
    size_t length = strlen(name);
    if (length < 4 || strcmp(name + length - 4, ".npy"))
        return gal_fail(err, GALEN_ERR_FORMAT, "'%.200s' is not a .npy array: an .npz holds nothing else", name);
    if (size > *budget || size > SIZE_MAX)
        return gal_fail(err, GALEN_ERR_LIMIT,
                        "'%.200s' unpacks to %llu bytes, more than the %llu that are left of the limit", name,
                        (unsigned long long)size, (unsigned long long)*budget);
    *budget -= size;
    out->name = gal_strdup(name);
    void *bytes = gal_alloc_aligned((size_t)size);
    galen_status status = GALEN_OK;
    if (!out->name || !bytes)
        status = gal_fail_memory(err, "an array", size);
    else
        out->name[length - 4] = 0;
    if (status == GALEN_OK) status = gal_archive_read(zip, i, bytes, (size_t)size, err);
    if (status == GALEN_OK) status = gal_npy_read(bytes, (size_t)size, size, &out->tensor, err);
    if (status == GALEN_OK && out->tensor.dtype == GALEN_DTYPE_NONE)
        status = gal_npy_texts(bytes, (size_t)size, arena, &out->text, &out->texts, err);
    gal_free(bytes);
    return status == GALEN_OK || !out->name ? status : gal_fail_in(err, status, out->name);
}

static galen_status read_all(gal_archive *zip, uint64_t budget, gal_npz *npz, galen_error *err) {
    size_t count = gal_archive_count(zip);
    if (count == 0) return gal_fail(err, GALEN_ERR_FORMAT, "the .npz is empty: there are no arrays in it");
    npz->entries = gal_calloc(count, sizeof *npz->entries);
    if (!npz->entries) return gal_fail_memory(err, "the list of arrays", count * sizeof *npz->entries);
    npz->count = count;
    gal_arena_init(&npz->arena, PTRDIFF_MAX);
    for (size_t i = 0; i < count; i++) GAL_TRY(read_entry(zip, i, &budget, &npz->arena, &npz->entries[i], err));
    return GALEN_OK;
}

galen_status gal_npz_read(const void *bytes, size_t size, const gal_npz_limits *limits, gal_npz **out,
                          galen_error *err) {
    gal_npz_limits used = limits ? *limits : gal_npz_default_limits();
    gal_archive *zip = NULL;
    *out = NULL;
    GAL_TRY(gal_archive_open(bytes, size, used.max_arrays, &zip, err));
    gal_npz *npz = gal_calloc(1, sizeof *npz);
    galen_status status = npz ? read_all(zip, used.max_bytes, npz, err) : gal_fail_memory(err, "an .npz", sizeof *npz);
    gal_archive_close(zip);
    if (status == GALEN_OK)
        *out = npz;
    else
        gal_npz_free(npz);
    return status;
}

void gal_npz_free(gal_npz *npz) {
    if (!npz) return;
    for (size_t i = 0; i < npz->count; i++) {
        gal_free(npz->entries[i].name);
        gal_free(npz->entries[i].tensor.data);
    }
    gal_free(npz->entries);
    gal_arena_free(&npz->arena);
    gal_free(npz);
}

size_t gal_npz_count(const gal_npz *npz) {
    return npz->count;
}

const galen_tensor *gal_npz_at(const gal_npz *npz, size_t i, const char **name) {
    if (name) *name = npz->entries[i].name;
    return &npz->entries[i].tensor;
}

const char *const *gal_npz_texts(const gal_npz *npz, size_t i, size_t *count) {
    *count = npz->entries[i].texts;
    return npz->entries[i].text;
}

galen_status gal_npz_find(const gal_npz *npz, const char *name, const galen_tensor **out, galen_error *err) {
    for (size_t i = 0; i < npz->count; i++) {
        if (strcmp(npz->entries[i].name, name)) continue;
        *out = &npz->entries[i].tensor;
        return GALEN_OK;
    }
    *out = NULL;
    return gal_fail(err, GALEN_ERR_FORMAT, "the .npz has no array '%s': check that this is the right file", name);
}

galen_status gal_npz_expect(const gal_npz *npz, const char *name, galen_dtype dtype, int rank, const int64_t *dim,
                            const galen_tensor **out, galen_error *err) {
    GAL_TRY(gal_npz_find(npz, name, out, err));
    const galen_tensor *t = *out;
    int same = t->dtype == dtype && t->rank == rank;
    for (int d = 0; same && d < rank; d++) same = t->dim[d] == dim[d];
    if (same) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT,
                    "the array '%s' (%s, %d dimensions) has another type or shape than expected: use the right file",
                    name, galen_dtype_name(t->dtype), t->rank);
}
