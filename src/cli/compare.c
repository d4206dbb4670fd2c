/* galen compare: may a second model take the first one's place? */
#include "cli/compare.h"

#include "base/error.h"
#include "clinic/cases/cases_json.h"
#include "clinic/compare/certificate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CSV = 1 << 30, POLICY_TEXT = 512 };

static const cli_option options[] = {
    {.name = "predictions",
     .type = CLI_FLAG,
     .help = "A and B are CSV or .npz files of labels and scores that any system made, of the same cases; no DATA"},
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
    {.name = "precision-a",
     .type = CLI_CHOICE,
     .metavar = "TYPE",
     .choices = "f32 bf16 f16",
     .help = "of A only (default: as --precision)"},
    {.name = "precision-b",
     .type = CLI_CHOICE,
     .metavar = "TYPE",
     .choices = "f32 bf16 f16",
     .help = "of B only, so that one file can be compared with itself"},
    {.name = "policy",
     .type = CLI_PATH,
     .metavar = "NAME|FILE",
     .help = "the gates that B must pass: minimal, balanced, aggressive, medical-critical, or a file of your own"},
    {.name = "margin",
     .type = CLI_TEXT,
     .metavar = "M",
     .help = "in place of a policy: B's sensitivity may be less than A's by at most M, such as 0.02"},
    {.name = "specificity-margin", .type = CLI_TEXT, .metavar = "M", .help = "likewise of specificity"},
    {.shared = CLI_LEVEL, .help = "of all intervals (default: the policy's, else 0.95)"},
    {.name = "threshold",
     .type = CLI_TEXT,
     .metavar = "T[,T]",
     .help = "decide positive from this score on, of A and of B (default: those frozen in the models' cards)"},
    {.shared = CLI_SUBGROUP,
     .help = "columns or DICOM tags (sex, age, site), separated by commas or each with its own --subgroup, whose "
             "groups the bias gate compares"},
    {.name = "shift",
     .type = CLI_TEXT,
     .metavar = "P",
     .initial = "0.1",
     .help =
         "list a case in the flip ledger whose probability moved by more than P, though its decision did not change"},
    {.name = "layers",
     .type = CLI_INT,
     .metavar = "N",
     .low = 0,
     .high = 1000,
     .initial = "4",
     .help = "measure the error of each layer on N of the pictures, where both models are of one architecture"},
    {.shared = CLI_OUTPUT,
     .help = "write the evidence: both models' scores, settings and results, for 'galen report --verify'"},
    {.name = "flips", .type = CLI_PATH, .metavar = "FILE.csv", .help = "write the whole flip ledger as a table"},
    {.shared = CLI_CERTIFICATE, .help = "write a certificate if the verdict is pass; 'galen info' checks it"},
    {.name = "sign",
     .type = CLI_PATH,
     .metavar = "KEY.pem",
     .help = "sign the certificate with this private Ed25519 key"},
};

static const cli_heading headings[] = {
    {"predictions", "Cases"},
    {"policy", "Verdict"},
    {"layers", "Layers"},
    {"output", "Evidence"},
};

static const char text[] =
    "Runs both models over DATA and compares them case by case: A is the reference, the model in use, and B the candidate "
    "that might replace it. Prints the differences in sensitivity, specificity, accuracy and AUC with intervals for paired "
    "cases, the cases that B decides otherwise (the flip ledger), and how far each layer's numbers moved.\n\n"
    "With --policy, or --margin, there is a verdict: pass, fail or insufficient evidence. A gate passes when the end of its "
    "interval does, not when its figure does; of several classes or groups the worst counts. Where evidence is insufficient "
    "the number of cases that would do is given. Exit code 0 for a pass, 1 for a fail or insufficient evidence; without "
    "--policy and --margin nothing is judged, and it is 0.\n\n"
    "docs/compare.md says how each figure is made and what a certificate holds.";

/* ---- what is asked ---- */

/* A policy of the margins on the command line: one path for both ways to ask. */
static cli_exit policy_of_margins(compare_work *w) {
    static const char *const gate[] = {"sensitivity", "specificity"};
    double level, margin[2];
    gal_buf made;
    galen_error err;
    cli_exit code = source_real(w->args, "level", 0.5, 0.9999, 0.95, &level);
    if (code == CLI_DONE) code = source_real(w->args, "margin", 1e-6, 1, (double)NAN, &margin[0]);
    if (code == CLI_DONE) code = source_real(w->args, "specificity-margin", 1e-6, 1, (double)NAN, &margin[1]);
    if (code != CLI_DONE) return code;
    w->settings.compare.level = level;
    if (isnan(margin[0]) && isnan(margin[1])) return CLI_DONE;
    gal_buf_init(&made, POLICY_TEXT);
    gal_buf_text(&made, "{\"galen\": \"policy\", \"version\": 1, \"name\": \"margins\", \"level\": ");
    gal_json_put_number(&made, level);
    for (int i = 0; i < 2; i++) {
        if (isnan(margin[i])) continue;
        gal_buf_printf(&made, ", \"%s\": {\"margin\": ", gate[i]);
        gal_json_put_number(&made, margin[i]);
        gal_buf_text(&made, "}");
    }
    gal_buf_text(&made, "}");
    galen_status status = made.failed ? gal_fail_memory(&err, "a policy", POLICY_TEXT)
                                      : gal_policy_read(made.data, made.size, &w->policy, &err);
    gal_buf_free(&made);
    if (status != GALEN_OK) return cli_fail_error(w->args, &err);
    w->settings.policy = &w->policy;
    return CLI_DONE;
}

static cli_exit read_policy(compare_work *w) {
    static const char *const stated[] = {"margin", "specificity-margin", "level", NULL};
    const char *name = cli_get(w->args, "policy")->text, *path;
    galen_error err;
    if (!name) return policy_of_margins(w);
    for (const char *const *option = stated; *option; option++)
        if (cli_get(w->args, *option)->set)
            return cli_fail(w->args, CLI_USAGE,
                            "--%s is stated by the policy: leave it out, or write a policy of your own", *option);
    galen_status status = cli_policy_path(name, &path, &err);
    if (status == GALEN_OK) status = gal_policy_load(path, &w->policy, &err);
    if (status != GALEN_OK) return cli_fail_error(w->args, &err);
    w->settings.policy = &w->policy;
    return CLI_DONE;
}

static cli_exit read_certificate_wish(compare_work *w) {
    bool wanted = cli_get(w->args, "certificate")->set, models = !cli_get(w->args, "predictions")->set;
    if (cli_get(w->args, "sign")->set && !wanted)
        return cli_fail(w->args, CLI_USAGE, "--sign signs a certificate: name it with --certificate FILE");
    if (wanted && !models)
        return cli_fail(w->args, CLI_USAGE,
                        "a certificate is bound to models, which predictions do not name: compare "
                        "the models on DATA");
    if (wanted && !w->settings.policy)
        return cli_fail(w->args, CLI_USAGE, "a certificate states what was passed: give --policy, or --margin");
    w->settings.certificate = wanted;
    return CLI_DONE;
}

static bool read_threshold(const char **at, double *out) {
    char *end;
    *out = strtod(*at, &end);
    bool good = end != *at && isfinite(*out);
    *at = end;
    return good;
}

static cli_exit read_thresholds(compare_work *w) {
    const char *asked = cli_get(w->args, "threshold")->text, *at = asked;
    gal_compare_settings *s = &w->settings.compare;
    const cli_source *a = &w->source[GAL_REFERENCE], *b = &w->source[GAL_CANDIDATE];
    if (!asked) {
        s->has_threshold = a->has_model && a->scored.has_threshold && b->scored.has_threshold;
        s->threshold[0] = s->has_threshold ? a->scored.threshold : 0;
        s->threshold[1] = s->has_threshold ? b->scored.threshold : 0;
        return CLI_DONE;
    }
    bool good = read_threshold(&at, &s->threshold[0]);
    s->threshold[1] = s->threshold[0];
    if (good && *at == ',') at++, good = read_threshold(&at, &s->threshold[1]);
    if (!good || *at)
        return cli_fail(w->args, CLI_USAGE,
                        "--threshold wants a number, or two with a comma between, not '%.60s': none is chosen on the "
                        "cases it is judged on",
                        asked);
    s->has_threshold = true;
    return CLI_DONE;
}

static cli_exit read_settings(compare_work *w) {
    w->settings.compare = gal_compare_defaults();
    cli_exit code = read_policy(w);
    if (code == CLI_DONE) code = read_certificate_wish(w);
    if (code == CLI_DONE) code = source_real(w->args, "shift", 0, 1, 0.1, &w->settings.shift_limit);
    if (code == CLI_DONE && w->settings.policy) w->settings.compare = gal_policy_settings(w->settings.policy);
    return code;
}

/* ---- cases ---- */

/* One side's, with its own precision in the place where source_read looks. */
static cli_exit read_side(compare_work *w, int side) {
    static const char *const own[GAL_SIDES] = {"precision-a", "precision-b"};
    bool predictions = cli_get(w->args, "predictions")->set;
    cli_args args = *w->args;
    const cli_value *value = cli_get(w->args, own[side]);
    w->name[side] = w->args->operand[side];
    if (value->set && predictions)
        return cli_fail(w->args, CLI_USAGE, "--%s is about running a model: leave it out with predictions", own[side]);
    if (value->set) args.value[cli_get(w->args, "precision") - w->args->value] = *value;
    return predictions ? source_read(&args, NULL, w->name[side], &w->source[side])
                       : source_read(&args, w->name[side], w->args->operand[2], &w->source[side]);
}

/* Groups are those of the reference's cases; nothing else about patients is kept. */
static galen_status keep_groups(compare_work *w, galen_error *err) {
    gal_case_set *sets = w->evidence.cases;
    GAL_TRY(source_keep_columns(w->args, &sets[GAL_REFERENCE], err));
    GAL_TRY(gal_case_set_keep_attributes(&sets[GAL_CANDIDATE], NULL, 0, err));
    w->settings.groups = (size_t)sets[GAL_REFERENCE].attributes;
    if (w->settings.groups > GAL_JUDGE_GROUPS)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "--subgroup names more than %d columns: name fewer", GAL_JUDGE_GROUPS);
    for (size_t i = 0; i < w->settings.groups; i++) w->group[i] = sets[GAL_REFERENCE].attribute[i].name;
    w->settings.group = w->group;
    return GALEN_OK;
}

static cli_exit read_cases(compare_work *w) {
    galen_error err;
    for (int side = 0; side < GAL_SIDES; side++) {
        cli_exit code = read_side(w, side);
        if (code != CLI_DONE) return code;
    }
    cli_exit code = read_thresholds(w);
    if (code != CLI_DONE) return code;
    for (int side = 0; side < GAL_SIDES; side++) {
        w->evidence.cases[side] = w->source[side].cases;
        w->source[side].cases = (gal_case_set){.count = 0};
    }
    w->evidence.sets = GAL_SIDES;
    return keep_groups(w, &err) == GALEN_OK ? CLI_DONE : cli_fail_error(w->args, &err);
}

/* ---- evidence ---- */

static galen_status build_head(compare_work *w, galen_error *err) {
    json_t *head, *models;
    GAL_TRY(gal_evidence_head("compare", source_machine(), &head, err));
    w->evidence.head = head;
    models = json_object_get(head, "models");
    int failed = json_object_set(head, "data", w->source[GAL_REFERENCE].data);
    for (int side = 0; side < GAL_SIDES; side++)
        if (w->source[side].model) failed |= json_array_append(models, w->source[side].model);
    if (!w->source[GAL_CANDIDATE].model)
        failed |= json_object_set(head, "candidate_data", w->source[GAL_CANDIDATE].data);
    if (w->layers.list)
        failed |= json_object_set_new(
            head, "layers",
            json_pack("{s:I, s:O}", "pictures", (json_int_t)w->layers.pictures, "list", w->layers.list));
    return failed ? gal_fail_memory(err, "evidence", 1024) : GALEN_OK;
}

static galen_status build_results(compare_work *w, galen_error *err) {
    const gal_judgement *j = &w->judgement;
    json_t *results = json_pack("{s:o, s:o}", "comparison", gal_case_comparison_json(&j->comparison), "flips",
                                gal_flips_json(&j->flips, SIZE_MAX));
    int failed = !results;
    if (results && w->settings.policy) failed = json_object_set_new(results, "gates", gal_gates_json(&j->gates));
    w->evidence.results = results;
    w->evidence.settings = gal_judge_settings_json(&w->settings);
    return failed || !w->evidence.settings ? gal_fail_memory(err, "evidence", 1024) : GALEN_OK;
}

static galen_status write_flips(const compare_work *w, const char *path, galen_error *err) {
    gal_buf csv;
    gal_buf_init(&csv, MAX_CSV);
    gal_flips_csv(&w->judgement.flips, &csv);
    galen_status status =
        csv.failed ? gal_fail_memory(err, "the flip ledger", csv.size) : gal_file_write(path, csv.data, csv.size, err);
    gal_buf_free(&csv);
    return status;
}

static const char *head_text(const compare_work *w, const char *member, const char *key) {
    const json_t *value = json_object_get(w->evidence.head, member);
    return json_string_value(key ? json_object_get(value, key) : value);
}

static galen_status write_certificate(compare_work *w, const char *path, const gal_ed25519 *key, galen_error *err) {
    const gal_scored *a = &w->source[GAL_REFERENCE].scored, *b = &w->source[GAL_CANDIDATE].scored;
    json_t *certificate = NULL;
    const gal_certificate_facts facts = {.model_sha256 = {a->model_sha256, b->model_sha256},
                                         .precision = {a->precision, b->precision},
                                         .data_sha256 = a->data_sha256,
                                         .comparison = &w->judgement.comparison,
                                         .policy = &w->policy,
                                         .gates = &w->judgement.gates,
                                         .results = w->evidence.results,
                                         .created = head_text(w, "created", NULL),
                                         .version = head_text(w, "galen", "version"),
                                         .build = head_text(w, "galen", "build")};
    galen_status status = gal_certificate_make(&facts, &certificate, err);
    if (status == GALEN_OK && key) status = gal_certificate_sign(certificate, key, err);
    if (status == GALEN_OK) status = gal_certificate_write(certificate, path, err);
    json_decref(certificate);
    w->certified = status == GALEN_OK;
    return status;
}

static galen_status write_files(compare_work *w, const gal_ed25519 *key, galen_error *err) {
    const char *flips = cli_get(w->args, "flips")->text, *output = cli_get(w->args, "output")->text;
    const char *certificate = cli_get(w->args, "certificate")->text;
    if (flips) GAL_TRY(write_flips(w, flips, err));
    if (output) GAL_TRY(gal_evidence_write(&w->evidence, output, err));
    if (!certificate || w->judgement.gates.verdict != GAL_VERDICT_PASS) return GALEN_OK;
    return write_certificate(w, certificate, key, err);
}

/* ---- all of it ---- */

static galen_status judge(compare_work *w, galen_error *err) {
    gal_pool *pool;
    GAL_TRY(gal_pool_create((int)cli_number(w->args, "threads", 0), &pool, err));
    galen_status status = gal_judge(w->evidence.cases, w->name, &w->settings, pool, &w->judgement, err);
    gal_pool_destroy(pool);
    if (status == GALEN_OK) status = compare_measure_layers(w, err);
    if (status == GALEN_OK) status = build_head(w, err);
    return status == GALEN_OK ? build_results(w, err) : status;
}

/* All but the cases. */
static cli_exit print_json(const compare_work *w) {
    const gal_evidence *e = &w->evidence;
    json_t *all = json_copy(e->head);
    int failed = !all || json_object_set(all, "settings", e->settings) || json_object_set(all, "results", e->results);
    if (!failed)
        failed = json_object_set_new(all, "verdict",
                                     w->settings.policy ? json_string(gal_verdict_name(w->judgement.gates.verdict))
                                                        : json_null());
    if (!failed) failed = json_object_set_new(all, "certificate", json_boolean(w->certified));
    if (!failed) failed = json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    json_decref(all);
    if (failed) return cli_fail(w->args, CLI_RESOURCES, "the result cannot be printed: memory or disk is full");
    putchar('\n');
    return CLI_DONE;
}

static cli_exit show(const compare_work *w) {
    if (w->args->json) {
        cli_exit code = print_json(w);
        if (code != CLI_DONE) return code;
    } else {
        compare_show(w);
    }
    return w->settings.policy && w->judgement.gates.verdict != GAL_VERDICT_PASS ? CLI_NO : CLI_DONE;
}

static cli_exit compare(compare_work *w) {
    const char *key_path = cli_get(w->args, "sign")->text;
    gal_ed25519 *key = NULL;
    galen_error err;
    cli_exit code = read_settings(w);
    /* A key that cannot be read is said before the models run for hours. */
    if (code == CLI_DONE && key_path && gal_ed25519_private(key_path, &key, &err) != GALEN_OK)
        code = cli_fail_error(w->args, &err);
    if (code == CLI_DONE) code = read_cases(w);
    if (code == CLI_DONE) {
        galen_status status = judge(w, &err);
        if (status == GALEN_OK) status = write_files(w, key, &err);
        code = status == GALEN_OK ? show(w) : cli_fail_error(w->args, &err);
    }
    gal_ed25519_free(key);
    return code;
}

static cli_exit run(const cli_args *args) {
    int wanted = cli_get(args, "predictions")->set ? 2 : 3;
    compare_work w = {.args = args};
    if (args->n_operand != wanted)
        return cli_fail(args, CLI_USAGE,
                        "%d arguments are needed, not %d; use: galen compare A B DATA, or galen compare "
                        "--predictions A.csv B.csv",
                        wanted, args->n_operand);
    cli_exit code = compare(&w);
    gal_judgement_free(&w.judgement);
    gal_evidence_free(&w.evidence);
    json_decref(w.layers.list);
    gal_policy_free(&w.policy);
    for (int side = 0; side < GAL_SIDES; side++) source_free(&w.source[side]);
    return code;
}

const cli_verb cli_compare = {
    .name = "compare",
    .operands = "A B [DATA]",
    .min_operands = 2,
    .max_operands = 3,
    .summary = "say whether a second model is as good as the first, case by case",
    .text = text,
    .example =
        "galen compare default default cxr/test --precision-b bf16 --margin 0.02\tthe same file in bf16\n"
        "galen compare old.onnx new.onnx cxr/test --policy medical-critical --certificate c.json --sign key.pem\twith a "
        "certificate\n"
        "galen compare --predictions a.csv b.csv --threshold 0.5 --flips flips.csv\tscores of other systems",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .headings = headings,
    .n_headings = sizeof headings / sizeof *headings,
    .run = run,
    .operand_words = "default",
};
