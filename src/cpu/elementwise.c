/* The rows of elementwise.def, and those of bf16.def and f16.def that are alike: broadcasting and threads around inner
 * loops. */
#include "cpu/elementwise.h"

#include "base/half.h"
#include "cpu/levels.h"
#include "cpu/rows.h"

#include <math.h>
#include <string.h>

enum { PIECE = 16384 /* elements a task handles, about */ };

/* ---- two operands ---- */

/* Output dimensions with both operands' steps, neighbours merged where neither operand can tell; the last is the inner
 * loop. */
typedef struct walk {
    const gal_elementwise *level;
    gal_binary op;
    const char *a, *b;
    char *y;
    int rank;
    size_t dim[GALEN_MAX_RANK], a_step[GALEN_MAX_RANK], b_step[GALEN_MAX_RANK];
    size_t inner, piece, pieces, rows, rows_each; /* inner loop, cut into pieces; rows of it in all and for a task */
} walk;

/* Step of `tensor` along output dimension `axis` of `rank`: 0 where it is broadcast. */
static size_t step_of(const galen_tensor *tensor, int axis, int rank) {
    int own = axis - (rank - tensor->rank);
    if (own < 0 || tensor->dim[own] == 1) return 0;
    size_t step = 1;
    for (int i = own + 1; i < tensor->rank; i++) step *= (size_t)tensor->dim[i];
    return step;
}

static void plan_walk(const gal_call *call, walk *w) {
    const galen_tensor *y = call->out[0];
    w->rank = 0;
    for (int i = 0; i < y->rank; i++) {
        size_t dim = (size_t)y->dim[i], a = step_of(call->in[0], i, y->rank), b = step_of(call->in[1], i, y->rank);
        if (dim == 1) continue;
        int last = w->rank - 1;
        if (last >= 0 && w->a_step[last] == a * dim && w->b_step[last] == b * dim) {
            w->dim[last] *= dim, w->a_step[last] = a, w->b_step[last] = b;
        } else {
            w->dim[w->rank] = dim, w->a_step[w->rank] = a, w->b_step[w->rank++] = b;
        }
    }
    if (w->rank == 0) w->dim[0] = 1, w->a_step[0] = w->b_step[0] = 0, w->rank = 1;
    w->inner = w->dim[w->rank - 1];
    w->rows = 1;
    for (int i = 0; i + 1 < w->rank; i++) w->rows *= w->dim[i];
    w->piece = w->inner < PIECE ? w->inner : PIECE;
    w->pieces = (w->inner + w->piece - 1) / w->piece;
    w->rows_each = PIECE / w->piece;
}

static void run_rows(void *context, size_t index) {
    const walk *w = context;
    size_t at[GALEN_MAX_RANK] = {0}, a = 0, b = 0, piece = index % w->pieces, first = index / w->pieces * w->rows_each;
    size_t from = piece * w->piece, n = w->inner - from < w->piece ? w->inner - from : w->piece;
    size_t end = w->rows - first < w->rows_each ? w->rows : first + w->rows_each;
    int inner = w->rank - 1;
    for (size_t rest = first, i = (size_t)inner; i-- > 0; rest /= w->dim[i]) {
        at[i] = rest % w->dim[i];
        a += at[i] * w->a_step[i], b += at[i] * w->b_step[i];
    }
    size_t size = w->level->element, lines = inner > 0 ? w->dim[inner - 1] : 1;
    gal_operand x = {.step = w->a_step[inner], .row = inner > 0 ? w->a_step[inner - 1] : 0};
    gal_operand z = {.step = w->b_step[inner], .row = inner > 0 ? w->b_step[inner - 1] : 0};
    for (size_t row = first; row < end;) {
        size_t done = inner > 0 ? at[inner - 1] : 0, more = lines - done < end - row ? lines - done : end - row;
        x.data = w->a + (a + from * x.step) * size, z.data = w->b + (b + from * z.step) * size;
        w->level->binary(w->op, &x, &z, w->y + (row * w->inner + from) * size, more, n);
        row += more;
        if (inner == 0) break;
        a += more * x.row, b += more * z.row, at[inner - 1] += more;
        for (int i = inner - 1; i >= 0 && at[i] == w->dim[i]; i--) {
            a -= at[i] * w->a_step[i], b -= at[i] * w->b_step[i], at[i] = 0;
            if (i > 0) a += w->a_step[i - 1], b += w->b_step[i - 1], at[i - 1]++;
        }
    }
}

static galen_status run_binary(const gal_call *call, const gal_elementwise *level, gal_binary op) {
    walk w = {.level = level, .op = op, .a = call->in[0]->data, .b = call->in[1]->data, .y = call->out[0]->data};
    if (galen_tensor_elements(call->out[0]) == 0) return GALEN_OK;
    plan_walk(call, &w);
    gal_pool_run(call->pool, run_rows, &w, (w.rows + w.rows_each - 1) / w.rows_each * w.pieces);
    return GALEN_OK;
}

/* ---- one operand ---- */

typedef struct map {
    const gal_elementwise *level;
    gal_cpu_activation act;
    const char *x;
    char *y;
    size_t n;
} map;

static void run_piece(void *context, size_t index) {
    const map *m = context;
    size_t from = index * PIECE, n = m->n - from < PIECE ? m->n - from : PIECE;
    m->level->activate(m->x + from * m->level->element, m->y + from * m->level->element, n, &m->act);
}

/* The node's op as an activation; Clip's bounds are read from its inputs at run time. */
static gal_cpu_activation activation_of_op(const gal_node *node) {
    const char *op = node->op->name;
    if (strcmp(op, "Relu") == 0) return gal_cpu_activation_make(GAL_ACT_RELU, 0, 0);
    if (strcmp(op, "Clip") == 0) return gal_cpu_activation_make(GAL_ACT_CLIP, -INFINITY, INFINITY);
    if (strcmp(op, "LeakyRelu") == 0)
        return gal_cpu_activation_make(GAL_ACT_LEAKY_RELU, gal_attr_float(node, "alpha", 0.01f), 0);
    if (strcmp(op, "Sigmoid") == 0) return gal_cpu_activation_make(GAL_ACT_SIGMOID, 0, 0);
    if (strcmp(op, "HardSwish") == 0) return gal_cpu_activation_make(GAL_ACT_HARD_SWISH, 0, 0);
    if (strcmp(op, "Gelu") == 0) return gal_cpu_activation_make(GAL_ACT_GELU, 0, 0);
    if (strcmp(op, "Tanh") == 0) return gal_cpu_activation_make(GAL_ACT_TANH, 0, 0);
    return gal_cpu_activation_make(GAL_ACT_HARD_SIGMOID, gal_attr_float(node, "alpha", 0.2f),
                                   gal_attr_float(node, "beta", 0.5f));
}

/* The one number of a bound. */
static float bound_of(const galen_tensor *bound) {
    const void *data = bound->data;
    if (bound->dtype == GALEN_F16) return gal_f16_to_f32(*(const uint16_t *)data);
    return bound->dtype == GALEN_BF16 ? gal_bf16_to_f32(*(const uint16_t *)data) : *(const float *)data;
}

static galen_status run_map(const gal_call *call, const gal_elementwise *level) {
    map m = {.level = level, .act = activation_of_op(call->node), .x = call->in[0]->data, .y = call->out[0]->data};
    m.n = (size_t)galen_tensor_elements(call->out[0]);
    if (strcmp(call->node->op->name, "Clip") == 0) {
        if (call->node->n_in > 1 && call->in[1] != NULL) m.act.low = bound_of(call->in[1]);
        if (call->node->n_in > 2 && call->in[2] != NULL) m.act.high = bound_of(call->in[2]);
    }
    gal_pool_run(call->pool, run_piece, &m, (m.n + PIECE - 1) / PIECE);
    return GALEN_OK;
}

/* ---- scale and shift of each channel ---- */

typedef struct affine {
    const gal_elementwise *level;
    gal_cpu_activation act;
    const float *x, *scale, *shift;
    float *y;
    size_t pixels, c, each, x_pitch, y_pitch;
} affine;

static void run_pixels(void *context, size_t index) {
    const affine *job = context;
    size_t from = index * job->each, n = job->pixels - from < job->each ? job->pixels - from : job->each;
    job->level->scale_shift(job->x + from * job->x_pitch, job->x_pitch, job->scale, job->shift,
                            job->y + from * job->y_pitch, job->y_pitch, n, job->c, &job->act);
}

static galen_status run_scale_shift(const gal_call *call, const gal_elementwise *level) {
    bool relu = gal_attr_string(call->node, "activation", "")[0] != '\0';
    affine job = {.level = level, .act = gal_cpu_activation_make(relu ? GAL_ACT_RELU : GAL_ACT_NONE, 0, 0)};
    job.x = call->in[0]->data, job.scale = call->in[1]->data, job.shift = call->in[2]->data, job.y = call->out[0]->data;
    job.c = (size_t)call->in[1]->dim[0], job.x_pitch = (size_t)call->in_pitch, job.y_pitch = (size_t)call->out_pitch;
    if (job.c == 0) return GALEN_OK;
    job.pixels = (size_t)galen_tensor_elements(call->in[0]) / job.c;
    job.each = job.c < PIECE ? PIECE / job.c : 1;
    gal_pool_run(call->pool, run_pixels, &job, (job.pixels + job.each - 1) / job.each);
    return GALEN_OK;
}

static const char *reject_none(const gal_node *node) {
    (void)node; /* the type was checked by the table */
    return NULL;
}

#define UNARY(name, level)                                                                                             \
    const char *gal_map_##name##_reject(const gal_node *node) {                                                        \
        return reject_none(node);                                                                                      \
    }                                                                                                                  \
    galen_status gal_map_##name##_run(const gal_call *call, galen_error *err) {                                        \
        (void)err;                                                                                                     \
        return run_map(call, &gal_elementwise_##level);                                                                \
    }
#define SCALE_SHIFT(level)                                                                                             \
    const char *gal_scale_shift_f32_##level##_reject(const gal_node *node) {                                           \
        return reject_none(node);                                                                                      \
    }                                                                                                                  \
    galen_status gal_scale_shift_f32_##level##_run(const gal_call *call, galen_error *err) {                           \
        (void)err;                                                                                                     \
        return run_scale_shift(call, &gal_elementwise_##level);                                                        \
    }
#define BINARY(op, kind, name, level)                                                                                  \
    const char *gal_##op##_##name##_reject(const gal_node *node) {                                                     \
        return reject_none(node);                                                                                      \
    }                                                                                                                  \
    galen_status gal_##op##_##name##_run(const gal_call *call, galen_error *err) {                                     \
        (void)err;                                                                                                     \
        return run_binary(call, &gal_elementwise_##level, kind);                                                       \
    }
#define MAPS(name, level)                                                                                              \
    UNARY(name, level)                                                                                                 \
    BINARY(add, GAL_BINARY_ADD, name, level)                                                                           \
    BINARY(sub, GAL_BINARY_SUB, name, level)                                                                           \
    BINARY(mul, GAL_BINARY_MUL, name, level)                                                                           \
    BINARY(div, GAL_BINARY_DIV, name, level)

#define LEVEL(level)                                                                                                   \
    SCALE_SHIFT(level)                                                                                                 \
    MAPS(f32_##level, level)

GAL_EACH_LEVEL(LEVEL)
#if defined(__x86_64__)
MAPS(bf16_avx512bf16, bf16_avx512bf16)
MAPS(f16_avx512, f16_avx512)
MAPS(f16_avx2, f16_avx2)
#elif defined(__aarch64__)
MAPS(bf16_neonbf16, bf16_neonbf16)
MAPS(f16_neon, f16_neon)
#endif
