/* The model card: what ONNX cannot say, as JSON in metadata_props["galen.card"]. */
#ifndef GAL_MODEL_CARD_H
#define GAL_MODEL_CARD_H

#include "clinic/choose/data_mark.h"
#include "clinic/choose/operating_point.h"
#include "clinic/choose/recalibrate.h"
#include "clinic/watch/conformal.h"
#include "clinic/watch/drift_reference.h"
#include "clinic/watch/ood.h"
#include "graph/graph.h"
#include "image/prepare.h"

typedef enum gal_task { GAL_TASK_UNKNOWN, GAL_TASK_BINARY, GAL_TASK_MULTICLASS, GAL_TASK_MULTILABEL } gal_task;

enum { GAL_CARD_MAX_LABELS = 1024, GAL_CARD_MAX_BYTES = 1 << 20, GAL_CARD_MAX_MISSING = 16 };

enum { GAL_CARD_KINDS = 8, GAL_CARD_KIND = 17 };

/* What an attribute of DICOM files may say, in capitals. */
typedef struct gal_card_kinds {
    char text[GAL_CARD_KINDS][GAL_CARD_KIND];
    int n; /* 0: anything */
} gal_card_kinds;

typedef struct gal_card {
    bool present; /* false: the model has no card, and everything below is assumed from the graph */
    gal_task task;
    char **label; /* n_label strings, may be 0 */
    int n_label;
    int positive; /* index of the positive label of a binary task, -1 unknown */
    gal_recipe recipe;
    bool has_recipe; /* all of the recipe came from the card */
    bool has_threshold;
    double threshold_logit;         /* binary, one output: positive at or above */
    char *threshold_chosen;         /* how it was frozen; NULL if not said */
    gal_data_mark threshold_data;   /* the cases it was frozen on; digest "": not said */
    gal_calibration calibration;    /* from logits to probabilities; GAL_CALIBRATION_NONE: as the model gives them */
    gal_data_mark calibration_data; /* the cases it was fitted on */
    gal_card_kinds modality, body_part; /* of the pictures that it is for */
    gal_ood ood;                        /* limits of what the model was made for; axes 0: none */
    gal_conformal conformal;            /* sets of labels with a guarantee; classes 0: none */
    gal_drift_reference drift;          /* what later pictures are compared with; cases 0: none */
    char *training, *intended_use;      /* JSON text or NULL */
    /* What the card does not say, one line each ("decision threshold: none; probabilities are shown without a
     * decision"). */
    char *missing[GAL_CARD_MAX_MISSING];
    int n_missing;
} gal_card;

/*
 * Parses `json` (NULL: no card) and completes it from the graph's single image input (channels, size); assumptions are
 * listed in `missing`. A damaged card is an error, never ignored. Released with gal_card_free.
 */
galen_status gal_card_read(const char *json, const gal_graph *graph, gal_card *out, galen_error *err);
void gal_card_free(gal_card *card);

/* GALEN_ERR_FORMAT where the card's calibration is not one for a model of so many scores, -1: not known. */
galen_status gal_card_check_calibration(const gal_card *card, int64_t scores, galen_error *err);

/*
 * The text of `card` (NULL: none yet) with `value` under `key` in place of what it said, value being the caller's. The
 * caller frees *out (gal_free). GALEN_ERR_FORMAT for a card that is no JSON object, GALEN_ERR_LIMIT where it would be
 * too large.
 */
galen_status gal_card_put(const char *card, const char *key, json_t *value, char **out, galen_error *err);

/* What was chosen on validation cases. */
typedef struct gal_card_choice {
    const gal_frozen_point *threshold;  /* NULL: the card's own stays */
    bool probability;                   /* the threshold is on probabilities of a model that ends in a sigmoid */
    const gal_calibration *calibration; /* NULL: likewise; of method NONE: the card's own goes */
    const gal_data_mark *data;          /* the cases that both were chosen on */
} gal_card_choice;

/*
 * The text of `card` (NULL: none yet) with the choice in place of what it said. The caller frees *out (gal_free).
 * GALEN_ERR_FORMAT for a card that is no JSON object.
 */
galen_status gal_card_choose(const char *card, const gal_card_choice *choice, char **out, galen_error *err);

#endif
