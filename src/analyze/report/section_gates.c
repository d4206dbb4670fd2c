/* The gates of a policy: each a bound that has to be reached, and whether it is. */
#include "analyze/report/sections.h"

void gal_section_gates(gal_report *r) {
    gal_document *d = r->document;
    const json_t *list = json_object_get(r->results, "gates"), *gate;
    const char *heads[] = {"gate", "figure", "value", "bound", "needed", "verdict"};
    size_t at;
    if (json_array_size(list) == 0) return;
    gal_document_heading(d, 1, "Gates");
    gal_document_text(
        d, "Each gate has to be passed by the lower end of its interval; nothing is averaged. Where the value is "
           "good but the bound is not, the verdict is insufficient evidence: more cases may show it.");
    gal_table *t = gal_document_table(d, heads, "llrrrl");
    json_array_foreach(list, at, gate) {
        const char *of = gal_fact_text(gate, "of"), *why = gal_fact_text(gate, "why");
        const char *verdict = gal_fact_text(gate, "verdict"), *name = gal_fact_text(gate, "gate");
        const char *figure = gal_fact_text(gate, "figure");
        gal_table_text(d, t, name);
        gal_table_cell(d, t, GAL_TONE_PLAIN, "%s%s%s", figure != NULL ? figure : "", of != NULL ? ", " : "",
                       of != NULL ? of : "");
        gal_table_number(d, t, "%.4f", gal_fact_number(gate, "value"), "none");
        gal_table_number(d, t, "%.4f", gal_fact_number(gate, "low"), "none");
        gal_table_number(d, t, "%.4f", gal_fact_number(gate, "at_least"), "none");
        size_t needed = gal_fact_count(gate, "needed");
        const char *kind = gal_fact_text(gate, "needed_of");
        if (why == NULL && needed > 0)
            why = gal_document_format(d, "about %zu %s would do", needed, kind != NULL ? kind : "cases");
        gal_table_cell(d, t, gal_verdict_tone(verdict), "%s%s%s", verdict != NULL ? verdict : "none",
                       why != NULL ? ": " : "", why != NULL ? why : "");
    }
}
