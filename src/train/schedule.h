/* Learning rates over the course of a training. */
#ifndef GAL_TRAIN_SCHEDULE_H
#define GAL_TRAIN_SCHEDULE_H

#include <galen/status.h>
#include <stdint.h>

typedef enum gal_schedule_kind {
    GAL_SCHEDULE_CONSTANT,
    GAL_SCHEDULE_COSINE,    /* half a cosine from the rate down to rate * floor (Loshchilov and Hutter, ICLR 2017) */
    GAL_SCHEDULE_STEP,      /* times `factor` after each `every` steps */
    GAL_SCHEDULE_ONE_CYCLE, /* up from rate / 25 over the first 30 %, then down to rate / 1e4 / 25, both as cosines
                               (Smith and Topin, 2017, as PyTorch's OneCycleLR) */
    GAL_SCHEDULE_PLATEAU,   /* times `factor` whenever the metric has not improved for `patience` epochs */
} gal_schedule_kind;

typedef struct gal_schedule {
    gal_schedule_kind kind;
    double rate;     /* the highest */
    int64_t steps;   /* of the whole training */
    int64_t warm_up; /* first steps, in which the rate grows evenly from rate / warm_up */
    double floor;    /* cosine: the last rate as a part of the first */
    double factor;   /* step and plateau */
    int64_t every;   /* step */
    int patience;    /* plateau, in epochs */
} gal_schedule;

/* What a plateau schedule has seen: part of a checkpoint. */
typedef struct gal_plateau {
    double best, scale; /* start with scale 1 and best -INFINITY */
    int waited;
} gal_plateau;

/* "constant", "cosine", "step", "one-cycle", "plateau"; GALEN_ERR_ARGUMENT lists them. */
galen_status gal_schedule_parse(const char *name, gal_schedule_kind *out, galen_error *err);
const char *gal_schedule_name(gal_schedule_kind kind);

/* The rate of step `step`, counted from 0. `plateau` is read by that kind only. */
double gal_schedule_rate(const gal_schedule *schedule, const gal_plateau *plateau, int64_t step);
/* After an epoch: `metric`, the higher the better. */
void gal_schedule_epoch(const gal_schedule *schedule, gal_plateau *plateau, double metric);

#endif
