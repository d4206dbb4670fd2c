/* Teachers: an ordinary session, and a check that it speaks of the same things as the student. */
#include "train/teacher.h"

#include "base/error.h"
#include "base/mem.h"
#include "model/card.h"
#include "session/session.h"
#include "train/score.h"

#include <string.h>

struct gal_teacher {
    gal_model *model;
    gal_session *session;
    gal_pool *pool;
    int channels;
    size_t plane;             /* pixels */
    float factor[3], more[3]; /* of each plane, from the student's numbers to the teacher's */
    bool same;                /* they are the same numbers */
    float *images, *logits;
};

/* ---- agreement ---- */

static galen_status check_labels(const gal_card *card, const gal_teacher_lesson *l, galen_error *err) {
    if (l->label == NULL || card->n_label == 0) return GALEN_OK;
    if (card->n_label != l->n_label)
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "the teacher has %d labels, the data %d; take a teacher of the same classes", card->n_label,
                        l->n_label);
    for (int i = 0; i < l->n_label; i++)
        if (strcmp(card->label[i], l->label[i]) != 0)
            return gal_fail(err, GALEN_ERR_ARGUMENT,
                            "the teacher's label %d is '%.60s', the data's '%.60s'; name the classes alike", i,
                            card->label[i], l->label[i]);
    if (l->positive < 0 || card->positive < 0 || l->positive == card->positive) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT,
                    "the teacher's positive label is '%.60s', the data's '%.60s'; set --positive",
                    card->label[card->positive], l->label[l->positive]);
}

static galen_status check_task(const gal_card *card, const gal_teacher_lesson *l, galen_error *err) {
    bool classes = card->task == GAL_TASK_MULTICLASS;
    if (!card->present || card->task == GAL_TASK_UNKNOWN || classes == l->task.categorical) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT, "the teacher %s, the student %s",
                    classes ? "tells one of several classes" : "answers separate questions",
                    classes ? "answers separate questions" : "tells one of several classes");
}

static galen_status check(const gal_model *model, const gal_card *card, const gal_teacher_lesson *l, galen_error *err) {
    const gal_recipe *a = &card->recipe, *b = &l->recipe;
    const gal_value *y = model->graph->output[0];
    if (a->channels != b->channels || a->height != b->height || a->width != b->width)
        return gal_fail(
            err, GALEN_ERR_ARGUMENT,
            "the teacher takes pictures of %dx%d (planes: %d), the student of %dx%d (planes: %d); set --size and --channels",
            a->width, a->height, a->channels, b->width, b->height, b->channels);
    if (y->dtype != GALEN_F32 || y->shape.rank != 2 || !y->shape.dim[0].batch || y->shape.dim[1].batch)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the teacher's output is not [N, classes] in f32");
    if (y->shape.dim[1].size != l->task.classes)
        return gal_fail(
            err, GALEN_ERR_ARGUMENT,
            "the teacher answers %lld numbers a picture, the student %lld; take a teacher of the same classes",
            (long long)y->shape.dim[1].size, (long long)l->task.classes);
    GAL_TRY(check_task(card, l, err));
    return check_labels(card, l, err);
}

/* ---- pictures ---- */

/* Both recipes map v / 255 to (low + v / 255 (high - low) - mean) / std. */
static void find_numbers(gal_teacher *t, const gal_card *card, const gal_recipe *from) {
    const gal_recipe *to = card->has_recipe ? &card->recipe : from;
    t->channels = from->channels;
    t->plane = (size_t)from->height * (size_t)from->width;
    t->same = true;
    for (int c = 0; c < t->channels; c++) {
        double range = ((double)to->high - (double)to->low) / ((double)from->high - (double)from->low);
        double low = ((double)from->mean[c] - (double)from->low) * range + (double)to->low - (double)to->mean[c];
        t->factor[c] = (float)((double)from->std[c] * range / (double)to->std[c]);
        t->more[c] = (float)(low / (double)to->std[c]);
        t->same &= t->factor[c] == 1 && t->more[c] == 0;
    }
}

typedef struct pictures {
    const gal_teacher *t;
    const float *from;
} pictures;

static void one_plane(void *context, size_t index) {
    const pictures *p = context;
    const gal_teacher *t = p->t;
    size_t c = index % (size_t)t->channels;
    const float *x = p->from + index * t->plane;
    float *y = t->images + index * t->plane;
    for (size_t i = 0; i < t->plane; i++) y[i] = x[i] * t->factor[c] + t->more[c];
}

galen_status gal_teacher_answer(gal_teacher *t, int64_t batch, const float *images, const float **logits,
                                galen_error *err) {
    pictures p = {t, images};
    if (!t->same) gal_pool_run(t->pool, one_plane, &p, (size_t)batch * (size_t)t->channels);
    *logits = t->logits;
    return gal_session_run(t->session, batch, (const void *const[]){t->same ? images : t->images},
                           (void *const[]){t->logits}, err);
}

/* ---- opening ---- */

static galen_status take_room(gal_teacher *t, int64_t batch, int64_t classes, galen_error *err) {
    size_t images = (size_t)batch * (size_t)t->channels * t->plane;
    t->logits = gal_calloc((size_t)batch * (size_t)classes, sizeof *t->logits);
    if (!t->same) t->images = gal_alloc_aligned(images * sizeof *t->images + GAL_TAIL_PAD);
    if (t->logits != NULL && (t->same || t->images != NULL)) return GALEN_OK;
    return gal_fail_memory(err, "the teacher's pictures", images * sizeof *t->images);
}

static galen_status settle(gal_teacher *t, const gal_teacher_lesson *l, galen_error *err) {
    gal_card card;
    GAL_TRY(gal_card_read(gal_model_meta(t->model, "galen.card"), t->model->graph, &card, err));
    galen_status status = check(t->model, &card, l, err);
    if (status == GALEN_OK) find_numbers(t, &card, &l->recipe);
    gal_card_free(&card);
    return status;
}

static galen_status open_model(gal_teacher *t, const void *onnx, size_t size, const gal_teacher_lesson *l,
                               int64_t batch, gal_isa isa, bool plan_only, galen_error *err) {
    gal_session_options options = gal_session_default_options();
    options.max_batch = batch;
    options.pool = t->pool;
    options.isa = isa;
    options.plan_only = plan_only;
    GAL_TRY(gal_onnx_parse(onnx, size, NULL, &t->model, err));
    GAL_TRY(gal_train_uncover_logits(t->model->graph, err));
    GAL_TRY(settle(t, l, err));
    if (!plan_only) GAL_TRY(take_room(t, batch, l->task.classes, err));
    return gal_session_create(t->model->graph, &options, &t->session, err);
}

static galen_status open_teacher(const void *onnx, size_t size, const gal_teacher_lesson *lesson, int64_t batch,
                                 gal_isa isa, gal_pool *pool, bool plan_only, gal_teacher **out, galen_error *err) {
    *out = NULL;
    gal_teacher *t = gal_calloc(1, sizeof *t);
    if (t == NULL) return gal_fail_memory(err, "the teacher", sizeof *t);
    t->pool = pool;
    galen_status status = open_model(t, onnx, size, lesson, batch, isa, plan_only, err);
    if (status == GALEN_OK)
        *out = t;
    else
        gal_teacher_close(t);
    return status;
}

galen_status gal_teacher_open(const void *onnx, size_t size, const gal_teacher_lesson *lesson, int64_t batch,
                              gal_isa isa, gal_pool *pool, gal_teacher **out, galen_error *err) {
    return open_teacher(onnx, size, lesson, batch, isa, pool, false, out, err);
}

galen_status gal_teacher_needs(const void *onnx, size_t size, const gal_teacher_lesson *lesson, int64_t batch,
                               gal_isa isa, gal_pool *pool, gal_teacher_bytes *out, galen_error *err) {
    size_t arena[2];
    const int64_t sizes[2] = {1, batch};
    *out = (gal_teacher_bytes){0};
    for (int i = 0; i < 2; i++) {
        gal_teacher *t;
        GAL_TRY(open_teacher(onnx, size, lesson, sizes[i], isa, pool, true, &t, err));
        arena[i] = gal_session_arena_bytes(t->session);
        if (!t->same) arena[i] += (size_t)sizes[i] * (size_t)t->channels * t->plane * sizeof(float);
        gal_teacher_close(t);
    }
    out->per_image = batch > 1 && arena[1] > arena[0] ? (arena[1] - arena[0]) / (size_t)(batch - 1) : arena[0];
    out->fixed = 2 * size + arena[0] - out->per_image;
    return GALEN_OK;
}

void gal_teacher_close(gal_teacher *t) {
    if (t == NULL) return;
    gal_session_destroy(t->session);
    gal_model_destroy(t->model);
    gal_free(t->images);
    gal_free(t->logits);
    gal_free(t);
}
