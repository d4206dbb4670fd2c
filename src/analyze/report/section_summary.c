/* What a reader wants to know first: of what, on what, how good, how sure, and whether it is enough. */
#include "analyze/report/sections.h"

#include <math.h>
#include <string.h>

gal_tone gal_verdict_tone(const char *verdict) {
    if (verdict == NULL) return GAL_TONE_SOFT;
    return !strcmp(verdict, "pass") ? GAL_TONE_GOOD : !strcmp(verdict, "fail") ? GAL_TONE_BAD : GAL_TONE_UNSURE;
}

static const char *model_name(gal_report *r, size_t at) {
    const json_t *model = json_array_get(json_object_get(r->head, "models"), at);
    const char *name = gal_fact_file_name(gal_fact_text(model, "file"));
    const char *precision = gal_fact_text(model, "precision");
    if (name == NULL) return "an unnamed model";
    /* Two precisions of one file have one name. */
    return r->evidence->sets > 1 && precision != NULL ? gal_document_format(r->document, "%s (%s)", name, precision)
                                                      : name;
}

static void title(gal_report *r) {
    gal_document *d = r->document;
    bool two = r->evidence->sets > 1;
    d->title = two ? gal_document_format(d, "%s against %s", model_name(r, 1), model_name(r, 0))
               : json_array_size(json_object_get(r->head, "models")) == 0
                   ? "How good are these scores?"
                   : gal_document_format(d, "How good is %s?", model_name(r, 0));
    const char *made = gal_fact_text(r->head, "created"), *command = gal_fact_text(r->head, "command");
    d->made = made;
    d->subtitle = gal_document_format(
        d, "Evidence of %s, made by galen %s%s%s", made != NULL ? made : "an unknown time",
        command != NULL ? command : "(unknown)", gal_fact_text(r->head, "galen.version") != NULL ? ", version " : "",
        gal_fact_text(r->head, "galen.version") != NULL ? gal_fact_text(r->head, "galen.version") : "");
}

/* The name in the text of the policy that was asked for. */
static const char *policy_name(gal_report *r) {
    const json_t *text = gal_fact(r->evidence->settings, "gates.policy");
    json_t *policy = json_is_string(text) ? json_loads(json_string_value(text), 0, NULL) : NULL;
    const char *name = gal_fact_text(policy, "name");
    const char *copy = name != NULL ? gal_document_format(r->document, "%s", name) : NULL;
    json_decref(policy);
    return copy;
}

/* One that fails decides, else one without enough evidence (gates.h). */
static const char *worst_of(const json_t *gates) {
    const json_t *gate;
    const char *worst = json_array_size(gates) > 0 ? "pass" : NULL;
    size_t at;
    json_array_foreach(gates, at, gate) {
        const char *verdict = gal_fact_text(gate, "verdict");
        if (gal_verdict_tone(verdict) == GAL_TONE_BAD) return "fail";
        if (gal_verdict_tone(verdict) != GAL_TONE_GOOD) worst = "insufficient evidence";
    }
    return worst;
}

static void verdict(gal_report *r) {
    gal_document *d = r->document;
    const char *verdict = worst_of(json_object_get(r->results, "gates")), *policy = policy_name(r);
    if (verdict == NULL) return;
    d->verdict_tone = gal_verdict_tone(verdict);
    d->verdict = gal_document_format(d, "Verdict: %s%s%s", verdict, policy != NULL ? ", by the policy " : "",
                                     policy != NULL ? policy : "");
}

static void cases(gal_report *r) {
    const gal_case_set *c = &r->evidence->cases[0];
    size_t positives = 0;
    for (size_t i = 0; c->kind == GAL_CASE_BINARY && i < c->count; i++) positives += c->positive[i];
    const char *patients = c->patients > 0 ? gal_document_format(r->document, " of %zu patients", c->patients) : "";
    if (c->kind == GAL_CASE_BINARY)
        gal_document_text(r->document, "%zu cases%s: %zu %s and %zu %s.", c->count, patients, positives,
                          c->class_name[0] != NULL ? c->class_name[0] : "positive", c->count - positives,
                          c->negative != NULL ? c->negative : "negative");
    else
        gal_document_text(r->document, "%zu cases%s, %d %s.", c->count, patients, c->classes,
                          c->kind == GAL_CASE_MULTICLASS ? "classes, one of which is true of each case"
                                                         : "labels, any number of which may be true of a case");
}

static void decisions(gal_report *r, const json_t *binary) {
    const json_t *figures = json_object_get(binary, "figures"), *c = json_object_get(binary, "confusion");
    gal_document *d = r->document;
    if (json_is_object(c)) {
        size_t tp = gal_fact_count(c, "true_positives"), fn = gal_fact_count(c, "false_negatives");
        size_t fp = gal_fact_count(c, "false_positives"), tn = gal_fact_count(c, "true_negatives");
        gal_document_text(
            d,
            "At the threshold %.4g it finds %zu of %zu positive cases (sensitivity %s) and clears %zu of %zu "
            "negative ones (specificity %s): %zu are missed, %zu are false alarms.",
            gal_fact_number(r->results, "evaluation.settings.threshold"), tp, tp + fn,
            gal_fact_estimate(d, json_object_get(figures, "sensitivity")), tn, tn + fp,
            gal_fact_estimate(d, json_object_get(figures, "specificity")), fn, fp);
    }
    if (isfinite(gal_fact_number(figures, "auc.value")))
        gal_document_text(
            d,
            "Without a threshold: a positive case scores above a negative one with probability %s (the area "
            "under the ROC curve).",
            gal_fact_estimate(d, json_object_get(figures, "auc")));
    double level = gal_fact_number(r->results, "evaluation.settings.level");
    if (isfinite(level))
        gal_document_note(d,
                          "Numbers in brackets are intervals of %g %%: how far the true value may lie, by chance of "
                          "which cases were seen. They know nothing of cases unlike these.",
                          100 * level);
}

static void differences(gal_report *r) {
    const json_t *questions = gal_fact(r->results, "comparison.questions"), *first = json_array_get(questions, 0);
    const json_t *se = gal_fact(first, "decisions.sensitivity"), *tango = json_object_get(se, "tango");
    if (json_array_size(questions) != 1 || json_array_size(tango) != 2) return;
    gal_document_text(
        r->document,
        "Against the reference, the candidate's sensitivity differs by %+.4f [%+.4f, %+.4f]: of %zu positive "
        "cases it misses %zu that the reference finds, and finds %zu that the reference misses.",
        gal_fact_number(se, "difference"), json_number_value(json_array_get(tango, 0)),
        json_number_value(json_array_get(tango, 1)), gal_fact_count(se, "cases"), gal_fact_count(se, "only_reference"),
        gal_fact_count(se, "only_candidate"));
}

void gal_section_summary(gal_report *r) {
    title(r);
    verdict(r);
    gal_document_heading(r->document, 1, "Summary");
    if (!r->evidence->intact)
        gal_document_text(r->document,
                          "WARNING: the bytes of this evidence are not those that were written; someone or "
                          "something changed the file. galen report --verify says where its results differ.");
    cases(r);
    decisions(r, gal_fact(r->results, "evaluation.binary"));
    differences(r);
    gal_document_text(r->document, "Galen is not a medical device, and this report is no approval: it says what was "
                                   "measured on these cases. galen report --verify computes every number anew.");
}
