/* Predicting files batch by batch: decode and prepare on all threads, run, tell. */
#include "base/clock.h"
#include "base/error.h"
#include "dicom/open.h"
#include "session/watch.h"

#include <math.h>
#include <string.h>

static double ms_since(double start) {
    return (gal_clock_seconds() - start) * 1e3;
}

galen_status gal_predictor_read(const galen_predictor *predictor, const char *file, float *planes, galen_error *err) {
    galen_image image = {0};
    GAL_TRY(gal_picture_open(file, predictor->frame, &predictor->limits, &image, err));
    galen_status status = gal_prepare(&image, &predictor->card.recipe, planes, err);
    galen_image_free(&image);
    return status == GALEN_OK ? status : gal_fail_in(err, status, file);
}

/* Opens and prepares one picture into its slot of the batch. */
static void prepare_item(void *context, size_t i) {
    galen_predictor *p = context;
    gal_item *item = &p->item[i];
    galen_image image = {0};
    const galen_image *view = &image;
    double start = gal_clock_seconds();
    item->status = p->open(p->open_context, p->first + i, &image, &view, &item->error);
    item->decode_ms = ms_since(start);
    if (item->status != GALEN_OK) return;
    start = gal_clock_seconds();
    item->status = gal_prepare_interleaved(view, &p->card.recipe, p->input + i * p->picture, &item->error);
    if (item->status != GALEN_OK)
        gal_fail_in(&item->error, item->status, item->file);
    else
        item->gates = gal_input_gates(view, &p->card.recipe, item->gate);
    if (item->status == GALEN_OK) gal_watch_header(p, item);
    if (item->status == GALEN_OK) gal_watch_pixels(p->input + i * p->picture, p->picture, item->level);
    item->prepare_ms = ms_since(start);
    galen_image_free(&image);
}

/* Moves the readable images to the front of the batch; returns how many there are. */
static size_t close_ranks(galen_predictor *p, size_t count) {
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        if (p->item[i].status != GALEN_OK) continue;
        if (ready != i) memcpy(p->input + ready * p->picture, p->input + i * p->picture, p->picture);
        ready++;
    }
    return ready;
}

static bool all_finite(const float *score, int n) {
    for (int i = 0; i < n; i++)
        if (!isfinite(score[i])) return false;
    return true;
}

/* row: where the picture stands among those of the batch that could be read. */
static void tell(galen_predictor *p, gal_item *item, size_t row, double run_ms, galen_prediction_fn fn, void *user) {
    const float *scores = (const float *)p->output[0] + row * (size_t)p->facts.n_scores;
    galen_prediction out = {.file = item->file, .status = item->status, .label = -1, .positive = -1, .set_size = -1};
    if (item->status == GALEN_OK && !all_finite(scores, p->facts.n_scores))
        out.status = item->status =
            gal_fail(&item->error, GALEN_ERR_NUMERIC,
                     "%s: the model's score is not a finite number; check the model's weights and the image's range",
                     item->file);
    if (item->status != GALEN_OK) {
        out.error = item->error.message;
    } else {
        out.scores = scores;
        out.decode_ms = item->decode_ms;
        out.prepare_ms = item->prepare_ms;
        out.run_ms = run_ms;
        gal_finding(&p->facts, p->link, p->probability, &out);
        gal_finding_calibrate(&p->facts, p->link, &p->card.calibration, p->calibrated, &out);
        gal_watch(p, item, row, &out);
    }
    fn(user, &out);
}

static galen_status run_batch(galen_predictor *p, const char *const *files, size_t count, galen_prediction_fn fn,
                              void *user, galen_error *err) {
    for (size_t i = 0; i < count; i++) p->item[i] = (gal_item){.file = files[i]};
    gal_pool_run(p->pool, prepare_item, p, count);
    size_t ready = close_ranks(p, count);
    double start = gal_clock_seconds();
    if (ready) {
        const void *in[1] = {p->input};
        galen_status status = gal_session_run(p->session, (int64_t)ready, in, p->output, err);
        /* A number that is none concerns its own image, which tell() finds; anything else concerns them all. */
        if (status != GALEN_OK && status != GALEN_ERR_NUMERIC) return status;
    }
    double run_ms = ready ? ms_since(start) / (double)ready : 0;
    for (size_t i = 0, row = 0; i < count; i++) {
        bool read = p->item[i].status == GALEN_OK;
        tell(p, &p->item[i], row, run_ms, fn, user);
        row += read;
    }
    return GALEN_OK;
}

galen_status gal_predictor_run_pictures(galen_predictor *predictor, const char *const *names, size_t n, bool apart,
                                        gal_picture_fn open, void *context, galen_prediction_fn fn, void *user,
                                        galen_error *err) {
    size_t batch = apart && predictor->batch_matters ? 1 : (size_t)predictor->batch;
    predictor->open = open;
    predictor->open_context = context;
    for (size_t at = 0; at < n; at += batch) {
        predictor->first = at;
        GAL_TRY(run_batch(predictor, names + at, n - at < batch ? n - at : batch, fn, user, err));
    }
    return GALEN_OK;
}

typedef struct files {
    const galen_predictor *predictor;
    const char *const *name;
} files;

static galen_status open_file(void *context, size_t index, galen_image *made, const galen_image **view,
                              galen_error *err) {
    const files *f = context;
    *view = made;
    return gal_picture_open(f->name[index], f->predictor->frame, &f->predictor->limits, made, err);
}

galen_status galen_predictor_run(galen_predictor *predictor, const char *const *names, size_t n_files,
                                 galen_prediction_fn fn, void *user, galen_error *err) {
    files context = {predictor, names};
    return gal_predictor_run_pictures(predictor, names, n_files, false, open_file, &context, fn, user, err);
}
