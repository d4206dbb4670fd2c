/*
 * The IR: an SSA graph of ONNX operators in the semantics of opset 17.
 *
 * Older opsets are rewritten to this form when a model is read, so that no op has two meanings inside. Ranks are
 * static; dimensions are known numbers or known multiples of the batch size N. Values and nodes live in the graph's
 * arena and die with it.
 */
#ifndef GAL_GRAPH_H
#define GAL_GRAPH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"

#include <galen/status.h>
#include <galen/tensor.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct gal_op gal_op;
typedef struct gal_node gal_node;
typedef struct gal_value gal_value;

/* A dimension (or one element of a shape tensor): size, or size * N. */
typedef struct gal_dim {
    int64_t size;
    bool batch;
} gal_dim;

typedef struct gal_shape {
    int rank;
    gal_dim dim[GALEN_MAX_RANK];
} gal_shape;

gal_dim gal_dim_fixed(int64_t size);
bool gal_dim_equal(gal_dim a, gal_dim b);
int64_t gal_dim_at(gal_dim dim, int64_t batch);
bool gal_shape_equal(const gal_shape *a, const gal_shape *b);
bool gal_shape_is_fixed(const gal_shape *shape); /* no dimension depends on N */
gal_shape gal_shape_of_tensor(const galen_tensor *tensor);
/* dim[i] of `out` for batch size N; data is left NULL. */
void gal_shape_at(const gal_shape *shape, galen_dtype dtype, int64_t batch, galen_tensor *out);
/* Product of dimensions [from, to). false when it would need N squared or does not fit. */
bool gal_shape_product(const gal_shape *shape, int from, int to, gal_dim *out);
/* "[N, 3, 64, 64]" into `out`. */
void gal_shape_text(const gal_shape *shape, gal_buf *out);

typedef enum gal_attr_type {
    GAL_ATTR_FLOAT = 1, /* values equal ONNX AttributeProto.AttributeType */
    GAL_ATTR_INT = 2,
    GAL_ATTR_STRING = 3,
    GAL_ATTR_TENSOR = 4,
    GAL_ATTR_FLOATS = 6,
    GAL_ATTR_INTS = 7,
} gal_attr_type;

typedef struct gal_attr {
    const char *name;
    gal_attr_type type;
    int64_t i;
    float f;
    const char *s; /* NUL-terminated */
    const galen_tensor *tensor;
    const int64_t *ints;
    const float *floats;
    size_t count; /* of ints or floats */
} gal_attr;

/* One place where a value is read: links of the value's list of uses. */
typedef struct gal_use {
    gal_node *node;
    uint32_t index; /* node->in[index] is the value */
    struct gal_use *next, *prev;
} gal_use;

struct gal_value {
    uint32_t id;
    const char *name; /* unique in the graph */
    galen_dtype dtype;
    gal_shape shape;
    const galen_tensor *constant; /* the data when it is known at load, else NULL; borrowed or in the arena */
    const gal_dim *known; /* integer tensors of rank <= 1: every element as number or multiple of N, else NULL */
    gal_node *producer;   /* NULL for graph inputs and constants */
    gal_use *uses;
    bool is_input, is_output;
    bool is_variable; /* a constant whose data its owner changes between runs (gal_graph_make_variable) */
    bool made_up;     /* the name is nobody's: it was found for a value that was made without one */
    const char
        *origin; /* gal_graph_note_origins: the noted value that this one is, up to order and rounding, or NULL */
};

struct gal_node {
    uint32_t id;
    const gal_op *op;
    const char *name;
    uint32_t n_in, n_out, n_attr;
    gal_value **in;  /* in[i] is NULL for an omitted optional input */
    gal_value **out; /* out[i] is NULL for an omitted optional output */
    gal_attr *attr;
    gal_use *use;           /* use[i] links in[i] into its value's uses */
    const char *stands_for; /* ops a pass merged into this node, e.g. "Conv+Add+Relu"; NULL if it came with the model */
    gal_node *prev, *next;  /* topological order */
};

typedef struct gal_graph {
    gal_arena arena;
    const gal_file *file; /* mapped files that constants may lie in; the model's, which outlives the graph's use */
    size_t n_file;
    const char *name;
    gal_node *first, *last;
    gal_value **input, **output; /* in declaration order, constants excluded */
    uint32_t n_input, n_output;
    gal_value **value; /* every value ever made, by id */
    uint32_t n_value, cap_value, n_node, next_node;
    struct gal_names *names; /* value names in use */
} gal_graph;

enum { GAL_GRAPH_MAX_NODES = 1 << 20, GAL_GRAPH_MAX_VALUES = 1 << 22, GAL_KNOWN_MAX = 64 };

galen_status gal_graph_create(const char *name, gal_graph **out, galen_error *err);
void gal_graph_destroy(gal_graph *graph);

/* A new value without producer, type or shape; `name` NULL makes one up. For the builder's own use. */
galen_status gal_graph_value(gal_graph *graph, const char *name, gal_value **out, galen_error *err);

/* An input fed at run time. `name` must be new. */
galen_status gal_graph_input(gal_graph *graph, const char *name, galen_dtype dtype, const gal_shape *shape,
                             gal_value **out, galen_error *err);

/*
 * A constant. The data is borrowed: it must outlive the graph (a mapped file) or lie in graph->arena.
 * `name` may be NULL: one is made up.
 */
galen_status gal_graph_constant(gal_graph *graph, const char *name, const galen_tensor *tensor, gal_value **out,
                                galen_error *err);
/* A constant whose data is a zeroed tensor in the arena for the caller to fill before the next node is added. */
galen_status gal_graph_new_constant(gal_graph *graph, const char *name, galen_dtype dtype, int rank, const int64_t *dim,
                                    gal_value **out, galen_error *err);
/*
 * From now on `value`, a floating-point constant, has its data in `data` (as many bytes, 64-byte aligned, the caller's,
 * outliving the graph's use), which starts as a copy and may change between runs: a weight in training. Kernels that
 * pack it do so again in every run. Passes take constants for what they are now, so this comes after the last of them.
 */
galen_status gal_graph_make_variable(gal_graph *graph, gal_value *value, void *data, galen_error *err);
/* A rank-1 i64 constant. */
galen_status gal_graph_ints(gal_graph *graph, const char *name, const int64_t *v, size_t n, gal_value **out,
                            galen_error *err);

typedef struct gal_node_spec {
    const char *domain; /* "" or NULL for ONNX, "galen" for ops made by passes */
    const char *op;
    const char *name; /* NULL: made up */
    uint32_t n_in, n_out, n_attr;
    gal_value *const *in;
    const char *const *out_name; /* NULL, or names for outputs; an empty name omits that optional output */
    const gal_attr *attr;        /* copied, with what it points to except tensors' data */
    const char *stands_for;
    gal_node *before; /* insert in front of this node; NULL appends */
} gal_node_spec;

/*
 * Adds a node, checks arity, attributes and types, and infers its outputs' types and shapes. Errors name the node and
 * the op. The outputs are in (*out)->out.
 */
galen_status gal_graph_node(gal_graph *graph, const gal_node_spec *spec, gal_node **out, galen_error *err);

galen_status gal_graph_mark_output(gal_graph *graph, gal_value *value, galen_error *err);

/*
 * From here on every value remembers by name which of today's values it is: gal_graph_replace hands the name on to what
 * takes a value's place, and to what that is only another form of (a transposed, converted or reshaped one).
 */
void gal_graph_note_origins(gal_graph *graph);
/* The name noted for `value`, or for what it is another form of; NULL when none is. */
const char *gal_value_origin(const gal_value *value);

/* Every reader of `old` (and the output list) reads `by` instead. An output keeps its name, and a name that somebody
 * gave stands in for one that was made up: the names are swapped. */

/* Nobody reads these bytes of a constant any more: their pages go back to the system, whether they lie in the graph's
 * arena (and read as zeros then) or in a mapped file. */
void gal_graph_discard(gal_graph *graph, const void *data, size_t bytes);

/* Every reader of `old` (and the output list) reads `by` instead. An output keeps its name: the names are swapped. */
void gal_graph_replace(gal_graph *graph, gal_value *old, gal_value *by);
void gal_node_set_input(gal_node *node, uint32_t index, gal_value *value);
/* Unlinks a node whose outputs nobody reads. */
void gal_graph_remove(gal_graph *graph, gal_node *node);
/* Turns graph input `value` (or any value) into a constant and forgets its producer. */
galen_status gal_graph_bind(gal_graph *graph, gal_value *value, const galen_tensor *tensor, galen_error *err);
/* Infers all types and shapes again, in order (after gal_graph_bind or a change of an input's shape). */
galen_status gal_graph_infer(gal_graph *graph, galen_error *err);

gal_value *gal_graph_find(const gal_graph *graph, const char *name); /* a value by name, or NULL */
bool gal_value_has_one_use(const gal_value *value);                  /* read once and not a graph output */

/* Checks every invariant above; GALEN_ERR_INTERNAL names the first that is broken. */
galen_status gal_graph_verify(const gal_graph *graph, galen_error *err);

/* A text listing, one node a line, and Graphviz DOT. */
void gal_graph_print(const gal_graph *graph, gal_buf *out);
void gal_graph_dot(const gal_graph *graph, gal_buf *out);

/* Attribute look-up with the default an operator's specification gives. */
const gal_attr *gal_attr_find(const gal_node *node, const char *name);
int64_t gal_attr_int(const gal_node *node, const char *name, int64_t otherwise);
float gal_attr_float(const gal_node *node, const char *name, float otherwise);
const char *gal_attr_string(const gal_node *node, const char *name, const char *otherwise);
/* Ints of the attribute, *count 0 and NULL when absent. */
const int64_t *gal_attr_ints(const gal_node *node, const char *name, size_t *count);

#endif
