/* From evidence to a report. */
#include "analyze/report/report.h"

#include "analyze/report/csv.h"
#include "analyze/report/html.h"
#include "analyze/report/sections.h"
#include "base/error.h"
#include "base/plugin.h"

static galen_status write_sections(gal_report *r, galen_error *err) {
    gal_section_summary(r);
    gal_section_gates(r);
    gal_section_figures(r);
    gal_section_classes(r);
    gal_section_calibration(r);
    gal_section_decision_curve(r);
    gal_section_subgroups(r);
    gal_section_robustness(r);
    GAL_TRY(gal_section_comparison(r, err));
    gal_section_data(r);
    gal_section_card(r);
    gal_section_methods(r);
    gal_section_checklists(r);
    gal_section_provenance(r);
    return gal_document_check(r->document, err);
}

static galen_status render(const gal_document *d, gal_report_form form, gal_buf *out, galen_error *err) {
    const void *symbol = NULL;
    if (form == GAL_REPORT_CSV) return gal_report_csv(d, out, err);
    GAL_TRY(gal_plugin_load("report", &symbol, err));
    const gal_report_plugin *plugin = symbol;
    return form == GAL_REPORT_PDF ? plugin->pdf(d, out, err) : gal_html(d, plugin, out, err);
}

galen_status gal_report_render(const gal_evidence *evidence, const gal_report_options *options, gal_report_form form,
                               gal_buf *out, galen_error *err) {
    gal_document document;
    gal_document_start(&document);
    gal_report report = {evidence, options, &document, evidence->head, evidence->results};
    galen_status status = write_sections(&report, err);
    if (status == GALEN_OK) status = render(&document, form, out, err);
    gal_document_free(&document);
    return status;
}
