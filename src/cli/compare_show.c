/* A comparison as tables for people. */
#include "base/mem.h"
#include "cli/compare.h"
#include "cli/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CELL = 80, MOST_FLIPS = 10, MOST_LAYERS = 8, MOST_CLASSES = 40 };

static void put(const char *title, const char *text) {
    printf("%-12s", title);
    cli_put_text(stdout, text);
    puts("");
}

/* ---- what was compared ---- */

static void show_side(const compare_work *w, int side) {
    const cli_source *source = &w->source[side];
    const gal_compare_settings *s = &w->settings.compare;
    printf("%-12s", side == GAL_REFERENCE ? "A reference" : "B candidate");
    cli_put_text(stdout, w->name[side]);
    if (source->has_model)
        printf("  sha256 %.12s  %s on %s", source->scored.model_sha256, source->scored.precision, source->scored.isa);
    if (s->has_threshold && w->judgement.comparison.kind != GAL_CASE_MULTICLASS)
        printf(", positive from a %s of %.9g on", w->judgement.pairs.logits[side] ? "logit" : "probability",
               s->threshold[side]);
    puts("");
}

static void show_sources(const compare_work *w) {
    const gal_case_comparison *c = &w->judgement.comparison;
    const gal_case_set *cases = w->judgement.pairs.cases;
    for (int side = 0; side < GAL_SIDES; side++) show_side(w, side);
    printf("cases       %zu", c->cases);
    if (c->patients) printf(" of %zu patients", c->patients);
    if (c->kind == GAL_CASE_BINARY) {
        printf(": %zu positive", c->question[0].positives);
        if (c->question[0].name) printf(" (%.60s)", c->question[0].name);
        printf(", %zu negative", c->question[0].negatives);
        if (cases->negative) printf(" (%.60s)", cases->negative);
    } else {
        printf(" of %d %s", c->questions, c->kind == GAL_CASE_MULTICLASS ? "classes" : "labels");
    }
    puts("");
    if (c->patients && c->patients < c->cases && c->decided)
        printf(
            "note        patients have several cases: intervals are as wide as if these always went together (design effect "
            "%.2f);\n            McNemar's and DeLong's take cases as independent\n",
            c->accuracy.design_effect);
    if (!c->decided)
        puts("note        no threshold: give --threshold, or models whose cards have one; nothing is decided without");
}

/* ---- differences ---- */

static const char *interval(char out[CELL], gal_interval i) {
    if (isnan(i.low) && isnan(i.high))
        (void)snprintf(out, CELL, "-");
    else
        (void)snprintf(out, CELL, "%.4f to %.4f", i.low, i.high);
    return out;
}

static void cell_number(cli_table *table, const char *format, double value) {
    char out[CELL];
    if (isnan(value)) {
        table_cell(table, "-");
        return;
    }
    /* One of two formats of this file. */
    (void)snprintf(out, sizeof out, !strcmp(format, "+") ? "%+.4f" : "%.4f", value);
    table_cell(table, "%s", out);
}

static void difference_row(cli_table *table, const char *name, const gal_share_difference *d) {
    char text[CELL];
    table_cell(table, "%.60s", name);
    table_cell(table, "%zu", d->cases);
    cell_number(table, "", d->share[GAL_REFERENCE]);
    cell_number(table, "", d->share[GAL_CANDIDATE]);
    cell_number(table, "+", d->difference);
    table_cell(table, "%s", interval(text, d->tango));
    table_cell(table, "%s", interval(text, d->newcombe));
    table_cell(table, "%.3g", d->mcnemar_exact);
    table_cell(table, "%.3g", d->mcnemar_mid_p);
}

static void show_differences(const gal_case_comparison *c) {
    static const char *const heads[] = {"",      "cases",    "A",         "B",     "B - A",
                                        "Tango", "Newcombe", "McNemar p", "mid-p", NULL};
    cli_table table;
    if (!c->decided) return;
    putchar('\n');
    table_start(&table, heads, "lrrrrrrrr");
    if (c->kind == GAL_CASE_BINARY) {
        difference_row(&table, "sensitivity", &c->question[0].sensitivity);
        difference_row(&table, "specificity", &c->question[0].specificity);
    }
    difference_row(&table, c->kind == GAL_CASE_MULTILABEL ? "all labels right" : "accuracy", &c->accuracy);
    for (int i = 0; c->kind != GAL_CASE_BINARY && i < c->questions && i < MOST_CLASSES; i++) {
        char name[CELL];
        (void)snprintf(name, sizeof name, "sensitivity, %.34s", c->question[i].name ? c->question[i].name : "?");
        difference_row(&table, name, &c->question[i].sensitivity);
    }
    table_end(&table, stdout);
    if (c->kind != GAL_CASE_BINARY && c->questions > MOST_CLASSES)
        printf("%d more in the evidence (-o) and in --json\n", c->questions - MOST_CLASSES);
}

static void show_areas(const gal_case_comparison *c) {
    static const char *const heads[] = {"", "A", "B", "B - A", "DeLong", "p", NULL};
    char text[CELL];
    cli_table table;
    putchar('\n');
    table_start(&table, heads, "lrrrrr");
    for (int i = 0; i < c->questions && i < MOST_CLASSES; i++) {
        const gal_binary_comparison *q = &c->question[i];
        if (!q->ranked) continue;
        if (c->questions > 1)
            table_cell(&table, "AUC, %.34s", q->name ? q->name : "?");
        else
            table_cell(&table, "AUC");
        cell_number(&table, "", q->auc[GAL_REFERENCE].auc);
        cell_number(&table, "", q->auc[GAL_CANDIDATE].auc);
        cell_number(&table, "+", q->auc_difference.difference);
        table_cell(&table, "%s", interval(text, q->auc_difference.interval));
        table_cell(&table, "%.3g", q->auc_difference.p);
    }
    table_end(&table, stdout);
    putchar('\n');
}

/* ---- the ledger ---- */

static void show_counts(const compare_work *w) {
    const gal_case_comparison *c = &w->judgement.comparison;
    const gal_flips *flips = &w->judgement.flips;
    if (c->decided) {
        const char *before = ": ";
        printf("decisions   %zu of %zu cases changed", c->changed, c->cases);
        for (gal_flip_kind kind = 0; kind < GAL_FLIP_MOVED; kind++) {
            if (!flips->of_kind[kind]) continue;
            printf("%s%s %zu", before, gal_flip_name(kind), flips->of_kind[kind]);
            before = ", ";
        }
        puts("");
    }
    if (c->decided && c->kind == GAL_CASE_BINARY && c->question[0].positives) {
        const gal_estimate *all = &c->question[0].missed, *newly = &c->question[0].newly_missed;
        printf("missed      B misses %zu of %zu positives (at most %.2f %%), %zu of them newly (at most %.2f %%)\n",
               all->hits, all->cases, 100 * all->interval.high, newly->hits, 100 * newly->interval.high);
    }
    printf("probability moved by %.4g at most", c->shift_most);
    if (c->shift_most > 0) {
        fputs(" (", stdout);
        cli_put_text(stdout, c->shift_id);
        putchar(')');
    }
    printf(", %.4g on average\n", c->shift_mean);
}

static void show_flips(const compare_work *w) {
    static const char *const heads[] = {"flip", "case", "label", "A", "B", "moved", NULL};
    const gal_flips *flips = &w->judgement.flips;
    size_t shown = flips->count < MOST_FLIPS ? flips->count : MOST_FLIPS;
    cli_table table;
    json_t *json = gal_flips_json(flips, shown);
    const json_t *list = json_object_get(json, "flips");
    size_t i;
    json_t *flip;
    if (shown == 0) {
        json_decref(json);
        return;
    }
    putchar('\n');
    table_start(&table, heads, "lllrrr");
    json_array_foreach(list, i, flip) {
        const char *label = json_string_value(json_object_get(flip, "label"));
        table_cell(&table, "%s", json_string_value(json_object_get(flip, "kind")));
        table_cell(&table, "%.60s", json_string_value(json_object_get(flip, "id")));
        table_cell(&table, "%.30s", label ? label : "-");
        cell_number(&table, "", flips->flip[i].probability[GAL_REFERENCE]);
        cell_number(&table, "", flips->flip[i].probability[GAL_CANDIDATE]);
        cell_number(&table, "+", json_number_value(json_object_get(flip, "shift")));
    }
    table_end(&table, stdout);
    json_decref(json);
    if (shown < flips->count) printf("%zu more: --flips FILE.csv has them all\n", flips->count - shown);
}

/* ---- layers ---- */

static double snr_of(const json_t *layer) {
    const json_t *value = json_object_get(layer, "snr_db");
    return json_is_number(value) ? json_number_value(value) : INFINITY;
}

static int by_snr(const void *left, const void *right) {
    double a = snr_of(*(json_t *const *)left), b = snr_of(*(json_t *const *)right);
    return (a > b) - (a < b);
}

static void layer_rows(json_t **layer, size_t n) {
    static const char *const heads[] = {"layer", "stands for", "type", "SQNR dB", "largest error", "of largest", NULL};
    cli_table table;
    table_start(&table, heads, "lllrrr");
    for (size_t i = 0; i < n; i++) {
        const char *stands = json_string_value(json_object_get(layer[i], "stands_for"));
        double snr = snr_of(layer[i]), scale = json_number_value(json_object_get(layer[i], "scale"));
        table_cell(&table, "%.40s", json_string_value(json_object_get(layer[i], "name")));
        table_cell(&table, "%.40s", stands ? stands : json_string_value(json_object_get(layer[i], "op")));
        table_cell(&table, "%s", json_string_value(json_object_get(layer[i], "type")));
        if (isfinite(snr))
            table_cell(&table, "%.1f", snr);
        else
            table_cell(&table, "exact");
        table_cell(&table, "%.3g", json_number_value(json_object_get(layer[i], "max_error")));
        table_cell(&table, "%.3g", scale);
    }
    table_end(&table, stdout);
}

static void show_layers(const compare_work *w) {
    const compare_layers *l = &w->layers;
    size_t n = json_array_size(l->list);
    if (!l->list) {
        printf("\nlayers      not compared: %s\n", l->none);
        return;
    }
    json_t **layer = gal_calloc(n, sizeof(json_t *));
    if (!layer) {
        puts("\nlayers      (out of memory; --json has them)");
        return;
    }
    for (size_t i = 0; i < n; i++) layer[i] = json_array_get(l->list, i);
    qsort(layer, n, sizeof(json_t *), by_snr);
    printf("\nlayers      B's against A computed in f64, on %zu pictures; the %zu worst of %zu\n", l->pictures,
           n < MOST_LAYERS ? n : (size_t)MOST_LAYERS, n);
    layer_rows(layer, n < MOST_LAYERS ? n : MOST_LAYERS);
    gal_free(layer);
}

/* ---- the verdict ---- */

static void gate_row(cli_table *table, const gal_gate *g) {
    char text[CELL];
    table_cell(table, "%s", g->gate);
    if (g->of)
        table_cell(table, "%s (%.40s)", g->figure, g->of);
    else
        table_cell(table, "%s", g->figure);
    cell_number(table, "", g->value);
    table_cell(table, "%s", interval(text, g->interval));
    cell_number(table, "", g->at_least);
    if (g->needed)
        table_cell(table, "%s: about %zu %s would do", gal_verdict_name(g->verdict), g->needed, g->needed_of);
    else
        table_cell(table, "%s%s%s", gal_verdict_name(g->verdict), g->why ? ": " : "", g->why ? g->why : "");
}

static void show_verdict(const compare_work *w) {
    static const char *const heads[] = {"gate", "figure", "value", "interval", "at least", "verdict", NULL};
    const gal_gates *gates = &w->judgement.gates;
    cli_table table;
    if (!w->settings.policy) {
        puts("\nNothing was judged: give --policy or --margin for a verdict.");
        return;
    }
    printf("\npolicy      ");
    cli_put_text(stdout, w->policy.name);
    printf(", intervals of %g %%\n", 100 * w->policy.level);
    table_start(&table, heads, "llrrrl");
    for (int i = 0; i < gates->count; i++) gate_row(&table, &gates->gate[i]);
    table_end(&table, stdout);
    printf("\nVerdict: %s\n", gal_verdict_name(gates->verdict));
}

static void show_files(const compare_work *w) {
    const char *output = cli_get(w->args, "output")->text, *flips = cli_get(w->args, "flips")->text;
    const char *certificate = cli_get(w->args, "certificate")->text;
    if (output) put("evidence", output);
    if (flips) put("flips", flips);
    if (certificate && w->certified) put("certificate", certificate);
    if (certificate && !w->certified) puts("certificate none written: the verdict is not a pass");
}

void compare_show(const compare_work *w) {
    show_sources(w);
    show_differences(&w->judgement.comparison);
    show_areas(&w->judgement.comparison);
    show_counts(w);
    show_flips(w);
    show_layers(w);
    show_verdict(w);
    show_files(w);
}
