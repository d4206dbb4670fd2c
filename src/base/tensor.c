/* Element types and dense tensors; the library's version. */
#include <galen/tensor.h>
#include <galen/version.h>

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

const char *galen_version(void) {
    return TEXT(GALEN_VERSION_MAJOR) "." TEXT(GALEN_VERSION_MINOR) "." TEXT(GALEN_VERSION_PATCH);
}

static const struct {
    const char *name;
    size_t size;
} type[] = {
    [GALEN_F32] = {"f32", 4},   [GALEN_U8] = {"u8", 1},   [GALEN_I8] = {"i8", 1},   [GALEN_U16] = {"u16", 2},
    [GALEN_I16] = {"i16", 2},   [GALEN_I32] = {"i32", 4}, [GALEN_I64] = {"i64", 8}, [GALEN_BOOL] = {"bool", 1},
    [GALEN_F16] = {"f16", 2},   [GALEN_F64] = {"f64", 8}, [GALEN_U32] = {"u32", 4}, [GALEN_U64] = {"u64", 8},
    [GALEN_BF16] = {"bf16", 2},
};

size_t galen_dtype_size(galen_dtype dtype) {
    return (unsigned)dtype < sizeof type / sizeof type[0] ? type[dtype].size : 0;
}

const char *galen_dtype_name(galen_dtype dtype) {
    return galen_dtype_size(dtype) ? type[dtype].name : "unknown";
}

int64_t galen_tensor_elements(const galen_tensor *tensor) {
    int64_t n = 1;
    for (int i = 0; i < tensor->rank; i++)
        if (tensor->dim[i] < 0 || __builtin_mul_overflow(n, tensor->dim[i], &n)) return -1;
    return n;
}

int64_t galen_tensor_bytes(const galen_tensor *tensor) {
    int64_t n = galen_tensor_elements(tensor), bytes;
    if (n < 0 || __builtin_mul_overflow(n, (int64_t)galen_dtype_size(tensor->dtype), &bytes)) return -1;
    return bytes;
}
