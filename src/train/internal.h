/* What a trainer is made of; shared by the files of this room only. */
#ifndef GAL_TRAIN_INTERNAL_H
#define GAL_TRAIN_INTERNAL_H

#include "graph/ops/optimizer.h"
#include "session/session.h"
#include "train/recompute.h"
#include "train/trainer.h"

/* A parameter and what its step reads and writes; data of tensors lies in the trainer's memory, NULL where there is
 * none. */
typedef struct gal_train_slot {
    const char *name;
    gal_value *value;  /* in the graph of runs */
    gal_value *narrow; /* the 16-bit form that graph reads instead, or NULL */
    galen_tensor parameter, gradient, momentum, square, average, rounded; /* rounded: the 16-bit form's memory */
} gal_train_slot;

typedef struct gal_train_running {
    const char *name;
    gal_value *value, *next;
    galen_tensor tensor, saved; /* saved: as after the last step, to go back to */
} gal_train_running;

/* Of dynamic loss scaling. */
enum {
    GAL_SCALE_NOW,  /* a number of f32 */
    GAL_SCALE_GOOD, /* steps made since it changed */
    GAL_SCALE_COUNT
};

struct gal_trainer {
    gal_trainer_options options;
    gal_pool *pool;
    bool owns_pool;
    gal_buf file;    /* the model as ONNX; constants of `base` and `work` lie in it */
    gal_model *base; /* what is exported */
    gal_model *work; /* whose graph is trained */
    gal_graph *update;
    gal_train_network net;
    gal_recomputation again; /* what checkpointing added to a run */
    gal_train_slot *slot;
    size_t n_slot;
    gal_train_running *running;
    size_t n_running;
    uint8_t *memory;
    size_t memory_bytes;
    gal_session *run, *step;
    const void *run_in[5];
    void **run_out, **step_out;
    const void *teacher; /* logits of the runs to come */
    void *predictions;   /* the model's own output of a run: nobody reads it */
    double loss;         /* where a run leaves it; an f32 loss takes the first four bytes */
    double hyper[GAL_HYPER_COUNT], control[GAL_CONTROL_COUNT];
    int64_t seed, steps;
    bool is_scaled;                     /* f16: the gradients of runs are `scale` times too large */
    double scale[GAL_SCALE_COUNT];      /* what a checkpoint keeps of it */
    float run_scale;                    /* the input of runs */
    double *run_seconds, *step_seconds; /* of a profile, or NULL */
    bool fresh;                         /* no run since the last step: gradients count as zero */
};

/* The loss, its gradients and the running statistics of the next step as outputs of work's graph; `next` of statistics
 * is set. Before this the parameters are variables. */
galen_status gal_train_build_run(gal_trainer *t, galen_error *err);
/* The graph of the optimiser's step: one input, hyper; outputs control, then what is new of each slot. */
galen_status gal_train_build_update(gal_trainer *t, galen_error *err);

/* In the order of the outputs: where each lies. Both return the number of outputs and write them to `out` unless it is
 * NULL. */
size_t gal_train_run_outputs(gal_trainer *t, void **out);
size_t gal_train_update_outputs(gal_trainer *t, void **out);

#endif
