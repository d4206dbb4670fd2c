/* What a card knows of the pictures a model was made for: limits of strangeness, sets with a guarantee, and how
 * they were spread. */
#include "base/error.h"
#include "base/mem.h"
#include "model/card_input.h"
#include "model/json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A list of texts, or one. */
static galen_status read_kinds(const json_t *value, const char *key, gal_card_kinds *out, galen_error *err) {
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    if (!value) return GALEN_OK;
    for (size_t i = 0; i < n && n <= GAL_CARD_KINDS; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
        size_t length = json_string_length(one);
        if (length < 1 || length >= GAL_CARD_KIND) break;
        for (size_t k = 0; k < length; k++) out->text[i][k] = (char)toupper((unsigned char)json_string_value(one)[k]);
        out->n++;
    }
    if (n >= 1 && out->n == (int)n) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT, "the model card's dicom.%s must be a list of 1 to %d texts of 1 to %d bytes",
                    key, GAL_CARD_KINDS, GAL_CARD_KIND - 1);
}

galen_status gal_card_read_dicom(const json_t *dicom, gal_card *card, galen_error *err) {
    static const char *const keys[] = {"modality", "body_part", NULL};
    if (!dicom || json_is_null(dicom)) return GALEN_OK;
    if (!json_is_object(dicom))
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "the model card's dicom must be an object with \"modality\" or \"body_part\"");
    GAL_TRY(gal_card_only_keys(dicom, "dicom", keys, err));
    GAL_TRY(read_kinds(json_object_get(dicom, "modality"), "modality", &card->modality, err));
    return read_kinds(json_object_get(dicom, "body_part"), "body_part", &card->body_part, err);
}

galen_status gal_card_read_watch(const json_t *root, gal_card *card, galen_error *err) {
    const json_t *ood = json_object_get(root, "ood"), *conformal = json_object_get(root, "conformal");
    const json_t *drift = json_object_get(root, "drift");
    galen_status status = GALEN_OK;
    if (ood && !json_is_null(ood)) status = gal_ood_read(ood, &card->ood, err);
    if (status == GALEN_OK && conformal && !json_is_null(conformal))
        status = gal_conformal_read(conformal, 0, &card->conformal, err);
    if (status == GALEN_OK && drift && !json_is_null(drift)) status = gal_drift_read(drift, &card->drift, err);
    return status == GALEN_OK ? status : gal_fail_in(err, status, "the model card");
}

galen_status gal_card_check_watch(const gal_card *card, int64_t scores, galen_error *err) {
    if (scores < 0) return GALEN_OK;
    if (card->ood.axes > 0 && card->ood.scores != scores)
        return gal_fail(err, GALEN_ERR_FORMAT, "the model card's ood is of %d scores; the model has %lld",
                        card->ood.scores, (long long)scores);
    if (card->conformal.classes == 0) return GALEN_OK;
    if (card->task == GAL_TASK_MULTILABEL)
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "the model card has a conformal part, which a multilabel model cannot use");
    int64_t classes = scores == 1 ? 2 : scores;
    if (card->conformal.classes == classes) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT, "the model card's conformal part has %d classes; the model has %lld",
                    card->conformal.classes, (long long)classes);
}

galen_status gal_card_put(const char *card, const char *key, json_t *value, char **out, galen_error *err) {
    json_t *root = NULL;
    *out = NULL;
    if (card) GAL_TRY(gal_json_parse(card, strlen(card), "the model card", &root, err));
    if (!card) root = json_object();
    if (root && !json_is_object(root)) {
        json_decref(root);
        return gal_fail(err, GALEN_ERR_FORMAT, "the model card is not a JSON object");
    }
    char *text = root && json_object_set(root, key, value) == 0 ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    if (text && strlen(text) <= GAL_CARD_MAX_BYTES) *out = gal_strdup(text);
    bool large = text && strlen(text) > GAL_CARD_MAX_BYTES;
    free(text); /* Jansson's own allocation */
    if (large)
        return gal_fail(err, GALEN_ERR_LIMIT, "the model card would have more than %d bytes with its %s",
                        GAL_CARD_MAX_BYTES, key);
    return *out ? GALEN_OK : gal_fail_memory(err, "the model card", 0);
}
