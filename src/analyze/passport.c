/* Scores and decisions of a passport. */
#include "analyze/passport.h"

#include "base/error.h"
#include "base/mem.h"
#include "model/card.h"
#include "session/predictor.h"

#include <math.h>
#include <string.h>

galen_status gal_passport_start(gal_passport *passport, gal_numerics *numerics, const galen_predictor *predictor,
                                galen_error *err) {
    *passport = (gal_passport){.numerics = numerics, .predictor = predictor};
    if (predictor == NULL) return GALEN_OK;
    passport->planes = gal_alloc_aligned(predictor->picture * sizeof(float));
    return passport->planes != NULL ? GALEN_OK : gal_fail_memory(err, "an image", predictor->picture * sizeof(float));
}

void gal_passport_free(gal_passport *passport) {
    gal_free(passport->image);
    gal_free(passport->planes);
    *passport = (gal_passport){0};
}

/*
 * What is decided from these scores: bit or number that two runs can be compared by. With a threshold, positive or not;
 * of several labels the most probable; of a multilabel task one bit a label, at probability 1/2. False where the model
 * has neither threshold nor labels to decide with.
 */
static bool decide(const galen_predictor *p, const double *scores, uint64_t *decision) {
    float score[GAL_CARD_MAX_LABELS];
    double probability[GAL_CARD_MAX_LABELS];
    int n = p->facts.n_scores;
    for (int i = 0; i < n; i++) score[i] = (float)scores[i];
    galen_prediction out = {.scores = score};
    gal_finding(&p->facts, p->link, probability, &out);
    *decision = 0;
    if (p->facts.task == GALEN_TASK_MULTILABEL) {
        /* FNV-1a over one byte a label. */
        *decision = 1469598103934665603u;
        for (int i = 0; i < n; i++) *decision = (*decision ^ (probability[i] >= 0.5)) * 1099511628211u;
        return true;
    }
    if (out.positive >= 0)
        *decision = (uint64_t)out.positive;
    else if (out.label >= 0)
        *decision = (uint64_t)out.label;
    else if (p->facts.task == GALEN_TASK_BINARY)
        *decision = out.probability >= 0.5;
    else
        return false;
    return true;
}

static galen_status note(gal_passport *p, const char *file, galen_error *err) {
    const double *reference, *got;
    size_t n = gal_numerics_scores(p->numerics, &reference, &got);
    if (p->n_image == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 64;
        gal_passport_image *grown = gal_realloc(p->image, capacity, sizeof *grown);
        if (grown == NULL) return gal_fail_memory(err, "the images of the passport", capacity * sizeof *grown);
        p->image = grown;
        p->capacity = capacity;
    }
    gal_passport_image *image = &p->image[p->n_image++];
    *image = (gal_passport_image){.file = file};
    for (size_t i = 0; i < n; i++) {
        double difference = fabs(got[i] - reference[i]);
        p->sum_difference += difference;
        if (i > 0 && !(difference > fabs(image->got - image->reference))) continue;
        image->score = i, image->reference = reference[i], image->got = got[i];
    }
    double most = fabs(image->got - image->reference);
    if (!(most <= p->max_difference)) p->max_difference = most;
    p->mean_difference = n > 0 ? p->sum_difference / ((double)n * (double)p->n_image) : 0;
    uint64_t a = 0, b = 0;
    bool decided = file != NULL && p->predictor != NULL && n == (size_t)p->predictor->facts.n_scores &&
                   decide(p->predictor, reference, &a) && decide(p->predictor, got, &b);
    image->changed = decided && a != b;
    p->changed += image->changed;
    p->undecided += !decided;
    return GALEN_OK;
}

galen_status gal_passport_add_file(gal_passport *p, const char *file, galen_error *err) {
    const void *in[1] = {p->planes};
    GAL_TRY(gal_predictor_read(p->predictor, file, p->planes, err));
    GAL_TRY(gal_numerics_add(p->numerics, in, err));
    return note(p, file, err);
}

galen_status gal_passport_add_item(gal_passport *p, const void *const *in, galen_error *err) {
    GAL_TRY(gal_numerics_add(p->numerics, in, err));
    return note(p, NULL, err);
}

size_t gal_passport_worst(const gal_passport *p, const gal_passport_image **worst, size_t max) {
    size_t n = 0;
    for (size_t i = 0; i < p->n_image; i++) {
        const gal_passport_image *image = &p->image[i];
        size_t at = n < max ? n++ : max;
        double difference = fabs(image->got - image->reference);
        for (; at > 0 && difference > fabs(worst[at - 1]->got - worst[at - 1]->reference); at--)
            if (at < max) worst[at] = worst[at - 1];
        if (at < max) worst[at] = image;
    }
    return n;
}
