/*
 * Reductions over any set of axes, and ArgMax and ArgMin. Floats are summed in double in row-major order, whatever the
 * number of threads: work is split over outputs only.
 */
#include "base/error.h"
#include "base/refmath.h"
#include "graph/ops/ops.h"
#include "graph/ops/rules.h"
#include "graph/ops/types.h"
#include "graph/ops/walk.h"

#include <math.h>

/* ---- axes and shapes ---- */

/* Which axes are reduced: those of in[1] or of the attribute, else all, unless noop_with_empty_axes. */
static galen_status read_axes(const gal_node *node, bool reduced[GALEN_MAX_RANK], galen_error *err) {
    int rank = node->in[0]->shape.rank;
    int64_t from_input[GALEN_MAX_RANK];
    size_t count = 0;
    const int64_t *axes = gal_attr_ints(node, "axes", &count);
    if (node->n_in > 1 && node->in[1]) {
        GAL_TRY(gal_need_ints(node, 1, from_input, GALEN_MAX_RANK, &count, err));
        axes = from_input;
    }
    bool noop = false;
    GAL_TRY(gal_need_flag(node, "noop_with_empty_axes", false, &noop, err));
    for (int i = 0; i < rank; i++) reduced[i] = count == 0 && !noop;
    for (size_t i = 0; i < count; i++) {
        int axis;
        GAL_TRY(gal_need_axis(node, axes[i], rank, &axis, err));
        if (reduced[axis]) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "axis %d appears twice", axis);
        reduced[axis] = true;
    }
    return GALEN_OK;
}

static galen_status set_reduced(const gal_node *node, const bool reduced[GALEN_MAX_RANK], galen_dtype dtype,
                                galen_error *err) {
    const gal_shape *from = &node->in[0]->shape;
    bool keep;
    GAL_TRY(gal_need_flag(node, "keepdims", true, &keep, err));
    gal_shape shape = {0};
    for (int i = 0; i < from->rank; i++) {
        if (!reduced[i])
            shape.dim[shape.rank++] = from->dim[i];
        else if (keep)
            shape.dim[shape.rank++] = gal_dim_fixed(1);
    }
    return gal_set_output(node, 0, dtype, &shape, err);
}

static galen_status infer(const gal_node *node, uint32_t mask, galen_error *err) {
    bool reduced[GALEN_MAX_RANK];
    GAL_TRY(gal_need_dtype(node, 0, mask, err));
    GAL_TRY(read_axes(node, reduced, err));
    return set_reduced(node, reduced, node->in[0]->dtype, err);
}

/* ---- walking ---- */

typedef struct job {
    const galen_tensor *in;
    galen_tensor *out;
    int kept_rank, cut_rank; /* dimensions of outputs, and of what one output is made of */
    int64_t kept[GALEN_MAX_RANK], kept_stride[GALEN_MAX_RANK];
    int64_t cut[GALEN_MAX_RANK], cut_stride[GALEN_MAX_RANK];
    int64_t cut_count;
    const struct rule *rule;
    bool last; /* of equal elements the last one wins */
} job;

/* Reduces the elements at `in` into output number `at`. */
typedef void (*rule_fn)(const job *j, const uint8_t *in, int64_t at);

typedef struct rule {
    rule_fn fn;
    bool largest;
} rule;

static void plan(job *j, const bool reduced[GALEN_MAX_RANK]) {
    int64_t stride[GALEN_MAX_RANK];
    gal_dense_strides(j->in, stride);
    j->cut_count = 1;
    for (int i = 0; i < j->in->rank; i++) {
        if (reduced[i]) {
            j->cut[j->cut_rank] = j->in->dim[i];
            j->cut_stride[j->cut_rank++] = stride[i];
            j->cut_count *= j->in->dim[i];
        } else {
            j->kept[j->kept_rank] = j->in->dim[i];
            j->kept_stride[j->kept_rank++] = stride[i];
        }
    }
    if (j->cut_rank == 0) { /* every output is one element */
        j->cut[0] = 1;
        j->cut_stride[0] = 0;
        j->cut_rank = 1;
    }
}

/* Steps through the reduced elements in row-major order; false at the end. */
static inline bool next(const job *j, int64_t index[GALEN_MAX_RANK], const uint8_t **in) {
    for (int i = j->cut_rank - 1; i >= 0; i--) {
        *in += j->cut_stride[i];
        if (++index[i] < j->cut[i]) return true;
        *in -= j->cut[i] * j->cut_stride[i];
        index[i] = 0;
    }
    return false;
}

static void one_output(void *context, size_t at) {
    const job *j = context;
    const uint8_t *in = j->in->data;
    int64_t rest = (int64_t)at;
    for (int i = j->kept_rank - 1; i >= 0; i--) {
        in += rest % j->kept[i] * j->kept_stride[i];
        rest /= j->kept[i];
    }
    j->rule->fn(j, in, (int64_t)at);
}

static galen_status run(const gal_call *call, const rule *r, const bool reduced[GALEN_MAX_RANK], bool last) {
    job j = {.in = call->in[0], .out = call->out[0], .rule = r, .last = last};
    plan(&j, reduced);
    int64_t n = galen_tensor_elements(j.out);
    if (n > 0) gal_pool_run(call->pool, one_output, &j, (size_t)n);
    return GALEN_OK;
}

static galen_status reduce(const gal_call *call, const rule *r, galen_error *err) {
    bool reduced[GALEN_MAX_RANK];
    GAL_TRY(read_axes(call->node, reduced, err));
    return run(call, r, reduced, false);
}

/* ---- rules ---- */

/* Float and integer accumulation of `step` from `start`, and `finish` on the float result. Integers wrap. */
#define FOLD(name, start, step, int_step, finish)                                                                      \
    static void name##_fold(const job *j, const uint8_t *in, int64_t at) {                                             \
        galen_dtype t = j->in->dtype;                                                                                  \
        int64_t index[GALEN_MAX_RANK] = {0};                                                                           \
        uint8_t *out = (uint8_t *)j->out->data + (size_t)at * galen_dtype_size(t);                                     \
        bool more = j->cut_count > 0;                                                                                  \
        if (gal_dtype_is_float(t)) {                                                                                   \
            const double count = (double)j->cut_count;                                                                 \
            double sum = (start);                                                                                      \
            (void)count;                                                                                               \
            for (; more; more = next(j, index, &in)) {                                                                 \
                double x = t == GALEN_F32 ? (double)gal_ld_f32(in) : gal_load_f64(t, in);                              \
                sum = (step);                                                                                          \
            }                                                                                                          \
            gal_store_float(t, out, (finish));                                                                         \
            return;                                                                                                    \
        }                                                                                                              \
        uint64_t sum = (start);                                                                                        \
        for (; more; more = next(j, index, &in)) {                                                                     \
            uint64_t x = (uint64_t)gal_load_i64(t, in);                                                                \
            sum = (int_step);                                                                                          \
        }                                                                                                              \
        gal_store_int(t, out, (int64_t)sum);                                                                           \
    }

#define REDUCTION(op, name, mask)                                                                                      \
    galen_status gal_##op##_infer(gal_graph *graph, gal_node *node, galen_error *err) {                                \
        (void)graph;                                                                                                   \
        return infer(node, mask, err);                                                                                 \
    }                                                                                                                  \
    galen_status gal_##op##_run(const gal_call *call, galen_error *err) {                                              \
        return reduce(call, &name##_rule, err);                                                                        \
    }

enum { WIDE = GAL_BIT(GALEN_I32) | GAL_BIT(GALEN_I64) | GAL_BIT(GALEN_U32) | GAL_BIT(GALEN_U64) };

FOLD(sum, 0, sum + x, sum + x, sum)
FOLD(prod, 1, sum *x, sum *x, sum)
FOLD(l1, 0, sum + fabs(x), sum + ((int64_t)x < 0 && !gal_dtype_is_unsigned(t) ? 0 - x : x), sum)
FOLD(l2, 0, sum + x * x, sum + x * x, sqrt(sum))
FOLD(square, 0, sum + x * x, sum + x * x, sum)
FOLD(log_sum, 0, sum + x, sum + x, gal_ref_log(sum))
FOLD(mean_float, 0, sum + x, sum + x, sum / count)

static const rule sum_rule = {sum_fold, false}, prod_rule = {prod_fold, false}, l1_rule = {l1_fold, false};
static const rule l2_rule = {l2_fold, false}, square_rule = {square_fold, false}, log_sum_rule = {log_sum_fold, false};

REDUCTION(reducesum, sum, GAL_FLOATS | WIDE)
REDUCTION(reducel1, l1, GAL_FLOATS | WIDE)
REDUCTION(reducel2, l2, GAL_FLOATS)
REDUCTION(reducesumsquare, square, GAL_FLOATS | WIDE)
REDUCTION(reducelogsum, log_sum, GAL_FLOATS)

/* Mean of integers is the truncated quotient of the wrapped sum. */
static void mean_of(const job *j, const uint8_t *in, int64_t at) {
    galen_dtype t = j->in->dtype;
    if (gal_dtype_is_float(t)) {
        mean_float_fold(j, in, at);
        return;
    }
    int64_t index[GALEN_MAX_RANK] = {0};
    bool more = j->cut_count > 0;
    uint64_t sum = 0;
    for (; more; more = next(j, index, &in)) sum += (uint64_t)gal_load_i64(t, in);
    uint64_t n = j->cut_count > 0 ? (uint64_t)j->cut_count : 1;
    int64_t mean = gal_dtype_is_unsigned(t) ? (int64_t)(sum / n) : (int64_t)sum / (int64_t)n;
    gal_store_int(t, (uint8_t *)j->out->data + (size_t)at * galen_dtype_size(t), mean);
}

/* log(sum(exp(x))), shifted by the largest so that nothing overflows. */
static void log_sum_exp(const job *j, const uint8_t *first, int64_t at) {
    galen_dtype t = j->in->dtype;
    int64_t index[GALEN_MAX_RANK] = {0};
    double top = -INFINITY, sum = 0;
    const uint8_t *in = first;
    for (bool more = j->cut_count > 0; more; more = next(j, index, &in)) {
        double x = gal_load_f64(t, in);
        if (x > top || isnan(x)) top = x;
    }
    double shift = isfinite(top) ? top : 0;
    in = first;
    for (bool more = j->cut_count > 0; more; more = next(j, index, &in))
        sum += gal_ref_exp(gal_load_f64(t, in) - shift);
    gal_store_float(t, (uint8_t *)j->out->data + (size_t)at * galen_dtype_size(t), gal_ref_log(sum) + shift);
}

/* The position of the extreme element along the reduced dimensions. */
static int64_t extreme(const job *j, const uint8_t *in, const uint8_t **where) {
    int64_t index[GALEN_MAX_RANK] = {0}, best = 0, position = 0;
    uint64_t best_key = 0;
    *where = in;
    for (bool more = true; more; more = next(j, index, &in), position++) {
        uint64_t key = gal_order_key(j->in->dtype, in, j->rule->largest);
        if (!j->rule->largest) key = ~key;
        if (position > 0 && (j->last ? key < best_key : key <= best_key)) continue;
        best_key = key;
        best = position;
        *where = in;
    }
    return best;
}

static void extreme_value(const job *j, const uint8_t *in, int64_t at) {
    size_t size = galen_dtype_size(j->in->dtype);
    const uint8_t *where;
    extreme(j, in, &where);
    memcpy((uint8_t *)j->out->data + (size_t)at * size, where, size);
}

static void extreme_index(const job *j, const uint8_t *in, int64_t at) {
    const uint8_t *where;
    ((int64_t *)j->out->data)[at] = extreme(j, in, &where);
}

static const rule mean_rule = {mean_of, false};
static const rule log_sum_exp_rule = {log_sum_exp, false};
static const rule max_rule = {extreme_value, true}, min_rule = {extreme_value, false};
static const rule argmax_rule = {extreme_index, true}, argmin_rule = {extreme_index, false};

REDUCTION(reducemean, mean, GAL_FLOATS | WIDE)
REDUCTION(reducelogsumexp, log_sum_exp, GAL_FLOATS)

/* ---- known at load, and what needs at least one element ---- */

galen_status gal_reduceprod_infer(gal_graph *graph, gal_node *node, galen_error *err) {
    gal_dim all[GAL_KNOWN_MAX];
    gal_shape product = {.rank = 1, .dim = {gal_dim_fixed(1)}};
    bool reduced[GALEN_MAX_RANK];
    size_t count;
    GAL_TRY(infer(node, GAL_FLOATS | WIDE, err));
    GAL_TRY(read_axes(node, reduced, err));
    if (node->in[0]->shape.rank != 1 || !reduced[0] || !gal_known_of(node->in[0], all, &count)) return GALEN_OK;
    for (size_t i = 0; i < count; i++) {
        gal_shape pair = {.rank = 2, .dim = {product.dim[0], all[i]}};
        if (!gal_shape_product(&pair, 0, 2, &product.dim[0])) return GALEN_OK;
    }
    return gal_know(graph, node, product.dim, 1, err);
}

galen_status gal_reduceprod_run(const gal_call *call, galen_error *err) {
    return reduce(call, &prod_rule, err);
}

static galen_status need_elements(const gal_node *node, const bool reduced[GALEN_MAX_RANK], galen_error *err) {
    const gal_shape *shape = &node->in[0]->shape;
    for (int i = 0; i < shape->rank; i++)
        if (reduced[i] && shape->dim[i].size == 0)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "axis %d is empty and has no extreme element", i);
    return GALEN_OK;
}

static galen_status infer_extreme(const gal_node *node, galen_error *err) {
    bool reduced[GALEN_MAX_RANK];
    GAL_TRY(infer(node, GAL_FLOATS | WIDE | GAL_BIT(GALEN_I8) | GAL_BIT(GALEN_U8), err));
    GAL_TRY(read_axes(node, reduced, err));
    return need_elements(node, reduced, err);
}

#define EXTREME(op, r)                                                                                                 \
    galen_status gal_##op##_infer(gal_graph *graph, gal_node *node, galen_error *err) {                                \
        (void)graph;                                                                                                   \
        return infer_extreme(node, err);                                                                               \
    }                                                                                                                  \
    galen_status gal_##op##_run(const gal_call *call, galen_error *err) {                                              \
        return reduce(call, &r, err);                                                                                  \
    }

EXTREME(reducemax, max_rule)
EXTREME(reducemin, min_rule)

static galen_status arg_axis(const gal_node *node, bool reduced[GALEN_MAX_RANK], galen_error *err) {
    int axis;
    GAL_TRY(gal_need_axis(node, gal_attr_int(node, "axis", 0), node->in[0]->shape.rank, &axis, err));
    for (int i = 0; i < GALEN_MAX_RANK; i++) reduced[i] = i == axis;
    return GALEN_OK;
}

static galen_status infer_arg(const gal_node *node, galen_error *err) {
    bool reduced[GALEN_MAX_RANK], last;
    GAL_TRY(gal_need_dtype(node, 0, GAL_FLOATS | GAL_INTS, err));
    GAL_TRY(gal_need_flag(node, "select_last_index", false, &last, err));
    GAL_TRY(arg_axis(node, reduced, err));
    GAL_TRY(need_elements(node, reduced, err));
    return set_reduced(node, reduced, GALEN_I64, err);
}

#define ARG(op, r)                                                                                                     \
    galen_status gal_##op##_infer(gal_graph *graph, gal_node *node, galen_error *err) {                                \
        (void)graph;                                                                                                   \
        return infer_arg(node, err);                                                                                   \
    }                                                                                                                  \
    galen_status gal_##op##_run(const gal_call *call, galen_error *err) {                                              \
        bool reduced[GALEN_MAX_RANK];                                                                                  \
        GAL_TRY(arg_axis(call->node, reduced, err));                                                                   \
        return run(call, &r, reduced, gal_attr_int(call->node, "select_last_index", 0) == 1);                          \
    }

ARG(argmax, argmax_rule)
ARG(argmin, argmin_rule)
