/* galen profile --numerics: the numerics passport. */
#include "analyze/passport.h"
#include "cli/json.h"
#include "cli/profile.h"
#include "cli/table.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "cpu/kernel.h"
#include "data/walk.h"
#include "model/onnx.h"

#include <math.h>
#include <string.h>

enum { RANDOM_ITEMS = 4, DEFAULT_WORST = 10 };

typedef struct work {
    const cli_args *args;
    galen_dtype precision;
    gal_model *tested, *plain, *parent; /* parent: NULL without --reference */
    char sha256[65], parent_sha256[65];
    gal_numerics *numerics;
    galen_predictor *predictor;
    gal_passport passport;
    gal_walk_list files;
    const gal_passport_image *worst[PROFILE_MAX_WORST];
    size_t n_worst;
} work;

/* ---- measuring ---- */

static galen_status load(work *w, galen_error *err) {
    const cli_args *args = w->args;
    const char *parent = cli_get(args, "reference")->text;
    GAL_TRY(gal_precision_parse(cli_get(args, "precision")->text, &w->precision, err));
    GAL_TRY(cli_load(args, args->operand[0], NULL, &w->tested, err));
    GAL_TRY(cli_load(args, args->operand[0], NULL, &w->plain, err));
    if (parent) GAL_TRY(cli_load(args, parent, NULL, &w->parent, err));
    snprintf(w->sha256, sizeof w->sha256, "%s", gal_model_sha256(w->tested));
    if (parent) snprintf(w->parent_sha256, sizeof w->parent_sha256, "%s", gal_model_sha256(w->parent));
    const gal_numerics_options o = {
        .isa = args->isa, .precision = w->precision, .threads = (int)cli_number(args, "threads", 0)};
    return gal_numerics_create(w->tested->graph, w->plain->graph, w->parent ? w->parent->graph : NULL, &o, &w->numerics,
                               err);
}

/* The predictor knows how files become input and scores become decisions. */
static galen_status open_predictor(work *w, galen_error *err) {
    galen_predictor_options o = galen_predictor_default_options();
    const char *path;
    for (int i = 1; i < w->args->n_operand; i++) GAL_TRY(gal_walk_add(&w->files, w->args->operand[i], err));
    GAL_TRY(cli_model_path(w->args->operand[0], &path, err));
    o.isa = gal_isa_name(w->args->isa);
    return galen_predictor_open(path, &o, &w->predictor, err);
}

static galen_status run_files(work *w, galen_error *err) {
    for (size_t i = 0; i < w->files.n; i++) {
        const gal_walk_entry *entry = &w->files.entry[i];
        if (entry->error) return gal_fail(err, GALEN_ERR_IO, "%s: %s", entry->path, entry->error);
        if (w->args->progress) fprintf(stderr, "\rimage %zu of %zu", i + 1, w->files.n);
        GAL_TRY(gal_passport_add_file(&w->passport, entry->path, err));
    }
    if (w->args->progress) fputs("\r\033[K", stderr);
    return GALEN_OK;
}

/* Uniform in [-1, 1] where the input is f32, zeros elsewhere. */
static galen_status run_random(work *w, galen_error *err) {
    const gal_graph *graph = w->tested->graph;
    void **in = gal_calloc((size_t)graph->n_input + 1, sizeof *in);
    galen_status status = in ? GALEN_OK : gal_fail_memory(err, "the list of inputs", graph->n_input * sizeof *in);
    for (uint64_t item = 0; status == GALEN_OK && item < RANDOM_ITEMS; item++) {
        for (uint32_t i = 0; status == GALEN_OK && i < graph->n_input; i++) {
            galen_tensor t;
            gal_shape_at(&graph->input[i]->shape, graph->input[i]->dtype, 1, &t);
            int64_t bytes = galen_tensor_bytes(&t), n = galen_tensor_elements(&t);
            gal_rng rng = gal_rng_make(item + 1, i);
            if (!in[i]) in[i] = bytes < 0 ? NULL : gal_calloc((size_t)bytes + 1, 1);
            if (!in[i]) status = gal_fail_memory(err, graph->input[i]->name, (unsigned long long)bytes);
            for (int64_t k = 0; status == GALEN_OK && t.dtype == GALEN_F32 && k < n; k++)
                ((float *)in[i])[k] = (float)(2 * gal_rng_uniform(&rng) - 1);
        }
        if (status == GALEN_OK) status = gal_passport_add_item(&w->passport, (const void *const *)in, err);
    }
    for (uint32_t i = 0; in && i < graph->n_input; i++) gal_free(in[i]);
    gal_free(in);
    return status;
}

static galen_status measure(work *w, galen_error *err) {
    bool files = w->args->n_operand > 1;
    if (files) GAL_TRY(open_predictor(w, err));
    GAL_TRY(load(w, err));
    GAL_TRY(gal_passport_start(&w->passport, w->numerics, w->predictor, err));
    GAL_TRY(files ? run_files(w, err) : run_random(w, err));
    size_t most = (size_t)cli_number(w->args, "worst", DEFAULT_WORST);
    w->n_worst = gal_passport_worst(&w->passport, w->worst, most);
    return GALEN_OK;
}

/* ---- output ---- */

static double part(double error, double scale) {
    return scale > 0 ? error / scale : 0;
}

static void print_layers(const work *w) {
    static const char *const heads[] = {"layer",   "stands for", "type",   "largest error", "mean error", "of largest",
                                        "mean of", "largest",    "SNR dB", "at ends",       "not finite", NULL};
    size_t unmatched, n = gal_numerics_layers(w->numerics, &unmatched);
    cli_table table;
    table_start(&table, heads, "lllrrrrrrrr");
    for (size_t i = 0; i < n; i++) {
        gal_numerics_layer l = gal_numerics_layer_at(w->numerics, i);
        const gal_node *node = l.step.node;
        table_cell(&table, "%.40s", node->name);
        table_cell(&table, "%.40s", node->stands_for ? node->stands_for : node->op->name);
        table_cell(&table, "%s", galen_dtype_name(l.dtype));
        table_cell(&table, "%.3g", l.max_error);
        table_cell(&table, "%.3g", l.mean_error);
        table_cell(&table, "%.2g", part(l.max_error, l.scale));
        table_cell(&table, "%.2g", part(l.mean_error, l.scale));
        table_cell(&table, "%.3g", l.scale);
        if (isfinite(l.snr_db))
            table_cell(&table, "%.1f", l.snr_db);
        else
            table_cell(&table, "exact");
        table_cell(&table, "%.0f", l.at_low + l.at_high);
        table_cell(&table, "%.0f", l.not_finite);
    }
    table_end(&table, stdout);
    if (unmatched) printf("\n%zu steps stand for no value of the model and are not compared.\n", unmatched);
}

static void print_outputs(const work *w) {
    const gal_passport *p = &w->passport;
    printf("\n%zu %s: scores differ from f64 by %.4g at most and %.3g on average", p->n_image,
           w->predictor ? "images" : "random inputs", p->max_difference, p->mean_difference);
    if (!w->predictor)
        puts("; nothing is decided on random input.");
    else if (p->undecided)
        puts("; the model has no threshold and no labels to decide with.");
    else
        printf("; %zu decisions change.\n", p->changed);
    const galen_predictor_facts *facts = w->predictor ? galen_predictor_get_facts(w->predictor) : NULL;
    if (facts && facts->has_threshold) printf("Threshold: %.6g.\n", facts->threshold);
    if (!w->predictor || !w->n_worst) return;
    static const char *const heads[] = {"image", "score", "f64", "here", "difference", "decision", NULL};
    cli_table table;
    putchar('\n');
    table_start(&table, heads, "lrrrrl");
    for (size_t i = 0; i < w->n_worst; i++) {
        const gal_passport_image *image = w->worst[i];
        table_cell(&table, "%s", image->file);
        table_cell(&table, "%zu", image->score);
        table_cell(&table, "%.6f", image->reference);
        table_cell(&table, "%.6f", image->got);
        table_cell(&table, "%+.3g", image->got - image->reference);
        table_cell(&table, "%s", image->changed ? "changed" : "same");
    }
    table_end(&table, stdout);
}

static void print_table(const work *w) {
    print_layers(w);
    print_outputs(w);
    printf("\n%s in %s on %s, against %s in f64.\n", w->args->operand[0],
           gal_session_precision_name(gal_numerics_session(w->numerics)),
           gal_isa_name(gal_session_isa(gal_numerics_session(w->numerics))),
           w->parent ? cli_get(w->args, "reference")->text : "the same file");
}

static void json_layer(cli_json *json, const gal_numerics_layer *l) {
    json_open(json, NULL, '{');
    json_text(json, "name", l->step.node->name);
    json_text(json, "op", l->step.node->op->name);
    json_text(json, "stands_for", l->step.node->stands_for);
    json_text(json, "kernel", l->step.kernel);
    json_text(json, "value", l->value);
    json_text(json, "type", galen_dtype_name(l->dtype));
    json_int(json, "elements", (int64_t)l->elements);
    json_number(json, "max_error", l->max_error);
    json_number(json, "mean_error", l->mean_error);
    json_number(json, "scale", l->scale);
    json_number(json, "max_error_of_scale", part(l->max_error, l->scale));
    json_number(json, "mean_error_of_scale", part(l->mean_error, l->scale));
    json_number(json, "snr_db", l->snr_db);
    json_int(json, "at_low", (int64_t)l->at_low);
    json_int(json, "at_high", (int64_t)l->at_high);
    json_int(json, "not_finite", (int64_t)l->not_finite);
    json_close(json, '}');
}

static void json_image(cli_json *json, const gal_passport_image *image) {
    json_open(json, NULL, '{');
    json_text(json, "file", image->file);
    json_int(json, "score", (int64_t)image->score);
    json_number(json, "reference", image->reference);
    json_number(json, "got", image->got);
    json_number(json, "difference", image->got - image->reference);
    json_bool(json, "decision_changed", image->changed);
    json_close(json, '}');
}

static void json_outputs(cli_json *json, const work *w) {
    const gal_passport *p = &w->passport;
    json_open(json, "scores", '{');
    json_int(json, "images", (int64_t)p->n_image);
    json_number(json, "max_difference", p->max_difference);
    json_number(json, "mean_difference", p->mean_difference);
    if (w->predictor && !p->undecided) {
        const galen_predictor_facts *facts = galen_predictor_get_facts(w->predictor);
        json_int(json, "decisions_changed", (int64_t)p->changed);
        if (facts->has_threshold) json_number(json, "threshold", facts->threshold);
    }
    json_open(json, "worst", '[');
    for (size_t i = 0; i < w->n_worst; i++) json_image(json, w->worst[i]);
    json_close(json, ']');
    json_close(json, '}');
}

static void print_json(const work *w) {
    size_t unmatched, n = gal_numerics_layers(w->numerics, &unmatched);
    const gal_session *session = gal_numerics_session(w->numerics);
    cli_json json = json_start(stdout);
    json_open(&json, NULL, '{');
    json_text(&json, "model", w->args->operand[0]);
    json_text(&json, "sha256", w->sha256);
    json_text(&json, "reference", w->parent ? cli_get(w->args, "reference")->text : w->args->operand[0]);
    json_text(&json, "reference_sha256", w->parent ? w->parent_sha256 : w->sha256);
    json_text(&json, "precision", gal_session_precision_name(gal_numerics_session(w->numerics)));
    json_text(&json, "isa", gal_isa_name(gal_session_isa(session)));
    json_text(&json, "input", w->predictor ? "files" : "random");
    json_open(&json, "layers", '[');
    for (size_t i = 0; i < n; i++) {
        gal_numerics_layer l = gal_numerics_layer_at(w->numerics, i);
        json_layer(&json, &l);
    }
    json_close(&json, ']');
    json_int(&json, "unmatched_steps", (int64_t)unmatched);
    json_outputs(&json, w);
    json_close(&json, '}');
}

cli_exit profile_numerics(const cli_args *args) {
    static work w; /* the list of the worst is too long for a stack */
    galen_error err;
    cli_exit code = CLI_DONE;
    w = (work){.args = args};
    if (measure(&w, &err) != GALEN_OK)
        code = cli_fail_error(args, &err);
    else if (args->json)
        print_json(&w);
    else
        print_table(&w);
    gal_passport_free(&w.passport);
    gal_numerics_destroy(w.numerics);
    galen_predictor_close(w.predictor);
    gal_model_destroy(w.tested);
    gal_model_destroy(w.plain);
    gal_model_destroy(w.parent);
    gal_walk_free(&w.files);
    return code;
}
