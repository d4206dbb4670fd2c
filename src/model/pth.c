/* PyTorch checkpoints: a zip of one pickle and one file a storage. */
#include "base/archive.h"
#include "base/error.h"
#include "base/mem.h"
#include "model/pth_state.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ENTRIES = 1 << 20, MAX_PICKLE = 256 << 20 };

static const size_t scratch_max = (size_t)2 << 30;

/* One entry of the zip. */
typedef struct member {
    const char *name;
    size_t index;
    uint64_t size;
    void *data; /* once it was read */
} member;

typedef struct checkpoint {
    gal_archive *zip;
    gal_arena scratch;
    member *entry; /* sorted by name */
    size_t n;
    const char *folder; /* "name/" or "": what all entries start with */
    gal_weights *weights;
} checkpoint;

static int by_name(const void *a, const void *b) {
    return strcmp(((const member *)a)->name, ((const member *)b)->name);
}

static galen_status list_members(checkpoint *c, galen_error *err) {
    c->n = gal_archive_count(c->zip);
    c->entry = gal_arena_alloc(&c->scratch, c->n, sizeof *c->entry);
    if (!c->entry) return gal_fail_memory(err, "the list of a zip archive", c->n * sizeof *c->entry);
    for (size_t i = 0; i < c->n; i++) {
        c->entry[i].index = i;
        GAL_TRY(gal_archive_entry(c->zip, i, &c->entry[i].name, &c->entry[i].size, err));
    }
    qsort(c->entry, c->n, sizeof *c->entry, by_name);
    return GALEN_OK;
}

/* The entry folder/name, or NULL. */
static member *find_member(const checkpoint *c, const char *name, galen_error *err, galen_status *status) {
    char path[GAL_WEIGHTS_MAX_NAME];
    size_t folder = strlen(c->folder), length = strlen(name);
    *status = GALEN_OK;
    if (folder + length >= sizeof path) {
        *status = gal_fail(err, GALEN_ERR_LIMIT, "the name of a zip entry is too long");
        return NULL;
    }
    memcpy(path, c->folder, folder);
    memcpy(path + folder, name, length + 1);
    member key = {.name = path};
    return bsearch(&key, c->entry, c->n, sizeof *c->entry, by_name);
}

static galen_status find_pickle(checkpoint *c, member **out, galen_error *err) {
    static const char suffix[] = "data.pkl";
    *out = NULL;
    for (size_t i = 0; i < c->n; i++) {
        const char *name = c->entry[i].name;
        size_t length = strlen(name), tail = sizeof suffix - 1;
        if (length < tail || strcmp(name + length - tail, suffix) != 0) continue;
        if (length > tail && name[length - tail - 1] != '/') continue;
        if (*out) return gal_fail(err, GALEN_ERR_FORMAT, "the zip archive holds more than one data.pkl");
        c->folder = gal_arena_text(&c->scratch, name, length - tail);
        if (!c->folder) return gal_fail_memory(err, "a name", length);
        *out = &c->entry[i];
    }
    if (!*out) return gal_fail(err, GALEN_ERR_FORMAT, "a zip archive without data.pkl is no PyTorch checkpoint");
    return GALEN_OK;
}

static galen_status read_member(checkpoint *c, member *m, gal_arena *arena, galen_error *err) {
    if (m->data) return GALEN_OK;
    void *data = m->size <= SIZE_MAX ? gal_arena_alloc_aligned(arena, (size_t)m->size) : NULL;
    if (!data) return gal_fail_memory(err, m->name, m->size);
    GAL_TRY(gal_archive_read(c->zip, m->index, data, (size_t)m->size, err));
    m->data = data;
    return GALEN_OK;
}

static galen_status check_byte_order(checkpoint *c, galen_error *err) {
    galen_status status;
    member *order = find_member(c, "byteorder", err, &status);
    if (!order || status != GALEN_OK) return status; /* older files do not say: they are little-endian */
    if (order->size != strlen("little"))
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the checkpoint was written on a big-endian machine");
    GAL_TRY(read_member(c, order, &c->scratch, err));
    if (memcmp(order->data, "little", (size_t)order->size) != 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "the checkpoint's byte order is unknown");
    return GALEN_OK;
}

/* The bytes of a storage, read once. */
static galen_status read_storage(void *context, const gal_pickle_value *storage, const char *name, void **out,
                                 galen_error *err) {
    checkpoint *c = context;
    galen_status status;
    uint64_t need = (uint64_t)storage->i * galen_dtype_size(storage->dtype);
    char *path = gal_arena_printf(&c->scratch, "data/%s", storage->text);
    if (!path) return gal_fail_memory(err, "a name", strlen(storage->text));
    member *m = find_member(c, path, err, &status);
    GAL_TRY(status);
    if (!m)
        return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s': its data '%s' is missing from the checkpoint", name, path);
    if (m->size != need || need / galen_dtype_size(storage->dtype) != (uint64_t)storage->i)
        return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s': its data '%s' has %llu bytes, not %llu", name, path,
                        (unsigned long long)m->size, (unsigned long long)need);
    GAL_TRY(read_member(c, m, &c->weights->arena, err));
    *out = m->data;
    return GALEN_OK;
}

static galen_status read_checkpoint(checkpoint *c, galen_error *err) {
    member *pickle = NULL;
    gal_pickle content;
    GAL_TRY(list_members(c, err));
    GAL_TRY(find_pickle(c, &pickle, err));
    if (pickle->size > MAX_PICKLE)
        return gal_fail(err, GALEN_ERR_LIMIT, "the checkpoint's data.pkl has %llu bytes",
                        (unsigned long long)pickle->size);
    GAL_TRY(check_byte_order(c, err));
    GAL_TRY(read_member(c, pickle, &c->scratch, err));
    GAL_TRY(gal_pickle_read(pickle->data, (size_t)pickle->size, &c->scratch, &content, err));
    return gal_pth_take_state(content.value, read_storage, c, c->weights, err);
}

galen_status gal_pth_read(const void *bytes, size_t size, gal_weights *weights, galen_error *err) {
    checkpoint c = {.weights = weights};
    GAL_TRY(gal_archive_open(bytes, size, MAX_ENTRIES, &c.zip, err));
    gal_arena_init(&c.scratch, scratch_max);
    galen_status status = read_checkpoint(&c, err);
    gal_arena_free(&c.scratch);
    gal_archive_close(c.zip);
    return status;
}
