/* Plan and execute: the only place that runs a graph. */
#ifndef GAL_SESSION_H
#define GAL_SESSION_H

#include "base/file.h"
#include "base/pool.h"
#include "cpu/isa.h"
#include "graph/graph.h"

typedef struct gal_session gal_session;

typedef struct gal_session_options {
    int64_t max_batch;     /* the plan's N; any batch from 1 to it runs at once */
    int threads;           /* 0: all this process may use; ignored when pool is given */
    gal_isa isa;           /* the highest level to use */
    galen_dtype precision; /* of activations and weights: GALEN_F32, GALEN_BF16 or GALEN_F16 (sums in f32; need
                              optimise); 0: the file's own, gal_graph_half_type or f32 */
    bool optimise;         /* false: no passes (the model exactly as written, for tests) */
    bool unchecked;        /* outputs are not looked through for NaN and infinity: the caller does that (training) */
    bool plan_only;        /* nothing is packed or given memory: for the sizes below; running it is an error */
    bool copy_concats;     /* true: every concatenation copies (for tests and measurements) */
    gal_pool *pool;        /* shared pool, outlives the session; NULL: the session makes its own */
    int64_t group; /* images a group (see gal_session_segment): 0 chosen by a cost model, which is how to use it;
                      GAL_GROUP_WHOLE never; else that many wherever possible, for tests */
    uint32_t cut;  /* with a forced group: the most steps a segment has, 0: any number */
    const gal_file
        *file; /* mapped files that hold the constants (gal_model's), or NULL: pages read for packing are given back */
    size_t n_file;
    const char *cache;           /* folder where packed weights are kept and shared (cache.h), or NULL: nowhere */
    struct gal_sha256_job *hash; /* of the model, which names them there (gal_model's); NULL: no cache */
} gal_session_options;

#define GAL_GROUP_WHOLE INT64_MAX

/* max_batch 1, all threads, the level detected, the file's own precision, passes on. */
gal_session_options gal_session_default_options(void);

/*
 * Takes `graph` over and rewrites it: the caller destroys it after the session and must not change it meanwhile.
 * Constants are packed where a kernel wants that, and large ones that nobody else reads lose their data then. On
 * failure the graph is still the caller's to destroy.
 */
galen_status gal_session_create(gal_graph *graph, const gal_session_options *options, gal_session **out,
                                galen_error *err);
void gal_session_destroy(gal_session *session);

/*
 * Runs `batch` items. in[i] points to input i (the graph's order and types, dense, at its declared shape for that
 * batch); out[i] receives output i. Allocates nothing. One call at a time per session. NaN or infinity in a float
 * output is GALEN_ERR_NUMERIC that names the output and item (outputs are still written).
 *
 * A variable of the graph (gal_graph_make_variable) counts as it is at the start of the run. out[i] may be its memory
 * where output i is made by an element-wise node, the last one to read the variable: an optimiser's step.
 */
galen_status gal_session_run(gal_session *session, int64_t batch, const void *const *in, void *const *out,
                             galen_error *err);

/*
 * The same run, scheduled the same way, with seconds[i] the time of step i (gal_session_steps of them; copies and
 * checks at the end count to none): summed over the groups of images, and where threads work on groups of their own
 * divided by the number of threads, so that the steps of a busy run add up to its length. After GALEN_ERR_NUMERIC the
 * times are valid too.
 */
galen_status gal_session_profile(gal_session *session, int64_t batch, const void *const *in, void *const *out,
                                 double *seconds, galen_error *err);

/*
 * Called after step `step` (gal_session_step) with what it wrote: n_out tensors, NULL where omitted, valid during the
 * call. `pitch` is the number of elements from one row of out[0]'s last dimension to the next: more than the dimension
 * where the row lies in a wider tensor.
 */
typedef galen_status (*gal_observe_fn)(void *context, size_t step, const galen_tensor *const *out, int64_t pitch,
                                       galen_error *err);
/* Runs one item (batch 1) with `fn` called after each step, views too. What it returns other than GALEN_OK ends the
 * run. */
galen_status gal_session_observe(gal_session *session, const void *const *in, void *const *out, gal_observe_fn fn,
                                 void *context, galen_error *err);

struct gal_kernel; /* cpu/kernel.h */

/* One planned step, for profiles and --verbose. */
typedef struct gal_step_info {
    const gal_node *node;
    const struct gal_kernel *row; /* the fast row, NULL: the reference or a view */
    const char *kernel;           /* name of the fast row or "reference" */
    const char *why;              /* why_size bytes, lines: faster rows passed over and why */
    size_t why_size;
    bool is_view; /* nothing to run: the output is the input's memory */
} gal_step_info;

/* Steps [first, end) run together for `group` images at a time, with a thread for each group when the batch has `least`
 * images for each thread; group 0: each step for the whole batch. */
typedef struct gal_segment_info {
    size_t first, end;
    int64_t group, least;
    size_t slice_bytes; /* of activations and scratch memory a thread holds while it runs a group */
} gal_segment_info;

size_t gal_session_steps(const gal_session *session);
gal_step_info gal_session_step(const gal_session *session, size_t index);
size_t gal_session_segments(const gal_session *session);
gal_segment_info gal_session_segment(const gal_session *session, size_t index);
size_t gal_session_arena_bytes(const gal_session *session);  /* planned activations at max_batch */
size_t gal_session_lower_bound(const gal_session *session);  /* largest sum of activations alive at once */
size_t gal_session_packed_bytes(const gal_session *session); /* weights in kernel order */
gal_isa gal_session_isa(const gal_session *session);
galen_dtype gal_session_precision(const gal_session *session);
/* For people: "f32", "bf16", "f16", or "int8" when the model itself is quantised. Static storage. */
const char *gal_session_precision_name(const gal_session *session);
/* A precision by name, "f32", "bf16" or "f16"; NULL is GALEN_DTYPE_NONE, the file's own. */
galen_status gal_precision_parse(const char *name, galen_dtype *out, galen_error *err);

/* One line for each segment, then one for each step, then one, indented, for each faster kernel row that was passed
 * over and why. */
void gal_session_explain(const gal_session *session, gal_buf *out);

#endif
