/*
 * The rows of LayerNormalization: dense lines, each normalised alone. A 16-bit line is widened, normalised in L1 and
 * rounded once.
 */
#include "cpu/elementwise.h"
#include "cpu/levels.h"
#include "cpu/loops_half.h"
#include "cpu/rows.h"

enum {
    PIECE = 16384, /* elements a task handles, about */
    LINE = 4096,   /* elements of a 16-bit line a thread holds on its stack */
};

/* A type at one level. */
typedef struct norm_level {
    const gal_elementwise *wide;
    const gal_loops_half *half; /* NULL: f32 */
} norm_level;

typedef struct job {
    const norm_level *level;
    const char *x;
    char *y;
    const float *scale, *shift;
    float epsilon;
    size_t lines, each, n;
} job;

static void normalize_half(const job *j, const uint16_t *x, uint16_t *y) {
    float line[LINE];
    j->level->half->widen(x, line, j->n);
    j->level->wide->normalize(line, j->scale, j->shift, j->epsilon, line, j->n);
    j->level->half->narrow_rows(line, j->n, y, j->n, 1);
}

static void run_lines(void *context, size_t index) {
    const job *j = context;
    size_t first = index * j->each, end = first + j->each < j->lines ? first + j->each : j->lines;
    for (size_t i = first * j->n; i < end * j->n; i += j->n) {
        if (j->level->half != NULL)
            normalize_half(j, (const uint16_t *)(const void *)j->x + i, (uint16_t *)(void *)j->y + i);
        else
            j->level->wide->normalize((const float *)(const void *)j->x + i, j->scale, j->shift, j->epsilon,
                                      (float *)(void *)j->y + i, j->n);
    }
}

/* Numbers of a line; 0: they depend on the batch, or there are none. */
static int64_t line_of(const gal_shape *x, int axis) {
    int64_t n = 1;
    for (int i = axis < 0 ? axis + x->rank : axis; i < x->rank; i++) {
        if (x->dim[i].batch || __builtin_mul_overflow(n, x->dim[i].size, &n)) return 0;
    }
    return n > 0 ? n : 0;
}

/* One f32 number for each of a line, or no parameter at all. */
static bool fits(const gal_value *parameter, int64_t n) {
    if (parameter == NULL) return true;
    const gal_shape *shape = &parameter->shape;
    int64_t own = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i].batch || __builtin_mul_overflow(own, shape->dim[i].size, &own)) return false;
    }
    return parameter->dtype == GALEN_F32 && own == n;
}

static const char *reject(const gal_node *node, const norm_level *level) {
    int64_t n = line_of(&node->in[0]->shape, (int)gal_attr_int(node, "axis", -1));
    if (n == 0) return "there is nothing to compute, or it depends on the batch";
    if (level->half != NULL && n > LINE) return "a line has more than 4,096 numbers";
    if (!fits(node->in[1], n) || !fits(node->n_in > 2 ? node->in[2] : NULL, n))
        return "the scale or the bias is not one f32 number for each";
    for (uint32_t i = 1; i < node->n_out; i++)
        if (node->out[i] != NULL) return "mean and deviation are asked for";
    return NULL;
}

static galen_status run(const gal_call *call, const norm_level *level) {
    const galen_tensor *x = call->in[0];
    job j = {.level = level, .x = x->data, .y = call->out[0]->data, .n = 1, .lines = 1, .scale = call->in[1]->data};
    int axis = (int)gal_attr_int(call->node, "axis", -1);
    for (int i = 0; i < x->rank; i++) *(i < (axis < 0 ? axis + x->rank : axis) ? &j.lines : &j.n) *= (size_t)x->dim[i];
    if (call->node->n_in > 2 && call->in[2] != NULL) j.shift = call->in[2]->data;
    j.epsilon = gal_attr_float(call->node, "epsilon", 1e-5f);
    j.each = PIECE / j.n + 1;
    gal_pool_run(call->pool, run_lines, &j, (j.lines + j.each - 1) / j.each);
    return GALEN_OK;
}

#define ROW(name, f32, f16)                                                                                            \
    static const norm_level name = {f32, f16};                                                                         \
    const char *gal_layer_norm_##name##_reject(const gal_node *node) {                                                 \
        return reject(node, &name);                                                                                    \
    }                                                                                                                  \
    galen_status gal_layer_norm_##name##_run(const gal_call *call, galen_error *err) {                                 \
        (void)err;                                                                                                     \
        return run(call, &name);                                                                                       \
    }
#define LEVEL(level) ROW(f32_##level, &gal_elementwise_##level, NULL)

GAL_EACH_LEVEL(LEVEL)
#if defined(__x86_64__)
ROW(bf16_avx512bf16, &gal_elementwise_avx512, &gal_loops_bf16_avx512bf16)
ROW(f16_avx512, &gal_elementwise_avx512, &gal_loops_f16_avx512)
ROW(f16_avx2, &gal_elementwise_avx2, &gal_loops_f16_avx2)
#elif defined(__aarch64__)
ROW(bf16_neonbf16, &gal_elementwise_neon, &gal_loops_bf16_neonbf16)
ROW(f16_neon, &gal_elementwise_neon, &gal_loops_f16_neon)
#endif
