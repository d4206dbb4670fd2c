/* TensorProto to tensor: in place where the bytes lie aligned, else copied into an arena. */
#include "base/error.h"
#include "base/mem.h"
#include "model/onnx_proto.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "model files are little-endian and are used in place");

/* TensorProto: dims 1, data_type 2, float 4, int32 5, string 6, int64 7, name 8, raw 9, double 10, uint64 11, external
 * 13, location 14. */
static const char tensor_schema[] = ".Vv.FVbVbbDV.bv";

enum { COPY_CHUNK = 1 << 20 };

typedef enum source {
    SOURCE_NONE,
    SOURCE_RAW,
    SOURCE_FLOAT,
    SOURCE_INT32,
    SOURCE_INT64,
    SOURCE_DOUBLE,
    SOURCE_UINT64,
    SOURCE_STRING
} source;

typedef struct tensor_fields {
    const char *name;
    galen_tensor shape; /* type and dimensions; data NULL */
    gal_wire raw;
    bool has_raw, external;
    size_t count[SOURCE_STRING + 1]; /* values in each typed field */
} tensor_fields;

/* The typed field that ONNX prescribes for a data type. */
static source source_of(galen_dtype dtype) {
    switch (dtype) {
    case GALEN_F32: return SOURCE_FLOAT;
    case GALEN_F64: return SOURCE_DOUBLE;
    case GALEN_I64: return SOURCE_INT64;
    case GALEN_U32:
    case GALEN_U64: return SOURCE_UINT64;
    default: return SOURCE_INT32;
    }
}

static source source_of_field(uint32_t number) {
    switch (number) {
    case 4: return SOURCE_FLOAT;
    case 5: return SOURCE_INT32;
    case 6: return SOURCE_STRING;
    case 7: return SOURCE_INT64;
    case 10: return SOURCE_DOUBLE;
    case 11: return SOURCE_UINT64;
    default: return SOURCE_NONE;
    }
}

static bool count_values(source kind, gal_wire body, size_t *count) {
    switch (kind) {
    case SOURCE_FLOAT: *count = gal_wire_left(body) / 4; return true;
    case SOURCE_DOUBLE: *count = gal_wire_left(body) / 8; return true;
    case SOURCE_STRING: *count = 1; return true;
    default: return gal_wire_count(body, count);
    }
}

static galen_status read_dims(tensor_fields *t, gal_wire body, galen_error *err) {
    uint64_t value;
    while (body.at != body.end) {
        if (!gal_wire_varint(&body, &value))
            return gal_fail(err, GALEN_ERR_FORMAT, "a tensor's dimensions are damaged");
        if (t->shape.rank == GALEN_MAX_RANK)
            return gal_fail(err, GALEN_ERR_UNSUPPORTED, "a tensor has more than %d dimensions", GALEN_MAX_RANK);
        if (value > INT64_MAX) return gal_fail(err, GALEN_ERR_FORMAT, "a tensor has a negative dimension");
        t->shape.dim[t->shape.rank++] = (int64_t)value;
    }
    return GALEN_OK;
}

static galen_status read_field(tensor_fields *t, const gal_field *field, gal_arena *arena, galen_error *err) {
    size_t count = 0;
    source kind = source_of_field(field->number);
    switch (field->number) {
    case 1: return read_dims(t, field->body, err);
    case 2: t->shape.dtype = field->value < 64 ? (galen_dtype)field->value : GALEN_DTYPE_NONE; return GALEN_OK;
    case 8: return gal_onnx_text(field->body, GAL_ONNX_MAX_TEXT, arena, "the name of a tensor", &t->name, err);
    case 9:
        t->raw = field->body;
        t->has_raw = true;
        return GALEN_OK;
    case 13: return GALEN_OK;
    case 14: t->external = field->value == 1; return GALEN_OK;
    default:
        if (!count_values(kind, field->body, &count))
            return gal_fail(err, GALEN_ERR_FORMAT, "a tensor's data is damaged");
        t->count[kind] += count;
        return GALEN_OK;
    }
}

static galen_status read_fields(gal_wire body, gal_arena *arena, tensor_fields *t, galen_error *err) {
    gal_field field;
    gal_wire_step step;
    while ((step = gal_wire_next(&body, tensor_schema, &field)) == GAL_WIRE_FIELD)
        GAL_TRY(read_field(t, &field, arena, err));
    if (step == GAL_WIRE_BAD) return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s' is damaged or cut off", t->name);
    return GALEN_OK;
}

static galen_status check_type(const tensor_fields *t, galen_error *err) {
    int type = (int)t->shape.dtype;
    if (type == 8 || t->count[SOURCE_STRING])
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "tensor '%s' holds strings, which Galen does not support", t->name);
    if (type == 14 || type == 15)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "tensor '%s' holds complex numbers, which Galen does not support",
                        t->name);
    if (galen_dtype_size(t->shape.dtype) == 0)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "tensor '%s' has data type %d, which Galen does not support",
                        t->name, type);
    if (galen_tensor_bytes(&t->shape) < 0) return gal_fail(err, GALEN_ERR_LIMIT, "tensor '%s' is too large", t->name);
    return GALEN_OK;
}

/* Stores value `v` of a varint field as element i; false when it is out of the type's range. */
static bool store_int(galen_dtype dtype, void *data, size_t i, uint64_t v) {
    int64_t s = (int64_t)v;
    switch (dtype) {
    case GALEN_I64: ((int64_t *)data)[i] = s; return true;
    case GALEN_U64: ((uint64_t *)data)[i] = v; return true;
    case GALEN_U32: ((uint32_t *)data)[i] = (uint32_t)v; return v <= UINT32_MAX;
    case GALEN_I32: ((int32_t *)data)[i] = (int32_t)s; return s >= INT32_MIN && s <= INT32_MAX;
    case GALEN_I16: ((int16_t *)data)[i] = (int16_t)s; return s >= INT16_MIN && s <= INT16_MAX;
    case GALEN_U16:
    case GALEN_F16:
    case GALEN_BF16: ((uint16_t *)data)[i] = (uint16_t)v; return v <= UINT16_MAX;
    case GALEN_I8: ((int8_t *)data)[i] = (int8_t)s; return s >= INT8_MIN && s <= INT8_MAX;
    case GALEN_U8: ((uint8_t *)data)[i] = (uint8_t)v; return v <= UINT8_MAX;
    case GALEN_BOOL: ((uint8_t *)data)[i] = v != 0; return true;
    default: return false;
    }
}

/* Copies typed values; t->count was checked against the shape, so `data` has room for all of them. */
static galen_status copy_typed(gal_wire body, const tensor_fields *t, source kind, uint8_t *data, galen_error *err) {
    gal_field field;
    size_t at = 0;
    uint64_t value;
    while (gal_wire_next(&body, tensor_schema, &field) == GAL_WIRE_FIELD) {
        if (source_of_field(field.number) != kind) continue;
        if (kind == SOURCE_FLOAT || kind == SOURCE_DOUBLE) {
            size_t n = gal_wire_left(field.body);
            if (n) memcpy(data + at, field.body.at, n);
            at += n;
            continue;
        }
        while (field.body.at != field.body.end) {
            if (!gal_wire_varint(&field.body, &value) || !store_int(t->shape.dtype, data, at++, value))
                return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s' has a value outside its type %s", t->name,
                                galen_dtype_name(t->shape.dtype));
        }
    }
    return GALEN_OK;
}

static bool is_bool_clean(gal_wire raw) {
    for (const uint8_t *p = raw.at; p != raw.end; p++)
        if (*p > 1) return false;
    return true;
}

/* Copies out of the mapped file and lets go of its pages at once, so that large weights are not in memory twice. */
static void copy_raw(const gal_onnx_reader *reader, uint8_t *to, const uint8_t *from, size_t bytes) {
    size_t n_file = reader && reader->folder ? reader->model->n_file : 0;
    for (size_t at = 0; at < bytes; at += COPY_CHUNK) {
        size_t n = bytes - at < COPY_CHUNK ? bytes - at : COPY_CHUNK;
        memcpy(to + at, from + at, n);
        for (size_t i = 0; n == COPY_CHUNK && i < n_file; i++)
            gal_file_release_range(&reader->model->file[i], from + at, n);
    }
}

/* Uses raw bytes in place when they are aligned for their type. */
static galen_status use_raw(const gal_onnx_reader *reader, const tensor_fields *t, gal_wire raw, gal_arena *arena,
                            galen_tensor *out, galen_error *err) {
    size_t bytes = gal_wire_left(raw), align = galen_dtype_size(t->shape.dtype);
    bool clean = t->shape.dtype != GALEN_BOOL || is_bool_clean(raw);
    if (bytes && clean && (uintptr_t)raw.at % align == 0) {
        out->data = (void *)(uintptr_t)raw.at; /* read only by contract: constants are never written */
        return GALEN_OK;
    }
    uint8_t *copy = gal_arena_alloc_aligned(arena, bytes ? bytes : 1);
    if (!copy) return gal_fail_memory(err, t->name, bytes);
    copy_raw(reader, copy, raw.at, bytes);
    for (size_t i = 0; !clean && i < bytes; i++) copy[i] = copy[i] != 0;
    out->data = copy;
    return GALEN_OK;
}

static galen_status use_typed(gal_wire body, const tensor_fields *t, gal_arena *arena, galen_tensor *out,
                              galen_error *err) {
    size_t bytes = (size_t)galen_tensor_bytes(&t->shape);
    source kind = source_of(t->shape.dtype);
    if ((int64_t)t->count[kind] != galen_tensor_elements(&t->shape))
        return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s' has %zu values where its shape needs %lld", t->name,
                        t->count[kind], (long long)galen_tensor_elements(&t->shape));
    out->data = gal_arena_alloc_aligned(arena, bytes ? bytes : 1);
    if (!out->data) return gal_fail_memory(err, t->name, bytes);
    return copy_typed(body, t, kind, out->data, err);
}

galen_status gal_onnx_read_tensor(gal_wire body, gal_onnx_reader *reader, gal_arena *arena, galen_tensor *out,
                                  const char **name, galen_error *err) {
    tensor_fields t = {.name = ""};
    GAL_TRY(read_fields(body, arena, &t, err));
    GAL_TRY(check_type(&t, err));
    size_t bytes = (size_t)galen_tensor_bytes(&t.shape);
    *name = t.name;
    *out = t.shape;
    if (t.external) {
        GAL_TRY(gal_onnx_external(reader, body, t.name, bytes, &t.raw, err));
        return use_raw(reader, &t, t.raw, arena, out, err);
    }
    if (!t.has_raw) return use_typed(body, &t, arena, out, err);
    if (gal_wire_left(t.raw) != bytes)
        return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s' has %zu bytes of data where its shape needs %zu", t.name,
                        gal_wire_left(t.raw), bytes);
    return use_raw(reader, &t, t.raw, arena, out, err);
}

galen_status gal_onnx_tensor(const void *bytes, size_t size, gal_arena *arena, galen_tensor *out, const char **name,
                             galen_error *err) {
    const char *unused;
    return gal_onnx_read_tensor(gal_wire_of(bytes, size), NULL, arena, out, name ? name : &unused, err);
}
