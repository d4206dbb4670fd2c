/* safetensors: a JSON header, then one block of data that the tensors fill without gap or overlap. */
#include "base/error.h"
#include "base/mem.h"
#include "model/json.h"
#include "model/weights.h"

#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, MAX_HEADER = 32 << 20 };

/* Where each tensor lies in the block of data. */
typedef struct span {
    uint64_t begin, end;
    const char *name;
} span;

static galen_dtype dtype_of(const char *name) {
    static const struct {
        const char *name;
        galen_dtype dtype;
    } known[] = {{"F32", GALEN_F32}, {"F16", GALEN_F16}, {"BF16", GALEN_BF16}, {"F64", GALEN_F64}, {"I64", GALEN_I64},
                 {"I32", GALEN_I32}, {"I16", GALEN_I16}, {"I8", GALEN_I8},     {"U64", GALEN_U64}, {"U32", GALEN_U32},
                 {"U16", GALEN_U16}, {"U8", GALEN_U8},   {"BOOL", GALEN_BOOL}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0) return known[i].dtype;
    return GALEN_DTYPE_NONE;
}

static galen_status bad(galen_error *err, const char *name, const char *why) {
    return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s': %s", name, why);
}

static galen_status read_shape(const json_t *shape, const char *name, galen_tensor *out, galen_error *err) {
    if (!json_is_array(shape)) return bad(err, name, "has no shape");
    size_t rank = json_array_size(shape);
    if (rank > GALEN_MAX_RANK)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "tensor '%s' has %zu dimensions, more than %d", name, rank,
                        GALEN_MAX_RANK);
    out->rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        const json_t *dim = json_array_get(shape, i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0) return bad(err, name, "a dimension is not a size");
        out->dim[i] = json_integer_value(dim);
    }
    return galen_tensor_bytes(out) < 0 ? bad(err, name, "its shape is too large") : GALEN_OK;
}

static galen_status read_span(const json_t *offsets, const char *name, uint64_t data_size, span *out,
                              galen_error *err) {
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return bad(err, name, "data_offsets is not a pair of numbers");
    json_int_t from = json_integer_value(begin), to = json_integer_value(end);
    if (from < 0 || to < from || (uint64_t)to > data_size)
        return bad(err, name, "its data lies outside the file: cut off or damaged");
    *out = (span){(uint64_t)from, (uint64_t)to, name};
    return GALEN_OK;
}

static galen_status use_data(gal_weights *weights, const uint8_t *at, galen_tensor *tensor, const char *name,
                             galen_error *err) {
    size_t bytes = (size_t)galen_tensor_bytes(tensor);
    tensor->data = (void *)(uintptr_t)at; /* read only by contract */
    if (bytes && (uintptr_t)at % galen_dtype_size(tensor->dtype) == 0) return GALEN_OK;
    tensor->data = gal_arena_alloc_aligned(&weights->arena, bytes);
    if (!tensor->data) return gal_fail_memory(err, name, bytes);
    if (bytes) memcpy(tensor->data, at, bytes);
    return GALEN_OK;
}

static galen_status read_entry(gal_weights *weights, const char *key, const json_t *entry, const uint8_t *data,
                               uint64_t data_size, span *where, galen_error *err) {
    gal_weight *w = &weights->entry[weights->n];
    size_t length = strlen(key);
    if (length == 0 || length > GAL_WEIGHTS_MAX_NAME)
        return gal_fail(err, GALEN_ERR_LIMIT, "a tensor's name has %zu bytes", length);
    char *name = gal_arena_text(&weights->arena, key, length);
    if (!name) return gal_fail_memory(err, "a name", length);
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    w->name = name;
    if (!dtype) return bad(err, name, "has no dtype");
    w->tensor.dtype = dtype_of(dtype);
    if (!w->tensor.dtype)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "tensor '%s' has dtype %s, which Galen does not support", name,
                        dtype);
    GAL_TRY(read_shape(json_object_get(entry, "shape"), name, &w->tensor, err));
    GAL_TRY(read_span(json_object_get(entry, "data_offsets"), name, data_size, where, err));
    if (where->end - where->begin != (uint64_t)galen_tensor_bytes(&w->tensor))
        return bad(err, name, "its data is not as long as its shape needs");
    weights->n++;
    return use_data(weights, data + where->begin, &w->tensor, name, err);
}

static int by_begin(const void *a, const void *b) {
    const span *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end == y->end ? 0 : x->end < y->end ? -1 : 1;
}

static galen_status check_spans(span *where, size_t n, uint64_t data_size, galen_error *err) {
    uint64_t at = 0;
    qsort(where, n, sizeof *where, by_begin);
    for (size_t i = 0; i < n; i++) {
        if (where[i].begin < at) return bad(err, where[i].name, "its data overlaps another tensor's");
        if (where[i].begin > at) return bad(err, where[i].name, "there is a gap before its data");
        at = where[i].end;
    }
    if (at != data_size)
        return gal_fail(err, GALEN_ERR_FORMAT, "%llu bytes at the end belong to no tensor",
                        (unsigned long long)(data_size - at));
    return GALEN_OK;
}

static galen_status keep_metadata(gal_weights *weights, const json_t *metadata, galen_error *err) {
    if (!json_is_object(metadata)) return GALEN_OK;
    char *text = json_dumps(metadata, JSON_COMPACT);
    if (text != NULL) weights->metadata = gal_arena_text(&weights->arena, text, strlen(text));
    free(text);
    return weights->metadata != NULL ? GALEN_OK : gal_fail_memory(err, "the safetensors header", MAX_HEADER);
}

static galen_status read_entries(gal_weights *weights, json_t *header, const uint8_t *data, uint64_t data_size,
                                 galen_error *err) {
    size_t count = json_object_size(header), n = 0;
    if (count > GAL_WEIGHTS_MAX_TENSORS)
        return gal_fail(err, GALEN_ERR_LIMIT, "the file has %zu tensors, more than %d", count, GAL_WEIGHTS_MAX_TENSORS);
    weights->entry = gal_arena_alloc(&weights->arena, count, sizeof *weights->entry);
    span *where = gal_arena_alloc(&weights->arena, count, sizeof *where);
    if (!weights->entry || !where) return gal_fail_memory(err, "the table of tensors", count * sizeof *weights->entry);
    const char *key;
    json_t *entry;
    GAL_TRY(keep_metadata(weights, json_object_get(header, "__metadata__"), err));
    json_object_foreach(header, key, entry) {
        if (strcmp(key, "__metadata__") == 0) continue;
        GAL_TRY(read_entry(weights, key, entry, data, data_size, &where[n++], err));
    }
    return check_spans(where, n, data_size, err);
}

galen_status gal_safetensors_read(const void *bytes, size_t size, gal_weights *weights, galen_error *err) {
    const uint8_t *b = bytes;
    uint64_t length = 0;
    if (size < LENGTH_BYTES) return gal_fail(err, GALEN_ERR_FORMAT, "the safetensors header is cut off");
    for (int i = LENGTH_BYTES; i-- > 0;) length = length << 8 | b[i];
    if (length > size - LENGTH_BYTES) return gal_fail(err, GALEN_ERR_FORMAT, "the safetensors header is cut off");
    if (length > MAX_HEADER)
        return gal_fail(err, GALEN_ERR_LIMIT, "the safetensors header has %llu bytes, more than %d",
                        (unsigned long long)length, MAX_HEADER);
    json_t *header;
    GAL_TRY(gal_json_parse((const char *)b + LENGTH_BYTES, (size_t)length, "the safetensors header", &header, err));
    galen_status status =
        json_is_object(header)
            ? read_entries(weights, header, b + LENGTH_BYTES + length, size - LENGTH_BYTES - length, err)
            : gal_fail(err, GALEN_ERR_FORMAT, "the safetensors header is not an object");
    json_decref(header);
    return status;
}
