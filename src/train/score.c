/* Asking a model, and measuring its answers. */
#include "train/score.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/refmath.h"
#include "model/onnx.h"
#include "pass/rewrite.h"
#include "session/session.h"

#include <math.h>
#include <string.h>

/* ---- asking ---- */

galen_status gal_train_uncover_logits(gal_graph *graph, galen_error *err) {
    if (graph->n_input != 1 || graph->n_output != 1)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "%u inputs and %u outputs; one of each is needed", graph->n_input,
                        graph->n_output);
    gal_node *last = graph->output[0]->producer;
    if (last == NULL || last->op->domain[0] != '\0') return GALEN_OK;
    if (strcmp(last->op->name, "Softmax") != 0 && strcmp(last->op->name, "Sigmoid") != 0 &&
        strcmp(last->op->name, "LogSoftmax") != 0)
        return GALEN_OK;
    gal_graph_replace(graph, last->out[0], last->in[0]);
    gal_graph_remove(graph, last);
    return GALEN_OK;
}

static galen_status take_room(gal_train_answers *a, int64_t count, galen_error *err) {
    size_t n = (size_t)count * (size_t)a->task.classes;
    a->logit = gal_calloc(n > 0 ? n : 1, sizeof *a->logit);
    a->target = gal_calloc(n > 0 ? n : 1, sizeof *a->target);
    if (a->logit != NULL && a->target != NULL) return GALEN_OK;
    return gal_fail_memory(err, "answers", n * sizeof *a->logit);
}

/* Batches of the source, in parts of at most `most` pictures of `image` numbers. */
static galen_status ask_all(gal_session *session, int64_t most, size_t image, const gal_train_source *source,
                            gal_train_answers *a, galen_error *err) {
    size_t classes = (size_t)a->task.classes;
    gal_train_batch batch;
    GAL_TRY(source->start(source->context, 0, err));
    for (;;) {
        GAL_TRY(source->next(source->context, &batch, err));
        if (batch.count == 0) return GALEN_OK;
        if (a->count + batch.count > source->count)
            return gal_fail(err, GALEN_ERR_INTERNAL, "a source gives more pictures than it has");
        size_t at = (size_t)a->count * classes;
        memcpy(a->target + at, batch.targets, (size_t)batch.count * classes * sizeof *a->target);
        for (int64_t i = 0; i < batch.count; i += most) {
            int64_t n = batch.count - i < most ? batch.count - i : most;
            const float *images = batch.images + (size_t)i * image;
            GAL_TRY(gal_session_run(session, n, (const void *const[]){images},
                                    (void *const[]){a->logit + at + (size_t)i * classes}, err));
        }
        a->count += batch.count;
    }
}

/* `most` pictures at a time. */
static galen_status ask(const void *onnx, size_t size, const gal_train_source *source, int64_t most, gal_isa isa,
                        gal_pool *pool, gal_train_answers *out, galen_error *err) {
    gal_session_options options = gal_session_default_options();
    gal_session *session = NULL;
    gal_model *model;
    galen_tensor one;
    options.max_batch = most;
    options.pool = pool;
    options.isa = isa;
    *out = (gal_train_answers){.task = out->task};
    GAL_TRY(gal_onnx_parse(onnx, size, NULL, &model, err));
    galen_status status = gal_train_uncover_logits(model->graph, err);
    if (status == GALEN_OK) {
        gal_shape_at(&model->graph->input[0]->shape, GALEN_F32, 1, &one);
        status = take_room(out, source->count, err);
    }
    if (status == GALEN_OK) status = gal_session_create(model->graph, &options, &session, err);
    if (status == GALEN_OK) status = ask_all(session, most, (size_t)galen_tensor_elements(&one), source, out, err);
    gal_session_destroy(session);
    gal_model_destroy(model);
    if (status != GALEN_OK) gal_train_answers_free(out);
    return status;
}

/* Answers do not depend on how many pictures are asked about at a time, so that fewer may be, down to one. */
galen_status gal_train_ask(const void *onnx, size_t size, const gal_train_source *source, gal_train_task task,
                           int64_t batch, gal_isa isa, gal_pool *pool, gal_train_answers *out, galen_error *err) {
    *out = (gal_train_answers){.task = task};
    for (int64_t most = batch;; most /= 2) {
        galen_status status = ask(onnx, size, source, most, isa, pool, out, err);
        if (status != GALEN_ERR_MEMORY || most == 1) return status;
    }
}

void gal_train_answers_free(gal_train_answers *a) {
    gal_free(a->logit);
    gal_free(a->target);
    *a = (gal_train_answers){.task = a->task};
}

/* ---- measuring ---- */

/* log(1 + exp(x)). */
static double softplus(double x) {
    double e = gal_ref_log1p(gal_ref_exp(x > 0 ? -x : x));
    return x > 0 ? x + e : e;
}

static void add_questions(const gal_train_answers *a, const float *z, const float *t, gal_train_score *sum) {
    for (int64_t c = 0; c < a->task.classes; c++) {
        double target = (double)t[c], logit = (double)z[c], share = 1 / (double)a->task.classes;
        sum->loss += share * (target * softplus(-logit) + (1 - target) * softplus(logit));
        sum->accuracy += share * ((logit >= 0) == (target >= 0.5));
    }
}

static int64_t largest(const float *v, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (v[i] > v[best]) best = i;
    return best;
}

static void add_class(const gal_train_answers *a, const float *z, const float *t, gal_train_score *sum) {
    int64_t n = a->task.classes, said = largest(z, n);
    double exps = 0;
    for (int64_t c = 0; c < n; c++) exps += gal_ref_exp((double)z[c] - (double)z[said]);
    double all = (double)z[said] + gal_ref_log(exps);
    for (int64_t c = 0; c < n; c++) sum->loss += (double)t[c] * (all - (double)z[c]);
    sum->accuracy += said == largest(t, n);
}

/* Logits of one question, or the logarithm of the odds of one class against the rest, which ranks as its probability.
 */
static galen_status column(const gal_train_answers *a, int64_t c, double *score, uint8_t *positive, galen_error *err) {
    int64_t k = a->task.classes;
    for (int64_t n = 0; n < a->count; n++) {
        const float *z = a->logit + n * k;
        positive[n] = a->target[n * k + c] >= 0.5F;
        score[n] = (double)z[c];
        if (!a->task.categorical) continue;
        int64_t most = largest(z, k);
        double exps = 0;
        for (int64_t i = 0; i < k; i++) exps += gal_ref_exp((double)z[i] - (double)z[most]);
        score[n] = (double)z[c] - (double)z[most] - gal_ref_log(exps);
    }
    for (int64_t n = 0; n < a->count; n++)
        if (isnan(score[n]))
            return gal_fail(err, GALEN_ERR_NUMERIC, "the answer to picture %lld is NaN", (long long)n + 1);
    return GALEN_OK;
}

static bool has_both(const uint8_t *positive, int64_t n) {
    int64_t positives = 0;
    for (int64_t i = 0; i < n; i++) positives += positive[i];
    return positives > 0 && positives < n;
}

static galen_status mean_auc(const gal_train_answers *a, double *score, uint8_t *positive, double *out,
                             galen_error *err) {
    const gal_scores scores = {score, positive, (size_t)a->count};
    double sum = 0, auc;
    int counted = 0;
    for (int64_t c = 0; c < a->task.classes; c++) {
        GAL_TRY(column(a, c, score, positive, err));
        if (!has_both(positive, a->count)) continue;
        GAL_TRY(gal_roc_auc(&scores, &auc, err));
        sum += auc;
        counted++;
    }
    *out = counted > 0 ? sum / counted : (double)NAN;
    return GALEN_OK;
}

/* Room for one question's scores; the caller frees both. */
static galen_status take_column(const gal_train_answers *a, double **score, uint8_t **positive, galen_error *err) {
    size_t n = (size_t)a->count;
    *score = gal_calloc(n > 0 ? n : 1, sizeof **score);
    *positive = gal_calloc(n > 0 ? n : 1, sizeof **positive);
    return *score != NULL && *positive != NULL ? GALEN_OK : gal_fail_memory(err, "scores", n * sizeof **score);
}

galen_status gal_train_measure(const gal_train_answers *a, gal_train_score *out, galen_error *err) {
    double *score;
    uint8_t *positive;
    *out = (gal_train_score){0};
    if (a->count == 0) return gal_fail(err, GALEN_ERR_ARGUMENT, "no pictures to measure on");
    for (int64_t n = 0; n < a->count; n++)
        (a->task.categorical ? add_class : add_questions)(a, a->logit + n * a->task.classes,
                                                          a->target + n * a->task.classes, out);
    out->loss /= (double)a->count, out->accuracy /= (double)a->count;
    galen_status status = take_column(a, &score, &positive, err);
    if (status == GALEN_OK) status = mean_auc(a, score, positive, &out->auc, err);
    gal_free(score);
    gal_free(positive);
    return status;
}

/* The logits of a binary task; the caller frees both arrays, also after a failure. */
static galen_status binary(const gal_train_answers *a, double **score, uint8_t **positive, galen_error *err) {
    *score = NULL, *positive = NULL;
    if (a->task.categorical || a->task.classes != 1)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "an operating point needs a model of one question");
    GAL_TRY(take_column(a, score, positive, err));
    return column(a, 0, *score, *positive, err);
}

galen_status gal_train_cut(const gal_train_answers *a, double sensitivity, gal_operating_point *out, galen_error *err) {
    double *score;
    uint8_t *positive;
    galen_status status = binary(a, &score, &positive, err);
    if (status == GALEN_OK)
        status = gal_roc_for_sensitivity(&(gal_scores){score, positive, (size_t)a->count}, sensitivity, out, err);
    gal_free(score);
    gal_free(positive);
    return status;
}

galen_status gal_train_at_cut(const gal_train_answers *a, gal_operating_point *point, gal_auc *area, bool *has_area,
                              galen_error *err) {
    double *score;
    uint8_t *positive;
    galen_status status = binary(a, &score, &positive, err);
    *has_area = false;
    if (status == GALEN_OK) {
        const gal_scores scores = {score, positive, (size_t)a->count};
        gal_roc_at(&scores, point->threshold, point);
        status = gal_delong(&scores, GAL_Z95, area, err);
        *has_area = status == GALEN_OK;
        if (status == GALEN_ERR_ARGUMENT) status = GALEN_OK; /* too few of a kind: no interval */
    }
    gal_free(score);
    gal_free(positive);
    return status;
}
