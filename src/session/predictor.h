/* What a predictor is made of; shared by the files of this room only. */
#ifndef GAL_SESSION_PREDICTOR_H
#define GAL_SESSION_PREDICTOR_H

#include "base/pool.h"
#include "image/gate.h"
#include "model/card.h"
#include "model/onnx.h"
#include "session/finding.h"
#include "session/session.h"

/*
 * Opens picture `index` of a run: *view is what to read, `*made`, which the caller frees, or another that lives on.
 * Called from several threads.
 */
typedef galen_status (*gal_picture_fn)(void *context, size_t index, galen_image *made, const galen_image **view,
                                       galen_error *err);

enum { GAL_ITEM_GATES = GAL_INPUT_GATES + 2 };

/* One picture of the batch in work. */
typedef struct gal_item {
    const char *file;
    galen_status status;
    galen_error error;
    double decode_ms, prepare_ms;
    galen_gate gate[GAL_ITEM_GATES]; /* what is found in the picture itself and its header */
    int gates;
    double level[3]; /* of the prepared pixels: mean, standard deviation, share of dark ones */
} gal_item;

struct galen_predictor {
    gal_model *model;
    gal_card card;
    gal_pool *pool;
    gal_session *session;
    galen_predictor_facts facts;
    gal_link link;
    bool fixed_batch;    /* the model's own batch is fixed at 1 */
    bool batch_matters;  /* a node quantises all pictures of a batch by one range */
    gal_picture_fn open; /* of the run in work, with its context and the number of the batch's first picture */
    void *open_context;
    size_t first;
    int batch, frame;
    galen_image_limits limits;
    size_t picture;      /* bytes of one picture as the session takes it (gal_pass_take_pixels) */
    uint8_t *input;      /* batch * picture */
    gal_item *item;      /* batch */
    double *probability; /* n_scores */
    double *calibrated;  /* n_scores */
    void **output;       /* one buffer a graph output */
    uint32_t features;   /* the output that holds the features, n_features an image; 0: none is asked for */
    int n_features;
    size_t told; /* the row of the outputs that is being told of, as are the next three */
    double ood[GAL_OOD_MEASURES];
    galen_gate gate[GAL_ITEM_GATES + 1];
    uint8_t set[GAL_CARD_MAX_LABELS];
};

/*
 * galen_predictor_run for pictures from anywhere; `names` stand for files in predictions. `apart`: one picture a run
 * where their number would matter, so that nothing depends on the batch.
 */
galen_status gal_predictor_run_pictures(galen_predictor *predictor, const char *const *names, size_t n, bool apart,
                                        gal_picture_fn open, void *context, galen_prediction_fn fn, void *user,
                                        galen_error *err);

/* As galen_predictor_open, with the features among the outputs of the graph (session/watch.h). */
galen_status gal_predictor_open_watched(const char *model, const galen_predictor_options *options,
                                        galen_predictor **out, galen_error *err);

/* Decodes and prepares one file as the model itself takes it, f32 planes [C, H, W]. The error names the file. */
galen_status gal_predictor_read(const galen_predictor *predictor, const char *file, float *planes, galen_error *err);

#endif
