/* Reads the model card and completes it from the graph. */
#include "model/card.h"

#include "base/error.h"
#include "base/mem.h"
#include "model/card_input.h"
#include "model/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LABEL = 256, MAX_TEXT = 1 << 16 };

static galen_status bad(galen_error *err, const char *key, const char *need) {
    return gal_fail(err, GALEN_ERR_FORMAT, "the model card's %s must be %s", key, need);
}

void gal_card_free(gal_card *card) {
    for (int i = 0; i < card->n_label; i++) gal_free(card->label[i]);
    for (int i = 0; i < card->n_missing; i++) gal_free(card->missing[i]);
    gal_free(card->label);
    gal_free(card->threshold_chosen);
    gal_data_mark_free(&card->threshold_data);
    gal_calibration_free(&card->calibration);
    gal_data_mark_free(&card->calibration_data);
    gal_ood_free(&card->ood);
    gal_conformal_free(&card->conformal);
    gal_free(card->training);
    gal_free(card->intended_use);
    *card = (gal_card){.positive = -1};
}

static galen_status copy_text(const char *text, char **out, galen_error *err) {
    *out = gal_strdup(text);
    return *out ? GALEN_OK : gal_fail_memory(err, "the model card", strlen(text));
}

static galen_status read_task(const json_t *value, gal_card *card, galen_error *err) {
    static const char *const names[] = {
        [GAL_TASK_BINARY] = "binary", [GAL_TASK_MULTICLASS] = "multiclass", [GAL_TASK_MULTILABEL] = "multilabel"};
    const char *text = json_string_value(value);
    if (!value) return GALEN_OK;
    for (int i = GAL_TASK_BINARY; text && i <= GAL_TASK_MULTILABEL; i++)
        if (strcmp(names[i], text) == 0) card->task = (gal_task)i;
    return card->task ? GALEN_OK : bad(err, "task", "\"binary\", \"multiclass\" or \"multilabel\"");
}

/* A label is a text, or an object with a "name" (and codes, which are for others). */
static const char *label_text(const json_t *value) {
    const json_t *name = json_is_object(value) ? json_object_get(value, "name") : value;
    size_t n = json_string_length(name);
    return n >= 1 && n <= MAX_LABEL ? json_string_value(name) : NULL;
}

static galen_status read_labels(const json_t *value, gal_card *card, galen_error *err) {
    if (!value) return GALEN_OK;
    size_t n = json_array_size(value);
    if (n < 1 || n > GAL_CARD_MAX_LABELS) return bad(err, "labels", "a list of 1 to 1024 texts");
    card->label = gal_calloc(n, sizeof *card->label);
    if (!card->label) return gal_fail_memory(err, "the model card", n * sizeof *card->label);
    for (size_t i = 0; i < n; i++) {
        const char *text = label_text(json_array_get(value, i));
        if (!text) return bad(err, "labels", "texts of 1 to 256 bytes");
        for (int k = 0; k < card->n_label; k++)
            if (strcmp(card->label[k], text) == 0)
                return gal_fail(err, GALEN_ERR_FORMAT, "the model card names the label '%s' twice", text);
        GAL_TRY(copy_text(text, &card->label[i], err));
        card->n_label++;
    }
    return GALEN_OK;
}

static galen_status read_positive(const json_t *value, gal_card *card, galen_error *err) {
    const char *text = json_string_value(value);
    if (!value) return GALEN_OK;
    for (int i = 0; text && i < card->n_label; i++)
        if (strcmp(card->label[i], text) == 0) card->positive = i;
    if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) < card->n_label)
        card->positive = (int)json_integer_value(value);
    return card->positive >= 0 ? GALEN_OK : bad(err, "positive", "one of its labels");
}

static galen_status read_threshold(const json_t *value, gal_card *card, galen_error *err) {
    static const char *const keys[] = {"logit", "chosen", "frozen_on", NULL};
    if (!value || json_is_null(value)) return GALEN_OK;
    if (!json_is_object(value)) return bad(err, "threshold", "an object with \"logit\"");
    GAL_TRY(gal_card_only_keys(value, "threshold", keys, err));
    const json_t *logit = json_object_get(value, "logit"), *chosen = json_object_get(value, "chosen");
    if (!json_is_number(logit) || !isfinite(json_number_value(logit))) return bad(err, "threshold.logit", "a number");
    if (chosen && (!json_is_string(chosen) || json_string_length(chosen) > MAX_TEXT))
        return bad(err, "threshold.chosen", "a text");
    card->has_threshold = true;
    card->threshold_logit = json_number_value(logit);
    GAL_TRY(gal_card_read_frozen_on(json_object_get(value, "frozen_on"), card, err));
    return chosen ? copy_text(json_string_value(chosen), &card->threshold_chosen, err) : GALEN_OK;
}

/* Kept as JSON text: for people, not for us. */
static galen_status keep_json(const json_t *value, char **out, galen_error *err) {
    if (!value || json_is_null(value)) return GALEN_OK;
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text) return gal_fail_memory(err, "the model card", 0);
    galen_status status = copy_text(text, out, err);
    free(text); /* Jansson's own allocation */
    return status;
}

static galen_status read_card(const json_t *root, gal_card *card, gal_card_said *said, galen_error *err) {
    if (!json_is_object(root)) return gal_fail(err, GALEN_ERR_FORMAT, "the model card is not a JSON object");
    const json_t *input = json_object_get(root, "input");
    GAL_TRY(read_task(json_object_get(root, "task"), card, err));
    GAL_TRY(read_labels(json_object_get(root, "labels"), card, err));
    GAL_TRY(read_positive(json_object_get(root, "positive"), card, err));
    if (input) GAL_TRY(gal_card_read_input(input, &card->recipe, said, err));
    GAL_TRY(read_threshold(json_object_get(root, "threshold"), card, err));
    GAL_TRY(gal_card_read_calibration(json_object_get(root, "calibration"), card, err));
    GAL_TRY(gal_card_read_dicom(json_object_get(root, "dicom"), card, err));
    GAL_TRY(gal_card_read_watch(root, card, err));
    GAL_TRY(keep_json(json_object_get(root, "training"), &card->training, err));
    return keep_json(json_object_get(root, "intended_use"), &card->intended_use, err);
}

static galen_status parse(const char *json, gal_card *card, gal_card_said *said, galen_error *err) {
    size_t size = strlen(json);
    if (size > GAL_CARD_MAX_BYTES)
        return gal_fail(err, GALEN_ERR_LIMIT, "the model card has %zu bytes, more than %d", size, GAL_CARD_MAX_BYTES);
    json_t *root;
    GAL_TRY(gal_json_parse(json, size, "the model card", &root, err));
    galen_status status = read_card(root, card, said, err);
    json_decref(root);
    card->present = status == GALEN_OK;
    return status;
}

/* ---- what the graph says ---- */

/* The one input that is a picture, [N, channels, height, width], or NULL. */
static const gal_value *find_picture(const gal_graph *graph) {
    const gal_value *found = NULL;
    for (uint32_t i = 0; i < graph->n_input; i++) {
        const gal_shape *shape = &graph->input[i]->shape;
        bool picture = shape->rank == 4 && !shape->dim[1].batch && (shape->dim[1].size == 1 || shape->dim[1].size == 3);
        if (!picture) continue;
        if (found) return NULL;
        found = graph->input[i];
    }
    return found;
}

/* Scores for each picture, -1 when the graph has no single output [N, k]. */
static int64_t score_count(const gal_graph *graph) {
    if (graph->n_output != 1) return -1;
    const gal_shape *shape = &graph->output[0]->shape;
    if (shape->rank == 1) return 1;
    gal_dim rest;
    return gal_shape_product(shape, 1, shape->rank, &rest) && !rest.batch ? rest.size : -1;
}

static galen_status match(const char *what, int64_t card, int64_t graph, galen_error *err) {
    if (card == graph) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT, "the model card says %lld %s where the model takes %lld", (long long)card,
                    what, (long long)graph);
}

static galen_status complete_picture(const gal_graph *graph, gal_card *card, const gal_card_said *said,
                                     galen_error *err) {
    const gal_value *picture = find_picture(graph);
    gal_recipe *r = &card->recipe;
    if (!picture) return GALEN_OK;
    const gal_dim *dim = picture->shape.dim;
    if (said->channels) GAL_TRY(match("channels", r->channels, dim[1].size, err));
    if (said->size) GAL_TRY(match("rows", r->height, dim[2].size, err));
    if (said->size) GAL_TRY(match("columns", r->width, dim[3].size, err));
    if (dim[2].size > INT32_MAX || dim[3].size > INT32_MAX)
        return gal_fail(err, GALEN_ERR_LIMIT, "the model's input is too large for a picture");
    r->channels = (int)dim[1].size;
    r->height = (int)dim[2].size;
    r->width = (int)dim[3].size;
    return GALEN_OK;
}

/* A crop cannot be larger than what is left to crop from. */
static galen_status check_crop(const gal_recipe *r, galen_error *err) {
    if (r->rule != GAL_RESIZE_SHORT_SIDE || (r->resize_to >= r->width && r->resize_to >= r->height)) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT, "the model card crops %dx%d pixels from a short side of %d", r->width,
                    r->height, r->resize_to);
}

static galen_status check_scores(const gal_graph *graph, const gal_card *card, galen_error *err) {
    int64_t scores = score_count(graph);
    if (scores < 0) return GALEN_OK;
    int64_t need = scores == 1 ? 2 : scores;
    bool single_label = scores == 1 && card->n_label == 1;
    if (card->n_label && card->n_label != need && !single_label)
        return gal_fail(err, GALEN_ERR_FORMAT, "the model card has %d labels where the model's output needs %lld",
                        card->n_label, (long long)need);
    if (card->has_threshold && (scores != 1 || card->task == GAL_TASK_MULTICLASS))
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "the model card has a threshold, which needs a binary model of one output; this one has %lld",
                        (long long)scores);
    if (card->task == GAL_TASK_BINARY && scores > 2)
        return gal_fail(err, GALEN_ERR_FORMAT, "the model card says binary, but the model has %lld outputs",
                        (long long)scores);
    GAL_TRY(gal_card_check_calibration(card, scores, err));
    return gal_card_check_watch(card, scores, err);
}

static galen_status miss(gal_card *card, const char *line, galen_error *err) {
    if (card->n_missing == GAL_CARD_MAX_MISSING) return GALEN_OK;
    GAL_TRY(copy_text(line, &card->missing[card->n_missing], err));
    card->n_missing++;
    return GALEN_OK;
}

static galen_status assume_task(const gal_graph *graph, gal_card *card, galen_error *err) {
    int64_t scores = score_count(graph);
    if (card->task) return GALEN_OK;
    if (scores < 1) return miss(card, "task: unknown, raw outputs only", err);
    card->task = scores == 1 ? GAL_TASK_BINARY : GAL_TASK_MULTICLASS;
    return miss(card, scores == 1 ? "task: assumed binary (one output)" : "task: assumed multiclass (several outputs)",
                err);
}

static galen_status list_missing(const gal_graph *graph, gal_card *card, const gal_card_said *said, galen_error *err) {
    if (!card->present) GAL_TRY(miss(card, "card: none; what follows is assumed from the graph", err));
    GAL_TRY(assume_task(graph, card, err));
    if (!card->n_label) GAL_TRY(miss(card, "labels: none; classes are shown by number", err));
    if (card->task == GAL_TASK_BINARY && card->n_label && card->positive < 0)
        GAL_TRY(miss(card, "positive label: not said", err));
    if (!card->recipe.channels)
        GAL_TRY(miss(card, "input: no single picture [N, channels, height, width] among the model's inputs", err));
    if (!said->resize) GAL_TRY(miss(card, "resize: assumed bilinear, the whole picture stretched", err));
    if (!said->range) GAL_TRY(miss(card, "range: assumed 0 to 1", err));
    if (!said->norm) GAL_TRY(miss(card, "mean and std: assumed 0 and 1", err));
    if (card->task == GAL_TASK_BINARY && !card->has_threshold)
        GAL_TRY(miss(card, "decision threshold: none; probabilities are shown without a decision", err));
    if (!card->training) GAL_TRY(miss(card, "training data: not said", err));
    if (!card->intended_use) GAL_TRY(miss(card, "intended use: not said", err));
    return GALEN_OK;
}

static galen_status read(const char *json, const gal_graph *graph, gal_card *card, galen_error *err) {
    gal_card_said said = {0};
    if (json) GAL_TRY(parse(json, card, &said, err));
    GAL_TRY(complete_picture(graph, card, &said, err));
    GAL_TRY(check_crop(&card->recipe, err));
    GAL_TRY(check_scores(graph, card, err));
    card->has_recipe = said.channels && said.size && said.resize && said.range && said.norm;
    return list_missing(graph, card, &said, err);
}

galen_status gal_card_read(const char *json, const gal_graph *graph, gal_card *out, galen_error *err) {
    *out = (gal_card){.positive = -1};
    out->recipe = (gal_recipe){.filter = GALEN_FILTER_BILINEAR, .low = 0, .high = 1, .std = {1, 1, 1}};
    galen_status status = read(json, graph, out, err);
    if (status != GALEN_OK) gal_card_free(out);
    return status;
}
