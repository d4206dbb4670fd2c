/* How a step of so many pictures fits into so much memory: images of a run, runs of a step, checkpointing. */
#ifndef GAL_TRAIN_BUDGET_H
#define GAL_TRAIN_BUDGET_H

#include "train/trainer.h"

enum { GAL_SEGMENTS_AUTO = -1 }; /* as few as the budget needs */

typedef struct gal_train_budget {
    size_t bytes;     /* to fit into */
    size_t fixed;     /* bytes of what is beside the training, a teacher's weights */
    size_t per_image; /* and for each image of a run: of loading pictures, of a teacher */
} gal_train_budget;

/* batch * runs, the pictures of a step, never changes. */
typedef struct gal_train_plan {
    int64_t batch, runs;
    int64_t segments; /* of checkpointing, 0: none */
    gal_trainer_needs needs;
    size_t bytes; /* estimate of the whole process */
} gal_train_plan;

/*
 * Finds the plan nearest to *plan (batch, runs and segments as wanted) that fits: first as it is, then, when segments
 * are GAL_SEGMENTS_AUTO, with the checkpointing that computes least again, then with smaller runs and more of them. The
 * choice follows from plans alone (sizes, threads and level), never from what is free. `options` says all else; its
 * batch, segments and accumulate are not read. GALEN_ERR_ARGUMENT says how much the smallest plan needs.
 */
galen_status gal_train_fit_budget(const gal_model *model, const gal_trainer_options *options,
                                  const gal_train_budget *budget, gal_train_plan *plan, galen_error *err);

/* The next smaller run: the largest divisor of batch * runs up to half of batch, so that a step sees the same pictures.
 * False at one image. */
bool gal_train_halve(int64_t *batch, int64_t *runs);

#endif
