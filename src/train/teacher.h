/*
 * Distillation: a frozen model whose answers a training follows beside the labels (Hinton, Vinyals and Dean, 2015,
 * "Distilling the knowledge in a neural network"). It sees the pictures that the student sees, changed and mixed alike.
 */
#ifndef GAL_TRAIN_TEACHER_H
#define GAL_TRAIN_TEACHER_H

#include "image/prepare.h"
#include "train/trainer.h"

typedef struct gal_teacher gal_teacher;

/* What the student learns to tell. */
typedef struct gal_teacher_lesson {
    gal_train_task task;
    const char *const *label; /* names of the classes, or NULL: they are not compared */
    int n_label, positive;    /* positive: index of a binary task's positive label, else -1 */
    gal_recipe recipe;        /* how its pictures were prepared */
} gal_teacher_lesson;

/*
 * `onnx` are the bytes of a model file, which stay the caller's until gal_teacher_close, with one image input and one
 * output of logits, or of Softmax or Sigmoid of them, which is left out. Where its card has a recipe, pictures are
 * brought from the student's normalisation to the teacher's own. At most `batch` pictures at once, computed at level
 * `isa`: the student's bits follow from them, so it should be the training's. GALEN_ERR_ARGUMENT says what differs:
 * size or planes of pictures, number or names of classes. The caller owns *out; `pool` outlives it.
 */
galen_status gal_teacher_open(const void *onnx, size_t size, const gal_teacher_lesson *lesson, int64_t batch,
                              gal_isa isa, gal_pool *pool, gal_teacher **out, galen_error *err);
void gal_teacher_close(gal_teacher *teacher);

/* Bytes a teacher holds: whatever the run, its weights twice (the file's pages and in the kernels' order) and scratch
 * memory, and for each picture of a run. */
typedef struct gal_teacher_bytes {
    size_t fixed, per_image;
} gal_teacher_bytes;

/* By its plans for one picture and for `batch`; nothing is packed. Arguments and errors as gal_teacher_open. */
galen_status gal_teacher_needs(const void *onnx, size_t size, const gal_teacher_lesson *lesson, int64_t batch,
                               gal_isa isa, gal_pool *pool, gal_teacher_bytes *out, galen_error *err);

/* Logits [batch, K] for pictures [batch, C, H, W] as the student takes them; the teacher's until its next answer. */
galen_status gal_teacher_answer(gal_teacher *teacher, int64_t batch, const float *images, const float **logits,
                                galen_error *err);

#endif
