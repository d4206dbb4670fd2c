/*
 * PyTorch checkpoints of before 1.6, as torchvision's first weights still are: pickles of a magic number, a version,
 * facts about the machine, the object and the keys of its storages; then the storages in the order of these keys, each
 * a count of elements (8 bytes) and the elements. (torch/serialization.py, _legacy_save.)
 */
#include "base/error.h"
#include "base/mem.h"
#include "model/pth_state.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION = 1001 };

static const size_t scratch_max = (size_t)2 << 30;
static const uint8_t magic[15] = {0x80, 2, 0x8a, 10, 'l', 0xfc, 0x9c, 'F', 0xf9, ' ', 'j', 0xa8, 'P', 0x19, '.'};

/* One storage of the file. */
typedef struct region {
    const gal_pickle_value *storage; /* key, type and length, as the first tensor that names it has them */
    const uint8_t *bytes;            /* in the file, at any address; NULL: not there */
    void *data;                      /* aligned, once it was needed */
} region;

typedef struct checkpoint {
    const uint8_t *at, *end;
    gal_arena scratch;
    region *region; /* sorted by key */
    size_t n;
    gal_weights *weights;
} checkpoint;

static galen_status next_pickle(checkpoint *c, gal_pickle *out, galen_error *err) {
    GAL_TRY(gal_pickle_read(c->at, (size_t)(c->end - c->at), &c->scratch, out, err));
    c->at += out->bytes;
    return GALEN_OK;
}

static const gal_pickle_value *value_of(const gal_pickle_value *dict, const char *key) {
    for (size_t i = 0; dict->kind == GAL_PICKLE_DICT && i + 1 < dict->n; i += 2)
        if (dict->item[i]->kind == GAL_PICKLE_TEXT && strcmp(dict->item[i]->text, key) == 0) return dict->item[i + 1];
    return NULL;
}

/* Everything before the object. */
static galen_status read_head(checkpoint *c, galen_error *err) {
    gal_pickle version, machine;
    c->at += sizeof magic;
    GAL_TRY(next_pickle(c, &version, err));
    if (version.value->kind != GAL_PICKLE_INT || version.value->i != VERSION)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the checkpoint is of an unknown version of PyTorch's old format");
    GAL_TRY(next_pickle(c, &machine, err));
    const gal_pickle_value *little = value_of(machine.value, "little_endian");
    if (little != NULL && little->kind == GAL_PICKLE_BOOL && little->i != 0) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the checkpoint does not say that it is little-endian");
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const region *)a)->storage->text, ((const region *)b)->storage->text);
}

/* A storage for each key; tensors that share one must agree on what it is. */
static galen_status list_storages(checkpoint *c, const gal_pickle *object, galen_error *err) {
    c->region = gal_arena_alloc(&c->scratch, object->n_storage + 1, sizeof *c->region);
    if (c->region == NULL) return gal_fail_memory(err, "the table of storages", object->n_storage * sizeof *c->region);
    for (size_t i = 0; i < object->n_storage; i++) c->region[i] = (region){.storage = object->storage[i]};
    qsort(c->region, object->n_storage, sizeof *c->region, by_key);
    for (size_t i = 0; i < object->n_storage; i++) {
        const gal_pickle_value *now = c->region[i].storage, *last = c->n > 0 ? c->region[c->n - 1].storage : NULL;
        if (last == NULL || strcmp(last->text, now->text) != 0)
            c->region[c->n++] = c->region[i];
        else if (last->dtype != now->dtype || last->i != now->i)
            return gal_fail(err, GALEN_ERR_FORMAT, "the checkpoint describes its data '%s' in two ways", now->text);
    }
    return GALEN_OK;
}

static region *find_region(const checkpoint *c, const char *key) {
    const gal_pickle_value wanted = {.text = key};
    const region like = {.storage = &wanted};
    return c->n > 0 ? bsearch(&like, c->region, c->n, sizeof *c->region, by_key) : NULL;
}

/* The storage that begins here; `key` names it. */
static galen_status place_storage(checkpoint *c, const gal_pickle_value *key, galen_error *err) {
    uint64_t count = 0, left = (uint64_t)(c->end - c->at);
    region *r = key->kind == GAL_PICKLE_TEXT ? find_region(c, key->text) : NULL;
    if (r == NULL || r->bytes != NULL)
        return gal_fail(err, GALEN_ERR_FORMAT, "the checkpoint lists data that no tensor, or more than one place, has");
    if (left < sizeof count)
        return gal_fail(err, GALEN_ERR_FORMAT, "the checkpoint is cut off before data '%s'", key->text);
    memcpy(&count, c->at, sizeof count);
    c->at += sizeof count, left -= sizeof count;
    if (count != (uint64_t)r->storage->i)
        return gal_fail(err, GALEN_ERR_FORMAT, "data '%s' has %llu elements, not %lld", key->text,
                        (unsigned long long)count, (long long)r->storage->i);
    if (count > left / galen_dtype_size(r->storage->dtype))
        return gal_fail(err, GALEN_ERR_FORMAT, "the checkpoint is cut off in data '%s'", key->text);
    r->bytes = c->at;
    c->at += count * galen_dtype_size(r->storage->dtype);
    return GALEN_OK;
}

static galen_status take_storage(void *context, const gal_pickle_value *storage, const char *name, void **out,
                                 galen_error *err) {
    checkpoint *c = context;
    region *r = find_region(c, storage->text);
    size_t size = (size_t)storage->i * galen_dtype_size(storage->dtype);
    if (r == NULL || r->bytes == NULL)
        return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s': its data '%s' is missing from the checkpoint", name,
                        storage->text);
    if (r->data == NULL) {
        r->data = gal_arena_alloc_aligned(&c->weights->arena, size);
        if (r->data == NULL) return gal_fail_memory(err, name, size);
        if (size > 0) memcpy(r->data, r->bytes, size);
    }
    *out = r->data;
    return GALEN_OK;
}

static galen_status read_checkpoint(checkpoint *c, galen_error *err) {
    gal_pickle object, keys;
    GAL_TRY(read_head(c, err));
    GAL_TRY(next_pickle(c, &object, err));
    GAL_TRY(list_storages(c, &object, err));
    GAL_TRY(next_pickle(c, &keys, err));
    if (keys.value->kind != GAL_PICKLE_LIST)
        return gal_fail(err, GALEN_ERR_FORMAT, "the checkpoint does not list its data");
    for (size_t i = 0; i < keys.value->n; i++) GAL_TRY(place_storage(c, keys.value->item[i], err));
    return gal_pth_take_state(object.value, take_storage, c, c->weights, err);
}

bool gal_pth_is_old(const void *bytes, size_t size) {
    return size >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

galen_status gal_pth_read_old(const void *bytes, size_t size, gal_weights *weights, galen_error *err) {
    checkpoint c = {.at = bytes, .end = (const uint8_t *)bytes + size, .weights = weights};
    gal_arena_init(&c.scratch, scratch_max);
    galen_status status = read_checkpoint(&c, err);
    gal_arena_free(&c.scratch);
    return status;
}
