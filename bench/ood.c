/*
 * Pictures of another kind: how well the measures of clinic/watch/ood.h tell them from those a model was made for.
 *
 *     build/bench/ood MODEL FIT IN OUT... > bench/results/ood-NAME.json
 *
 * FIT: folders of pictures that the measures are fitted on; IN: others of the same kind; OUT: folders of other kinds.
 * For chest X-rays against MedNIST, both from ../shared/data/images unpacked:
 *
 *     build/bench/ood models/cxr64-small.onnx dataset/train dataset/test
 * mednist/{AbdomenCT,BreastMRI,ChestCT,Hand,HeadCT}
 */
#include "clinic/watch/ood.h"
#include "base/error.h"
#include "base/mem.h"
#include "clinic/measures/roc.h"
#include "data/walk.h"
#include "dicom/open.h"
#include "image/prepare.h"
#include "model/card.h"
#include "model/onnx.h"
#include "pass/pass.h"
#include "session/features.h"
#include "session/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static galen_error err;

static void must(galen_status status) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "ood: %s\n", err.message);
    exit(3);
}

typedef struct network {
    gal_model *model;
    gal_card card;
    gal_session *session;
    int width, scores;
} network;

typedef struct pictures {
    const char *name;
    float *feature, *logit;
    size_t count;
} pictures;

static network open_network(const char *path) {
    network n = {0};
    gal_session_options options = gal_session_default_options();
    must(gal_onnx_load(path, NULL, &n.model, &err));
    must(gal_card_read(gal_model_meta(n.model, "galen.card"), n.model->graph, &n.card, &err));
    gal_value *features = gal_features_find(n.model->graph, &n.width);
    if (!features) must(gal_fail(&err, GALEN_ERR_UNSUPPORTED, "%s has no features", path));
    gal_dim scores;
    const gal_shape *out = &n.model->graph->output[0]->shape;
    gal_shape_product(out, 1, out->rank, &scores);
    n.scores = (int)scores.size;
    must(gal_graph_mark_output(n.model->graph, features, &err));
    must(gal_pass_float_ports(n.model->graph, &err));
    must(gal_session_create(n.model->graph, &options, &n.session, &err));
    return n;
}

static pictures see(const network *n, const char *folder) {
    gal_walk_list list = {0};
    const gal_recipe *r = &n->card.recipe;
    const galen_image_limits limits = galen_image_default_limits();
    float *planes = gal_alloc_aligned((size_t)r->channels * (size_t)r->height * (size_t)r->width * sizeof *planes);
    must(gal_walk_add(&list, folder, &err));
    pictures p = {folder, calloc(list.n, (size_t)n->width * sizeof(float)),
                  calloc(list.n, (size_t)n->scores * sizeof(float)), 0};
    for (size_t i = 0; i < list.n; i++) {
        galen_image image = {0};
        must(gal_picture_open(list.entry[i].path, 0, &limits, &image, &err));
        must(gal_prepare(&image, r, planes, &err));
        galen_image_free(&image);
        const void *in[1] = {planes};
        void *out[2] = {&p.logit[p.count * (size_t)n->scores], &p.feature[p.count * (size_t)n->width]};
        must(gal_session_run(n->session, 1, in, out, &err));
        p.count++;
    }
    gal_walk_free(&list);
    gal_free(planes);
    fprintf(stderr, "%s: %zu\n", folder, p.count);
    return p;
}

static double *measure(const network *n, const gal_ood *ood, const pictures *p) {
    double *out = calloc(p->count * GAL_OOD_MEASURES, sizeof *out);
    for (size_t i = 0; i < p->count; i++)
        gal_ood_measure_of(ood, &p->feature[i * (size_t)n->width], &p->logit[i * (size_t)n->scores],
                           &out[i * GAL_OOD_MEASURES]);
    return out;
}

/* The area under the ROC curve of measure m, strange pictures being the positives. */
static double auc(const double *in, size_t n_in, const double *out, size_t n_out, int m) {
    double *score = calloc(n_in + n_out, sizeof *score), area = NAN;
    uint8_t *positive = calloc(n_in + n_out, 1);
    for (size_t i = 0; i < n_in + n_out; i++) {
        positive[i] = i >= n_in;
        score[i] = i < n_in ? in[i * GAL_OOD_MEASURES + (size_t)m] : out[(i - n_in) * GAL_OOD_MEASURES + (size_t)m];
    }
    must(gal_roc_auc(&(gal_scores){score, positive, n_in + n_out}, &area, &err));
    free(score);
    free(positive);
    return area;
}

static double beyond(const double *value, size_t n, int m, double limit) {
    size_t hits = 0;
    for (size_t i = 0; i < n; i++) hits += value[i * GAL_OOD_MEASURES + (size_t)m] > limit;
    return (double)hits / (double)n;
}

int main(int argc, char **argv) {
    if (argc < 5) return fprintf(stderr, "use: ood MODEL FIT IN OUT...\n"), 2;
    network n = open_network(argv[1]);
    pictures fit = see(&n, argv[2]), in = see(&n, argv[3]);
    gal_ood ood;
    const gal_ood_cases cases = {fit.feature, fit.logit, fit.count, n.width, n.scores};
    must(gal_ood_fit(&cases, 0.01, &ood, &err));
    double *inside = measure(&n, &ood, &in);
    printf(
        "{\"model\": \"%s\", \"width\": %d, \"fitted_on\": %zu, \"shrinkage\": %.4g, \"alpha\": %g,\n \"in\": {\"pictures\": %zu",
        argv[1], n.width, fit.count, ood.shrinkage, ood.alpha, in.count);
    for (int m = 0; m < GAL_OOD_MEASURES; m++)
        printf(", \"%s_beyond_limit\": %.4f", gal_ood_name((gal_ood_measure)m),
               beyond(inside, in.count, m, ood.limit[m]));
    printf("},\n \"out\": [");
    for (int a = 4; a < argc; a++) {
        pictures out = see(&n, argv[a]);
        double *outside = measure(&n, &ood, &out);
        printf("%s\n  {\"name\": \"%s\", \"pictures\": %zu", a > 4 ? "," : "", argv[a], out.count);
        for (int m = 0; m < GAL_OOD_MEASURES; m++)
            printf(", \"%s_auroc\": %.4f, \"%s_beyond_limit\": %.4f", gal_ood_name((gal_ood_measure)m),
                   auc(inside, in.count, outside, out.count, m), gal_ood_name((gal_ood_measure)m),
                   beyond(outside, out.count, m, ood.limit[m]));
        printf("}");
        free(outside);
        free(out.feature);
        free(out.logit);
    }
    printf("]}\n");
    free(inside);
    gal_ood_free(&ood);
    return 0;
}
