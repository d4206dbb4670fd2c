/* Evidence as a report: what it says is in it, nothing else, and the same evidence gives the same bytes. */
#include "analyze/report/report.h"

#include "analyze/report/checklist.h"
#include "analyze/report_evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 << 20 };

static char *render(const gal_evidence *e, gal_report_form form, size_t *size) {
    galen_error err;
    gal_buf out;
    gal_report_options options = {0};
    gal_buf_init(&out, MOST);
    assert_ok(gal_report_render(e, &options, form, &out, &err), err);
    if (size != NULL) *size = out.size;
    char *text = test_malloc(out.size + 1);
    memcpy(text, out.data, out.size);
    text[out.size] = '\0';
    gal_buf_free(&out);
    return text;
}

static size_t occurrences(const char *text, const char *what) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what)) n++;
    return n;
}

static double number(const json_t *results, const char *path) {
    char part[32];
    for (; *path != '\0'; path += path[0] == '.') {
        size_t n = strcspn(path, ".");
        snprintf(part, sizeof part, "%.*s", (int)n, path);
        results = json_object_get(results, part);
        path += n;
    }
    assert_true(json_is_number(results));
    return json_number_value(results);
}

/* Every figure of the evidence stands in the page with four digits and in the CSV with all of them. */
static void says_what_evidence_says(void **state) {
    (void)state;
    static const char *const figures[] = {"sensitivity", "specificity", "auc", "average_precision",
                                          "brier",       "mcc",         "ece"};
    gal_evidence e;
    char path[96], text[64];
    make_evaluation(&e);
    char *html = render(&e, GAL_REPORT_HTML, NULL), *csv = render(&e, GAL_REPORT_CSV, NULL);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        snprintf(path, sizeof path, "evaluation.binary.figures.%s.value", figures[i]);
        double value = number(e.results, path);
        snprintf(text, sizeof text, ">%.4f<", value);
        if (strstr(html, text) == NULL) fail_msg("%s is not in the page", path);
        snprintf(text, sizeof text, ",value,%.17g\n", value);
        if (strstr(csv, text) == NULL) fail_msg("%s is not in the CSV", path);
    }
    static const char *const sections[] = {"Summary",    "Figures", "Calibration", "Data",
                                           "Model card", "Methods", "Checklists",  "Provenance"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        snprintf(text, sizeof text, ">%s</h2>", sections[i]);
        if (strstr(html, text) == NULL) fail_msg("no section %s", sections[i]);
    }
    assert_int_equal(occurrences(html, "<svg"), 4); /* ROC, precision-recall, reliability, probabilities */
    assert_non_null(strstr(html, "research only"));
    /* What is not in the evidence has no section. */
    assert_null(strstr(html, ">Gates</h2>"));
    assert_null(strstr(html, ">Subgroups</h2>"));
    assert_null(strstr(html, "WARNING"));
    test_free(html);
    test_free(csv);
    gal_evidence_free(&e);
}

static void checklists_invent_nothing(void **state) {
    (void)state;
    gal_evidence e;
    size_t unanswered = 0;
    const gal_checklist *lists[] = {&gal_checklist_claim, &gal_checklist_tripod};
    assert_int_equal(gal_checklist_claim.items, 44);
    make_evaluation(&e);
    char *html = render(&e, GAL_REPORT_HTML, NULL);
    for (int l = 0; l < 2; l++)
        for (size_t i = 0; i < lists[l]->items; i++) unanswered += lists[l]->item[i].answer == GAL_ANSWER_NONE;
    assert_true(occurrences(html, ">not in this evidence<") >= unanswered);
    test_free(html);
    gal_evidence_free(&e);
}

static void names_stay_names(void **state) {
    (void)state;
    gal_evidence e;
    make_comparison(&e, "policies/balanced.json");
    char *html = render(&e, GAL_REPORT_HTML, NULL);
    assert_null(strstr(html, "<img"));
    assert_null(strstr(html, "onerror=alert(1)>"));
    assert_true(occurrences(html, "&lt;img src=x onerror=alert(1)&gt;") > 2);
    /* A report is passed around: it names files, not the folders they were in. */
    assert_null(strstr(html, "somebody"));
    assert_non_null(strstr(html, "<h1>model.onnx against model.onnx</h1>"));
    test_free(html);
    gal_evidence_free(&e);
}

static void comparison(void **state) {
    (void)state;
    gal_evidence e;
    make_comparison(&e, "policies/medical-critical.json");
    char *html = render(&e, GAL_REPORT_HTML, NULL);
    assert_non_null(strstr(html, ">Gates</h2>"));
    assert_non_null(strstr(html, ">Flip ledger</h3>"));
    assert_non_null(strstr(html, "by the policy medical-critical"));
    assert_non_null(strstr(html, "<p class=\"verdict bad\">Verdict: fail"));
    size_t flips = json_array_size(json_object_get(json_object_get(e.results, "flips"), "flips"));
    assert_true(flips > 0);
    const char *table = strstr(html, "<table class=\"sortable\">");
    assert_non_null(table);
    char *ledger = test_malloc((size_t)(strstr(table, "</table>") - table) + 1);
    memcpy(ledger, table, (size_t)(strstr(table, "</table>") - table));
    ledger[strstr(table, "</table>") - table] = '\0';
    assert_int_equal(occurrences(ledger, "<tr>"), flips + 1);
    test_free(ledger);
    test_free(html);
    gal_evidence_free(&e);
}

static void same_bytes(void **state) {
    (void)state;
    gal_evidence e;
    make_evaluation(&e);
    for (int form = GAL_REPORT_HTML; form <= GAL_REPORT_CSV; form++) {
        size_t size[2];
        char *first = render(&e, (gal_report_form)form, &size[0]),
             *second = render(&e, (gal_report_form)form, &size[1]);
        assert_int_equal(size[0], size[1]);
        assert_memory_equal(first, second, size[0]);
        test_free(first);
        test_free(second);
    }
    gal_evidence_free(&e);
}

static void edited(void **state) {
    (void)state;
    gal_evidence e;
    make_evaluation(&e);
    e.intact = false;
    char *html = render(&e, GAL_REPORT_HTML, NULL);
    assert_non_null(strstr(html, "WARNING"));
    test_free(html);
    gal_evidence_free(&e);
}

/* Results are read from a file that may be hostile: wrong kinds leave parts out, and nothing falls over. */
static void damaged_results(void **state) {
    (void)state;
    static const char *const damage[] = {
        "{}",
        "{\"evaluation\": 3, \"comparison\": [], \"gates\": {}, \"flips\": 1, \"subgroups\": null}",
        "{\"evaluation\": {\"binary\": {\"figures\": [1], \"roc\": {\"points\": [[1], 2, null]}, \"precision_recall\": "
        "{\"points\": {}}, \"reliability\": [1, {}], \"confusion\": {\"true_positives\": -1}}}}",
        "{\"gates\": [1, {}, {\"verdict\": 3}], \"subgroups\": {\"attributes\": [{}, {\"groups\": [1, {}]}, 7]}}",
        "{\"comparison\": {\"questions\": [1, {\"decisions\": {\"sensitivity\": {}}, \"auc\": {}}]}, \"flips\": "
        "{\"flips\": [1, {}], \"counts\": [2]}, \"decision_curve\": {\"points\": [1, {}]}, \"recalibration\": {\"after\": "
        "{}}}",
    };
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        gal_evidence e;
        make_comparison(&e, "policies/minimal.json");
        json_decref(e.results);
        e.results = json_loads(damage[i], 0, NULL);
        assert_non_null(e.results);
        for (int form = GAL_REPORT_HTML; form <= GAL_REPORT_CSV; form++) {
            char *text = render(&e, (gal_report_form)form, NULL);
            test_free(text);
        }
        gal_evidence_free(&e);
    }
}

static void out_of_memory(void **state) {
    (void)state;
    gal_evidence e;
    galen_error err;
    galen_status status = GALEN_ERR_MEMORY;
    make_comparison(&e, "policies/balanced.json");
    for (long n = 1; status == GALEN_ERR_MEMORY; n += 1 + n / 16) {
        gal_buf out;
        gal_report_options options = {0};
        gal_buf_init(&out, MOST);
        test_fail_allocation(n, 0);
        status = gal_report_render(&e, &options, GAL_REPORT_CSV, &out, &err);
        test_fail_allocation(0, 0);
        if (status != GALEN_OK) assert_int_equal(status, GALEN_ERR_MEMORY);
        gal_buf_free(&out);
    }
    assert_int_equal(status, GALEN_OK);
    gal_evidence_free(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_evidence_says),
        cmocka_unit_test(checklists_invent_nothing),
        cmocka_unit_test(names_stay_names),
        cmocka_unit_test(comparison),
        cmocka_unit_test(same_bytes),
        cmocka_unit_test(edited),
        cmocka_unit_test(damaged_results),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
