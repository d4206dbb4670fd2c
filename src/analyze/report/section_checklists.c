/* The checklists, filled in as far as evidence goes and never farther. */
#include "analyze/report/checklist.h"
#include "analyze/report/sections.h"

#include <math.h>

typedef const char *(*answer_fn)(gal_report *r);

static const json_t *model(gal_report *r) {
    size_t n = json_array_size(json_object_get(r->head, "models"));
    return n > 0 ? json_array_get(json_object_get(r->head, "models"), n - 1) : NULL;
}

static const json_t *card(gal_report *r, const char *key) {
    return json_object_get(json_object_get(model(r), "card"), key);
}

static const char *words(gal_report *r, const json_t *value) {
    return value != NULL && !json_is_null(value) ? gal_fact_words(r->document, value) : NULL;
}

static const char *technology(gal_report *r) {
    return model(r) != NULL ? "a neural network (ONNX) that classifies pictures" : NULL;
}

static const char *intended_use(gal_report *r) {
    return words(r, card(r, "intended_use"));
}

static const char *data(gal_report *r) {
    const char *sha = gal_fact_text(r->head, "data.sha256"), *file = gal_fact_text(r->head, "data.file");
    if (sha == NULL || file == NULL) return NULL;
    return gal_document_format(r->document, "%s, SHA-256 %s", gal_fact_file_name(file), sha);
}

static const char *preprocessing(gal_report *r) {
    return words(r, card(r, "input"));
}

static const char *partitions(gal_report *r) {
    const json_t *integrity = gal_fact(r->head, "data.integrity");
    if (!json_is_object(integrity)) return NULL;
    return gal_document_format(r->document, "checked: %zu pictures and %zu patients in two splits (section Data)",
                               gal_fact_count(integrity, "exact_leaks"), gal_fact_count(integrity, "patient_leaks"));
}

static size_t positives(const gal_case_set *c) {
    size_t n = 0;
    for (size_t i = 0; c->kind == GAL_CASE_BINARY && i < c->count; i++) n += c->positive[i];
    return n;
}

static const char *sample(gal_report *r) {
    const gal_case_set *c = &r->evidence->cases[0];
    const char *patients = c->patients > 0 ? gal_document_format(r->document, " of %zu patients", c->patients) : "";
    if (c->kind != GAL_CASE_BINARY)
        return gal_document_format(r->document, "%zu cases%s evaluated", c->count, patients);
    return gal_document_format(r->document, "%zu cases%s evaluated, %zu positive", c->count, patients, positives(c));
}

static const char *network(gal_report *r) {
    const char *sha = gal_fact_text(model(r), "sha256");
    return sha != NULL ? gal_document_format(r->document, "the ONNX file of SHA-256 %s", sha) : NULL;
}

static const char *software(gal_report *r) {
    const char *version = gal_fact_text(r->head, "galen.version"), *build = gal_fact_text(r->head, "galen.build");
    if (version == NULL) return NULL;
    return gal_document_format(r->document, "Galen %s, build %s", version, build != NULL ? build : "unknown");
}

static const char *training(gal_report *r) {
    return words(r, card(r, "training"));
}

static const char *threshold(gal_report *r) {
    double at = gal_fact_number(r->results, "evaluation.settings.threshold");
    const char *chosen = gal_fact_text(model(r), "chosen");
    if (!isfinite(at)) return NULL;
    return gal_document_format(r->document, "score >= %.6g is positive%s%s", at, chosen != NULL ? "; chosen on " : "",
                               chosen != NULL ? chosen : "");
}

static const char *metrics(gal_report *r) {
    const char *key, *out = NULL;
    json_t *figure;
    json_object_foreach((json_t *)gal_fact(r->results, "evaluation.binary.figures"), key, figure) out =
        out == NULL ? gal_figure_label(key) : gal_document_format(r->document, "%s; %s", out, gal_figure_label(key));
    return out;
}

static const char *uncertainty(gal_report *r) {
    double level = gal_fact_number(r->results, "evaluation.settings.level");
    if (!isfinite(level)) level = gal_fact_number(r->results, "comparison.settings.level");
    return isfinite(level) ? gal_document_format(r->document, "intervals of %g %% (section Methods)", 100 * level)
                           : NULL;
}

static const char *robustness(gal_report *r) {
    return json_is_object(json_object_get(r->results, "robustness")) ? "section Robustness" : NULL;
}

static const char *subgroups(gal_report *r) {
    const json_t *attributes = gal_fact(r->results, "subgroups.attributes"), *attribute;
    const char *out = NULL;
    size_t at;
    json_array_foreach(attributes, at, attribute) {
        const char *name = gal_fact_text(attribute, "attribute");
        if (name != NULL) out = out == NULL ? name : gal_document_format(r->document, "%s, %s", out, name);
    }
    return out != NULL ? gal_document_format(r->document, "by %s (section Subgroups)", out) : NULL;
}

static const char *attributes(gal_report *r) {
    const gal_case_set *c = &r->evidence->cases[0];
    const char *out = NULL;
    for (int i = 0; i < c->attributes; i++)
        out = gal_document_format(r->document, "%s%s%s (%u)",
                                  out != NULL ? out : "known of the cases: ", out != NULL ? ", " : "",
                                  c->attribute[i].name, c->attribute[i].levels);
    return out;
}

static const char *balance(gal_report *r) {
    const gal_case_set *c = &r->evidence->cases[0];
    if (c->kind != GAL_CASE_BINARY) return NULL;
    return gal_document_format(r->document, "%.1f %% of the cases are positive",
                               100 * (double)positives(c) / (double)c->count);
}

static const char *performance(gal_report *r) {
    const json_t *figures = gal_fact(r->results, "evaluation.binary.figures");
    if (!isfinite(gal_fact_number(figures, "auc.value"))) return NULL;
    return gal_document_format(r->document, "AUC %s (section Figures)",
                               gal_fact_estimate(r->document, json_object_get(figures, "auc")));
}

static const char *failures(gal_report *r) {
    const json_t *c = gal_fact(r->results, "evaluation.binary.confusion");
    if (!json_is_object(c)) return NULL;
    return gal_document_format(r->document, "%zu missed, %zu false alarms", gal_fact_count(c, "false_negatives"),
                               gal_fact_count(c, "false_positives"));
}

static const char *update(gal_report *r) {
    const char *method = gal_fact_text(r->results, "recalibration.method");
    return method != NULL ? gal_document_format(r->document, "%s (section Calibration)", method) : NULL;
}

static const answer_fn answers[GAL_ANSWERS] = {
    [GAL_ANSWER_TECHNOLOGY] = technology,
    [GAL_ANSWER_INTENDED_USE] = intended_use,
    [GAL_ANSWER_DATA] = data,
    [GAL_ANSWER_PREPROCESSING] = preprocessing,
    [GAL_ANSWER_PARTITIONS] = partitions,
    [GAL_ANSWER_SAMPLE] = sample,
    [GAL_ANSWER_MODEL] = network,
    [GAL_ANSWER_SOFTWARE] = software,
    [GAL_ANSWER_TRAINING] = training,
    [GAL_ANSWER_THRESHOLD] = threshold,
    [GAL_ANSWER_METRICS] = metrics,
    [GAL_ANSWER_UNCERTAINTY] = uncertainty,
    [GAL_ANSWER_ROBUSTNESS] = robustness,
    [GAL_ANSWER_SUBGROUPS] = subgroups,
    [GAL_ANSWER_ATTRIBUTES] = attributes,
    [GAL_ANSWER_BALANCE] = balance,
    [GAL_ANSWER_PERFORMANCE] = performance,
    [GAL_ANSWER_FAILURES] = failures,
    [GAL_ANSWER_UPDATE] = update,
};

static void put(gal_report *r, const gal_checklist *list) {
    gal_document *d = r->document;
    gal_document_heading(d, 2, list->name);
    gal_document_note(d, "Items in our own short words; in full: %s.", list->source);
    gal_table *t = gal_document_table(d, (const char *const[]){"item", "what to report", "from this evidence"}, "lll");
    for (size_t i = 0; i < list->items; i++) {
        const gal_checklist_item *item = &list->item[i];
        const char *answer = answers[item->answer] != NULL ? answers[item->answer](r) : NULL;
        gal_table_text(d, t, item->number);
        gal_table_text(d, t, item->text);
        if (answer != NULL)
            gal_table_text(d, t, answer);
        else
            gal_table_cell(d, t, GAL_TONE_SOFT, "not in this evidence");
    }
}

void gal_section_checklists(gal_report *r) {
    gal_document_heading(r->document, 1, "Checklists");
    gal_document_text(r->document,
                      "Filled in where the evidence itself has the answer. The rest is for the authors of a study.");
    put(r, &gal_checklist_claim);
    put(r, &gal_checklist_tripod);
}
