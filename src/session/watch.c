/* Findings about one picture. */
#include "session/watch.h"

#include "base/error.h"
#include "base/file.h"
#include "dicom/identity.h"
#include "session/features.h"

#include <galen/dicom.h>
#include <math.h>
#include <string.h>
#include <strings.h>

static uint32_t output_index(const gal_graph *graph, const gal_value *value) {
    uint32_t i = 0;
    while (i < graph->n_output && graph->output[i] != value) i++;
    return i;
}

galen_status gal_watch_prepare(galen_predictor *p, bool wanted, galen_error *err) {
    gal_graph *graph = p->model->graph;
    int width = 0;
    if (p->card.ood.axes == 0 && !wanted) return GALEN_OK;
    gal_value *features = gal_features_find(graph, &width);
    if (!features)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "%s: the network ends in no product with weights, so that it has no features to watch",
                        p->model->path);
    if (p->card.ood.axes > 0 && p->card.ood.width != width)
        return gal_fail(err, GALEN_ERR_FORMAT, "%s: the card's ood is of %d features; the network has %d: fit it anew",
                        p->model->path, p->card.ood.width, width);
    if (!features->is_output) GAL_TRY(gal_graph_mark_output(graph, features, err));
    p->features = output_index(graph, features);
    p->n_features = width;
    return GALEN_OK;
}

/* An attribute that is not there speaks against nothing. */
static void check_kind(gal_item *item, const char *name, const gal_card_kinds *wanted, const char *found) {
    bool fits = wanted->n == 0 || !*found;
    for (int i = 0; i < wanted->n; i++) fits = fits || !strcasecmp(wanted->text[i], found);
    if (!fits && item->gates < GAL_ITEM_GATES) item->gate[item->gates++] = (galen_gate){name, 1, 0};
}

void gal_watch_header(const galen_predictor *p, gal_item *item) {
    gal_file file;
    gal_dicom_identity identity;
    galen_error unused;
    if (p->card.modality.n == 0 && p->card.body_part.n == 0) return;
    if (gal_file_map(item->file, (size_t)p->limits.max_file_bytes, &file, &unused) != GALEN_OK) return;
    if (file.size > 0 && galen_dicom_probe(file.data, file.size) &&
        gal_dicom_identify(file.data, file.size, &identity, &unused) == GALEN_OK) {
        check_kind(item, "modality", &p->card.modality, identity.modality);
        check_kind(item, "body part", &p->card.body_part, identity.body_part);
    }
    gal_file_unmap(&file);
}

const float *gal_watch_features(const galen_predictor *p, size_t row) {
    return (const float *)p->output[p->features] + row * (size_t)p->n_features;
}

static void watch_features(galen_predictor *p, size_t row, galen_prediction *out) {
    const gal_ood *ood = &p->card.ood;
    gal_ood_measure_of(ood, gal_watch_features(p, row), out->scores, p->ood);
    out->ood = p->ood;
    if (p->ood[GAL_OOD_MAHALANOBIS] > ood->limit[GAL_OOD_MAHALANOBIS])
        p->gate[out->n_gates++] = (galen_gate){"unusual", p->ood[GAL_OOD_MAHALANOBIS], ood->limit[GAL_OOD_MAHALANOBIS]};
}

static void watch_set(galen_predictor *p, galen_prediction *out) {
    const double two[2] = {1 - out->probability, out->probability};
    bool binary = p->facts.task == GALEN_TASK_BINARY;
    out->set_size = gal_conformal_set(&p->card.conformal, binary ? two : out->probabilities, p->set);
    out->set = p->set;
}

void gal_watch_pixels(const uint8_t *pixel, size_t n, double out[3]) {
    enum { STRETCH = 1 << 16 }; /* of 255 squared fits 32 bits, of which more go into a vector */
    uint64_t sum = 0, square = 0, dark = 0;
    for (size_t at = 0; at < n; at += STRETCH) {
        uint32_t s = 0, q = 0, d = 0;
        for (size_t i = at; i < n && i < at + STRETCH; i++) {
            s += pixel[i];
            q += (uint32_t)pixel[i] * pixel[i];
            d += pixel[i] < 256 / 8;
        }
        sum += s, square += q, dark += d;
    }
    double count = (double)n, mean = (double)sum / count;
    out[0] = mean / 255;
    out[1] = sqrt(fmax((double)square / count - mean * mean, 0)) / 255;
    out[2] = (double)dark / count;
}

/* Saturated probabilities have no finite logit, which a comparison of ranks does not need. */
static double watched_score(const galen_predictor_facts *f, const galen_prediction *p) {
    enum { FARTHEST = 40 };
    if (f->task == GALEN_TASK_BINARY)
        return fmin(fmax(log(p->probability) - log1p(-p->probability), -FARTHEST), FARTHEST);
    double most = p->probabilities[0];
    for (int i = 1; i < f->n_scores; i++) most = fmax(most, p->probabilities[i]);
    return most;
}

_Static_assert(sizeof(((galen_prediction *)NULL)->watched) == GAL_DRIFT_SERIES * sizeof(double),
               "a number for each series of the reference");

void gal_watch(galen_predictor *p, const gal_item *item, size_t row, galen_prediction *out) {
    memcpy(p->gate, item->gate, (size_t)item->gates * sizeof *p->gate);
    out->n_gates = item->gates;
    out->gates = p->gate;
    p->told = row;
    out->set_size = -1;
    out->watched[GAL_DRIFT_SCORE] = watched_score(&p->facts, out);
    memcpy(out->watched + GAL_DRIFT_MEAN, item->level, sizeof item->level);
    if (p->card.ood.axes > 0) watch_features(p, row, out);
    if (p->card.conformal.classes > 0) watch_set(p, out);
}
