/* The whitelist of the unpickler: what may be named, and how a tensor is put together from it. */
#include "model/pickle_call.h"

#include "base/error.h"
#include "base/mem.h"

#include <string.h>

typedef struct allowed {
    const char *module, *name;
    gal_pickle_global global;
    galen_dtype dtype;
} allowed;

static const allowed whitelist[] = {
    {"collections", "OrderedDict", GAL_GLOBAL_DICT, 0},
    {"torch._utils", "_rebuild_tensor_v2", GAL_GLOBAL_TENSOR, 0},
    {"torch._utils", "_rebuild_tensor", GAL_GLOBAL_OLD_TENSOR, 0},
    {"torch._utils", "_rebuild_parameter", GAL_GLOBAL_PARAMETER, 0},
    {"torch.nn.parameter", "Parameter", GAL_GLOBAL_PARAMETER_CLASS, 0},
    {"torch", "FloatStorage", GAL_GLOBAL_STORAGE, GALEN_F32},
    {"torch", "DoubleStorage", GAL_GLOBAL_STORAGE, GALEN_F64},
    {"torch", "HalfStorage", GAL_GLOBAL_STORAGE, GALEN_F16},
    {"torch", "BFloat16Storage", GAL_GLOBAL_STORAGE, GALEN_BF16},
    {"torch", "LongStorage", GAL_GLOBAL_STORAGE, GALEN_I64},
    {"torch", "IntStorage", GAL_GLOBAL_STORAGE, GALEN_I32},
    {"torch", "ShortStorage", GAL_GLOBAL_STORAGE, GALEN_I16},
    {"torch", "CharStorage", GAL_GLOBAL_STORAGE, GALEN_I8},
    {"torch", "ByteStorage", GAL_GLOBAL_STORAGE, GALEN_U8},
    {"torch", "BoolStorage", GAL_GLOBAL_STORAGE, GALEN_BOOL},
};

galen_status gal_pickle_find_global(const char *module, const char *name, gal_pickle_value *out, galen_error *err) {
    for (size_t i = 0; i < sizeof whitelist / sizeof whitelist[0]; i++) {
        if (strcmp(whitelist[i].module, module) != 0 || strcmp(whitelist[i].name, name) != 0) continue;
        out->global = whitelist[i].global;
        out->dtype = whitelist[i].dtype;
        return GALEN_OK;
    }
    return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                    "the pickle calls '%.200s.%.200s': refused; save the model's state_dict() only, or safetensors",
                    module, name);
}

static galen_status wrong(galen_error *err, const char *what) {
    return gal_fail(err, GALEN_ERR_FORMAT, "the pickle makes %s from the wrong parts", what);
}

/* Copies a tuple of non-negative integers. */
static bool read_sizes(const gal_pickle_value *tuple, int64_t *out, int *rank) {
    if (tuple->kind != GAL_PICKLE_TUPLE || tuple->n > GALEN_MAX_RANK) return false;
    for (size_t i = 0; i < tuple->n; i++) {
        if (tuple->item[i]->kind != GAL_PICKLE_INT || tuple->item[i]->i < 0) return false;
        out[i] = tuple->item[i]->i;
    }
    *rank = (int)tuple->n;
    return true;
}

/* The last element any index reaches must lie in the storage, and a tensor may not be larger than what it is stored in.
 */
static galen_status check_extent(const gal_pickle_value *t, galen_error *err) {
    galen_tensor shape = {.dtype = t->storage->dtype, .rank = t->rank};
    memcpy(shape.dim, t->dim, sizeof shape.dim);
    int64_t elements = galen_tensor_elements(&shape), last = t->i;
    if (elements < 0 || elements > t->storage->i)
        return gal_fail(err, GALEN_ERR_FORMAT, "a tensor is larger than its storage");
    if (elements == 0) return GALEN_OK;
    for (int d = 0; d < t->rank; d++) {
        int64_t reach;
        if (__builtin_mul_overflow(t->dim[d] - 1, t->stride[d], &reach) || __builtin_add_overflow(last, reach, &last))
            return gal_fail(err, GALEN_ERR_FORMAT, "a tensor's strides overflow");
    }
    if (last >= t->storage->i) return gal_fail(err, GALEN_ERR_FORMAT, "a tensor reaches beyond its storage");
    return GALEN_OK;
}

/* _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata]); its predecessor took the first
 * four. */
static galen_status make_tensor(const gal_pickle_value *args, size_t least, size_t most, gal_pickle_value *out,
                                galen_error *err) {
    int strides = 0;
    if (args->n < least || args->n > most) return wrong(err, "a tensor");
    gal_pickle_value *const *a = args->item;
    if (a[0]->kind != GAL_PICKLE_STORAGE || a[1]->kind != GAL_PICKLE_INT || a[1]->i < 0) return wrong(err, "a tensor");
    if (!read_sizes(a[2], out->dim, &out->rank) || !read_sizes(a[3], out->stride, &strides) || strides != out->rank)
        return wrong(err, "a tensor");
    out->kind = GAL_PICKLE_TENSOR;
    out->storage = a[0];
    out->i = a[1]->i;
    out->dtype = a[0]->dtype;
    return check_extent(out, err);
}

/* OrderedDict() or OrderedDict([(key, value), ...]). */
static galen_status make_dict(gal_arena *arena, const gal_pickle_value *args, gal_pickle_value *out, galen_error *err) {
    out->kind = GAL_PICKLE_DICT;
    if (args->n == 0) return GALEN_OK;
    const gal_pickle_value *list = args->item[0];
    if (args->n != 1 || list->kind != GAL_PICKLE_LIST) return wrong(err, "an OrderedDict");
    out->item = gal_arena_alloc(arena, list->n, 2 * sizeof(gal_pickle_value *));
    if (!out->item) return gal_fail_memory(err, "a dictionary", list->n * sizeof *out->item);
    out->capacity = 2 * list->n;
    for (size_t i = 0; i < list->n; i++) {
        const gal_pickle_value *pair = list->item[i];
        if ((pair->kind != GAL_PICKLE_TUPLE && pair->kind != GAL_PICKLE_LIST) || pair->n != 2)
            return wrong(err, "an OrderedDict");
        out->item[out->n++] = pair->item[0];
        out->item[out->n++] = pair->item[1];
    }
    return GALEN_OK;
}

galen_status gal_pickle_call(gal_arena *arena, const gal_pickle_value *callee, gal_pickle_value *args,
                             gal_pickle_value **result, galen_error *err) {
    if (callee->kind != GAL_PICKLE_GLOBAL || args->kind != GAL_PICKLE_TUPLE) return wrong(err, "a call");
    switch (callee->global) {
    case GAL_GLOBAL_DICT: return make_dict(arena, args, *result, err);
    case GAL_GLOBAL_TENSOR: return make_tensor(args, 6, 7, *result, err);
    case GAL_GLOBAL_OLD_TENSOR: return make_tensor(args, 4, 4, *result, err);
    case GAL_GLOBAL_PARAMETER: /* _rebuild_parameter(tensor, requires_grad, hooks) */
        if (args->n != 3 || args->item[0]->kind != GAL_PICKLE_TENSOR) return wrong(err, "a parameter");
        *result = args->item[0];
        return GALEN_OK;
    default: return wrong(err, "a call");
    }
}

galen_status gal_pickle_storage(const gal_pickle_value *id, gal_pickle_value *out, galen_error *err) {
    if (id->kind != GAL_PICKLE_TUPLE || id->n < 5 || id->n > 6) return wrong(err, "a storage");
    gal_pickle_value *const *a = id->item;
    if (id->n == 6 && a[5]->kind != GAL_PICKLE_NONE)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "the checkpoint holds views of storages: save a state_dict() of clones");
    if (a[0]->kind != GAL_PICKLE_TEXT || strcmp(a[0]->text, "storage") != 0) return wrong(err, "a storage");
    if (a[1]->kind != GAL_PICKLE_GLOBAL || a[1]->global != GAL_GLOBAL_STORAGE) return wrong(err, "a storage");
    if (a[2]->kind != GAL_PICKLE_TEXT || a[4]->kind != GAL_PICKLE_INT || a[4]->i < 0) return wrong(err, "a storage");
    out->dtype = a[1]->dtype;
    out->text = a[2]->text;
    out->i = a[4]->i;
    return GALEN_OK;
}
