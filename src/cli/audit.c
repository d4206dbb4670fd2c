/* galen audit: are the numbers of a published table possible, and what do they show? */
#include "cli/cli.h"
#include "cli/table.h"

#include "clinic/claims/claims_audit.h"

#include <math.h>
#include <string.h>

enum { MAX_TARGETS = 1024 };

static const cli_option options[] = {
    {.name = "target",
     .type = CLI_LIST,
     .metavar = "MEASURE=SHARE,...",
     .help =
         "what must be met, for rows whose table has no such target: sensitivity=0.95,auc=0.97; several --target add up"},
    {.name = "rounding",
     .type = CLI_CHOICE,
     .metavar = "RULE",
     .choices = "nearest half-up half-even truncate any",
     .initial = "nearest",
     .help = "how the claims may have been rounded: nearest takes halves either way"},
};

static const char text[] =
    "TABLE is CSV or JSON with a row a claim. Accuracy, balanced accuracy, sensitivity, specificity, ppv (precision), npv, f1 "
    "and auc are checked against all confusion matrices of n_positive and n_negative cases: a row is impossible when none "
    "gives all its numbers to the digits printed; the claims that exclude each other are named, with the nearest values. "
    "Possible claims get their exact range and a 95 % interval, and meet a target (columns target_accuracy and so on, or "
    "--target) only if the interval's lower end does.\n\n"
    "Throughput is checked against batch, concurrency and latency_ms, speedup against the baseline row, a total against the "
    "other columns or the rows above it.\n\n"
    "Exit code 1 when a row is impossible. An impossible row says nothing of who erred or why: a typing error does it too.";

/* ---- tables for people ---- */

static const char *number_text(char out[TABLE_NUMBER], double v, double unit) {
    if (isnan(v))
        snprintf(out, TABLE_NUMBER, "-");
    else
        snprintf(out, TABLE_NUMBER, unit > 1 ? "%.2f" : "%.4f", v * unit);
    return out;
}

/* What a claim of an impossible row could be. */
static void nearest_cell(cli_table *table, const gal_claim_finding *f, double unit) {
    char a[TABLE_NUMBER];
    if (!isnan(f->nearest_alone))
        table_cell(table, "nearest %s", number_text(a, f->nearest_alone, unit));
    else if (!isnan(f->nearest))
        table_cell(table, "nearest %s with the others", number_text(a, f->nearest, unit));
    else
        table_cell(table, "possible alone");
}

static void measure_row(cli_table *table, const gal_audit *audit, const gal_audit_row *r, int m) {
    static const char *const met[] = {"met", "missed", "not shown"};
    const gal_claim_finding *f = &r->claims.measure[m];
    const gal_decimal claim = r->row->value[m];
    double unit = audit->table->percent[m] ? 100 : 1;
    char a[TABLE_NUMBER], b[TABLE_NUMBER];
    table_cell(table, "%zu", r->row->number);
    table_cell(table, "%s", r->row->name);
    table_cell(table, "%s", gal_claim_name((gal_claim_measure)m));
    table_cell(table, "%.*f%s", claim.decimals, gal_decimal_value(claim), unit > 1 ? " %" : "");
    if (r->claims.matrices > 0) {
        table_cell(table, "%s .. %s", number_text(a, f->low, unit), number_text(b, f->high, unit));
        table_cell(table, "%s .. %s", number_text(a, f->interval.low, unit), number_text(b, f->interval.high, unit));
    } else {
        nearest_cell(table, f, unit);
        table_cell(table, "-");
    }
    if (isnan(r->target[m]))
        table_cell(table, "%s", "");
    else if (r->claims.matrices == 0)
        table_cell(table, "%s: row impossible", number_text(a, r->target[m], unit));
    else
        table_cell(table, "%s %s", number_text(a, r->target[m], unit), met[r->met[m]]);
}

static void print_measures(const gal_audit *audit) {
    static const char *const heads[] = {"row", "name", "measure", "claimed", "exact", "95 % interval", "target", NULL};
    cli_table table;
    bool any = false;
    for (size_t i = 0; i < audit->table->n_rows; i++) any = any || audit->row[i].searched;
    if (!any) return;
    table_start(&table, heads, "rllrlll");
    for (size_t i = 0; i < audit->table->n_rows; i++)
        for (int m = 0; m < GAL_N_CLAIMS && audit->row[i].searched; m++)
            if (audit->row[i].row->value[m].given) measure_row(&table, audit, &audit->row[i], m);
    table_end(&table, stdout);
    puts("");
}

static void print_row(const cli_args *args, const gal_audit *audit, const gal_audit_row *r) {
    printf("row %zu", r->row->number);
    if (*r->row->name) {
        fputs("  ", stdout);
        cli_put_text(stdout, r->row->name);
    }
    if (r->impossible)
        printf(": %simpossible%s", args->colour ? "\033[31m" : "", args->colour ? "\033[0m" : "");
    else
        printf(": possible");
    if (r->searched && r->claims.matrices > 0)
        printf(", %llu confusion matri%s", (unsigned long long)r->claims.matrices,
               r->claims.matrices == 1 ? "x" : "ces");
    puts("");
    for (size_t k = 0; k < r->n_remarks; k++) {
        const gal_remark *m = &audit->remark[r->first_remark + k];
        printf("    %s: ", m->impossible ? "impossible" : m->kind == GAL_REMARK_UNCHECKED ? "unchecked" : "note");
        cli_put_text(stdout, m->text);
        puts("");
    }
    if (r->searched && r->claims.matrices == 0)
        printf("    nearest: %lld true positives and %lld true negatives miss by up to %.3g times the rounding\n",
               (long long)r->claims.nearest[0], (long long)r->claims.nearest[1], r->claims.nearest_miss);
}

static void print_table(const cli_args *args, const gal_audit *audit) {
    print_measures(audit);
    for (size_t i = 0; i < audit->table->n_rows; i++) print_row(args, audit, &audit->row[i]);
    for (int i = 0; i < audit->table->n_ignored; i++) {
        printf(i ? ", " : "\ncolumns not looked at: ");
        cli_put_text(stdout, audit->table->ignored[i]);
    }
    printf("%s\n%zu of %zu row%s impossible, rounding %s\n", audit->table->n_ignored ? "\n" : "", audit->n_impossible,
           audit->table->n_rows, audit->table->n_rows == 1 ? "" : "s", gal_rounding_name(audit->rounding));
}

static bool print_json(const gal_audit *audit) {
    json_t *root = gal_audit_json(audit);
    bool done = root && json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) == 0;
    if (done) puts("");
    json_decref(root);
    return done;
}

/* ---- */

static gal_rounding chosen_rounding(const cli_args *args) {
    const char *word = cli_get(args, "rounding")->text;
    int r = GAL_ROUND_NEAREST;
    while (word && r < GAL_ROUND_ANY && strcmp(word, gal_rounding_name((gal_rounding)r)) != 0) r++;
    return (gal_rounding)r;
}

static cli_exit run(const cli_args *args) {
    gal_claim_table table = {0};
    gal_audit audit = {0};
    double target[GAL_N_CLAIMS];
    galen_error err;
    char targets[MAX_TARGETS];
    if (!cli_join(cli_get(args, "target"), targets, sizeof targets))
        return cli_fail(args, CLI_USAGE, "--target is too long: name each measure once");
    if (gal_claim_targets(targets, target, &err) != GALEN_OK) return cli_fail_error(args, &err);
    if (gal_claim_table_load(args->operand[0], &table, &err) != GALEN_OK) return cli_fail_error(args, &err);
    cli_exit code = CLI_DONE;
    if (gal_audit_run(&table, chosen_rounding(args), target, &audit, &err) != GALEN_OK)
        code = cli_fail(args, cli_exit_of(err.status), "%.200s: %s", args->operand[0], err.message);
    else if (!args->json)
        print_table(args, &audit);
    else if (!print_json(&audit))
        code = cli_fail(args, CLI_RESOURCES, "out of memory for the answer; split the table");
    if (code == CLI_DONE && audit.n_impossible > 0) code = CLI_NO;
    gal_audit_free(&audit);
    gal_claim_table_free(&table);
    return code;
}

const cli_verb cli_audit = {
    .name = "audit",
    .operands = "TABLE",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "check whether published numbers are possible",
    .text = text,
    .example = "galen audit claims.csv\taccuracy, sensitivity and so on, with numbers of cases\n"
               "galen audit claims.csv --target sensitivity=0.95\twhat the claims show at 95 % confidence\n"
               "galen audit costs.json --json\tsums of parts, as one JSON object",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run,
};
