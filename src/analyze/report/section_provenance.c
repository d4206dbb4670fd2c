/* Where every number comes from: files, digests, settings, machine. */
#include "analyze/report/sections.h"

#include <string.h>

static void row(gal_document *d, gal_table *t, const char *name, const json_t *value) {
    if (value == NULL || json_is_null(value)) return;
    gal_table_text(d, t, name);
    gal_table_text(d, t, gal_fact_words(d, value));
}

static const char *spaced(gal_document *d, const char *key) {
    char *out = gal_document_room(d, strlen(key) + 1, 1);
    for (size_t i = 0; out != NULL && key[i] != '\0'; i++) out[i] = (char)(key[i] == '_' ? ' ' : key[i]);
    return out != NULL ? out : "";
}

static void rows_of(gal_document *d, gal_table *t, const json_t *object, const char *before) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        if (!strcmp(key, "card") || !strcmp(key, "integrity") || !strcmp(key, "runs")) continue; /* shown elsewhere */
        const char *name = gal_document_format(d, "%s%s", before, spaced(d, key));
        if (strcmp(key, "file") != 0 || !json_is_string(value)) {
            row(d, t, name, value);
            continue;
        }
        gal_table_text(d, t, name);
        gal_table_text(d, t, gal_fact_file_name(json_string_value(value)));
    }
}

void gal_section_provenance(gal_report *r) {
    gal_document *d = r->document;
    const json_t *models = json_object_get(r->head, "models"), *model;
    const char *key;
    json_t *value;
    size_t at;
    gal_document_heading(d, 1, "Provenance");
    gal_document_text(d, "%s",
                      r->evidence->intact ? "The bytes of the evidence are those that were written (SHA-256)."
                                          : "The bytes of the evidence are NOT those that were written.");
    gal_table *t = gal_document_table(d, NULL, "ll");
    row(d, t, "made", json_object_get(r->head, "created"));
    row(d, t, "command", json_object_get(r->head, "command"));
    rows_of(d, t, json_object_get(r->head, "galen"), "galen: ");
    json_array_foreach(models, at, model)
        rows_of(d, t, model, json_array_size(models) > 1 ? (at == 0 ? "reference: " : "candidate: ") : "model: ");
    if (json_is_object(json_object_get(r->head, "data"))) rows_of(d, t, json_object_get(r->head, "data"), "data: ");
    rows_of(d, t, json_object_get(r->head, "machine"), "machine: ");
    json_object_foreach(r->evidence->settings, key, value)
        rows_of(d, t, value, gal_document_format(d, "%s: ", spaced(d, key)));
}
