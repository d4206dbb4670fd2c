/*
 * A model in training: one graph computes loss and gradients of a batch, another makes the optimiser's step. Both are
 * run by ordinary sessions on the same memory, the variables: parameters, running statistics, gradients and the
 * optimiser's state.
 */
#ifndef GAL_TRAIN_TRAINER_H
#define GAL_TRAIN_TRAINER_H

#include "base/pool.h"
#include "cpu/isa.h"
#include "model/onnx.h"
#include "train/network.h"

typedef enum gal_optimizer { GAL_OPTIMIZER_SGD, GAL_OPTIMIZER_ADAM, GAL_OPTIMIZER_ADAMW } gal_optimizer;

/* What the numbers a model gives mean: K separate questions (one: binary), or one of K classes. */
typedef struct gal_train_task {
    bool categorical;
    int64_t classes;
} gal_train_task;

/* See graph/ops/loss.c. */
typedef struct gal_train_loss {
    bool categorical; /* one of K classes; else K separate questions */
    float smoothing, gamma;
    const float *weight; /* K: of the classes, or of positives; NULL: 1 */
    /* Distillation (gal_trainer_teach): (1 - alpha) times the loss of the targets plus alpha T^2 KL(teacher / T ||
     * student / T), over classes, or the mean over questions of yes and no. Weights, smoothing and gamma are of the
     * targets alone. */
    float alpha, temperature; /* 0: no teacher; 0 stands for 1 */
} gal_train_loss;

typedef struct gal_trainer_options {
    gal_train_network_options network;
    gal_train_loss loss;
    gal_optimizer optimizer;
    bool nesterov;   /* SGD */
    bool decay_all;  /* weight decay counts for biases and normalisation too; else for tensors of rank 2 and more */
    bool average;    /* keep an exponential moving average of the parameters */
    bool accumulate; /* gradients of several runs are added before a step */
    galen_dtype precision; /* of activations and products: GALEN_F32 (also 0), or GALEN_BF16 or GALEN_F16 with f32
                              sums, weights and state */
    float loss_scale;      /* f16: what gradients are multiplied by at first; 0: 4096 (gal_trainer_scale) */
    int64_t batch;         /* the most images of a run */
    int64_t segments;      /* gradient checkpointing (recompute.h); below 2: everything is kept */
    gal_isa isa;
    int threads;    /* 0: all this process may use; ignored when pool is given */
    gal_pool *pool; /* outlives the trainer; NULL: it makes its own */
} gal_trainer_options;

/* Hyperparameters of a step; Adam's usual ones are in parentheses. */
typedef struct gal_train_hyper {
    double rate, decay;
    double beta1, beta2, epsilon; /* (0.9, 0.999, 1e-8); SGD reads beta1, its momentum */
    double max_norm;              /* gradients are scaled down to this norm; 0: never */
    double average;               /* share of the old average in a step */
} gal_train_hyper;

typedef struct gal_trainer gal_trainer;

/* f32, Adam, batch 1, the level detected, all threads, loss binary. */
gal_trainer_options gal_trainer_default_options(void);

/* `model` (f32, or f64 for references) is read and stays the caller's. Errors as gal_train_network_make. The caller
 * owns *out. */
galen_status gal_trainer_create(const gal_model *model, const gal_trainer_options *options, gal_trainer **out,
                                galen_error *err);
void gal_trainer_destroy(gal_trainer *trainer);

/* What a trainer would hold, in bytes. */
typedef struct gal_trainer_needs {
    size_t arena;    /* activations, gradients and scratch of a run */
    size_t training; /* all of it: the arena, packed weights, parameters, gradients, state and the model's file */
    size_t beside;   /* more now and then: to ask about as many pictures (score.h), or to write a checkpoint */
    double share;    /* estimate: what checkpointing computes again, as a share of a run's work without it */
    bool normalises; /* some normalisation takes its statistics from the images of a run */
} gal_trainer_needs;

/* Plans a trainer without making it: parameters are in memory meanwhile, activations never. */
galen_status gal_trainer_plan(const gal_model *model, const gal_trainer_options *options, gal_trainer_needs *out,
                              galen_error *err);

gal_train_task gal_trainer_task(const gal_trainer *trainer);
int64_t gal_trainer_batch(const gal_trainer *trainer); /* the most images of a run */
gal_isa gal_trainer_isa(const gal_trainer *trainer);
/* Input image (its shape without N) and number of classes K. */
const gal_shape *gal_trainer_image(const gal_trainer *trainer);
int64_t gal_trainer_classes(const gal_trainer *trainer);

/*
 * Loss and gradients of `batch` images: images [batch, ...] as the model takes them, targets [batch, K] in [0, 1], both
 * of the model's type. With accumulate the gradients are added to those since the last step. seed: of this run's
 * dropout. *loss may be NaN: the step will be left out then.
 */
galen_status gal_trainer_run(gal_trainer *trainer, int64_t batch, const void *images, const void *targets, int64_t seed,
                             double *loss, galen_error *err);

/* With loss.alpha: the teacher's logits [batch, K] for the runs to come, of the model's type; the caller's memory. */
void gal_trainer_teach(gal_trainer *trainer, const void *logits);

/*
 * The optimiser's step on the mean of the gradients of `runs` runs. *norm: of that mean before clipping. When it is no
 * finite number, *skipped is set, and parameters, state and statistics are what they were after the last step.
 */
galen_status gal_trainer_step(gal_trainer *trainer, const gal_train_hyper *hyper, int runs, double *norm, bool *skipped,
                              galen_error *err);

/*
 * What gradients in f16 are multiplied by on their way back, lest small ones become zero: 1.5 times as much after 1,000
 * steps, 0.7 times after a step that was skipped, between 2^-14 and 2^24 (dynamic loss scaling; Micikevicius et al.,
 * ICLR 2018). Steps divide by it in f32. 1 in other precisions.
 */
double gal_trainer_scale(const gal_trainer *trainer);

/* Steps made, skipped ones left out. */
int64_t gal_trainer_steps(const gal_trainer *trainer);
/* The caller has put states back as they were after that many steps. */
void gal_trainer_restored(gal_trainer *trainer, int64_t steps);

/* One tensor of what a checkpoint must hold. */
typedef struct gal_train_state {
    const char *kind; /* "parameter", "statistic", "average", "momentum" (SGD's, Adam's first), "square" or "scale" */
    const char *name; /* of the parameter or statistic it belongs to; of the scale "loss" */
    galen_tensor tensor;
} gal_train_state;

/* Everything that steps change, in a fixed order; tensors are the live memory, which a checkpoint is read back into. */
size_t gal_trainer_states(const gal_trainer *trainer);
gal_train_state gal_trainer_state(const gal_trainer *trainer, size_t index);
/* The gradient of the parameter that is state `index`, or one without data when it is none. For tests. */
galen_tensor gal_trainer_gradient(const gal_trainer *trainer, size_t index);

/* The model as it is now, or with averaged parameters: opset 17, with the metadata it came with. */
galen_status gal_trainer_export(gal_trainer *trainer, bool averaged, gal_buf *out, galen_error *err);

/* Metadata of the exported model. */
galen_status gal_trainer_set_meta(gal_trainer *trainer, const char *key, const char *value, galen_error *err);

/* Sessions for profiles: of a run, and of a step. */
struct gal_session;
struct gal_session *gal_trainer_run_session(const gal_trainer *trainer);
struct gal_session *gal_trainer_step_session(const gal_trainer *trainer);
/* From now on runs and steps leave the seconds of each step of their session there (as many as it has); NULL: not. */
void gal_trainer_time(gal_trainer *trainer, double *run, double *step);

#endif
