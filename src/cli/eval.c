/* galen eval: how good a model is, how sure we are of it, and the evidence for both. */
#include "cli/eval.h"
#include "cli/eval_show.h"
#include "cli/json.h"
#include "cli/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const cli_option options[] = {
    {.name = "predictions",
     .type = CLI_PATH,
     .metavar = "FILE",
     .help = "CSV or .npz of labels and scores that any system made, or evidence, in place of MODEL and DATA"},
    {.shared = CLI_SPLIT},
    {.shared = CLI_POSITIVE},
    {.shared = CLI_PATIENT},
    {.shared = CLI_GROUPS},
    {.shared = CLI_SKIP_UNREADABLE},
    {.shared = CLI_HASH_IDS},
    {.shared = CLI_INTEGRITY},
    {.shared = CLI_BATCH},
    {.shared = CLI_THREADS},
    {.shared = CLI_FRAME},
    {.shared = CLI_PRECISION},
    {.name = "threshold",
     .type = CLI_TEXT,
     .metavar = "T",
     .help = "decide positive from this score on (default: the threshold frozen in the model's card)"},
    {.name = "prevalence",
     .type = CLI_TEXT,
     .metavar = "P",
     .help = "also PPV and NPV where a share P of all people tested is ill"},
    {.shared = CLI_LEVEL, .initial = "0.95", .help = "of all intervals"},
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
    {.shared = CLI_SEED, .initial = "1", .help = "of the bootstrap: the same seed draws the same samples"},
    {.name = "bins",
     .type = CLI_INT,
     .metavar = "N",
     .low = 1,
     .high = GAL_MOST_BINS,
     .initial = "10",
     .help = "of equal mass, for calibration"},
    {.shared = CLI_SUBGROUP,
     .help = "columns or DICOM tags (sex, age, site, scanner, view), separated by commas or each with its own "
             "--subgroup, whose groups are compared"},
    {.name = "class",
     .type = CLI_TEXT,
     .metavar = "NAME",
     .help = "of several classes or labels: the one whose groups and decision curve are asked for"},
    {.name = "min-group",
     .type = CLI_INT,
     .metavar = "N",
     .low = 2,
     .high = 1000000,
     .initial = "20",
     .help = "cases that a figure of a group needs, else it says: insufficient data"},
    {.name = "corrupt",
     .type = CLI_FLAG,
     .help =
         "run MODEL again with pictures made worse: noise, blur, brightness, contrast, JPEG, resolution and rotation at "
         "5 severities each, 35 runs"},
    {.name = "freeze",
     .type = CLI_TEXT,
     .metavar = "SENSITIVITY",
     .help = "choose the highest threshold that is at least so sensitive with confidence, on validation cases"},
    {.name = "confidence", .type = CLI_TEXT, .metavar = "C", .initial = "0.95", .help = "one-sided, of --freeze"},
    {.name = "calibrate",
     .type = CLI_CHOICE,
     .metavar = "METHOD",
     .choices = "temperature platt isotonic beta",
     .help = "fit probabilities to validation cases"},
    {.name = "save",
     .type = CLI_PATH,
     .metavar = "MODEL",
     .help = "the model to write, with what was chosen, and on which cases, in its card"},
    {.name = "plan",
     .type = CLI_LIST,
     .metavar = "KEY=VALUE,...",
     .help =
         "how many cases a study needs: sensitivity, specificity, auc (expected), half-width, freeze (a sensitivity), "
         "confidence, sensitivity-margin, specificity-margin, discordance, difference, power, prevalence, assurance; several "
         "--plan add up"},
    {.shared = CLI_OUTPUT, .help = "write the evidence: cases, settings and results, for 'galen report --verify'"},
};

static const cli_heading headings[] = {
    {"predictions", "Cases"},
    {"threshold", "Figures"},
    {"subgroup", "Groups"},
    {"corrupt", "Robustness"},
    {"freeze", "Choosing on validation cases"},
    {"plan", "Planning"},
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
    "A threshold or a calibration is chosen with --freeze and --calibrate on validation cases; the model written with --save "
    "keeps it, with the digests of these cases, and eval refuses to report on any of them.\n\n"
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

/* ---- results ---- */

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
    galen_status status = eval_build(args, source, &settings, e, &err);
    return status == GALEN_OK ? write_and_show(args, e) : cli_fail_error(args, &err);
}

static cli_exit run(const cli_args *args) {
    const cli_value *predictions = cli_get(args, "predictions");
    int wanted = predictions->set ? 0 : 2;
    cli_source source;
    gal_evidence evidence = {.sets = 0};
    bool plans = cli_get(args, "plan")->set;
    bool chooses = cli_get(args, "freeze")->set || cli_get(args, "calibrate")->set;
    if (cli_get(args, "corrupt")->set && (plans || chooses || predictions->set))
        return cli_fail(args, CLI_USAGE,
                        "--corrupt runs a model on worse pictures: leave it out with predictions, plans and choices");
    if (plans) return eval_plan(args);
    if (chooses) return eval_choose(args);
    if (cli_get(args, "save")->set)
        return cli_fail(args, CLI_USAGE, "there is nothing to save; say what to choose: --freeze or --calibrate");
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
               "galen report --verify evidence.json\tcompute every figure anew\n"
               "galen eval model.onnx data --split val --freeze 0.98 --save frozen.onnx\tan operating point\n"
               "galen eval --plan sensitivity=0.95,prevalence=0.1\tcases for an interval of +- 0.05",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .headings = headings,
    .n_headings = sizeof headings / sizeof *headings,
    .run = run,
    .operand_words = "default",
};
