/* The pools of int8.def, N, H, W, C: maxima, and exact sums with the arithmetic of quantized_pool.c. */
#include "cpu/levels.h"
#include "cpu/loops_int8.h"
#include "cpu/pool_rows.h"
#include "cpu/rows.h"

typedef struct bytes {
    const gal_loops_int8 *loops;
    gal_byte_means means;
} bytes;

static void largest(const void *level, const void *x, const size_t *tap, size_t taps, void *y, size_t n) {
    const bytes *b = level;
    b->loops->largest(b->means.flip, x, tap, taps, y, n);
}

static void sum(const void *level, const void *x, const size_t *tap, size_t taps, int64_t count, void *y, size_t n) {
    const bytes *b = level;
    b->loops->sum(&b->means, x, tap, taps, count, y, n);
}

static void mean(const void *level, const void *x, size_t pixels, size_t stride, void *y, size_t n) {
    const bytes *b = level;
    b->loops->mean(&b->means, x, pixels, stride, y, n);
}

static const gal_pool_loops loops = {sizeof(uint8_t), largest, sum, mean};

static bytes bytes_of(const gal_call *call, const gal_loops_int8 *of) {
    galen_dtype dtype = call->in[0]->dtype;
    gal_quant x = gal_quant_of(call->node, 'x', dtype);
    bytes b = {.loops = of, .means = {.flip = dtype == GALEN_I8 ? 0x80 : 0}};
    b.means.zero = x.zero + (dtype == GALEN_I8 ? 128 : 0);
    b.means.factor = x.scale / gal_attr_float(call->node, "y_scale", 1);
    gal_requant_of(call->node, &b.means.q);
    return b;
}

#define ROW(name, reject_fn, level, ...)                                                                               \
    const char *gal_##name##_int8_##level##_reject(const gal_node *node) {                                             \
        return reject_fn(node);                                                                                        \
    }                                                                                                                  \
    galen_status gal_##name##_int8_##level##_run(const gal_call *call, galen_error *err) {                             \
        const bytes b = bytes_of(call, &gal_loops_int8_##level);                                                       \
        (void)err;                                                                                                     \
        __VA_ARGS__;                                                                                                   \
        return GALEN_OK;                                                                                               \
    }
#define LEVEL(level)                                                                                                   \
    ROW(maxpool, gal_pool_rows_reject, level, gal_pool_rows_run(call, &loops, &b, true))                               \
    ROW(avgpool, gal_pool_rows_reject, level, gal_pool_rows_run(call, &loops, &b, false))                              \
    ROW(gap, gal_pool_rows_reject_global, level, gal_pool_rows_run_global(call, &loops, &b))

GAL_EACH_LEVEL(LEVEL)
