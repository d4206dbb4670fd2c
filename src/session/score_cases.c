/* Scoring a data set: which classes of the data are which of the model, a run over all pictures, and the case set. */
#include "session/score_cases.h"

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/refmath.h"
#include "clinic/cases/cases_read.h"
#include "dicom/open.h"
#include "session/watch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct scorer {
    const gal_score_options *options;
    galen_predictor *predictor;
    const galen_predictor_facts *facts;
    gal_dataset *own; /* NULL: the set is the caller's */
    const gal_dataset *data;
    size_t *pick; /* [picked] samples of the split */
    size_t picked, done, scored;
    const char **name;              /* [picked] what predictions call them */
    float *feature;                 /* [picked][width], rows as score; NULL: not wanted */
    double *watched;                /* [picked][GAL_DRIFT_SERIES], likewise */
    float *score;                   /* [picked][n_scores], of those that were scored the first `scored` rows */
    size_t *row;                    /* [picked] which sample a row of score is of */
    char (*digest)[GAL_SHA256_HEX]; /* [picked] by picture, also of those that could not be scored; "": not read */
    gal_scored *out;
    galen_status status; /* of the book-keeping in the callback */
    galen_error *err;
} scorer;

gal_score_options gal_score_defaults(void) {
    gal_score_options o = {.predictor = galen_predictor_default_options()};
    o.predictor.batch = 16;
    return o;
}

void gal_scored_free(gal_scored *scored) {
    gal_case_set_free(&scored->cases);
    gal_calibration_free(&scored->calibration);
    gal_free(scored->feature);
    gal_free(scored->raw);
    gal_free(scored->watched);
    gal_arena_free(&scored->arena);
    *scored = (gal_scored){.model = NULL};
}

static galen_status no_memory(galen_error *err, const scorer *s) {
    return gal_fail_memory(err, "scores", s->picked * sizeof *s->score);
}

static galen_status keep(gal_arena *arena, const char *text, const char **out, galen_error *err) {
    *out = gal_arena_text(arena, text, strlen(text));
    return *out ? GALEN_OK : gal_fail_memory(err, "a text", strlen(text));
}

/* ---- the data ---- */

static galen_status open_data(scorer *s, const char *path, galen_error *err) {
    const galen_predictor_facts *f = s->facts;
    s->data = s->options->set;
    if (s->data) return GALEN_OK;
    gal_dataset_options o = {.group_rule = s->options->group_rule, .keep_unreadable = s->options->skip_unreadable};
    /* a card that names only the positive label leaves the others to the data */
    bool named = f->n_labels > 0 && (f->task != GALEN_TASK_BINARY || f->n_labels == 2);
    if (named) o.class_names = f->label, o.classes = f->n_labels;
    GAL_TRY(gal_dataset_open(path, &o, &s->own, err));
    s->data = s->own;
    return GALEN_OK;
}

static galen_status refuse_splits(const gal_dataset *data, galen_error *err) {
    size_t n[GAL_SPLITS];
    for (int i = 0; i < GAL_SPLITS; i++) n[i] = gal_dataset_split_count(data, (gal_split)i);
    if (n[GAL_SPLIT_NONE] == data->count) return GALEN_OK;
    return gal_fail(
        err, GALEN_ERR_FORMAT,
        "the data are divided (train %zu, val %zu, test %zu pictures): ask for one split, as figures of pictures "
        "that a model has learnt from say nothing",
        n[GAL_SPLIT_TRAIN], n[GAL_SPLIT_VAL], n[GAL_SPLIT_TEST]);
}

static galen_status pick(scorer *s, galen_error *err) {
    const gal_dataset *data = s->data;
    if (s->options->split == GAL_SPLIT_NONE) GAL_TRY(refuse_splits(data, err));
    s->pick = gal_calloc(data->count, sizeof *s->pick);
    s->name = gal_calloc(data->count, sizeof *s->name);
    s->row = gal_calloc(data->count, sizeof *s->row);
    s->digest = gal_calloc(data->count, sizeof *s->digest);
    if (!s->pick || !s->name || !s->row || !s->digest) return no_memory(err, s);
    for (size_t i = 0; i < data->count; i++) {
        if (s->options->split != GAL_SPLIT_NONE && data->sample[i].split != s->options->split) continue;
        s->name[s->picked] = data->sample[i].path ? data->sample[i].path : data->sample[i].id;
        s->pick[s->picked++] = i;
    }
    if (s->picked == 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "no picture belongs to the split '%s'",
                        gal_split_name(s->options->split));
    s->score = gal_calloc(s->picked, (size_t)s->facts->n_scores * sizeof *s->score);
    s->out->unreadable = gal_arena_alloc(&s->out->arena, s->picked, sizeof *s->out->unreadable);
    s->out->pictures = s->picked;
    if (s->options->features) {
        s->feature = gal_calloc(s->picked, (size_t)s->predictor->n_features * sizeof *s->feature);
        s->watched = gal_calloc(s->picked, GAL_DRIFT_SERIES * sizeof *s->watched);
        if (!s->feature || !s->watched) return no_memory(err, s);
    }
    return s->score && s->out->unreadable ? GALEN_OK : no_memory(err, s);
}

/* ---- the run ---- */

/* The digest is of what the case was made from: the file as it lies there, or the bytes of an array. */
static galen_status read_picture(scorer *s, size_t index, galen_image *made, galen_error *err) {
    const gal_sample *sample = &s->data->sample[s->pick[index]];
    gal_file file;
    if (!sample->path) {
        const galen_image *m = &sample->memory;
        return gal_sha256_hex(m->data, (size_t)m->width * (size_t)m->height * (size_t)m->channels, s->digest[index],
                              err);
    }
    GAL_TRY(gal_file_map(sample->path, (size_t)s->options->predictor.limits.max_file_bytes, &file, err));
    galen_status status = gal_sha256_hex(file.data, file.size, s->digest[index], err);
    gal_file_unmap(&file);
    if (status != GALEN_OK) return status;
    return gal_picture_open(sample->path, s->options->predictor.frame, &s->options->predictor.limits, made, err);
}

static galen_status open_picture(void *context, size_t index, galen_image *made, const galen_image **view,
                                 galen_error *err) {
    scorer *s = context;
    const gal_score_options *o = s->options;
    const gal_sample *sample = &s->data->sample[s->pick[index]];
    galen_image changed;
    *view = sample->path ? made : &sample->memory;
    GAL_TRY(read_picture(s, index, made, err));
    if (!o->change) return GALEN_OK;
    galen_status status = o->change(o->change_context, sample->id, *view, &changed, err);
    if (sample->path) galen_image_free(made);
    *made = changed;
    *view = made;
    return status;
}

static galen_status note_unreadable(scorer *s, const galen_prediction *p) {
    gal_unreadable *u = &s->out->unreadable[s->out->unreadables++];
    if (p->status == GALEN_ERR_MEMORY) return gal_fail(s->err, p->status, "%s", p->error);
    GAL_TRY(keep(&s->out->arena, s->data->sample[s->pick[s->done]].id, &u->id, s->err));
    return keep(&s->out->arena, p->error, &u->why, s->err);
}

static void take(void *user, const galen_prediction *p) {
    scorer *s = user;
    if (s->status == GALEN_OK && p->status != GALEN_OK) s->status = note_unreadable(s, p);
    if (p->status == GALEN_OK) {
        size_t n = (size_t)s->facts->n_scores;
        size_t width = (size_t)s->predictor->n_features;
        memcpy(s->score + s->scored * n, p->scores, n * sizeof *p->scores);
        if (s->feature)
            memcpy(s->feature + s->scored * width, gal_watch_features(s->predictor, s->predictor->told),
                   width * sizeof *s->feature);
        if (s->watched) memcpy(s->watched + s->scored * GAL_DRIFT_SERIES, p->watched, sizeof p->watched);
        s->row[s->scored++] = s->done;
    }
    s->done++;
    if (s->options->progress) s->options->progress(s->options->progress_context, s->done, s->picked);
}

static galen_status run(scorer *s, galen_error *err) {
    s->err = err;
    GAL_TRY(gal_predictor_run_pictures(s->predictor, s->name, s->picked, true, open_picture, s, take, s, err));
    GAL_TRY(s->status);
    const gal_scored *out = s->out;
    if (out->unreadables == 0 || (s->options->skip_unreadable && s->scored > 0)) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT,
                    "%zu of %zu pictures cannot be read, the first: %.300s; mend them, or skip them", out->unreadables,
                    s->picked, out->unreadable[0].why);
}

/* ---- cases ---- */

static const gal_sample *sample_of(const scorer *s, size_t k) {
    return &s->data->sample[s->pick[s->row[k]]];
}

static galen_status fill_ids(const scorer *s, gal_case_set *set, galen_error *err) {
    bool paths = false;
    for (size_t k = 0; k < set->count; k++) {
        GAL_TRY(keep(&set->arena, sample_of(s, k)->id, &set->id[k], err));
        paths = paths || sample_of(s, k)->path;
    }
    if (!paths) return GALEN_OK;
    set->path = gal_arena_alloc(&set->arena, set->count, sizeof *set->path);
    if (!set->path) return no_memory(err, s);
    for (size_t k = 0; k < set->count; k++)
        if (sample_of(s, k)->path) GAL_TRY(keep(&set->arena, sample_of(s, k)->path, &set->path[k], err));
    return GALEN_OK;
}

/* Which class of the data the model's "positive" is. */
static galen_status find_positive(const scorer *s, int *out, galen_error *err) {
    const galen_predictor_facts *f = s->facts;
    const gal_dataset *data = s->data;
    if (data->multi_label || data->classes != 2)
        return gal_fail(
            err, GALEN_ERR_FORMAT,
            "the model answers one question, but the data have %d classes%s: keep two of them, one a picture",
            data->classes, data->multi_label ? ", several of which may apply" : "");
    const char *label = f->positive >= 0 ? f->label[f->positive] : f->n_labels == 1 ? f->label[0] : NULL;
    *out = gal_positive_label(data->class_name, 2, f->n_labels == 2 ? label : NULL, label);
    if (*out >= 0) return GALEN_OK;
    return gal_fail(
        err, GALEN_ERR_FORMAT,
        "neither '%.60s' nor '%.60s' is what the model finds%s%.60s%s: name the folders or labels as its card "
        "does, or give it a card",
        data->class_name[0], data->class_name[1], label ? " ('" : "", label ? label : "", label ? "')" : "");
}

static galen_status fill_binary(const scorer *s, gal_case_set *set, galen_error *err) {
    const galen_predictor_facts *f = s->facts;
    int yes = 0, column = f->n_scores == 1 ? 0 : f->positive >= 0 ? f->positive : 1;
    GAL_TRY(find_positive(s, &yes, err));
    GAL_TRY(keep(&set->arena, s->data->class_name[yes], &set->class_name[0], err));
    GAL_TRY(keep(&set->arena, s->data->class_name[1 - yes], &set->negative, err));
    for (size_t k = 0; k < set->count; k++) {
        const float *z = s->score + k * (size_t)f->n_scores;
        /* softmax of two logits is the sigmoid of their difference */
        bool pair = f->n_scores == 2 && set->logits;
        set->score[k] = (double)z[column] - (pair ? (double)z[1 - column] : 0);
        set->positive[k] = sample_of(s, k)->label[0] == yes;
    }
    return GALEN_OK;
}

static galen_status fill_classes(const scorer *s, gal_case_set *set, galen_error *err) {
    int n = s->facts->n_scores;
    if (s->data->classes != n || (set->kind == GAL_CASE_MULTICLASS && s->data->multi_label))
        return gal_fail(err, GALEN_ERR_FORMAT, "the model has %d %s, the data %d%s: use data labelled for this model",
                        n, set->kind == GAL_CASE_MULTICLASS ? "classes, one a picture" : "labels", s->data->classes,
                        s->data->multi_label ? ", several of which may apply" : "");
    for (int c = 0; c < n; c++) GAL_TRY(keep(&set->arena, s->data->class_name[c], &set->class_name[c], err));
    for (size_t k = 0; k < set->count * (size_t)n; k++) set->score[k] = (double)s->score[k];
    for (size_t k = 0; k < set->count; k++) {
        const gal_sample *sample = sample_of(s, k);
        if (set->label) set->label[k] = (uint32_t)sample->label[0];
        for (int l = 0; set->positive && l < sample->labels; l++)
            set->positive[k * (size_t)n + (size_t)sample->label[l]] = 1;
    }
    return GALEN_OK;
}

static galen_status fill_attributes(const scorer *s, const char **value, gal_case_set *set, galen_error *err) {
    const gal_dataset *data = s->data;
    bool grouped = false, found = !s->options->patient;
    for (int a = 0; a < data->attributes; a++) {
        const char *name = data->attribute_name[a];
        for (size_t k = 0; k < set->count; k++) value[k] = sample_of(s, k)->attribute[a];
        bool patient = s->options->patient && !strcasecmp(name, s->options->patient);
        if (patient)
            GAL_TRY(gal_case_set_patients(set, value, err));
        else
            GAL_TRY(gal_case_set_attribute(set, name, value, err));
        found = found || patient;
    }
    if (!found)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "there is no column '%.100s' of patients: name one of the table",
                        s->options->patient);
    for (size_t k = 0; k < set->count; k++) {
        value[k] = sample_of(s, k)->group;
        grouped = grouped || value[k];
    }
    return grouped && !s->options->patient ? gal_case_set_patients(set, value, err) : GALEN_OK;
}

static galen_status fill_groups(const scorer *s, gal_case_set *set, galen_error *err) {
    const char **value = gal_calloc(set->count, sizeof *value);
    galen_status status = value ? fill_attributes(s, value, set, err) : no_memory(err, s);
    gal_free(value);
    return status;
}

static galen_status make_cases(scorer *s, galen_error *err) {
    static const gal_case_kind kinds[] = {[GALEN_TASK_BINARY] = GAL_CASE_BINARY,
                                          [GALEN_TASK_MULTICLASS] = GAL_CASE_MULTICLASS,
                                          [GALEN_TASK_MULTILABEL] = GAL_CASE_MULTILABEL};
    gal_case_set *set = &s->out->cases;
    gal_case_kind kind = kinds[s->facts->task];
    GAL_TRY(gal_case_set_make(kind, s->scored, kind == GAL_CASE_BINARY ? 1 : s->facts->n_scores, set, err));
    set->logits = s->predictor->link == GAL_LINK_LOGIT;
    GAL_TRY(fill_ids(s, set, err));
    GAL_TRY(kind == GAL_CASE_BINARY ? fill_binary(s, set, err) : fill_classes(s, set, err));
    GAL_TRY(fill_groups(s, set, err));
    return gal_case_set_finish(set, NULL, err);
}

/* ---- where it comes from ---- */

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static galen_status digest_data(scorer *s, galen_error *err) {
    gal_scored *out = s->out;
    gal_buf text;
    out->sample_sha256 = gal_arena_alloc(&out->arena, s->scored, sizeof *out->sample_sha256);
    const char **sorted = gal_calloc(s->scored, sizeof *sorted);
    gal_buf_init(&text, PTRDIFF_MAX);
    galen_status status = out->sample_sha256 && sorted ? GALEN_OK : no_memory(err, s);
    for (size_t k = 0; status == GALEN_OK && k < s->scored; k++) {
        status = keep(&out->arena, s->digest[s->row[k]], &out->sample_sha256[k], err);
        sorted[k] = out->sample_sha256[k];
    }
    if (status == GALEN_OK) {
        qsort(sorted, s->scored, sizeof *sorted, by_text);
        for (size_t k = 0; k < s->scored; k++) gal_buf_printf(&text, "%s\n", sorted[k]);
        status = text.failed ? no_memory(err, s) : gal_sha256_hex(text.data, text.size, out->data_sha256, err);
    }
    gal_buf_free(&text);
    gal_free(sorted);
    return status;
}

static galen_status state_origin(scorer *s, const char *data, galen_error *err) {
    const galen_predictor_facts *f = s->facts;
    gal_scored *out = s->out;
    GAL_TRY(keep(&out->arena, f->path, &out->model, err));
    GAL_TRY(keep(&out->arena, f->sha256, &out->model_sha256, err));
    GAL_TRY(keep(&out->arena, f->precision, &out->precision, err));
    GAL_TRY(keep(&out->arena, f->isa, &out->isa, err));
    GAL_TRY(keep(&out->arena, data, &out->data, err));
    const char *card = gal_model_meta(s->predictor->model, "galen.card");
    if (card) GAL_TRY(keep(&out->arena, card, &out->card, err));
    out->has_threshold = f->has_threshold;
    out->threshold = f->threshold;
    if (f->has_threshold && s->predictor->link != GAL_LINK_LOGIT) out->threshold = gal_ref_sigmoid(f->threshold);
    if (f->threshold_chosen) GAL_TRY(keep(&out->arena, f->threshold_chosen, &out->chosen, err));
    out->missing = gal_arena_alloc(&out->arena, (size_t)f->n_missing, sizeof *out->missing);
    if (!out->missing) return no_memory(err, s);
    for (; out->n_missing < f->n_missing; out->n_missing++)
        GAL_TRY(keep(&out->arena, f->missing[out->n_missing], &out->missing[out->n_missing], err));
    return digest_data(s, err);
}

/* The predictor, which is about to be closed, has no use for it any more. */
static void take_calibration(scorer *s) {
    s->out->calibration = s->predictor->card.calibration;
    s->predictor->card.calibration = (gal_calibration){.method = GAL_CALIBRATION_NONE};
}

/* What was chosen on cases says nothing about itself there. */
static galen_status refuse_chosen(const scorer *s, galen_error *err) {
    const gal_card *card = &s->predictor->card;
    const gal_scored *out = s->out;
    if (s->options->choosing) return GALEN_OK;
    GAL_TRY(gal_data_mark_refuse(&card->threshold_data, "the threshold", out->data_sha256, out->sample_sha256,
                                 s->scored, err));
    return gal_data_mark_refuse(&card->calibration_data, "the calibration", out->data_sha256, out->sample_sha256,
                                s->scored, err);
}

static void hand_features_over(scorer *s) {
    if (!s->feature) return;
    s->out->feature = s->feature;
    s->out->raw = s->score;
    s->out->watched = s->watched;
    s->out->width = s->predictor->n_features;
    s->out->n_scores = s->facts->n_scores;
    s->feature = s->score = NULL;
    s->watched = NULL;
}

static galen_status score_all(scorer *s, const char *model, const char *data, galen_error *err) {
    if (s->options->features)
        GAL_TRY(gal_predictor_open_watched(model, &s->options->predictor, &s->predictor, err));
    else
        GAL_TRY(galen_predictor_open(model, &s->options->predictor, &s->predictor, err));
    s->facts = galen_predictor_get_facts(s->predictor);
    GAL_TRY(open_data(s, data, err));
    galen_status status = pick(s, err);
    if (status == GALEN_OK) status = run(s, err);
    if (status == GALEN_OK) status = make_cases(s, err);
    if (status == GALEN_OK) status = state_origin(s, data, err);
    if (status == GALEN_OK) status = refuse_chosen(s, err);
    if (status == GALEN_OK) take_calibration(s);
    if (status == GALEN_OK) hand_features_over(s);
    return status == GALEN_OK || status == GALEN_ERR_MEMORY ? status : gal_fail_in(err, status, data);
}

galen_status gal_score_cases(const char *model, const char *data, const gal_score_options *options, gal_scored *out,
                             galen_error *err) {
    gal_score_options defaults = gal_score_defaults();
    scorer s = {.options = options ? options : &defaults, .out = out};
    *out = (gal_scored){.model = NULL};
    gal_arena_init(&out->arena, PTRDIFF_MAX);
    galen_status status = score_all(&s, model, data, err);
    galen_predictor_close(s.predictor);
    gal_dataset_free(s.own);
    gal_free(s.pick);
    gal_free(s.name);
    gal_free(s.row);
    gal_free(s.digest);
    gal_free(s.score);
    gal_free(s.feature);
    gal_free(s.watched);
    if (status != GALEN_OK) gal_scored_free(out);
    return status;
}
