/* The model of a job: from the zoo or a file, with a last layer and a card for the task. */
#include "base/error.h"
#include "base/mem.h"
#include "model/card.h"
#include "model/json.h"
#include "model/weights.h"
#include "model/zoo/zoo.h"
#include "train/head.h"
#include "train/job_parts.h"

#include <stdlib.h>
#include <string.h>

static galen_status build(const gal_train_job *job, const gal_job_data *data, gal_model **out, galen_error *err) {
    gal_zoo_options options = {.channels = (int)job->channels,
                               .height = (int)job->size,
                               .width = (int)job->size,
                               .classes = (int)data->task.classes,
                               .new_head = true,
                               .seed = (uint64_t)job->seed};
    gal_weights *weights = NULL;
    if (job->weights != NULL) GAL_TRY(gal_weights_load(job->weights, &weights, err));
    galen_status status = gal_zoo_build(job->model + 4, &options, weights, out, err);
    if (weights != NULL) gal_weights_destroy(weights);
    return status == GALEN_OK || job->weights == NULL ? status : gal_fail_in(err, status, job->weights);
}

static galen_status load(const gal_train_job *job, const gal_job_data *data, gal_model **out, galen_error *err) {
    if (job->weights != NULL || job->size != 0 || job->channels != 0)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "weights, size and channels are for zoo:NAME; %s has its own",
                        job->model);
    GAL_TRY(gal_onnx_load(job->model, NULL, out, err));
    const gal_graph *graph = (*out)->graph;
    const gal_shape *y = graph->n_output == 1 ? &graph->output[0]->shape : NULL;
    if (y != NULL && y->rank == 2 && y->dim[1].size == data->task.classes) return GALEN_OK;
    galen_status status = gal_train_replace_head(*out, data->task.classes, (uint64_t)job->seed, err);
    if (status == GALEN_OK) return status;
    gal_model_destroy(*out);
    *out = NULL;
    return gal_fail_in(err, status, job->model);
}

/* ---- the card ---- */

static const char *const filter_names[] = {"nearest", "box", "bilinear", "bicubic", "lanczos"};

static json_t *numbers(const float *v, int n) {
    json_t *list = json_array();
    for (int i = 0; i < n; i++) json_array_append_new(list, json_real((double)v[i]));
    return list;
}

static json_t *resize_of(const gal_recipe *r) {
    const char *filter = filter_names[r->filter];
    if (r->rule == GAL_RESIZE_STRETCH) return json_pack("{s:s, s:s}", "filter", filter, "rule", "stretch");
    return json_pack("{s:s, s:s, s:i}", "filter", filter, "rule", "short-side", "to", r->resize_to);
}

static json_t *input_of(const gal_recipe *r) {
    return json_pack("{s:s, s:[i, i], s:o, s:[f, f], s:o, s:o}", "color", r->channels == 1 ? "grey" : "rgb", "size",
                     r->height, r->width, "resize", resize_of(r), "range", (double)r->low, (double)r->high, "mean",
                     numbers(r->mean, r->channels), "std", numbers(r->std, r->channels));
}

static json_t *labels_of(const gal_job_data *data) {
    json_t *list = json_array();
    for (int c = 0; c < data->set->classes; c++) json_array_append_new(list, json_string(data->set->class_name[c]));
    return list;
}

/* A model says what it was trained on, but not where that lay on somebody's disk. */
static const char *last_part(const char *path) {
    const char *name = path + strlen(path);
    while (name > path && name[-1] == '/') name--;
    while (name > path && name[-1] != '/') name--;
    return name;
}

static char *write_card(const gal_train_job *job, const gal_job_data *data, const gal_recipe *recipe) {
    const char *task = data->task.categorical ? "multiclass" : data->positive >= 0 ? "binary" : "multilabel";
    json_t *card =
        json_pack("{s:s, s:o, s:o, s:{s:s, s:s, s:s, s:I, s:I}, s:s}", "task", task, "labels", labels_of(data), "input",
                  input_of(recipe), "training", "data", last_part(job->data), "data_sha256", data->sha256, "model",
                  last_part(job->model), "pictures", (json_int_t)data->pictures.train, "seed", (json_int_t)job->seed,
                  "intended_use", "research");
    if (card != NULL && data->positive >= 0)
        json_object_set_new(card, "positive", json_string(data->set->class_name[data->positive]));
    char *text = card != NULL ? json_dumps(card, JSON_INDENT(2)) : NULL;
    json_decref(card);
    return text;
}

/* The card's own recipe; without one the usual: half grey is 0, and black and white are at -2 and 2. */
static galen_status find_recipe(const gal_model *model, gal_recipe *out, galen_error *err) {
    gal_card card;
    GAL_TRY(gal_card_read(gal_model_meta(model, "galen.card"), model->graph, &card, err));
    *out = card.recipe;
    for (int c = 0; c < 3 && !card.has_recipe; c++) out->mean[c] = 0.5F, out->std[c] = 0.25F;
    gal_card_free(&card);
    return GALEN_OK;
}

static galen_status finish(const gal_train_job *job, const gal_job_data *data, gal_job_model *m, galen_error *err) {
    GAL_TRY(find_recipe(m->model, &m->recipe, err));
    char *text = write_card(job, data, &m->recipe);
    if (text != NULL) m->card = gal_strdup(text);
    free(text);
    return m->card != NULL ? GALEN_OK : gal_fail_memory(err, "the model card", 4096);
}

galen_status gal_job_open_model(const gal_train_job *job, const gal_job_data *data, gal_job_model *out,
                                galen_error *err) {
    *out = (gal_job_model){.model = NULL};
    GAL_TRY(strncmp(job->model, "zoo:", 4) == 0 ? build(job, data, &out->model, err)
                                                : load(job, data, &out->model, err));
    galen_status status = finish(job, data, out, err);
    if (status != GALEN_OK) gal_job_close_model(out);
    return status;
}

void gal_job_close_model(gal_job_model *m) {
    gal_model_destroy(m->model);
    gal_free(m->card);
    *m = (gal_job_model){.model = NULL};
}
