/* Can the cases be trusted: duplicates, leaks between splits, conflicting labels, patients. */
#include "analyze/report/sections.h"

enum { SHOWN = 50 };

static void pairs(gal_report *r, const json_t *list, const char *caption) {
    gal_document *d = r->document;
    const json_t *pair;
    size_t at;
    if (json_array_size(list) == 0) return;
    gal_table *t = gal_document_table(d, (const char *const[]){"picture", "split", "picture", "split", "how"}, "lllll");
    t->caption = caption;
    json_array_foreach(list, at, pair) {
        if (at == SHOWN) break;
        gal_table_text(d, t, gal_fact_text(pair, "a"));
        gal_table_text(d, t, gal_fact_text(pair, "a_split"));
        gal_table_text(d, t, gal_fact_text(pair, "b"));
        gal_table_text(d, t, gal_fact_text(pair, "b_split"));
        gal_table_text(d, t, gal_fact_text(pair, "how"));
    }
    if (json_array_size(list) > SHOWN) gal_document_note(d, "%d of %zu are shown.", SHOWN, json_array_size(list));
}

static void finding(gal_document *d, gal_table *t, const char *what, const json_t *count) {
    gal_table_text(d, t, what);
    if (!json_is_integer(count))
        gal_table_cell(d, t, GAL_TONE_SOFT, "not in this evidence");
    else if (json_integer_value(count) == 0)
        gal_table_cell(d, t, GAL_TONE_GOOD, "none found");
    else
        gal_table_cell(d, t, GAL_TONE_BAD, "%lld", (long long)json_integer_value(count));
}

void gal_section_data(gal_report *r) {
    gal_document *d = r->document;
    const gal_case_set *c = &r->evidence->cases[0];
    const json_t *integrity = gal_fact(r->head, "data.integrity");
    gal_document_heading(d, 1, "Data");
    gal_table *t = gal_document_table(d, NULL, "ll");
    gal_table_text(d, t, "cases");
    gal_table_cell(d, t, GAL_TONE_PLAIN, "%zu, each with an id of its own", c->count);
    gal_table_text(d, t, "patients");
    if (c->patients > 0)
        gal_table_cell(d, t, GAL_TONE_PLAIN, "%zu", c->patients);
    else
        gal_table_cell(d, t, GAL_TONE_UNSURE,
                       "not said: every case counts as its own patient, and intervals are too narrow "
                       "where that is not so");
    finding(d, t, "the same picture in two splits", json_object_get(integrity, "exact_leaks"));
    finding(d, t, "nearly the same picture in two splits", json_object_get(integrity, "near_leaks"));
    finding(d, t, "patients in two splits", json_object_get(integrity, "patient_leaks"));
    finding(d, t, "the same picture twice in a split", json_object_get(integrity, "repeats"));
    finding(d, t, "the same picture with different labels", json_object_get(integrity, "label_conflicts"));
    pairs(r, json_object_get(integrity, "pairs"), "Pictures that occur twice");
}
