/* Layer by layer: where a candidate of the same architecture leaves its reference. */
#include "analyze/passport.h"
#include "base/error.h"
#include "cli/compare.h"
#include "graph/op.h"
#include "model/onnx.h"

#include <math.h>
#include <string.h>

enum { DEFAULT_PICTURES = 4 };

typedef struct lab {
    const cli_args *args;
    gal_model *tested, *plain, *parent; /* parent: NULL where both are one file */
    gal_numerics *numerics;
    galen_predictor *predictor;
    gal_passport passport;
} lab;

static void close_lab(lab *l) {
    gal_passport_free(&l->passport);
    gal_numerics_destroy(l->numerics);
    galen_predictor_close(l->predictor);
    gal_model_destroy(l->tested);
    gal_model_destroy(l->plain);
    gal_model_destroy(l->parent);
}

static galen_status load(const compare_work *w, int side, gal_model **out, galen_error *err) {
    const char *path;
    GAL_TRY(cli_model_path(w->args->operand[side], &path, err));
    return gal_onnx_load(path, NULL, out, err);
}

static galen_status open_lab(const compare_work *w, lab *l, galen_error *err) {
    const char *path, *precision = cli_get(w->args, "precision-b")->text;
    const char *sha256[GAL_SIDES] = {w->source[0].scored.model_sha256, w->source[1].scored.model_sha256};
    galen_predictor_options o = galen_predictor_default_options();
    gal_numerics_options n = {.isa = w->args->isa, .threads = (int)cli_number(w->args, "threads", 0)};
    GAL_TRY(load(w, GAL_CANDIDATE, &l->tested, err));
    GAL_TRY(load(w, GAL_CANDIDATE, &l->plain, err));
    if (strcmp(sha256[0], sha256[1]) != 0) GAL_TRY(load(w, GAL_REFERENCE, &l->parent, err));
    GAL_TRY(gal_precision_parse(precision, &n.precision, err));
    GAL_TRY(gal_numerics_create(l->tested->graph, l->plain->graph, l->parent ? l->parent->graph : NULL, &n,
                                &l->numerics, err));
    GAL_TRY(cli_model_path(w->args->operand[GAL_CANDIDATE], &path, err));
    o.isa = gal_isa_name(w->args->isa);
    GAL_TRY(galen_predictor_open(path, &o, &l->predictor, err));
    return gal_passport_start(&l->passport, l->numerics, l->predictor, err);
}

/* As many pictures as asked for, spread evenly over the cases. */
static galen_status run_pictures(compare_work *w, lab *l, galen_error *err) {
    const gal_case_set *cases = &w->evidence.cases[GAL_CANDIDATE];
    size_t wanted = (size_t)cli_number(w->args, "layers", DEFAULT_PICTURES), last = cases->count;
    if (wanted > cases->count) wanted = cases->count;
    for (size_t i = 0; i < wanted; i++) {
        size_t k = i * cases->count / wanted;
        if (k == last || !cases->path[k]) continue;
        last = k;
        if (w->args->progress) fprintf(stderr, "\rlayers of picture %zu of %zu", i + 1, wanted);
        GAL_TRY(gal_passport_add_file(&l->passport, cases->path[k], err));
        w->layers.pictures++;
    }
    if (w->args->progress) fputs("\r\033[K", stderr);
    return GALEN_OK;
}

static json_t *layer_json(const gal_numerics_layer *l) {
    const gal_node *node = l->step.node;
    return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "name", node->name, "op", node->op->name,
                     "stands_for", node->stands_for, "value", l->value, "type", galen_dtype_name(l->dtype), "elements",
                     gal_number_json(l->elements), "max_error", gal_number_json(l->max_error), "mean_error",
                     gal_number_json(l->mean_error), "scale", gal_number_json(l->scale), "snr_db",
                     gal_number_json(l->snr_db));
}

static galen_status list_layers(compare_work *w, const lab *l, galen_error *err) {
    size_t unmatched, n = gal_numerics_layers(l->numerics, &unmatched);
    if (n == 0) {
        w->layers.none = "the two models have no layers in common";
        return GALEN_OK;
    }
    w->layers.list = json_array();
    for (size_t i = 0; i < n; i++) {
        gal_numerics_layer layer = gal_numerics_layer_at(l->numerics, i);
        if (json_array_append_new(w->layers.list, layer_json(&layer)) != 0)
            return gal_fail_memory(err, "the list of layers", n);
    }
    return GALEN_OK;
}

galen_status compare_measure_layers(compare_work *w, galen_error *err) {
    const gal_case_set *cases = &w->evidence.cases[GAL_CANDIDATE];
    lab l = {.args = w->args};
    w->layers.none = cli_number(w->args, "layers", DEFAULT_PICTURES) == 0 ? "not asked for"
                     : !w->source[GAL_CANDIDATE].has_model                ? "predictions have none"
                     : !cases->path                                       ? "the pictures are in no files of their own"
                                                                          : NULL;
    if (w->layers.none) return GALEN_OK;
    galen_status status = open_lab(w, &l, err);
    if (status == GALEN_OK) status = run_pictures(w, &l, err);
    if (status == GALEN_OK) status = list_layers(w, &l, err);
    close_lab(&l);
    if (status == GALEN_OK || status == GALEN_ERR_MEMORY) return status;
    w->layers.none = "the two models are not of one architecture";
    return GALEN_OK;
}
