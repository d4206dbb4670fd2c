/* galen eval: how good a model is, how sure we are of it, and the evidence for both. */
#include "cli/eval_show.h"
#include "cli/json.h"
#include "cli/source.h"

#include "base/error.h"
#include "clinic/decision_curve.h"
#include "clinic/subgroups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 16, MAX_LIST = 1024 };

static const cli_option options[] = {
    {.name = "predictions",
     .type = CLI_PATH,
     .metavar = "FILE",
     .help = "CSV or .npz of labels and scores that any system made, or evidence, in place of MODEL and DATA"},
    CLI_SOURCE_OPTIONS,
    {.name = "threshold",
     .type = CLI_TEXT,
     .metavar = "T",
     .help = "decide positive from this score on (default: the threshold frozen in the model's card)"},
    {.name = "prevalence",
     .type = CLI_TEXT,
     .metavar = "P",
     .help = "also PPV and NPV where a share P of all people tested is ill"},
    {.name = "level", .type = CLI_TEXT, .metavar = "L", .initial = "0.95", .help = "of all intervals"},
    {.name = "interval",
     .type = CLI_CHOICE,
     .metavar = "METHOD",
     .choices = "wilson exact jeffreys",
     .initial = "wilson",
     .help = "of proportions in the table; the evidence has all three"},
    {.name = "draws",
     .type = CLI_INT,
     .metavar = "N",
     .low = 0,
     .high = GAL_MOST_DRAWS,
     .initial = "2000",
     .help = "bootstrap samples of figures that no formula covers"},
    {.name = "seed",
     .type = CLI_INT,
     .metavar = "N",
     .low = 0,
     .high = INT64_MAX,
     .initial = "1",
     .help = "of the bootstrap: the same seed draws the same samples"},
    {.name = "bins",
     .type = CLI_INT,
     .metavar = "N",
     .low = 1,
     .high = GAL_MOST_BINS,
     .initial = "10",
     .help = "of equal mass, for calibration"},
    {.name = "subgroup",
     .type = CLI_TEXT,
     .metavar = "COLUMNS",
     .help = "columns or DICOM tags (sex, age, site, scanner, view), separated by commas, whose groups are compared"},
    {.name = "min-group",
     .type = CLI_INT,
     .metavar = "N",
     .low = 2,
     .high = 1000000,
     .initial = "20",
     .help = "cases that a figure of a group needs, else it says: insufficient data"},
    {.name = "output",
     .letter = 'o',
     .type = CLI_PATH,
     .metavar = "FILE",
     .help = "write the evidence: cases, settings and results, for 'galen report --verify'"},
};

static const cli_heading headings[] = {
    {"predictions", "Cases"},
    {"threshold", "Figures"},
    {"subgroup", "Groups"},
    {"output", "Evidence"},
};

static const char text[] =
    "Runs MODEL over DATA (a folder of class folders, a table, .npz arrays, DICOM files), or takes the scores of any other "
    "system from a file, and prints every figure with an interval and the method of that interval. Figures are a function "
    "of the cases and the settings alone: no batch size, thread count or machine changes them.\n\n"
    "Decisions are made at the threshold frozen in the model's card, or at one that is given as a number because it was "
    "chosen beforehand. None is ever chosen here: a threshold chosen on the cases that it is reported on flatters.\n\n"
    "Where patients have several cases they are resampled as wholes. Cases that cannot be read, labels that are missing or "
    "unknown, probabilities outside 0 to 1 and ids that occur twice are refused, with the row.\n\n"
    "-o writes all of it as one JSON file from which 'galen report --verify' computes every figure anew "
    "(docs/evidence.md).";

/* ---- settings ---- */

/* A word is a wish to have the best one looked for. */
static cli_exit read_threshold(const cli_args *args, const cli_source *source, gal_eval_settings *out) {
    const cli_value *value = cli_get(args, "threshold");
    char *end;
    if (!value->set) {
        out->has_threshold = source->has_model && source->scored.has_threshold;
        out->threshold = out->has_threshold ? source->scored.threshold : 0;
        return CLI_DONE;
    }
    out->threshold = strtod(value->text, &end);
    if (end == value->text || *end || !isfinite(out->threshold))
        return cli_fail(
            args, CLI_USAGE,
            "--threshold wants a number, not '%.40s': none is chosen on the cases it is reported on; freeze "
            "one on validation cases first",
            value->text);
    out->has_threshold = true;
    return CLI_DONE;
}

static cli_exit read_settings(const cli_args *args, const cli_source *source, gal_eval_settings *out) {
    const char *method = cli_get(args, "interval")->text;
    *out = gal_eval_defaults();
    cli_exit code = source_real(args, "level", 0.5, 0.9999, out->level, &out->level);
    if (code == CLI_DONE) code = source_real(args, "prevalence", 0, 1, out->prevalence, &out->prevalence);
    if (code == CLI_DONE) code = read_threshold(args, source, out);
    out->draws = (size_t)cli_number(args, "draws", (long long)out->draws);
    out->seed = (uint64_t)cli_number(args, "seed", (long long)out->seed);
    out->bins = (size_t)cli_number(args, "bins", (long long)out->bins);
    if (method && !strcmp(method, "exact")) out->proportions = GAL_CLOPPER_PEARSON;
    if (method && !strcmp(method, "jeffreys")) out->proportions = GAL_JEFFREYS;
    return code;
}

/* ---- evidence ---- */

static galen_status build_head(const cli_source *source, gal_evidence *out, galen_error *err) {
    json_t *models;
    GAL_TRY(gal_evidence_head("eval", source_machine(), &out->head, err));
    models = json_object_get(out->head, "models");
    int failed = json_object_set(out->head, "data", source->data);
    if (source->model) failed |= json_array_append(models, source->model);
    return failed ? gal_fail_memory(err, "evidence", 1024) : GALEN_OK;
}

static int add_groups(const cli_args *args, const gal_eval_settings *e, json_t *to) {
    const gal_subgroup_settings defaults = gal_subgroup_defaults();
    json_int_t least = cli_number(args, "min-group", (long long)defaults.least);
    return json_object_set_new(to, "subgroups",
                               json_pack("{s:f, s:o, s:I, s:I}", "level", e->level, "threshold",
                                         e->has_threshold ? json_real(e->threshold) : json_null(), "least", least,
                                         "bins", (json_int_t)e->bins));
}

static int add_curve(const gal_eval_settings *e, json_t *to) {
    const gal_decision_settings d = gal_decision_defaults();
    return json_object_set_new(
        to, "decision_curve",
        json_pack("{s:f, s:f, s:f, s:f}", "low", d.low, "high", d.high, "step", d.step, "level", e->level));
}

/* Which results there will be. */
static galen_status build_settings(const cli_args *args, const gal_eval_settings *settings, gal_evidence *out,
                                   galen_error *err) {
    out->settings = json_pack("{s:o}", "evaluation", gal_eval_settings_json(settings));
    int failed = out->settings == NULL;
    if (!failed && out->cases[0].kind == GAL_CASE_BINARY) failed = add_curve(settings, out->settings);
    if (!failed && out->cases[0].attributes > 0) failed = add_groups(args, settings, out->settings);
    return failed ? gal_fail_memory(err, "settings", 1024) : GALEN_OK;
}

static galen_status compute(const cli_args *args, gal_evidence *out, galen_error *err) {
    gal_pool *pool;
    GAL_TRY(gal_pool_create((int)cli_number(args, "threads", 0), &pool, err));
    galen_status status = gal_evidence_results(out->cases, out->sets, out->settings, pool, &out->results, err);
    gal_pool_destroy(pool);
    return status;
}

/* Only columns that are asked for go into evidence: others may name a person. */
static galen_status keep_columns(const cli_args *args, gal_case_set *cases, galen_error *err) {
    const char *list = cli_get(args, "subgroup")->text, *name[MAX_COLUMNS];
    char copy[MAX_LIST];
    int names = 0;
    if (!list) return gal_case_set_keep_attributes(cases, NULL, 0, err);
    if (strlen(list) >= sizeof copy) return gal_fail(err, GALEN_ERR_ARGUMENT, "--subgroup is too long: name fewer");
    memcpy(copy, list, strlen(list) + 1);
    for (char *at = copy, *next = copy; next; at = next + 1) {
        next = strchr(at, ',');
        if (next) *next = 0;
        if (names == MAX_COLUMNS)
            return gal_fail(err, GALEN_ERR_ARGUMENT, "--subgroup names more than %d columns: name fewer", MAX_COLUMNS);
        name[names++] = at;
    }
    return gal_case_set_keep_attributes(cases, name, names, err);
}

/* All but the cases. */
static cli_exit print_json(const cli_args *args, const gal_evidence *e) {
    json_t *all = json_copy(e->head);
    if (!all || json_object_set(all, "settings", e->settings) || json_object_set(all, "results", e->results) ||
        json_dumpf(all, stdout, JSON_INDENT(1)) != 0) {
        json_decref(all);
        return cli_fail(args, CLI_RESOURCES, "the result cannot be printed: memory or disk is full");
    }
    putchar('\n');
    json_decref(all);
    return CLI_DONE;
}

static cli_exit write_and_show(const cli_args *args, const gal_evidence *e) {
    const cli_value *output = cli_get(args, "output");
    galen_error err;
    if (output->set && gal_evidence_write(e, output->text, &err) != GALEN_OK) return cli_fail_error(args, &err);
    if (args->json) return print_json(args, e);
    eval_show(stdout, e);
    if (output->set) {
        printf("\nevidence   ");
        cli_put_text(stdout, output->text);
        printf("; galen report --verify checks it\n");
    }
    return CLI_DONE;
}

static cli_exit evaluate(const cli_args *args, cli_source *source, gal_evidence *e) {
    gal_eval_settings settings;
    galen_error err;
    cli_exit code = read_settings(args, source, &settings);
    if (code != CLI_DONE) return code;
    e->cases[0] = source->cases;
    e->sets = 1;
    source->cases = (gal_case_set){.count = 0};
    galen_status status = keep_columns(args, &e->cases[0], &err);
    if (status == GALEN_OK) status = build_head(source, e, &err);
    if (status == GALEN_OK) status = build_settings(args, &settings, e, &err);
    if (status == GALEN_OK) status = compute(args, e, &err);
    return status == GALEN_OK ? write_and_show(args, e) : cli_fail_error(args, &err);
}

static cli_exit run(const cli_args *args) {
    const cli_value *predictions = cli_get(args, "predictions");
    int wanted = predictions->set ? 0 : 2;
    cli_source source;
    gal_evidence evidence = {.sets = 0};
    if (args->n_operand != wanted)
        return cli_fail(args, CLI_USAGE, "%s; use: galen eval MODEL DATA, or galen eval --predictions FILE",
                        predictions->set ? "predictions need no MODEL and no DATA" : "MODEL and DATA are needed");
    cli_exit code = predictions->set ? source_read(args, NULL, predictions->text, &source)
                                     : source_read(args, args->operand[0], args->operand[1], &source);
    if (code == CLI_DONE) code = evaluate(args, &source, &evidence);
    gal_evidence_free(&evidence);
    source_free(&source);
    return code;
}

const cli_verb cli_eval = {
    .name = "eval",
    .operands = "[MODEL DATA]",
    .max_operands = 2,
    .summary = "say how good a model is on cases, and how sure that is",
    .text = text,
    .example = "galen eval default cxr/test -o evidence.json\tthe model that ships, on a folder of class folders\n"
               "galen eval --predictions scores.csv --threshold 0.5\tscores of another system\n"
               "galen report --verify evidence.json\tcompute every figure anew",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .headings = headings,
    .n_headings = sizeof headings / sizeof *headings,
    .run = run,
    .operand_words = "default",
};
