/* Drift, as a table and as JSON. */
#include "cli/predict_drift.h"

#include "base/error.h"
#include "cli/table.h"

#include <stdio.h>

static const char *const shift_word[] = {
    [GAL_SHIFT_NONE] = "none", [GAL_SHIFT_MODERATE] = "moderate", [GAL_SHIFT_LARGE] = "large"};
static const char *const way_word[] = {[GAL_DRIFT_UP] = "up", [GAL_DRIFT_DOWN] = "down"};

static void json_finding(cli_json *json, const char *name, const gal_drift_finding *f) {
    json_open(json, name, '{');
    json_number(json, "psi", f->psi.index);
    json_number(json, "psi_p", f->psi.p);
    json_text(json, "shift", shift_word[f->shift]);
    json_number(json, "ks", f->ks.distance);
    json_number(json, "ks_p", f->ks.p);
    if (f->alarm == GAL_DRIFT_NONE) {
        json_raw(json, "cusum", "null");
    } else {
        json_open(json, "cusum", '{');
        json_text(json, "direction", way_word[f->alarm]);
        json_int(json, "alarm_at", (int64_t)f->at);
        json_int(json, "since", (int64_t)f->since);
        json_close(json, '}');
    }
    json_close(json, '}');
}

galen_status drift_json(cli_json *json, const gal_drift_reference *reference, const double *value, size_t count,
                        galen_error *err) {
    gal_drift_finding found[GAL_DRIFT_SERIES];
    bool enough = count >= GAL_DRIFT_LEAST;
    galen_status status = GALEN_OK;
    if (reference->cases > 0 && enough) status = gal_drift_compare(reference, value, count, found, err);
    if (reference->cases == 0 || status != GALEN_OK) {
        json_raw(json, "drift", "null");
        return status;
    }
    json_open(json, "drift", '{');
    json_int(json, "pictures", (int64_t)count);
    json_int(json, "least", GAL_DRIFT_LEAST);
    json_int(json, "reference", (int64_t)reference->cases);
    for (int s = 0; enough && s < GAL_DRIFT_SERIES; s++)
        json_finding(json, gal_drift_series_name((gal_drift_series)s), &found[s]);
    json_close(json, '}');
    return GALEN_OK;
}

static void print_finding(cli_table *table, const char *name, const gal_drift_finding *f) {
    table_cell(table, "%s", name);
    if (f->psi.p != f->psi.p) { /* all pictures of the reference had the same */
        for (int i = 0; i < 6; i++) table_cell(table, "-");
        return;
    }
    table_cell(table, "%.3f", f->psi.index);
    table_cell(table, "%.2g", f->psi.p);
    table_cell(table, "%s", shift_word[f->shift]);
    table_cell(table, "%.3f", f->ks.distance);
    table_cell(table, "%.2g", f->ks.p);
    if (f->alarm == GAL_DRIFT_NONE)
        table_cell(table, "no alarm");
    else
        table_cell(table, "%s at picture %zu, since about %zu", way_word[f->alarm], f->at, f->since);
}

galen_status drift_print(const gal_drift_reference *reference, const double *value, size_t count, galen_error *err) {
    static const char *const heads[] = {"drift", "PSI", "p", "shift", "KS", "p", "CUSUM", NULL};
    gal_drift_finding found[GAL_DRIFT_SERIES];
    cli_table table;
    if (reference->cases == 0) return GALEN_OK;
    if (count < GAL_DRIFT_LEAST) {
        printf("drift: too few pictures to speak of drift (%zu of %d)\n", count, GAL_DRIFT_LEAST);
        return GALEN_OK;
    }
    GAL_TRY(gal_drift_compare(reference, value, count, found, err));
    puts("");
    table_start(&table, heads, "lrrlrrl");
    for (int s = 0; s < GAL_DRIFT_SERIES; s++)
        print_finding(&table, gal_drift_series_name((gal_drift_series)s), &found[s]);
    table_end(&table, stdout);
    printf("against %zu pictures of the card; shift: PSI above 0.1 (moderate) or 0.25 (large) with p below %g\n",
           reference->cases, 1.0 / GAL_DRIFT_CHANCE);
    return GALEN_OK;
}
