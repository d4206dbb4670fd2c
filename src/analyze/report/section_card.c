/* The model cards: what the model is, what it wants, what it is for, in its maker's words. */
#include "analyze/report/sections.h"

static const struct {
    const char *key, *label;
} rows[] = {
    {"intended_use", "intended use"},
    {"task", "task"},
    {"labels", "labels"},
    {"positive", "positive label"},
    {"input", "input"},
    {"threshold", "threshold"},
    {"operating_point", "operating point"},
    {"calibration", "calibration"},
    {"training", "training"},
    {"limitations", "limitations"},
};

static void card(gal_report *r, const json_t *model, const char *title) {
    gal_document *d = r->document;
    const json_t *it = json_object_get(model, "card");
    if (title != NULL) gal_document_heading(d, 2, title);
    if (!json_is_object(it)) {
        gal_document_text(d, "Not in this evidence.");
        return;
    }
    gal_table *t = gal_document_table(d, NULL, "ll");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const json_t *value = json_object_get(it, rows[i].key);
        gal_table_text(d, t, rows[i].label);
        if (value != NULL && !json_is_null(value))
            gal_table_text(d, t, gal_fact_words(d, value));
        else
            gal_table_cell(d, t, GAL_TONE_SOFT, "not said");
    }
}

void gal_section_card(gal_report *r) {
    const json_t *models = json_object_get(r->head, "models"), *model;
    size_t at, n = json_array_size(models);
    gal_document_heading(r->document, 1, "Model card");
    if (n == 0) gal_document_text(r->document, "Not in this evidence: the scores came from another system.");
    json_array_foreach(models, at, model) card(r, model, n > 1 ? (at == 0 ? "Reference" : "Candidate") : NULL);
}
