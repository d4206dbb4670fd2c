/* Tables of an evaluation. They read the same JSON that is written: what is shown is what is kept. */
#include "cli/eval_show.h"

#include "cli/cli.h"
#include "cli/eval_show_parts.h"
#include "cli/table.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

const char *show_text_of(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

long long show_whole_of(const json_t *object, const char *key) {
    return (long long)json_integer_value(json_object_get(object, key));
}

double show_number_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

const char *show_number(char out[SHOW_NUMBER], double value) {
    if (isnan(value))
        (void)snprintf(out, SHOW_NUMBER, "-");
    else
        (void)snprintf(out, SHOW_NUMBER, fabs(value) >= 100 ? "%.1f" : fabs(value) >= 10 ? "%.2f" : "%.4f", value);
    return out;
}

const char *show_interval(char out[SHOW_CELL], double low, double high) {
    char a[SHOW_NUMBER], b[SHOW_NUMBER];
    if (isnan(low) && isnan(high))
        (void)snprintf(out, SHOW_CELL, "-");
    else
        (void)snprintf(out, SHOW_CELL, "%s to %s", show_number(a, low), isnan(high) ? "inf" : show_number(b, high));
    return out;
}

void show_line(FILE *to, const char *title, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(to, "%-11s", title);
    cli_put_text(to, text);
    fputc('\n', to);
}

/* ---- what was measured ---- */

static void show_sources(FILE *to, const gal_evidence *e) {
    const json_t *data = json_object_get(e->head, "data"), *models = json_object_get(e->head, "models");
    for (size_t i = 0; i < json_array_size(models); i++) {
        const json_t *m = json_array_get(models, i);
        show_line(to, "model", "%s  sha256 %.12s  %s on %s", show_text_of(m, "file"), show_text_of(m, "sha256"),
                  show_text_of(m, "precision"), show_text_of(m, "isa"));
    }
    const char *split = show_text_of(data, "split");
    show_line(to, "data", "%s%s%s%s  sha256 %.12s", show_text_of(data, "file"), split ? " (" : "", split ? split : "",
              split ? ")" : "", show_text_of(data, "sha256"));
    size_t unreadable = json_array_size(json_object_get(data, "unreadable"));
    if (unreadable > 0)
        show_line(to, "left out", "%zu of %lld pictures that cannot be read, the first %s", unreadable,
                  show_whole_of(data, "pictures"),
                  json_string_value(json_array_get(json_object_get(data, "unreadable"), 0)));
    const json_t *found = json_object_get(data, "integrity"), *patients = json_object_get(found, "patient_leaks");
    char torn[SHOW_CELL] = "no patients named";
    if (json_is_integer(patients))
        (void)snprintf(torn, sizeof torn, "%lld patients", (long long)json_integer_value(patients));
    if (found)
        show_line(to, "integrity",
                  "in two splits: %lld pictures, %lld nearly alike, %s; %lld repeats, %lld conflicting labels",
                  show_whole_of(found, "exact_leaks"), show_whole_of(found, "near_leaks"), torn,
                  show_whole_of(found, "repeats"), show_whole_of(found, "label_conflicts"));
}

static void show_counts(FILE *to, const gal_evidence *e, const json_t *binary) {
    const gal_case_set *set = &e->cases[0];
    char patients[SHOW_CELL] = "";
    if (set->patient) (void)snprintf(patients, sizeof patients, " of %zu patients", set->patients);
    if (set->kind == GAL_CASE_BINARY)
        show_line(to, "cases", "%zu%s: %lld positive (%s), %lld negative%s%s%s", set->count, patients,
                  show_whole_of(binary, "positives"), set->class_name[0] ? set->class_name[0] : "positive",
                  show_whole_of(binary, "negatives"), set->negative ? " (" : "", set->negative ? set->negative : "",
                  set->negative ? ")" : "");
    else
        show_line(to, "cases", "%zu%s of %d %s", set->count, patients, set->classes,
                  set->kind == GAL_CASE_MULTICLASS ? "classes" : "labels");
}

static void show_threshold(FILE *to, const gal_evidence *e, const json_t *settings) {
    double threshold = show_number_of(settings, "threshold");
    const json_t *model = json_array_get(json_object_get(e->head, "models"), 0);
    const char *chosen = show_text_of(model, "chosen"), *scale = e->cases[0].logits ? "logit" : "probability";
    if (isnan(threshold)) {
        show_line(to, "threshold", "none: no figures of decisions (--threshold, or a card with one)");
        return;
    }
    bool frozen = show_number_of(model, "threshold") == threshold;
    show_line(to, "threshold", "positive from a %s of %.9g on; %s", scale, threshold,
              frozen ? "frozen in the card" : "as given");
    if (frozen && chosen) show_line(to, "", "%s", chosen);
}

static void show_confusion(FILE *to, const gal_evidence *e, const json_t *confusion) {
    static const char *const heads[] = {"", "called positive", "called negative", NULL};
    const gal_case_set *set = &e->cases[0];
    cli_table table;
    if (!json_is_object(confusion)) return;
    fputc('\n', to);
    table_start(&table, heads, "lrr");
    table_cell(&table, "%.60s (positive)", set->class_name[0] ? set->class_name[0] : "label");
    table_cell(&table, "%lld", show_whole_of(confusion, "true_positives"));
    table_cell(&table, "%lld missed", show_whole_of(confusion, "false_negatives"));
    table_cell(&table, "%.60s (negative)", set->negative ? set->negative : "label");
    table_cell(&table, "%lld false alarms", show_whole_of(confusion, "false_positives"));
    table_cell(&table, "%lld", show_whole_of(confusion, "true_negatives"));
    table_end(&table, to);
}

/* ---- figures ---- */

static const char *figure_title(const char *name) {
    static const char *const titles[][2] = {
        {"accuracy", "Accuracy"},
        {"balanced_accuracy", "Balanced accuracy"},
        {"sensitivity", "Sensitivity"},
        {"specificity", "Specificity"},
        {"ppv", "PPV (precision)"},
        {"npv", "NPV"},
        {"ppv_at_prevalence", "PPV at that prevalence"},
        {"npv_at_prevalence", "NPV at that prevalence"},
        {"f1", "F1"},
        {"mcc", "MCC"},
        {"lr_positive", "LR+"},
        {"lr_negative", "LR-"},
        {"auc", "AUC (ROC)"},
        {"average_precision", "Average precision (PR)"},
        {"brier", "Brier score"},
        {"brier_reliability", "  reliability"},
        {"brier_resolution", "  resolution"},
        {"brier_uncertainty", "  uncertainty"},
        {"brier_within", "  within bins"},
        {"log_loss", "Log loss"},
        {"ece", "Calibration error (ECE)"},
        {"mce", "  of the worst bin (MCE)"},
        {"kappa", "Cohen's kappa"},
        {"top_2_accuracy", "True class among first 2"},
        {"top_3_accuracy", "True class among first 3"},
        {"top_5_accuracy", "True class among first 5"},
        {"subset_accuracy", "All labels right"},
        {"hamming_loss", "Labels wrong (Hamming)"},
        {"macro_precision", "Precision, macro"},
        {"micro_precision", "Precision, micro"},
        {"weighted_precision", "Precision, weighted"},
        {"macro_recall", "Recall, macro"},
        {"micro_recall", "Recall, micro"},
        {"weighted_recall", "Recall, weighted"},
        {"macro_f1", "F1, macro"},
        {"micro_f1", "F1, micro"},
        {"weighted_f1", "F1, weighted"},
        {"macro_auc", "AUC, macro"},
        {"weighted_auc", "AUC, weighted"},
        {"mean_average_precision", "Mean average precision"},
    };
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (!strcmp(titles[i][0], name)) return titles[i][1];
    return name;
}

static void figure_row(cli_table *table, const char *title, const json_t *figure) {
    char a[SHOW_NUMBER], b[SHOW_CELL];
    const char *method = show_text_of(figure, "method");
    double value = show_number_of(figure, "value");
    table_cell(table, "%s", title);
    table_cell(table, "%s", isnan(value) ? "not defined" : show_number(a, value));
    table_cell(table, "%s", show_interval(b, show_number_of(figure, "low"), show_number_of(figure, "high")));
    if (show_whole_of(figure, "cases") > 0)
        table_cell(table, "%lld of %lld", show_whole_of(figure, "hits"), show_whole_of(figure, "cases"));
    else
        table_cell(table, "%s", "");
    table_cell(table, "%s", method ? method : "");
}

/* An area's other interval, where the first is DeLong's: of patients neither is. */
static void logit_row(cli_table *table, const json_t *figure) {
    const json_t *logit = json_object_get(figure, "logit");
    const char *method = show_text_of(figure, "method");
    char b[SHOW_CELL];
    if (json_array_size(logit) != 2 || !method || strcmp(method, "DeLong") != 0) return;
    table_cell(table, "%s", "  on the logit scale");
    table_cell(table, "%s", "");
    table_cell(
        table, "%s",
        show_interval(b, json_number_value(json_array_get(logit, 0)), json_number_value(json_array_get(logit, 1))));
    table_cell(table, "%s", "");
    table_cell(table, "%s", "DeLong, logit");
}

void show_figures(FILE *to, const json_t *figures, double level) {
    char head[SHOW_CELL];
    const char *name;
    json_t *figure;
    cli_table table;
    (void)snprintf(head, sizeof head, "%g %% interval", level * 100);
    fputc('\n', to);
    table_start(&table, (const char *const[]){"figure", "value", head, "", "interval by", NULL}, "lrlll");
    json_object_foreach((json_t *)figures, name, figure) {
        figure_row(&table, figure_title(name), figure);
        logit_row(&table, figure);
    }
    table_end(&table, to);
}

static void show_binary(FILE *to, const gal_evidence *e, const json_t *settings, const json_t *binary) {
    double prevalence = show_number_of(settings, "prevalence");
    if (!isnan(prevalence)) show_line(to, "prevalence", "%g: of all people tested, for PPV and NPV", prevalence);
    show_confusion(to, e, json_object_get(binary, "confusion"));
    show_figures(to, json_object_get(binary, "figures"), show_number_of(settings, "level"));
}

static void show_calibration(FILE *to, const json_t *recalibration) {
    const json_t *before = json_object_get(recalibration, "before"), *after = json_object_get(recalibration, "after");
    if (!recalibration) return;
    fputc('\n', to);
    show_line(to, "calibrated", "by the card's %s: log loss %.4f -> %.4f, Brier score %.4f -> %.4f, ECE %.4f -> %.4f",
              show_text_of(recalibration, "method"), show_number_of(before, "log_loss"),
              show_number_of(after, "log_loss"), show_number_of(before, "brier"), show_number_of(after, "brier"),
              show_number_of(before, "ece"), show_number_of(after, "ece"));
}

void eval_show(FILE *to, const gal_evidence *e) {
    const json_t *evaluation = json_object_get(e->results, "evaluation");
    const json_t *settings = json_object_get(evaluation, "settings"), *binary = json_object_get(evaluation, "binary");
    const char *kind = show_text_of(evaluation, "kind");
    show_sources(to, e);
    if (!evaluation) return;
    show_counts(to, e, binary);
    if (e->cases[0].kind == GAL_CASE_MULTICLASS)
        show_line(to, "decisions", "the class that scores highest");
    else
        show_threshold(to, e, settings);
    if (binary)
        show_binary(to, e, settings, binary);
    else
        show_classes(to, json_object_get(evaluation, kind), show_number_of(settings, "level"));
    show_calibration(to, json_object_get(e->results, "recalibration"));
    show_groups(to, json_object_get(e->results, "subgroups"));
    if (json_object_get(e->results, "decision_curve")) show_curve(to, json_object_get(e->results, "decision_curve"));
}
