/* Two models on the same cases: differences, and every case whose decision changed, with pictures. */
#include "analyze/report/sections.h"

#include "analyze/report/thumbnail.h"
#include "base/error.h"
#include "clinic/compare/flips.h"

#include <math.h>
#include <string.h>

enum { FLIPS = 200, THUMBNAILS = 60, CLOUD = 4000 };

static const char *interval_text(gal_document *d, const json_t *pair) {
    double low = json_number_value(json_array_get(pair, 0)), high = json_number_value(json_array_get(pair, 1));
    return json_array_size(pair) == 2 ? gal_document_format(d, "%+.4f to %+.4f", low, high) : "";
}

static void difference_row(gal_report *r, gal_table *t, const char *name, const json_t *it, const char *verdict) {
    gal_document *d = r->document;
    if (!json_is_object(it)) return;
    gal_table_text(d, t, name);
    gal_table_number(d, t, "%.4f", gal_fact_number(it, "reference"), "not defined");
    gal_table_number(d, t, "%.4f", gal_fact_number(it, "candidate"), "not defined");
    gal_table_number(d, t, "%+.4f", gal_fact_number(it, "difference"), "not defined");
    gal_table_text(d, t, interval_text(d, json_object_get(it, "tango")));
    gal_table_cell(d, t, GAL_TONE_PLAIN, "%zu / %zu", gal_fact_count(it, "only_reference"),
                   gal_fact_count(it, "only_candidate"));
    gal_table_number(d, t, "%.4g", gal_fact_number(it, "mcnemar_mid_p"), "none");
    gal_table_cell(d, t, gal_verdict_tone(verdict), "%s", verdict != NULL ? verdict : "not asked");
}

static void question(gal_report *r, const json_t *q) {
    gal_document *d = r->document;
    const json_t *decisions = json_object_get(q, "decisions"), *auc = json_object_get(q, "auc");
    const char *name = gal_fact_text(q, "name");
    if (name != NULL) gal_document_heading(d, 2, name);
    if (json_is_object(decisions)) {
        const char *heads[] = {"share",        "reference",     "candidate",         "difference",
                               "95 % (Tango)", "lost / gained", "p (McNemar mid-p)", "non-inferior"};
        heads[4] =
            gal_document_format(d, "%g %% (Tango)", 100 * gal_fact_number(r->results, "comparison.settings.level"));
        gal_table *t = gal_document_table(d, heads, "lrrrrrrl");
        difference_row(r, t, "sensitivity", json_object_get(decisions, "sensitivity"),
                       gal_fact_text(decisions, "sensitivity_noninferior"));
        difference_row(r, t, "specificity", json_object_get(decisions, "specificity"),
                       gal_fact_text(decisions, "specificity_noninferior"));
        difference_row(r, t, "accuracy", json_object_get(decisions, "accuracy"), NULL);
        gal_document_note(
            d,
            "Lost: cases that only the reference decides rightly; gained: only the candidate. Missed by the "
            "candidate: %s of positives; newly missed: %s; new false alarms: %s of negatives.",
            gal_fact_estimate(d, json_object_get(decisions, "missed")),
            gal_fact_estimate(d, json_object_get(decisions, "newly_missed")),
            gal_fact_estimate(d, json_object_get(decisions, "new_false_alarms")));
    }
    if (json_is_object(auc))
        gal_document_text(d,
                          "AUC: reference %s, candidate %s; difference %+.4f [%+.4f, %+.4f], p = %.4g (paired DeLong).",
                          gal_fact_estimate(d, json_object_get(auc, "reference")),
                          gal_fact_estimate(d, json_object_get(auc, "candidate")), gal_fact_number(auc, "difference"),
                          gal_fact_number(auc, "low"), gal_fact_number(auc, "high"), gal_fact_number(auc, "p"));
}

/* ---- both probabilities of each case ---- */

static gal_trace cloud(gal_document *d, const gal_case_pairs *pairs, int positive, const char *name) {
    const gal_case_set *c = pairs->cases;
    size_t n = 0, step = c->count / CLOUD + 1;
    double *x = gal_document_room(d, c->count / step + 1, sizeof *x);
    double *y = gal_document_room(d, c->count / step + 1, sizeof *y);
    for (size_t i = 0; !d->failed && i < c->count; i += step) {
        if (c->positive[i] != positive) continue;
        x[n] = pairs->probability[GAL_REFERENCE][i];
        y[n++] = pairs->probability[GAL_CANDIDATE][i];
    }
    return (gal_trace){.name = name,
                       .ink = positive ? GAL_INK_ORANGE : GAL_INK_BLUE,
                       .form = GAL_TRACE_DOTS,
                       .count = n,
                       .x = x,
                       .y = y};
}

static void scatter(gal_report *r, const gal_case_pairs *pairs) {
    gal_document *d = r->document;
    const gal_case_set *c = pairs->cases;
    gal_trace *trace = gal_document_room(d, 3, sizeof *trace);
    double *diagonal = gal_document_room(d, 2, sizeof *diagonal);
    if (trace == NULL || diagonal == NULL || c->kind != GAL_CASE_BINARY) return;
    diagonal[1] = 1;
    trace[0] = (gal_trace){
        .name = "unchanged", .ink = GAL_INK_SOFT, .form = GAL_TRACE_DASHED, .count = 2, .x = diagonal, .y = diagonal};
    trace[1] = cloud(d, pairs, 0, c->negative != NULL ? c->negative : "negative cases");
    trace[2] = cloud(d, pairs, 1, c->class_name[0] != NULL ? c->class_name[0] : "positive cases");
    if (d->failed) return;
    gal_document_figure(d,
                        &(gal_chart){.key = "pairs",
                                     .title = "Both probabilities of each case",
                                     .note = c->count > CLOUD ? "An even choice of the cases." : "Each dot is a case.",
                                     .x_label = "reference",
                                     .y_label = "candidate",
                                     .x_high = 1,
                                     .y_high = 1,
                                     .trace = trace,
                                     .traces = 3,
                                     .mark = NAN});
}

/* ---- the ledger ---- */

static gal_tone flip_tone(const char *kind) {
    static const struct {
        gal_flip_kind kind;
        gal_tone tone;
    } tone[] = {{GAL_FLIP_NEWLY_MISSED, GAL_TONE_BAD},
                {GAL_FLIP_NEW_FALSE_ALARM, GAL_TONE_BAD},
                {GAL_FLIP_NEWLY_FOUND, GAL_TONE_GOOD},
                {GAL_FLIP_FALSE_ALARM_GONE, GAL_TONE_GOOD}};
    for (size_t i = 0; kind != NULL && i < sizeof tone / sizeof *tone; i++)
        if (!strcmp(kind, gal_flip_name(tone[i].kind))) return tone[i].tone;
    return GAL_TONE_UNSURE;
}

static galen_status ledger_row(gal_report *r, const json_t *flip, bool picture, gal_table *t, galen_error *err) {
    gal_document *d = r->document;
    const char *path = gal_fact_text(flip, "path"), *kind = gal_fact_text(flip, "kind");
    gal_table_text(d, t, gal_fact_text(flip, "id"));
    if (picture && path != NULL) GAL_TRY(gal_thumbnail(d, r->options->pictures, path, t, err));
    gal_table_cell(d, t, flip_tone(kind), "%s", kind != NULL ? kind : "");
    gal_table_text(d, t, gal_fact_text(flip, "finding"));
    gal_table_text(d, t, gal_fact_text(flip, "label"));
    gal_table_number(d, t, "%.4f", gal_fact_number(flip, "reference.probability"), "");
    gal_table_number(d, t, "%.4f", gal_fact_number(flip, "candidate.probability"), "");
    gal_table_number(d, t, "%+.4f", gal_fact_number(flip, "shift"), "");
    return GALEN_OK;
}

static const char *counts_of(gal_document *d, const json_t *counts) {
    const char *kind, *out = NULL;
    json_t *count;
    json_object_foreach((json_t *)counts, kind, count) {
        if (json_integer_value(count) <= 0) continue;
        out = gal_document_format(d, "%s%s%s: %lld", out != NULL ? out : "", out != NULL ? ", " : "", kind,
                                  (long long)json_integer_value(count));
    }
    return out != NULL ? out : "There are none";
}

static galen_status ledger(gal_report *r, galen_error *err) {
    gal_document *d = r->document;
    const char *heads[] = {"case", "what changed", "finding", "truth", "reference", "candidate", "shift"};
    const json_t *flips = json_object_get(r->results, "flips"), *list = json_object_get(flips, "flips");
    size_t most = r->options->flips > 0 ? r->options->flips : FLIPS, all = json_array_size(list);
    size_t shown = all < most ? all : most;
    if (!json_is_object(flips)) return GALEN_OK;
    gal_document_heading(d, 2, "Flip ledger");
    gal_document_text(d,
                      "Cases that the candidate decides otherwise, or whose probability moved by more than %g. %s.%s",
                      gal_fact_number(flips, "limit"), counts_of(d, json_object_get(flips, "counts")),
                      shown < all ? gal_document_format(d, " %zu of %zu are shown, the worst first.", shown, all)
                      : all > 0   ? " The worst come first."
                                  : "");
    if (shown == 0) return GALEN_OK;
    gal_table *t = gal_document_table(d, heads, "llllrrr");
    t->sortable = true;
    for (size_t i = 0; i < shown; i++)
        GAL_TRY(ledger_row(r, json_array_get(list, i), i < THUMBNAILS && r->options->pictures != NULL, t, err));
    return GALEN_OK;
}

/* How far each layer of the candidate is from the reference's, where both are one network. */
static void layers(gal_report *r) {
    gal_document *d = r->document;
    const char *heads[] = {"layer", "kind", "type", "SQNR, dB", "largest error", "mean error"};
    const json_t *list = gal_fact(r->head, "layers.list"), *layer;
    size_t at;
    if (json_array_size(list) == 0) return;
    gal_document_heading(d, 2, "Layers");
    gal_document_text(d,
                      "The candidate's layers against the reference's, on %zu pictures: signal to quantisation noise "
                      "(SQNR) and errors of their outputs.",
                      gal_fact_count(r->head, "layers.pictures"));
    gal_table *t = gal_document_table(d, heads, "lllrrr");
    json_array_foreach(list, at, layer) {
        gal_table_text(d, t, gal_fact_text(layer, "name"));
        gal_table_text(d, t, gal_fact_text(layer, "op"));
        gal_table_text(d, t, gal_fact_text(layer, "type"));
        gal_table_number(d, t, "%.1f", gal_fact_number(layer, "snr_db"), "");
        gal_table_number(d, t, "%.3g", gal_fact_number(layer, "max_error"), "");
        gal_table_number(d, t, "%.3g", gal_fact_number(layer, "mean_error"), "");
    }
}

galen_status gal_section_comparison(gal_report *r, galen_error *err) {
    static const char *const names[GAL_SIDES] = {"the reference", "the candidate"};
    const json_t *comparison = json_object_get(r->results, "comparison"), *questions, *q;
    size_t at;
    gal_case_pairs pairs;
    if (!json_is_object(comparison) || r->evidence->sets < GAL_SIDES) return GALEN_OK;
    gal_document_heading(r->document, 1, "Comparison");
    questions = json_object_get(comparison, "questions");
    json_array_foreach(questions, at, q) question(r, q);
    const gal_case_set *sets = r->evidence->cases;
    galen_status status = gal_case_pairs_make(&sets[GAL_REFERENCE], &sets[GAL_CANDIDATE], names, &pairs, err);
    if (status == GALEN_OK) scatter(r, &pairs);
    gal_case_pairs_free(&pairs);
    if (status == GALEN_OK) status = ledger(r, err);
    layers(r);
    return status;
}
