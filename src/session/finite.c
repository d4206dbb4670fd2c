/* Outputs must be numbers: NaN and infinity are found by their exponent bits, whatever the floating-point flags are. */
#include "base/error.h"
#include "session/internal.h"

#include <string.h>

/* The exponent's bits, as a mask of an element of `size` bytes; 0 for types without one. */
static uint64_t exponent_mask(galen_dtype dtype) {
    switch (dtype) {
    case GALEN_F32: return 0x7f800000u;
    case GALEN_BF16: return 0x7f80u;
    case GALEN_F16: return 0x7c00u;
    case GALEN_F64: return 0x7ff0000000000000u;
    default: return 0;
    }
}

static uint64_t bits_at(const uint8_t *data, size_t size, int64_t index) {
    uint64_t wide;
    uint32_t word;
    uint16_t half;
    switch (size) {
    case 8: memcpy(&wide, data + index * 8, 8); return wide;
    case 4: memcpy(&word, data + index * 4, 4); return word;
    default: memcpy(&half, data + index * 2, 2); return half;
    }
}

galen_status gal_session_check_finite(const gal_value *value, const galen_tensor *tensor, galen_error *err) {
    uint64_t mask = exponent_mask(tensor->dtype);
    int64_t n = galen_tensor_elements(tensor);
    size_t size = galen_dtype_size(tensor->dtype);
    if (mask == 0) return GALEN_OK;
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits = bits_at(tensor->data, size, i);
        if ((bits & mask) != mask) continue;
        uint64_t mantissa = bits & ((mask & (~mask + 1)) - 1);
        const char *what = mantissa != 0 ? "NaN" : "infinity";
        int64_t items = tensor->rank > 0 && value->shape.dim[0].batch ? tensor->dim[0] : 1;
        return gal_fail(err, GALEN_ERR_NUMERIC,
                        "output '%s', item %lld: %s is not an answer; check the input and the model's weights",
                        value->name, (long long)(i / (n / items)), what);
    }
    return GALEN_OK;
}
