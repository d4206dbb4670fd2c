/* The rows of pool.def: windows over channels-last images, vectorised over channels. */
#include "cpu/elementwise.h"
#include "cpu/levels.h"
#include "cpu/pool_rows.h"
#include "cpu/rows.h"

static void largest(const void *level, const void *x, const size_t *tap, size_t taps, void *y, size_t n) {
    ((const gal_elementwise *)level)->pool_max(x, tap, taps, y, n);
}

static void sum(const void *level, const void *x, const size_t *tap, size_t taps, int64_t count, void *y, size_t n) {
    float factor = count > 0 ? 1.0f / (float)count : 0.0f;
    ((const gal_elementwise *)level)->pool_sum(x, tap, taps, y, n, factor);
}

static void mean(const void *level, const void *x, size_t pixels, size_t stride, void *y, size_t n) {
    ((const gal_elementwise *)level)->mean(x, pixels, stride, y, n, 1.0f / (float)pixels);
}

static const gal_pool_loops loops = {sizeof(float), largest, sum, mean};

#define ROW(name, reject_fn, level, ...)                                                                               \
    const char *gal_##name##_f32_##level##_reject(const gal_node *node) {                                              \
        return reject_fn(node);                                                                                        \
    }                                                                                                                  \
    galen_status gal_##name##_f32_##level##_run(const gal_call *call, galen_error *err) {                              \
        (void)err;                                                                                                     \
        __VA_ARGS__;                                                                                                   \
        return GALEN_OK;                                                                                               \
    }
#define LEVEL(level)                                                                                                   \
    ROW(maxpool, gal_pool_rows_reject, level, gal_pool_rows_run(call, &loops, &gal_elementwise_##level, true))         \
    ROW(avgpool, gal_pool_rows_reject, level, gal_pool_rows_run(call, &loops, &gal_elementwise_##level, false))        \
    ROW(gap, gal_pool_rows_reject_global, level, gal_pool_rows_run_global(call, &loops, &gal_elementwise_##level))

GAL_EACH_LEVEL(LEVEL)
