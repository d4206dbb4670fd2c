/* galen report: evidence to read, and to check. */
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/table.h"

#include "analyze/report/report.h"
#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"

#include <string.h>

enum { MAX_FLIPS = 100000 };
#define MAX_REPORT ((size_t)1 << 30)

static const double max_drawn = 2e10;

static const cli_option options[] = {
    {.shared = CLI_OUTPUT, .help = "write the report to FILE: .html (one page that needs nothing else), .pdf or .csv"},
    {.name = "verify",
     .type = CLI_FLAG,
     .help = "compute every number of the evidence anew from its cases, and compare; exit 1 if anything differs"},
    {.name = "pictures",
     .type = CLI_PATH,
     .metavar = "FOLDER",
     .help = "show thumbnails of changed cases in a comparison; their paths begin in FOLDER. They are pictures of "
             "patients, and whoever has the report has them too"},
    {.name = "flips",
     .type = CLI_INT,
     .metavar = "N",
     .low = 1,
     .high = MAX_FLIPS,
     .initial = "200",
     .help = "changed cases to list"},
    {.name = "long",
     .type = CLI_FLAG,
     .help = "verify evidence too whose bootstrap draws more than 20 billion cases, which takes a minute or more"},
    {.shared = CLI_THREADS, .help = "threads of --verify (default: all this process may use)"},
};

typedef struct outcome {
    bool verified;
    gal_evidence_check check;
    size_t bytes; /* of the report; 0: none asked for */
    char sha256[GAL_SHA256_HEX];
} outcome;

static bool ends_in(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n > m && !strcmp(text + n - m, end);
}

/* By the file's name; -1: none of them. */
static int form_of(const char *path) {
    static const struct {
        const char *end;
        gal_report_form form;
    } form[] = {
        {".html", GAL_REPORT_HTML}, {".htm", GAL_REPORT_HTML}, {".pdf", GAL_REPORT_PDF}, {".csv", GAL_REPORT_CSV}};
    for (size_t i = 0; i < sizeof form / sizeof *form; i++)
        if (ends_in(path, form[i].end)) return (int)form[i].form;
    return -1;
}

/* Cases that computing anew draws: the file asks for it, and may be anybody's. */
static double drawn_cases(const gal_evidence *evidence) {
    const gal_case_set *set = &evidence->cases[0];
    const char *name;
    json_t *settings;
    double sum = 0;
    json_object_foreach(evidence->settings, name, settings) {
        int each = !strcmp(name, "subgroups") ? set->attributes : set->classes;
        sum += json_number_value(json_object_get(settings, "draws")) * (double)set->count * each;
    }
    return sum;
}

static galen_status verify(const cli_args *args, const gal_evidence *evidence, outcome *out, galen_error *err) {
    gal_pool *pool;
    double drawn = drawn_cases(evidence);
    if (drawn > max_drawn && !cli_get(args, "long")->set)
        return gal_fail(err, GALEN_ERR_LIMIT,
                        "its settings ask for draws of %.3g cases in all, more than %.3g: verify it with --long if you "
                        "have the time",
                        drawn, max_drawn);
    out->verified = true;
    galen_status status = gal_pool_create((int)cli_number(args, "threads", 0), &pool, err);
    if (status != GALEN_OK) return status;
    status = gal_evidence_verify(evidence, pool, &out->check, err);
    gal_pool_destroy(pool);
    return status;
}

static galen_status write_report(const cli_args *args, const gal_evidence *evidence, outcome *out, galen_error *err) {
    const char *path = cli_get(args, "output")->text;
    gal_report_options how = {.pictures = cli_get(args, "pictures")->text,
                              .flips = (size_t)cli_number(args, "flips", 0)};
    gal_buf text;
    gal_buf_init(&text, MAX_REPORT);
    galen_status status = gal_report_render(evidence, &how, (gal_report_form)form_of(path), &text, err);
    if (status == GALEN_OK) status = gal_sha256_hex(text.data, text.size, out->sha256, err);
    if (status == GALEN_OK) status = gal_file_write(path, text.data, text.size, err);
    out->bytes = text.size;
    gal_buf_free(&text);
    return status;
}

static void json_check(cli_json *json, const gal_evidence *evidence, const gal_evidence_check *check) {
    json_bool(json, "verified", evidence->intact && check->same);
    json_bool(json, "intact", evidence->intact);
    json_bool(json, "same", check->same);
    json_int(json, "compared", (int64_t)check->compared);
    if (check->same) return;
    json_open(json, "difference", '{');
    json_text(json, "path", check->path);
    json_text(json, "stored", check->stored);
    json_text(json, "computed", check->computed);
    json_close(json, '}');
}

static void print_json(const cli_args *args, const gal_evidence *evidence, const outcome *o) {
    cli_json json = json_start(stdout);
    json_open(&json, NULL, '{');
    json_text(&json, "file", args->operand[0]);
    if (o->verified)
        json_check(&json, evidence, &o->check);
    else
        json_bool(&json, "intact", evidence->intact);
    if (o->bytes > 0) {
        json_open(&json, "report", '{');
        json_text(&json, "file", cli_get(args, "output")->text);
        json_int(&json, "bytes", (int64_t)o->bytes);
        json_text(&json, "sha256", o->sha256);
        json_close(&json, '}');
    }
    json_close(&json, '}');
}

static void print_check(const char *file, const gal_evidence *e, const gal_evidence_check *check) {
    cli_put_text(stdout, file);
    if (e->intact && check->same) {
        printf(
            ": verified. Its bytes are as written, and %zu numbers and texts of its results follow from its %zu cases\n",
            check->compared, e->cases[0].count);
    } else if (check->same) {
        printf(": EDITED. Its results follow from its cases, but its bytes are not those that were written\n");
    } else {
        printf(": EDITED. %s is ", check->path);
        cli_put_text(stdout, check->stored);
        printf(", but its cases give ");
        cli_put_text(stdout, check->computed);
        puts(e->intact ? " (and its digest was made again)" : "");
    }
}

static void print_lines(const cli_args *args, const gal_evidence *evidence, const outcome *o) {
    char size[TABLE_NUMBER];
    if (o->verified)
        print_check(args->operand[0], evidence, &o->check);
    else if (!evidence->intact)
        puts("EDITED: the bytes of this evidence are not those that were written; the report says so");
    if (o->bytes == 0) return;
    cli_put_text(stdout, cli_get(args, "output")->text);
    printf(": %s, sha256 %s\n", table_bytes(size, (double)o->bytes), o->sha256);
}

static cli_exit report(const cli_args *args, gal_evidence *evidence) {
    outcome o = {0};
    galen_error err;
    galen_status status = cli_get(args, "verify")->set ? verify(args, evidence, &o, &err) : GALEN_OK;
    bool good = !o.verified || (o.check.same && evidence->intact);
    /* settings that cannot be computed by are a fault of the file, not of the command line */
    if (status == GALEN_ERR_ARGUMENT) err.status = GALEN_ERR_FORMAT;
    if (status == GALEN_OK && cli_get(args, "output")->set && good) status = write_report(args, evidence, &o, &err);
    if (status != GALEN_OK) return cli_fail_error(args, &err);
    args->json ? print_json(args, evidence, &o) : print_lines(args, evidence, &o);
    return good ? CLI_DONE : CLI_NO;
}

static cli_exit run(const cli_args *args) {
    const char *output = cli_get(args, "output")->text;
    gal_evidence evidence;
    galen_error err;
    if (output == NULL && !cli_get(args, "verify")->set)
        return cli_fail(args, CLI_USAGE, "nothing to do; give --output FILE.html, FILE.pdf or FILE.csv, or --verify");
    if (output != NULL && form_of(output) < 0)
        return cli_fail(args, CLI_USAGE, "'%.200s' says no form; end it in .html, .pdf or .csv", output);
    if (gal_evidence_read(args->operand[0], &evidence, &err) != GALEN_OK) return cli_fail_error(args, &err);
    cli_exit code = report(args, &evidence);
    gal_evidence_free(&evidence);
    return code;
}

const cli_verb cli_report = {
    .name = "report",
    .operands = "EVIDENCE.json",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "turn evidence into a page or PDF, or compute its numbers anew",
    .text =
        "EVIDENCE is what 'galen eval' or 'galen compare' wrote. The report has the figures with their intervals, curves, "
        "subgroups, gates, the cases that changed, data, model card, methods with their sources, and reporting "
        "checklists, filled in where the evidence has the answer. The same evidence gives the same bytes.\n\n"
        "With --verify the bytes of EVIDENCE are checked against the digest in its last line, and every number is "
        "computed anew from the scores in it, by its own settings; no report is written if anything differs. A digest "
        "shows edits by accident and by those who do not know of it; computing anew shows numbers that do not follow "
        "from the scores. That the scores are a model's own shows only running it again.",
    .example = "galen report evidence.json -o report.html\ta page for a browser, light or dark, on paper too\n"
               "galen report evidence.json --verify -o report.pdf\tthe same to print, if the evidence holds\n"
               "galen report evidence.json -o numbers.csv\tevery number with all its digits",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run,
};
