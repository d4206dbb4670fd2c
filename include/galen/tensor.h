/* Element types and dense tensors. */
#ifndef GALEN_TENSOR_H
#define GALEN_TENSOR_H

#include <galen/export.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Values equal ONNX TensorProto.DataType, so that no translation table can go stale. */
typedef enum galen_dtype {
    GALEN_DTYPE_NONE = 0,
    GALEN_F32 = 1,
    GALEN_U8 = 2,
    GALEN_I8 = 3,
    GALEN_U16 = 4,
    GALEN_I16 = 5,
    GALEN_I32 = 6,
    GALEN_I64 = 7,
    GALEN_BOOL = 9, /* one byte, 0 or 1 */
    GALEN_F16 = 10,
    GALEN_F64 = 11,
    GALEN_U32 = 12,
    GALEN_U64 = 13,
    GALEN_BF16 = 16
} galen_dtype;

enum { GALEN_MAX_RANK = 8 };

/*
 * A dense row-major tensor. It does not own `data`; whoever made it says who does.
 * rank 0 is a scalar of one element; a dimension of 0 means no elements.
 */
typedef struct galen_tensor {
    galen_dtype dtype;
    int rank;
    int64_t dim[GALEN_MAX_RANK];
    void *data;
} galen_tensor;

/* Bytes of one element, 0 for an unknown type. */
GALEN_API size_t galen_dtype_size(galen_dtype dtype);
/* "f32", "u8", ... ; "unknown" for anything else. Static storage. */
GALEN_API const char *galen_dtype_name(galen_dtype dtype);
/* Number of elements; -1 when a dimension is negative or the product does not fit. */
GALEN_API int64_t galen_tensor_elements(const galen_tensor *tensor);
/* Number of data bytes; -1 as above. */
GALEN_API int64_t galen_tensor_bytes(const galen_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
