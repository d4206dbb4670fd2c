/* What a card knows of the pictures a model was made for: limits of strangeness, and sets with a guarantee. */
#include "base/error.h"
#include "base/mem.h"
#include "model/card_input.h"
#include "model/json.h"

#include <stdlib.h>
#include <string.h>

galen_status gal_card_read_watch(const json_t *ood, const json_t *conformal, gal_card *card, galen_error *err) {
    galen_status status = GALEN_OK;
    if (ood && !json_is_null(ood)) status = gal_ood_read(ood, &card->ood, err);
    if (status == GALEN_OK && conformal && !json_is_null(conformal))
        status = gal_conformal_read(conformal, 0, &card->conformal, err);
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
