/* galen eval --plan: how many cases a study needs before there are any. */
#include "cli/eval.h"
#include "cli/table.h"

#include "clinic/plan/sample_size.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_PLAN = 512 };

/* Where the number of a key goes; NULL: there is no such key. */
static double *field(gal_plan_settings *s, const char *key) {
    const struct {
        const char *key;
        double *to;
    } fields[] = {
        {"sensitivity", &s->sensitivity},
        {"specificity", &s->specificity},
        {"auc", &s->auc},
        {"half-width", &s->half_width},
        {"freeze", &s->freeze_sensitivity},
        {"confidence", &s->confidence},
        {"sensitivity-margin", &s->sensitivity_margin},
        {"specificity-margin", &s->specificity_margin},
        {"discordance", &s->discordance},
        {"difference", &s->difference},
        {"power", &s->power},
        {"prevalence", &s->prevalence},
        {"assurance", &s->assurance},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!strcmp(fields[i].key, key)) return fields[i].to;
    return NULL;
}

static cli_exit read_plan(const cli_args *args, gal_plan_settings *s) {
    char copy[MAX_PLAN];
    if (!cli_join(cli_get(args, "plan"), copy, sizeof copy))
        return cli_fail(args, CLI_USAGE, "--plan is too long: leave out what need not be planned");
    for (char *at = copy, *next = copy; next; at = next + 1) {
        next = strchr(at, ',');
        if (next) *next = 0;
        char *equals = strchr(at, '='), *end;
        if (equals) *equals = 0;
        double *to = field(s, at);
        if (!to || !equals)
            return cli_fail(args, CLI_USAGE,
                            "--plan wants KEY=VALUE with a key that 'galen eval --help' lists, not '%.60s'", at);
        *to = strtod(equals + 1, &end);
        if (end == equals + 1 || *end)
            return cli_fail(args, CLI_USAGE, "--plan: '%.40s' of %s is no number", equals + 1, at);
    }
    return CLI_DONE;
}

static void count_cell(cli_table *table, size_t n) {
    if (n > 0)
        table_cell(table, "%zu", n);
    else
        table_cell(table, "-");
}

static void row(cli_table *table, const gal_plan_row *r, const char *what) {
    table_cell(table, "%s", what);
    count_cell(table, r->positives);
    count_cell(table, r->negatives);
    count_cell(table, r->total);
    count_cell(table, r->assured);
    table_cell(table, "%s", r->method ? r->method : "");
}

static void print_table(const gal_plan *plan) {
    static const char *const heads[] = {"to show", "positives", "negatives", "cases", "with assurance", "by", NULL};
    cli_table table;
    table_start(&table, heads, "lrrrrl");
    for (size_t i = 0; i < plan->rows; i++) row(&table, &plan->row[i], plan->row[i].what);
    if (plan->rows > 1) row(&table, &plan->all, "all of it");
    table_end(&table, stdout);
}

cli_exit eval_plan(const cli_args *args) {
    const char *method = cli_get(args, "interval")->text;
    gal_plan_settings settings = gal_plan_defaults();
    gal_plan plan;
    galen_error err;
    if (args->n_operand > 0) return cli_fail(args, CLI_USAGE, "a plan is made before there are cases: leave them out");
    cli_exit code = source_real(args, "level", 0.5, 0.9999, settings.level, &settings.level);
    if (code == CLI_DONE) code = read_plan(args, &settings);
    if (code != CLI_DONE) return code;
    if (method && !strcmp(method, "exact")) settings.method = GAL_CLOPPER_PEARSON;
    if (method && !strcmp(method, "jeffreys")) settings.method = GAL_JEFFREYS;
    if (gal_plan_make(&settings, &plan, &err) != GALEN_OK) return cli_fail_error(args, &err);
    if (!args->json) {
        print_table(&plan);
        return CLI_DONE;
    }
    json_t *out = gal_plan_json(&plan);
    bool printed = out && json_dumpf(out, stdout, JSON_INDENT(1)) == 0;
    json_decref(out);
    if (!printed) return cli_fail(args, CLI_RESOURCES, "the plan cannot be printed: memory or disk is full");
    putchar('\n');
    return CLI_DONE;
}
