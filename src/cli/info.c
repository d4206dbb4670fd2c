/* galen info: what a model file is, and what it does not say. */
#include "cli/certificate.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/table.h"

#include "graph/op.h"
#include "model/card.h"
#include "model/onnx.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_KINDS = 128, MAX_TEXT = 1 << 20, MAX_LISTING = 256 << 20 };

static const cli_option options[] = {
    {.name = "graph", .type = CLI_FLAG, .help = "print every node with types and shapes"},
    {.name = "dot",
     .type = CLI_FLAG,
     .help = "print the graph for Graphviz: galen info --dot m.onnx | dot -Tsvg > m.svg"},
    {.shared = CLI_CERTIFICATE,
     .help = "show a certificate of 'galen compare' and check that it is of this model and was not changed"},
    {.name = "key",
     .type = CLI_PATH,
     .metavar = "PUB.pem",
     .help = "the public key that must have signed the certificate (default: the one it names, which proves nothing "
             "about who made it)"},
    {.shared = CLI_SIZE},
    {.shared = CLI_CHANNELS},
    {.shared = CLI_CLASSES},
};

typedef struct op_count {
    const char *name;
    int n;
} op_count;

/* Nodes by op name, the most frequent first; returns how many names. */
static int count_ops(const gal_graph *graph, op_count *kind) {
    int kinds = 0;
    for (const gal_node *node = graph->first; node; node = node->next) {
        int i = 0;
        while (i < kinds && strcmp(kind[i].name, node->op->name) != 0) i++;
        if (i == MAX_KINDS) continue;
        if (i == kinds) kind[kinds++] = (op_count){node->op->name, 0};
        kind[i].n++;
        for (; i && kind[i].n > kind[i - 1].n; i--) {
            op_count swap = kind[i];
            kind[i] = kind[i - 1];
            kind[i - 1] = swap;
        }
    }
    return kinds;
}

/* Each constant once, however many nodes share it. */
static int64_t count_parameters(const gal_graph *graph, int64_t *bytes) {
    int64_t elements = 0;
    *bytes = 0;
    for (uint32_t i = 0; i < graph->n_value; i++) {
        const gal_value *value = graph->value[i];
        if (!value->constant || !value->uses || value->known) continue;
        elements += galen_tensor_elements(value->constant);
        *bytes += galen_tensor_bytes(value->constant);
    }
    return elements;
}

static const char *shape_text(const gal_value *value, gal_buf *buf) {
    buf->size = 0;
    gal_shape_text(&value->shape, buf);
    return buf->failed || !buf->data ? "?" : (const char *)buf->data;
}

static void print_value(const char *what, const gal_value *value, gal_buf *buf) {
    printf("%-11s", what);
    cli_put_text(stdout, value->name);
    printf("  %s %s\n", galen_dtype_name(value->dtype), shape_text(value, buf));
}

static const char *task_name(gal_task task) {
    static const char *const name[] = {"unknown", "binary", "multiclass", "multilabel"};
    return name[task];
}

static void print_line(const char *what, const char *value) {
    printf("%-11s", what);
    cli_put_text(stdout, value);
    puts("");
}

static void print_scalar(const json_t *v) {
    if (json_is_string(v))
        cli_put_text(stdout, json_string_value(v));
    else if (json_is_integer(v))
        printf("%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        printf("%.6g", json_real_value(v));
    else
        fputs(json_is_true(v) ? "yes" : json_is_false(v) ? "no" : json_is_null(v) ? "unknown" : "...", stdout);
}

/* "name value, name value", objects left out. */
static void print_fields(const char *what, json_t *object) {
    const char *key;
    json_t *v;
    bool any = false;
    size_t length = strlen(what);
    cli_put_text(stdout, what);
    printf("%*s", length < 10 ? 11 - (int)length : 1, "");
    json_object_foreach(object, key, v) {
        if (json_is_object(v)) continue;
        fputs(any ? ", " : "", stdout);
        cli_put_text(stdout, key);
        putchar(' ');
        print_scalar(v);
        any = true;
    }
    putchar('\n');
}

/* What a card holds as free JSON; an object within has a line of its own. */
static void print_free(const char *what, const char *text) {
    json_t *root = json_loads(text, JSON_DECODE_ANY, NULL), *v;
    const char *key;
    if (json_is_object(root)) {
        print_fields(what, root);
        json_object_foreach(root, key, v) {
            if (json_is_object(v)) print_fields(key, v);
        }
    } else {
        print_line(what, json_is_string(root) ? json_string_value(root) : text);
    }
    json_decref(root);
}

static const char *filter_name(galen_filter filter) {
    static const char *const name[] = {"nearest", "box", "bilinear", "bicubic", "lanczos"};
    return name[filter];
}

static void print_card(const gal_card *card) {
    const gal_recipe *r = &card->recipe;
    puts(card->present ? "\nCard" : "\nNo card; assumed instead");
    print_line("task", task_name(card->task));
    for (int i = 0; i < card->n_label; i++) print_line(i == card->positive ? "label (+)" : "label", card->label[i]);
    printf("picture    %s, %d x %d, %s", r->channels == 1 ? "grey" : "RGB", r->width, r->height,
           filter_name(r->filter));
    if (r->rule == GAL_RESIZE_SHORT_SIDE) printf(", shorter side to %d then centre crop", r->resize_to);
    printf("; black..white = %g..%g", (double)r->low, (double)r->high);
    for (int i = 0; i < r->channels; i++)
        printf("%s(%g, %g)", i ? ", " : "; mean and std ", (double)r->mean[i], (double)r->std[i]);
    puts("");
    if (card->has_threshold) {
        printf("threshold  score >= %.9g is positive", card->threshold_logit);
        if (card->threshold_chosen) printf("; %s", card->threshold_chosen);
        if (card->threshold_data.digest[0] != '\0')
            printf("; frozen on %zu cases (data %.12s)", card->threshold_data.cases, card->threshold_data.digest);
        puts("");
    }
    if (card->calibration.method != GAL_CALIBRATION_NONE)
        printf("calibrated %s, fitted on %zu cases (data %.12s)\n", gal_calibration_name(card->calibration.method),
               card->calibration_data.cases, card->calibration_data.digest);
    if (card->ood.axes > 0)
        printf("unusual    beyond a distance of %.4g of %d features, as %.3g %% of its own kind of pictures are\n",
               card->ood.limit[GAL_OOD_MAHALANOBIS], card->ood.width, 100 * card->ood.alpha);
    if (card->conformal.classes > 0)
        printf("sets       hold the true label with %.4g %%%s\n", 100 * (1 - card->conformal.alpha),
               card->conformal.by_class ? ", by class" : "");
    if (card->drift.cases > 0) printf("drift      is told by comparison with %zu pictures\n", card->drift.cases);
    if (card->intended_use) print_free("use", card->intended_use);
    if (card->training) print_free("training", card->training);
    for (int i = 0; i < card->n_missing; i++) print_line("missing", card->missing[i]);
}

static void print_table(const gal_model *model, const gal_card *card) {
    op_count kind[MAX_KINDS];
    int kinds = count_ops(model->graph, kind);
    int64_t bytes, parameters = count_parameters(model->graph, &bytes);
    char text[TABLE_NUMBER];
    gal_buf buf;
    gal_buf_init(&buf, MAX_TEXT);
    if (model->path) print_line("model", model->path);
    if (model->hash) print_line("sha256", gal_model_sha256(model));
    printf("onnx       opset %lld, IR %lld", (long long)model->opset, (long long)model->ir_version);
    if (model->producer && *model->producer) printf(", made by %s", model->producer);
    puts("");
    for (uint32_t i = 0; i < model->graph->n_input; i++) print_value("input", model->graph->input[i], &buf);
    for (uint32_t i = 0; i < model->graph->n_output; i++) print_value("output", model->graph->output[i], &buf);
    printf("parameters %lld (%s)\n", (long long)parameters, table_bytes(text, (double)bytes));
    printf("nodes      %u:", model->graph->n_node);
    for (int i = 0; i < kinds; i++) printf("%s %d %s", i ? "," : "", kind[i].n, kind[i].name);
    puts("");
    print_card(card);
    gal_buf_free(&buf);
}

static void json_values(cli_json *json, const char *key, gal_value *const *value, uint32_t n) {
    json_open(json, key, '[');
    for (uint32_t i = 0; i < n; i++) {
        json_open(json, NULL, '{');
        json_text(json, "name", value[i]->name);
        json_text(json, "type", galen_dtype_name(value[i]->dtype));
        json_open(json, "shape", '[');
        for (int d = 0; d < value[i]->shape.rank; d++) {
            gal_dim dim = value[i]->shape.dim[d];
            if (dim.batch && dim.size == 1)
                json_text(json, NULL, "N");
            else if (dim.batch)
                json_raw(json, NULL, "null");
            else
                json_int(json, NULL, dim.size);
        }
        json_close(json, ']');
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void json_picture(cli_json *json, const gal_recipe *r) {
    json_open(json, "picture", '{');
    json_int(json, "channels", r->channels);
    json_int(json, "width", r->width);
    json_int(json, "height", r->height);
    json_text(json, "filter", filter_name(r->filter));
    json_int(json, "resize_short_side", r->rule == GAL_RESIZE_SHORT_SIDE ? r->resize_to : 0);
    json_open(json, "range", '[');
    json_number(json, NULL, (double)r->low);
    json_number(json, NULL, (double)r->high);
    json_close(json, ']');
    json_open(json, "mean", '[');
    for (int i = 0; i < r->channels; i++) json_number(json, NULL, (double)r->mean[i]);
    json_close(json, ']');
    json_open(json, "std", '[');
    for (int i = 0; i < r->channels; i++) json_number(json, NULL, (double)r->std[i]);
    json_close(json, ']');
    json_close(json, '}');
}

/* Which cases something was chosen on; null where the card does not say. */
static void json_data(cli_json *json, const char *key, const gal_data_mark *mark) {
    if (mark->digest[0] == '\0') {
        json_raw(json, key, "null");
        return;
    }
    json_open(json, key, '{');
    json_text(json, "digest", mark->digest);
    json_int(json, "cases", (int64_t)mark->cases);
    json_close(json, '}');
}

static void json_calibration(cli_json *json, const gal_card *card) {
    if (card->calibration.method == GAL_CALIBRATION_NONE) {
        json_raw(json, "calibration", "null");
        return;
    }
    json_t *whole = gal_calibration_json(&card->calibration);
    char *parameters = json_dumps(json_object_get(whole, "parameters"), JSON_COMPACT);
    json_open(json, "calibration", '{');
    json_text(json, "method", gal_calibration_name(card->calibration.method));
    json_raw(json, "parameters", parameters ? parameters : "null");
    json_data(json, "fitted_on", &card->calibration_data);
    json_close(json, '}');
    free(parameters);
    json_decref(whole);
}

static void json_card(cli_json *json, const gal_card *card) {
    json_open(json, "card", '{');
    json_bool(json, "present", card->present);
    json_text(json, "task", task_name(card->task));
    json_open(json, "labels", '[');
    for (int i = 0; i < card->n_label; i++) json_text(json, NULL, card->label[i]);
    json_close(json, ']');
    json_int(json, "positive", card->positive);
    json_picture(json, &card->recipe);
    json_number(json, "threshold", card->has_threshold ? card->threshold_logit : (double)NAN);
    json_text(json, "threshold_chosen", card->threshold_chosen);
    json_data(json, "threshold_frozen_on", &card->threshold_data);
    json_calibration(json, card);
    json_number(json, "ood_limit", card->ood.axes > 0 ? card->ood.limit[GAL_OOD_MAHALANOBIS] : (double)NAN);
    json_number(json, "ood_alpha", card->ood.axes > 0 ? card->ood.alpha : (double)NAN);
    json_number(json, "set_coverage", card->conformal.classes > 0 ? 1 - card->conformal.alpha : (double)NAN);
    json_int(json, "drift_reference", (int64_t)card->drift.cases);
    json_raw(json, "intended_use", card->intended_use ? card->intended_use : "null");
    json_raw(json, "training", card->training ? card->training : "null");
    json_open(json, "missing", '[');
    for (int i = 0; i < card->n_missing; i++) json_text(json, NULL, card->missing[i]);
    json_close(json, ']');
    json_close(json, '}');
}

static void print_json(const gal_model *model, const gal_card *card, const cli_certificate *certificate) {
    op_count kind[MAX_KINDS];
    int kinds = count_ops(model->graph, kind);
    int64_t bytes, parameters = count_parameters(model->graph, &bytes);
    cli_json json = json_start(stdout);
    json_open(&json, NULL, '{');
    json_text(&json, "path", model->path);
    json_text(&json, "sha256", gal_model_sha256(model));
    json_int(&json, "opset", model->opset);
    json_int(&json, "ir_version", model->ir_version);
    json_text(&json, "producer", model->producer);
    json_values(&json, "inputs", model->graph->input, model->graph->n_input);
    json_values(&json, "outputs", model->graph->output, model->graph->n_output);
    json_int(&json, "parameters", parameters);
    json_int(&json, "parameter_bytes", bytes);
    json_int(&json, "nodes", model->graph->n_node);
    json_open(&json, "ops", '{');
    for (int i = 0; i < kinds; i++) json_int(&json, kind[i].name, kind[i].n);
    json_close(&json, '}');
    json_card(&json, card);
    certificate_json(&json, certificate);
    json_close(&json, '}');
}

static cli_exit print_graph(const cli_args *args, const gal_graph *graph, bool dot) {
    gal_buf buf;
    gal_buf_init(&buf, MAX_LISTING);
    if (dot)
        gal_graph_dot(graph, &buf);
    else
        gal_graph_print(graph, &buf);
    bool failed = buf.failed;
    if (!failed) fwrite(buf.data, 1, buf.size, stdout);
    gal_buf_free(&buf);
    return failed ? cli_fail(args, CLI_RESOURCES, "the listing of the graph does not fit in memory") : CLI_DONE;
}

static cli_exit show(const cli_args *args, const gal_model *model, const cli_certificate *certificate,
                     galen_error *err) {
    gal_card card;
    if (gal_card_read(gal_model_meta(model, "galen.card"), model->graph, &card, err) != GALEN_OK)
        return cli_fail(args, cli_exit_of(err->status), "%s: %.400s", model->path ? model->path : "model",
                        err->message);
    if (args->json) {
        print_json(model, &card, certificate);
    } else {
        print_table(model, &card);
        certificate_print(certificate);
    }
    gal_card_free(&card);
    return certificate_exit(certificate);
}

static cli_exit describe(const cli_args *args, const gal_model *model, galen_error *err) {
    cli_certificate certificate;
    if (cli_get(args, "dot")->set) return print_graph(args, model->graph, true);
    if (cli_get(args, "graph")->set) return print_graph(args, model->graph, false);
    galen_status status = certificate_open(args, gal_model_sha256(model), &certificate, err);
    cli_exit code = status == GALEN_OK ? show(args, model, &certificate, err) : cli_fail_error(args, err);
    certificate_close(&certificate);
    return code;
}

static cli_exit run(const cli_args *args) {
    gal_model *model = NULL;
    galen_error err;
    if (cli_load(args, args->operand[0], NULL, &model, &err) != GALEN_OK) return cli_fail_error(args, &err);
    cli_exit code = describe(args, model, &err);
    gal_model_destroy(model);
    return code;
}

const cli_verb cli_info = {
    .name = "info",
    .operands = "MODEL",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "show what a model is, and what its card does not say",
    .text =
        "Shows inputs, outputs, ops, parameters and the card: how pictures are prepared, labels, threshold, training. What the "
        "card leaves out is listed with what Galen assumes instead. MODEL is an ONNX file, 'default', or zoo:NAME.\n\n"
        "With --certificate, exit code 1 says that the certificate does not hold for this model (docs/compare.md).",
    .example = "galen info default\tthe model that ships\n"
               "galen info model.onnx --graph\tevery node\n"
               "galen info model.onnx --certificate c.json --key pub.pem\tdoes the certificate hold for this model?\n"
               "galen info zoo:resnet18 --size 64\ta network of the zoo",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run,
    .operand_words = "default",
};
