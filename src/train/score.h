/* How good a model in training is on pictures it does not learn from. */
#ifndef GAL_TRAIN_SCORE_H
#define GAL_TRAIN_SCORE_H

#include "clinic/measures/delong.h"
#include "train/source.h"
#include "train/trainer.h"

/* Logits and targets of all pictures of a source, [count, classes] each. */
typedef struct gal_train_answers {
    gal_train_task task;
    int64_t count;
    float *logit, *target;
} gal_train_answers;

/*
 * Measures of answers. Accuracy: binary questions are decided at a logit of 0, each counting by itself; classes by the
 * largest logit. AUC: of the only question; else the mean over questions, or over classes against the rest. Questions
 * of which only one kind occurs are left out; auc is NaN when all are.
 */
typedef struct gal_train_score {
    double loss; /* mean cross-entropy, without weights or smoothing */
    double accuracy, auc;
} gal_train_score;

/*
 * Runs the model `onnx` (bytes of a file whose output is logits, or Softmax or Sigmoid of them, which is left out) over
 * an epoch of `source`, `batch` pictures at a time, or fewer where memory is short, which changes no bit.
 * GALEN_ERR_NUMERIC when an answer is no number. The caller frees *out with
 * gal_train_answers_free.
 */
galen_status gal_train_ask(const void *onnx, size_t size, const gal_train_source *source, gal_train_task task,
                           int64_t batch, gal_isa isa, gal_pool *pool, gal_train_answers *out, galen_error *err);
/* Of a graph with one input and one output: reads logits in place of what a Softmax or Sigmoid makes of them. */
galen_status gal_train_uncover_logits(gal_graph *graph, galen_error *err);
void gal_train_answers_free(gal_train_answers *answers);

/* GALEN_ERR_NUMERIC when an answer is no number. */
galen_status gal_train_measure(const gal_train_answers *answers, gal_train_score *out, galen_error *err);

/* The two below are for binary tasks, on logits; other tasks are an argument error. */

/* The cut for a sensitivity of at least `sensitivity` (clinic/measures/roc.h). */
galen_status gal_train_cut(const gal_train_answers *answers, double sensitivity, gal_operating_point *out,
                           galen_error *err);
/* The decisions at *point's threshold, and the area with its interval of 95 %; *has_area: there are two of each kind.
 */
galen_status gal_train_at_cut(const gal_train_answers *answers, gal_operating_point *point, gal_auc *area,
                              bool *has_area, galen_error *err);

#endif
