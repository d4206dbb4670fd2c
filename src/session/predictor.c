/* Opening a predictor: the model, its card, and a session planned for the batch. */
#include "session/predictor.h"

#include "base/error.h"
#include "base/mem.h"
#include "graph/op.h"
#include "pass/pass.h"
#include "session/watch.h"

#include <string.h>

enum { MAX_BATCH = 4096 };

galen_predictor_options galen_predictor_default_options(void) {
    return (galen_predictor_options){.batch = 1, .limits = galen_image_default_limits()};
}

const galen_predictor_facts *galen_predictor_get_facts(const galen_predictor *predictor) {
    return &predictor->facts;
}

static bool is_real(galen_dtype dtype) {
    return dtype == GALEN_F32 || dtype == GALEN_F16 || dtype == GALEN_BF16;
}

/* One float input [N, C, H, W] of 1 or 3 channels, where N is the batch or 1. */
static galen_status check_input(galen_predictor *p, const char *path, galen_error *err) {
    const gal_graph *g = p->model->graph;
    if (g->n_input != 1)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "%s: %u inputs, but an image classifier has one; predict needs a model with one image input",
                        path, g->n_input);
    const gal_value *in = g->input[0];
    const gal_shape *s = &in->shape;
    if (!is_real(in->dtype) || s->rank != 4)
        return gal_fail(
            err, GALEN_ERR_UNSUPPORTED,
            "%s: input '%s' is %s of rank %d, not a batch of f32 or f16 planes [N, C, H, W]; export the model with such an input",
            path, in->name, galen_dtype_name(in->dtype), s->rank);
    p->fixed_batch = !s->dim[0].batch;
    if (p->fixed_batch && s->dim[0].size != 1)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "%s: input '%s' has a fixed batch of %lld; export the model with a free batch or with 1", path,
                        in->name, (long long)s->dim[0].size);
    int64_t channels = s->dim[1].size;
    if (channels != 1 && channels != 3)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "%s: input '%s' has %lld channels; images have 1 (grey) or 3 (RGB), planes first", path,
                        in->name, (long long)channels);
    if (p->card.recipe.channels != channels || p->card.recipe.width != s->dim[3].size ||
        p->card.recipe.height != s->dim[2].size)
        return gal_fail(
            err, GALEN_ERR_FORMAT,
            "%s: the card prepares %d x %d x %d images, but input '%s' takes %lld x %lld x %lld; correct the card",
            path, p->card.recipe.channels, p->card.recipe.height, p->card.recipe.width, in->name, (long long)channels,
            (long long)s->dim[2].size, (long long)s->dim[3].size);
    return GALEN_OK;
}

/* The first output holds the scores: f32, f16 or bf16, the batch first, everything behind it one score each. */
static galen_status check_output(galen_predictor *p, const char *path, galen_error *err) {
    const gal_graph *g = p->model->graph;
    const gal_value *out = g->n_output ? g->output[0] : NULL;
    gal_dim scores = {0};
    bool batched =
        out && out->shape.rank > 0 && out->shape.dim[0].batch == !p->fixed_batch && out->shape.dim[0].size == 1;
    if (!batched || !is_real(out->dtype) || !gal_shape_product(&out->shape, 1, out->shape.rank, &scores) ||
        scores.batch || scores.size < 1 || scores.size > GAL_CARD_MAX_LABELS)
        return gal_fail(
            err, GALEN_ERR_UNSUPPORTED,
            "%s: output '%s' is not one row of 1 to %d f32 or f16 scores an image; predict is for classifiers", path,
            out ? out->name : "", GAL_CARD_MAX_LABELS);
    p->facts.n_scores = (int)scores.size;
    const char *last = out->producer ? out->producer->op->name : "";
    p->link = strcmp(last, "Sigmoid") == 0   ? GAL_LINK_SIGMOID
              : strcmp(last, "Softmax") == 0 ? GAL_LINK_SOFTMAX
                                             : GAL_LINK_LOGIT;
    if (p->card.n_label && p->card.n_label != p->facts.n_scores && !(p->card.n_label == 2 && p->facts.n_scores == 1))
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "%s: the card names %d labels, but the model gives %d scores; correct the card", path,
                        p->card.n_label, p->facts.n_scores);
    galen_status status = gal_card_check_calibration(&p->card, p->facts.n_scores, err);
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}

static galen_task task_of(const gal_card *card, int n_scores) {
    switch (card->task) {
    case GAL_TASK_BINARY: return GALEN_TASK_BINARY;
    case GAL_TASK_MULTICLASS: return GALEN_TASK_MULTICLASS;
    case GAL_TASK_MULTILABEL: return GALEN_TASK_MULTILABEL;
    case GAL_TASK_UNKNOWN: break;
    }
    return n_scores == 1 ? GALEN_TASK_BINARY : GALEN_TASK_MULTICLASS;
}

static void state_facts(galen_predictor *p) {
    galen_predictor_facts *f = &p->facts;
    const gal_card *card = &p->card;
    f->path = p->model->path;
    f->sha256 = gal_model_sha256(p->model);
    f->precision = gal_session_precision_name(p->session);
    f->device = "cpu";
    f->isa = gal_isa_name(gal_session_isa(p->session));
    f->threads = gal_pool_threads(p->pool);
    f->batch = p->batch;
    f->task = task_of(card, f->n_scores);
    f->n_labels = card->n_label;
    f->label = (const char *const *)card->label;
    f->positive = f->task == GALEN_TASK_BINARY ? card->positive : -1;
    f->channels = card->recipe.channels;
    f->width = card->recipe.width;
    f->height = card->recipe.height;
    f->has_threshold = card->has_threshold && f->task == GALEN_TASK_BINARY && f->n_scores == 1;
    f->threshold = card->threshold_logit;
    f->threshold_chosen = card->threshold_chosen;
    if (card->calibration.method != GAL_CALIBRATION_NONE)
        f->calibration = gal_calibration_name(card->calibration.method);
    if (card->ood.axes > 0) {
        f->ood_alpha = card->ood.alpha;
        memcpy(f->ood_limit, card->ood.limit, sizeof f->ood_limit);
    }
    f->set_alpha = card->conformal.classes > 0 ? card->conformal.alpha : 0;
    f->n_classes = card->conformal.classes;
    f->n_missing = card->n_missing;
    f->missing = (const char *const *)card->missing;
    f->planned_bytes = gal_session_arena_bytes(p->session);
}

static galen_status make_session(galen_predictor *p, const galen_predictor_options *o, galen_error *err) {
    float table[256 * 3];
    gal_session_options s = gal_session_default_options();
    gal_prepare_table(&p->card.recipe, table);
    GAL_TRY(gal_pass_float_ports(p->model->graph, err));
    GAL_TRY(gal_pass_take_pixels(p->model->graph, table, err));
    GAL_TRY(gal_pool_create(o->threads, &p->pool, err));
    s.pool = p->pool;
    s.max_batch = p->batch;
    if (o->isa) GAL_TRY(gal_isa_parse(o->isa, &s.isa, err));
    GAL_TRY(gal_precision_parse(o->precision, &s.precision, err));
    /* Weights are packed in the kernels' own order: the file's pages need not stay in memory. */
    s.file = p->model->file;
    s.n_file = p->model->n_file;
    s.cache = o->cache;
    s.hash = p->model->hash;
    return gal_session_create(p->model->graph, &s, &p->session, err);
}

/* The batch's pictures, scores of every output, and the book-keeping of its files. */
static galen_status make_buffers(galen_predictor *p, galen_error *err) {
    const gal_recipe *r = &p->card.recipe;
    const gal_graph *g = p->model->graph;
    p->picture = (size_t)r->channels * (size_t)r->height * (size_t)r->width;
    size_t bytes;
    if (!gal_size_mul(p->picture, (size_t)p->batch, &bytes)) return gal_fail_memory(err, "the input batch", SIZE_MAX);
    p->input = gal_alloc_aligned(bytes);
    p->item = gal_calloc((size_t)p->batch, sizeof *p->item);
    p->probability = gal_calloc((size_t)p->facts.n_scores, sizeof *p->probability);
    p->calibrated = gal_calloc((size_t)p->facts.n_scores, sizeof *p->calibrated);
    p->output = gal_calloc(g->n_output, sizeof *p->output);
    if (!p->input || !p->item || !p->probability || !p->calibrated || !p->output)
        return gal_fail_memory(err, "the input batch", bytes);
    for (uint32_t i = 0; i < g->n_output; i++) {
        galen_tensor t;
        gal_shape_at(&g->output[i]->shape, g->output[i]->dtype, p->batch, &t);
        int64_t n = galen_tensor_bytes(&t);
        if (n < 0 || !(p->output[i] = gal_alloc_aligned((size_t)n)))
            return gal_fail_memory(err, g->output[i]->name, (unsigned long long)n);
    }
    return GALEN_OK;
}

/* DynamicQuantizeLinear takes its range from all values of a tensor, those of every picture in it. */
static bool quantises_batches(const gal_graph *graph) {
    for (const gal_node *node = graph->first; node; node = node->next)
        if (!strcmp(node->op->name, "DynamicQuantizeLinear")) return true;
    return false;
}

static galen_status open_into(galen_predictor *p, const char *path, const galen_predictor_options *o, bool watched,
                              galen_error *err) {
    GAL_TRY(gal_onnx_load(path, NULL, &p->model, err));
    galen_status status = gal_card_read(gal_model_meta(p->model, "galen.card"), p->model->graph, &p->card, err);
    if (status != GALEN_OK) return gal_fail_in(err, status, path);
    GAL_TRY(check_input(p, path, err));
    GAL_TRY(check_output(p, path, err));
    p->batch = p->fixed_batch ? 1 : o->batch;
    p->batch_matters = quantises_batches(p->model->graph);
    p->frame = o->frame;
    p->limits = o->limits;
    GAL_TRY(gal_watch_prepare(p, watched, err));
    GAL_TRY(make_session(p, o, err));
    state_facts(p);
    return make_buffers(p, err);
}

static galen_status open_predictor(const char *model, const galen_predictor_options *options, bool watched,
                                   galen_predictor **out, galen_error *err) {
    galen_predictor_options defaults = galen_predictor_default_options();
    if (!options) options = &defaults;
    *out = NULL;
    if (options->batch < 1 || options->batch > MAX_BATCH)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "batch %d; ask for 1 to %d", options->batch, MAX_BATCH);
    if (options->frame < 0)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "frame %d; frames are counted from 0", options->frame);
    galen_predictor *p = gal_calloc(1, sizeof *p);
    if (!p) return gal_fail_memory(err, "the predictor", sizeof *p);
    galen_status status = open_into(p, model, options, watched, err);
    if (status != GALEN_OK) {
        galen_predictor_close(p);
        return status;
    }
    *out = p;
    return GALEN_OK;
}

galen_status galen_predictor_open(const char *model, const galen_predictor_options *options, galen_predictor **out,
                                  galen_error *err) {
    return open_predictor(model, options, false, out, err);
}

galen_status gal_predictor_open_watched(const char *model, const galen_predictor_options *options,
                                        galen_predictor **out, galen_error *err) {
    return open_predictor(model, options, true, out, err);
}

void galen_predictor_close(galen_predictor *p) {
    if (!p) return;
    for (uint32_t i = 0; p->output && i < p->model->graph->n_output; i++) gal_free(p->output[i]);
    gal_free(p->output);
    gal_free(p->probability);
    gal_free(p->calibrated);
    gal_free(p->item);
    gal_free(p->input);
    gal_session_destroy(p->session);
    gal_pool_destroy(p->pool);
    gal_card_free(&p->card);
    gal_model_destroy(p->model);
    gal_free(p);
}
