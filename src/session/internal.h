/* What a session is made of; shared by the files of this room only. */
#ifndef GAL_SESSION_INTERNAL_H
#define GAL_SESSION_INTERNAL_H

#include "base/sha256.h"
#include "cpu/kernel.h"
#include "session/session.h"

typedef enum gal_home {
    GAL_HOME_ARENA,    /* index unused, offset in the session's arena */
    GAL_HOME_CONSTANT, /* the constant's own memory */
    GAL_HOME_INPUT,    /* the caller's memory of input `index`: never written */
    GAL_HOME_OUTPUT,   /* the caller's memory of output `index` */
} gal_home;

/* One piece of memory, shared by a value, its views and what is computed in place over it. */
typedef struct gal_block {
    gal_home home;
    uint32_t index;
    size_t bytes;         /* at the largest batch */
    uint32_t first, last; /* steps in which it is alive; last is the number of steps when it leaves the run */
    bool local;           /* lives in the slices of one segment: `offset` counts from the slice's start */
    size_t offset;
    void *data; /* of a constant or in the arena */
} gal_block;

/* Where a value lies among the channels of a concatenation's output. */
typedef struct gal_slice {
    const gal_value *root; /* the output, which lies in it too; NULL: the value has memory of its own */
    int64_t offset;        /* elements from a pixel of root to the value's */
} gal_slice;

/* A value that takes part in the run. */
typedef struct gal_slot {
    const gal_value *value;
    uint32_t block;
    size_t offset;       /* bytes from the start of the block */
    int64_t pitch;       /* elements from one row of the last dimension to the next; 0: dense */
    galen_tensor tensor; /* dims for the batch last run */
} gal_slot;

typedef struct gal_step {
    const gal_node *node;
    const gal_kernel *kernel;    /* NULL: the op's reference */
    const galen_tensor **in;     /* n_in for the whole batch, NULL where omitted; then as many for each lane */
    galen_tensor **out;          /* n_out, likewise */
    int64_t in_pitch, out_pitch; /* of gal_call; 0: dense */
    void *packed, *scratch;      /* scratch: of a step that runs on the whole batch */
    const struct gal_step *same; /* an earlier step that packs the same weights in the same way: its are read */
    int64_t outputs;             /* columns of weights packed in parts (gal_kernel_needs) */
    size_t packed_bytes, scratch_bytes, scratch_offset; /* offset: in the slice of a step that runs in groups */
    size_t why, why_size;                               /* text in the session's why buffer */
    bool is_view;                                       /* the output is the input's memory: nothing to run */
    bool is_joined;                                     /* a Concat whose inputs lie in its output: is_view as well */
} gal_step;

/* An output whose memory is not written directly: copied at the end of a run. */
typedef struct gal_copy {
    uint32_t slot, output;
} gal_copy;

/*
 * Consecutive steps that run together: all of them for one group of images, then all of them for the next. Threads take
 * whole groups (throughput mode); where the batch is too small for that all threads share each step of a group (latency
 * mode). What lives only here has room for one group in each thread's slice of the arena. A segment with group 0 runs
 * each step once for the whole batch, with all threads.
 */
typedef struct gal_segment {
    uint32_t first, end;  /* steps [first, end) */
    int64_t group;        /* images at most; 0: the whole batch */
    int64_t least;        /* images for each thread from which threads take whole groups */
    size_t offset, slice; /* of the first slice in the arena, and bytes from one to the next */
    uint32_t *slot;       /* what its steps read and write, each once */
    uint32_t n_slot;
} gal_segment;

/* What a thread needs to run groups of its own. */
typedef struct gal_lane {
    galen_tensor *tensor; /* by slot, for the group in work */
    double *seconds;      /* by step, when profiling */
    size_t failed;        /* first group that failed, SIZE_MAX: none */
    galen_status status;
    galen_error error;
} gal_lane;

/* One call of a row's pack() that every run begins with: it reads a variable. */
typedef struct gal_repack {
    const gal_step *step;
    gal_columns part;
} gal_repack;

struct gal_session {
    gal_graph *graph;
    gal_arena store; /* everything below that is not named otherwise */
    gal_isa isa;
    galen_dtype precision;
    int64_t max_batch, batch; /* batch the slots' dims are set for; 0: none yet */
    gal_pool *pool;
    bool owns_pool, unchecked, plan_only;
    gal_step *step;
    uint32_t n_step;
    gal_repack *repack;
    size_t n_repack;
    gal_slot *slot;
    uint32_t n_slot;
    uint32_t *slot_of; /* by value id, UINT32_MAX: takes no part */
    gal_slice *slice;  /* by value id; NULL: there are none */
    gal_block *block;
    uint32_t n_block;
    gal_copy *copy;
    uint32_t n_copy;
    gal_segment *segment;
    uint32_t n_segment;
    gal_lane *lane; /* one a thread, none when no segment has groups */
    int n_lane;
    uint8_t *arena, *packed; /* aligned allocations */
    gal_file packed_map;     /* the file that packed lies in, then read only; its data is NULL when it was allocated */
    size_t arena_bytes, lower_bound, packed_bytes;
    gal_buf why;
};

/*
 * Decides which values are slices of a concatenation's output, and adds galen.Copy nodes for inputs that cannot be.
 * Needs a step for each node, with its kernel; the nodes it adds have none yet. Sets session->slice.
 */
galen_status gal_session_join(gal_session *session, galen_error *err);

/* The output of `node` can be its input's memory under another shape. */
bool gal_session_can_view(const gal_session *session, const gal_node *node);

/* Makes slots and blocks: which values share memory, whose memory it is, and when it is alive. Needs the steps. */
galen_status gal_session_place(gal_session *session, galen_error *err);

/* The node's op gives every item of the batch the same result when it is run on a few items at a time. */
bool gal_session_treats_items_apart(const gal_node *node);

/* Cuts the steps into segments by the cost model, or as the options force it. Needs steps with kernels, and blocks. */
galen_status gal_session_schedule(gal_session *session, const gal_session_options *options, galen_error *err);

/* Lanes with their tensors, the arena, and where everything lies in it. Needs the segments. */
galen_status gal_session_lay_out(gal_session *session, galen_error *err);

/* Bytes of one item of a block that holds items. */
static inline size_t gal_session_item_bytes(const gal_session *session, const gal_block *block) {
    return block->bytes / (size_t)session->max_batch;
}

/* Fills the packed weights or finds them in the options' cache, and lets go of the pages of constants nobody reads any
 * more. */
galen_status gal_session_pack(gal_session *session, const gal_session_options *options, galen_error *err);

/* Packs again what is packed from variables: the steps spread over the pool. */
void gal_session_repack(gal_session *session);

/* GALEN_ERR_ARGUMENT when an earlier session has let go of a constant of this graph. */
galen_status gal_session_check_constants(const gal_graph *graph, galen_error *err);

/* NaN or infinity in a float tensor of this value is GALEN_ERR_NUMERIC that names it and the item. */
galen_status gal_session_check_finite(const gal_value *value, const galen_tensor *tensor, galen_error *err);

#endif
