/* The numbers that optimiser nodes read in each step, and where they lie in the tensor that carries them. */
#ifndef GAL_GRAPH_OPS_OPTIMIZER_H
#define GAL_GRAPH_OPS_OPTIMIZER_H

/* Elements of the f64 tensor `hyper`. */
enum {
    GAL_HYPER_RATE,     /* learning rate */
    GAL_HYPER_DECAY,    /* weight decay */
    GAL_HYPER_BETA1,    /* momentum of galen.Sgd, beta 1 of galen.Adam */
    GAL_HYPER_BETA2,    /* of galen.Adam */
    GAL_HYPER_EPSILON,  /* of galen.Adam */
    GAL_HYPER_BIAS1,    /* 1 - beta1^step, step counted from 1 */
    GAL_HYPER_BIAS2,    /* 1 - beta2^step */
    GAL_HYPER_MAX_NORM, /* gradients are scaled down to this norm; 0: never */
    GAL_HYPER_SCALE,    /* what the gradients are multiplied by first: 1 over the loss scale and the micro-batches */
    GAL_HYPER_EMA,      /* of galen.Ema: the share of the old average */
    GAL_HYPER_COUNT
};

/* Elements of the f64 tensor `control`, galen.GradNorm's output. */
enum {
    GAL_CONTROL_NORM,   /* of all gradients together, after GAL_HYPER_SCALE */
    GAL_CONTROL_FACTOR, /* for each gradient: scale and clipping; 0: the step is skipped, for the norm is no number */
    GAL_CONTROL_COUNT
};

#endif
