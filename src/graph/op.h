/*
 * What an operator is: one row of ops.def with its arity, the attributes it knows, its shape rule, its cost and its
 * plain C reference kernel. The reference is the product; faster kernels (src/cpu) are optional rows beside it.
 */
#ifndef GAL_OP_H
#define GAL_OP_H

#include "base/pool.h"
#include "graph/graph.h"

/* Work of one node for a batch. 1 MAC = 2 FLOP; element-wise work counts in flop only. */
typedef struct gal_cost {
    int64_t mac;
    int64_t flop;       /* all arithmetic, 2 * mac included */
    int64_t bytes_read; /* inputs and weights once */
    int64_t bytes_written;
    int64_t parameters; /* elements of constant inputs, except shape operands */
} gal_cost;

/*
 * One call of a kernel. Tensors are dense and never overlap, except where GAL_OP_INPLACE allowed out[0] == in[0]. Only
 * for a fast row that says it takes pitches (gal_kernel; of the input it names) and for GAL_OP_PITCHED in[0] and out[0]
 * may be slices of wider tensors.
 */
typedef struct gal_call {
    const gal_node *node;
    const galen_tensor *const *in; /* in[i] NULL for an omitted input */
    galen_tensor *const *out;      /* dims are set; NULL for an omitted output */
    void *scratch;                 /* as many bytes as asked for, 64-byte aligned, contents undefined */
    const void *packed;            /* what a fast row's pack() wrote; NULL for references */
    gal_pool *pool;                /* NULL: serial */
    /* Elements from one pixel (a row of the last dimension) of in[0] and out[0] to the next; read by rows that take
     * pitches, and set for those in every call. A row may name another input (gal_kernel.pitched_in). */
    int64_t in_pitch, out_pitch;
} gal_call;

/* The pitch of a dense tensor: its last dimension. */
static inline int64_t gal_dense_pitch(const galen_tensor *tensor) {
    return tensor->rank > 0 ? tensor->dim[tensor->rank - 1] : 1;
}

/*
 * Shape rule: reads node->in (types, shapes, constants, known), checks attributes and types, and sets dtype, shape and,
 * for small integer tensors, `known` of every node->out that is not NULL. Allocates from graph->arena only.
 */
typedef galen_status (*gal_infer_fn)(gal_graph *graph, gal_node *node, galen_error *err);
/* Adds mac and flop for batch size N; the bytes and parameters are filled in by gal_node_cost for every op alike. */
typedef void (*gal_cost_fn)(const gal_node *node, int64_t batch, gal_cost *cost);
/* Computes the outputs. Must not allocate, must not keep state. Fails only on data (index out of range, ...). */
typedef galen_status (*gal_run_fn)(const gal_call *call, galen_error *err);
/* Scratch bytes the reference needs for batch size N. */
typedef size_t (*gal_scratch_fn)(const gal_node *node, int64_t batch);

enum {
    GAL_OP_INPLACE = 1, /* out[0] may be the same memory as in[0] when type and size agree */
    GAL_OP_VIEW = 2,    /* out[0] is in[0]'s bytes under another shape: the executor copies nothing */
    GAL_OP_LAYOUT_FREE =
        4, /* element by element: the same for any order of dimensions (with broadcast operands moved along) */
    /* Made by a pass, never read from a file and never written to one. With N in front of in[0] and of every output it
     * treats the items of a batch apart: it may be run on a few of them at a time. */
    GAL_OP_PRIVATE = 8,
    GAL_OP_PITCHED = 16, /* the reference takes pitches; 0 is dense */
};

struct gal_op {
    const char *domain, *name;
    uint8_t min_in, max_in, min_out, max_out; /* 255: any number */
    uint32_t shape_in; /* bit i: input i is a shape operand, its elements must be known at load */
    uint32_t flags;
    const char *attrs; /* names of the attributes it knows, separated by spaces; any other is refused */
    gal_infer_fn infer;
    gal_cost_fn cost;
    gal_run_fn run;
    gal_scratch_fn scratch;
};

/* The op of that domain ("" or "ai.onnx" is ONNX) and name, or NULL. */
const gal_op *gal_op_find(const char *domain, const char *name);

void gal_node_cost(const gal_node *node, int64_t batch, gal_cost *cost);

/* ---- helpers for shape rules ---- */

/* "node 'x' (Conv): message", GALEN_ERR_FORMAT for a model that breaks the rules, GALEN_ERR_UNSUPPORTED for what Galen
 * lacks. */
__attribute__((format(printf, 4, 5))) galen_status gal_node_fail(const gal_node *node, galen_error *err,
                                                                 galen_status status, const char *format, ...);

/* Requires in[index] to be of one of the types in `mask` (bit galen_dtype). */
galen_status gal_need_dtype(const gal_node *node, uint32_t index, uint32_t mask, galen_error *err);
#define GAL_BIT(dtype) (1u << (dtype))
#define GAL_FLOATS     (GAL_BIT(GALEN_F32) | GAL_BIT(GALEN_F64) | GAL_BIT(GALEN_F16) | GAL_BIT(GALEN_BF16))
#define GAL_INTS                                                                                                       \
    (GAL_BIT(GALEN_U8) | GAL_BIT(GALEN_I8) | GAL_BIT(GALEN_U16) | GAL_BIT(GALEN_I16) | GAL_BIT(GALEN_U32) |            \
     GAL_BIT(GALEN_I32) | GAL_BIT(GALEN_U64) | GAL_BIT(GALEN_I64))
#define GAL_ANY (GAL_FLOATS | GAL_INTS | GAL_BIT(GALEN_BOOL))

/* Elements of shape operand in[index] (rank 0 or 1): count and pointer. Refused by name when they are not known at
 * load. */
galen_status gal_need_known(const gal_node *node, uint32_t index, const gal_dim **dims, size_t *count,
                            galen_error *err);
/* The same where a dimension that depends on N makes no sense (axes, pads, starts). Writes at most `max` numbers. */
galen_status gal_need_ints(const gal_node *node, uint32_t index, int64_t *out, size_t max, size_t *count,
                           galen_error *err);
/* An axis in [-rank, rank) made non-negative. */
galen_status gal_need_axis(const gal_node *node, int64_t axis, int rank, int *out, galen_error *err);
/* NumPy broadcast of two shapes. */
galen_status gal_broadcast(const gal_node *node, const gal_shape *a, const gal_shape *b, gal_shape *out,
                           galen_error *err);
/* out[0] = type and shape of in[0]. */
galen_status gal_infer_same(gal_graph *graph, gal_node *node, galen_error *err);
/* Records the known elements of an integer output (copied); count <= GAL_KNOWN_MAX, else ignored. */
galen_status gal_set_known(gal_graph *graph, gal_value *value, const gal_dim *dims, size_t count, galen_error *err);

#endif
