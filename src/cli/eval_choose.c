/* Choosing a threshold and a calibration on validation cases, and writing them into the model's card. */
#include "cli/eval.h"
#include "cli/table.h"

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "clinic/choose/data_mark.h"
#include "clinic/choose/operating_point.h"
#include "model/card.h"
#include "model/onnx.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 0x7fffffff }; /* protobuf's own limit of 2 GiB */

typedef struct choice {
    double wanted, confidence; /* of --freeze */
    gal_frozen_point point;
    gal_calibration calibration;
    gal_recalibration quality;
    gal_data_mark mark;
    gal_card_choice card;
    double *logit; /* [count][classes] */
    size_t bytes;
    char sha256[GAL_SHA256_HEX];
} choice;

static galen_status freeze(const gal_case_set *cases, choice *c, galen_error *err) {
    const gal_scores scores = {cases->score, cases->positive, cases->count};
    if (cases->kind != GAL_CASE_BINARY)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a threshold is frozen of a yes-or-no question: use a binary model");
    GAL_TRY(gal_freeze_sensitivity(&scores, c->wanted, c->confidence, &c->point, err));
    c->card.threshold = &c->point;
    c->card.probability = !cases->logits;
    return GALEN_OK;
}

static galen_status calibrate(const cli_args *args, const gal_case_set *cases, choice *c, galen_error *err) {
    gal_calibration_method method;
    size_t cells = cases->count * (size_t)cases->classes, bins = (size_t)cli_number(args, "bins", 10);
    GAL_TRY(gal_calibration_parse(cli_get(args, "calibrate")->text, &method, err));
    if (cases->kind == GAL_CASE_MULTILABEL)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "several labels are not calibrated: calibrate one model a label");
    if (cases->kind == GAL_CASE_MULTICLASS && (method != GAL_CALIBRATION_TEMPERATURE || !cases->logits))
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "several classes are calibrated by temperature, of a model that gives logits");
    c->logit = gal_calloc(cells, sizeof *c->logit);
    if (!c->logit) return gal_fail_memory(err, "logits", cells * sizeof *c->logit);
    for (size_t k = 0; k < cells; k++) c->logit[k] = cases->logits ? cases->score[k] : gal_logit_of(cases->score[k]);
    c->card.calibration = &c->calibration;
    if (cases->kind == GAL_CASE_BINARY) {
        const gal_scores scores = {c->logit, cases->positive, cases->count};
        GAL_TRY(gal_calibration_fit(method, &scores, &c->calibration, err));
        return gal_recalibrate(&c->calibration, &scores, bins, &c->quality, err);
    }
    const gal_class_scores scores = {c->logit, cases->label, cases->count, (size_t)cases->classes};
    GAL_TRY(gal_calibration_fit_classes(&scores, &c->calibration, err));
    return gal_recalibrate_classes(&c->calibration, &scores, bins, &c->quality, err);
}

static galen_status write_model(const gal_model *model, const char *path, choice *c, galen_error *err) {
    gal_buf bytes;
    gal_buf_init(&bytes, MAX_FILE);
    galen_status status = gal_onnx_write(model, &bytes, err);
    if (status == GALEN_OK && bytes.failed) status = gal_fail_memory(err, path, bytes.size);
    if (status == GALEN_OK) status = gal_sha256_hex(bytes.data, bytes.size, c->sha256, err);
    if (status == GALEN_OK) status = gal_file_write(path, bytes.data, bytes.size, err);
    c->bytes = bytes.size;
    gal_buf_free(&bytes);
    return status;
}

static galen_status save(const cli_source *source, const char *path, choice *c, galen_error *err) {
    gal_model *model;
    char *text = NULL;
    GAL_TRY(gal_onnx_load(source->scored.model, NULL, &model, err));
    galen_status status = gal_card_choose(gal_model_meta(model, "galen.card"), &c->card, &text, err);
    if (status == GALEN_OK) status = gal_model_set_meta(model, "galen.card", text, err);
    if (status == GALEN_OK) status = write_model(model, path, c, err);
    gal_free(text);
    gal_model_destroy(model);
    return status;
}

static galen_status choose(const cli_args *args, const cli_source *source, choice *c, galen_error *err) {
    const gal_scored *scored = &source->scored;
    if (cli_get(args, "freeze")->set) GAL_TRY(freeze(&source->cases, c, err));
    if (cli_get(args, "calibrate")->set) GAL_TRY(calibrate(args, &source->cases, c, err));
    GAL_TRY(gal_data_mark_make(scored->data_sha256, scored->sample_sha256, source->cases.count, &c->mark, err));
    c->card.data = &c->mark;
    return save(source, cli_get(args, "save")->text, c, err);
}

/* ---- telling ---- */

static cli_exit print_json(const cli_args *args, const choice *c) {
    json_t *out = json_pack("{s:o, s:o, s:o, s:s, s:s}", "threshold",
                            c->card.threshold ? gal_frozen_json(&c->point) : json_null(), "calibration",
                            c->card.calibration ? gal_recalibration_json(&c->quality) : json_null(), "chosen_on",
                            gal_data_mark_json(&c->mark), "output", cli_get(args, "save")->text, "sha256", c->sha256);
    bool printed = out && json_dumpf(out, stdout, JSON_INDENT(1)) == 0;
    json_decref(out);
    if (!printed) return cli_fail(args, CLI_RESOURCES, "the result cannot be printed: memory or disk is full");
    putchar('\n');
    return CLI_DONE;
}

static cli_exit print_text(const cli_args *args, const cli_source *source, const choice *c) {
    char text[GAL_FROZEN_TEXT], size[TABLE_NUMBER];
    const gal_calibration_quality *before = &c->quality.before, *after = &c->quality.after;
    printf("cases      %zu, on which nothing may be reported from now on\n", source->cases.count);
    if (c->card.threshold) {
        gal_frozen_text(&c->point, text);
        printf("threshold  positive from a %s of %.9g on; %s\n", source->cases.logits ? "logit" : "probability",
               c->point.at.threshold, text);
        printf("           as seen here: sensitivity %.4f, specificity %.4f\n", c->point.at.sensitivity,
               c->point.at.specificity);
    }
    if (c->card.calibration)
        printf("calibration %s; on these cases: log loss %.4f -> %.4f, Brier %.4f -> %.4f, ECE %.4f -> %.4f\n",
               gal_calibration_name(c->calibration.method), before->log_loss, after->log_loss, before->brier,
               after->brier, before->expected_error, after->expected_error);
    printf("model      ");
    cli_put_text(stdout, cli_get(args, "save")->text);
    printf(": %s, sha256 %s\n", table_bytes(size, (double)c->bytes), c->sha256);
    return CLI_DONE;
}

static cli_exit check(const cli_args *args, choice *c) {
    const cli_value *split = cli_get(args, "split");
    if (args->n_operand != 2 || cli_get(args, "predictions")->set)
        return cli_fail(args, CLI_USAGE, "what is chosen goes into a model's card: give MODEL and DATA");
    if (!cli_get(args, "save")->set) return cli_fail(args, CLI_USAGE, "say where the model goes: --save MODEL.onnx");
    if (cli_get(args, "output")->set)
        return cli_fail(args, CLI_USAGE, "there is no evidence of cases that something is chosen on: leave -o out");
    if (split->set && strcmp(split->text, "val") != 0)
        return cli_fail(args, CLI_USAGE, "choose on validation cases, not on the %s ones: --split val", split->text);
    cli_exit code = source_real(args, "freeze", 1e-6, 1 - 1e-6, 0, &c->wanted);
    return code == CLI_DONE ? source_real(args, "confidence", 0.5, 1 - 1e-6, 0.95, &c->confidence) : code;
}

cli_exit eval_choose(const cli_args *args) {
    choice c = {.wanted = 0};
    cli_source source;
    galen_error err;
    cli_exit code = check(args, &c);
    if (code != CLI_DONE) return code;
    code = source_read(args, args->operand[0], args->operand[1], &source);
    if (code == CLI_DONE && choose(args, &source, &c, &err) != GALEN_OK) code = cli_fail_error(args, &err);
    if (code == CLI_DONE) code = args->json ? print_json(args, &c) : print_text(args, &source, &c);
    gal_calibration_free(&c.calibration);
    gal_data_mark_free(&c.mark);
    gal_free(c.logit);
    source_free(&source);
    return code;
}
