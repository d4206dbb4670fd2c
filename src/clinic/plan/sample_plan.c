/* The plan of a study: everything that is to be shown, together. */
#include "base/error.h"
#include "clinic/choose/operating_point.h"
#include "clinic/plan/sample_size.h"

#include <math.h>

gal_plan_settings gal_plan_defaults(void) {
    double none = (double)NAN;
    return (gal_plan_settings){.level = 0.95,
                               .half_width = 0.05,
                               .sensitivity = none,
                               .specificity = none,
                               .auc = none,
                               .freeze_sensitivity = none,
                               .confidence = 0.95,
                               .sensitivity_margin = none,
                               .specificity_margin = none,
                               .discordance = none,
                               .difference = 0,
                               .power = 0.9,
                               .prevalence = none,
                               .assurance = 0.9};
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static galen_status add(gal_plan *plan, const char *what, const char *method, size_t positives, size_t negatives,
                        galen_error *err) {
    const gal_plan_settings *s = &plan->settings;
    gal_plan_row row = {what, method, positives, negatives, 0, 0};
    if (!isnan(s->prevalence)) {
        double share = s->prevalence, others = 1 - share;
        row.total = larger(gal_plan_total(positives, share), gal_plan_total(negatives, others));
        row.assured = larger(gal_plan_total_assured(positives, share, s->assurance),
                             gal_plan_total_assured(negatives, others, s->assurance));
        if (row.total > GAL_PLAN_MOST || row.assured > GAL_PLAN_MOST)
            return gal_fail(err, GALEN_ERR_LIMIT,
                            "%s would need more than %d cases at a prevalence of %g; collect more of the rarer kind",
                            what, GAL_PLAN_MOST, share);
    }
    plan->row[plan->rows++] = row;
    plan->all.positives = larger(plan->all.positives, row.positives);
    plan->all.negatives = larger(plan->all.negatives, row.negatives);
    plan->all.total = larger(plan->all.total, row.total);
    plan->all.assured = larger(plan->all.assured, row.assured);
    return GALEN_OK;
}

static galen_status add_shares(gal_plan *plan, galen_error *err) {
    const gal_plan_settings *s = &plan->settings;
    const char *method = gal_proportion_name(s->method);
    size_t n;
    if (!isnan(s->sensitivity)) {
        GAL_TRY(gal_plan_share(s->sensitivity, s->half_width, s->method, s->level, &n, err));
        GAL_TRY(add(plan, "sensitivity", method, n, 0, err));
    }
    if (!isnan(s->specificity)) {
        GAL_TRY(gal_plan_share(s->specificity, s->half_width, s->method, s->level, &n, err));
        GAL_TRY(add(plan, "specificity", method, 0, n, err));
    }
    return GALEN_OK;
}

static galen_status add_area(gal_plan *plan, galen_error *err) {
    static const char *const names[] = {[GAL_HANLEY_MCNEIL] = "Hanley-McNeil", [GAL_OBUCHOWSKI] = "Obuchowski"};
    const gal_plan_settings *s = &plan->settings;
    double ratio = isnan(s->prevalence) ? 1 : (1 - s->prevalence) / s->prevalence;
    for (int m = GAL_HANLEY_MCNEIL; m <= GAL_OBUCHOWSKI && !isnan(s->auc); m++) {
        size_t positives, negatives;
        GAL_TRY(gal_plan_auc((gal_auc_variance)m, s->auc, s->half_width, ratio, s->level, &positives, &negatives, err));
        GAL_TRY(add(plan, "area under the ROC curve", names[m], positives, negatives, err));
    }
    return GALEN_OK;
}

static galen_status add_paired(gal_plan *plan, galen_error *err) {
    const gal_plan_settings *s = &plan->settings;
    gal_plan_paired p = {.discordance = s->discordance, .difference = s->difference, .alpha = (1 - s->level) / 2};
    size_t n;
    if ((!isnan(s->sensitivity_margin) || !isnan(s->specificity_margin)) && isnan(s->discordance))
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "a margin needs the expected discordance: the share of cases on which just one of the two is "
                        "right");
    if (!isnan(s->sensitivity_margin)) {
        p.margin = s->sensitivity_margin;
        GAL_TRY(gal_plan_noninferior(&p, s->power, &n, err));
        GAL_TRY(add(plan, "non-inferior sensitivity", "Nam", n, 0, err));
    }
    if (!isnan(s->specificity_margin)) {
        p.margin = s->specificity_margin;
        GAL_TRY(gal_plan_noninferior(&p, s->power, &n, err));
        GAL_TRY(add(plan, "non-inferior specificity", "Nam", 0, n, err));
    }
    return GALEN_OK;
}

static galen_status add_frozen(gal_plan *plan, galen_error *err) {
    const gal_plan_settings *s = &plan->settings;
    if (isnan(s->freeze_sensitivity)) return GALEN_OK;
    if (!(s->freeze_sensitivity > 0 && s->freeze_sensitivity <= 0.999999) || !(s->confidence > 0 && s->confidence < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "a sensitivity of %g with a confidence of %g; both must be above 0 and below 1",
                        s->freeze_sensitivity, s->confidence);
    return add(plan, "threshold for a sensitivity, none missed", "Clopper-Pearson",
               gal_positives_needed(s->freeze_sensitivity, s->confidence), 0, err);
}

static galen_status check(const gal_plan_settings *s, galen_error *err) {
    if (!isnan(s->prevalence) && !(s->prevalence > 0 && s->prevalence < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a prevalence of %g; it must be above 0 and below 1", s->prevalence);
    if (!(s->assurance > 0 && s->assurance < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "an assurance of %g; it must be above 0 and below 1", s->assurance);
    if ((unsigned)s->method >= GAL_PROPORTIONS)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "no interval of proportions has number %u", (unsigned)s->method);
    return GALEN_OK;
}

galen_status gal_plan_make(const gal_plan_settings *s, gal_plan *out, galen_error *err) {
    *out = (gal_plan){.settings = *s, .all = {.what = "all"}};
    GAL_TRY(check(s, err));
    GAL_TRY(add_shares(out, err));
    GAL_TRY(add_area(out, err));
    GAL_TRY(add_paired(out, err));
    GAL_TRY(add_frozen(out, err));
    if (out->rows > 0) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT,
                    "nothing to plan; say an expected sensitivity, specificity or area, or a margin");
}

/* ---- JSON ---- */

static json_t *count_json(size_t n) {
    return n ? json_integer((json_int_t)n) : json_null();
}

static json_t *row_json(const gal_plan_row *r) {
    return json_pack("{s:s, s:s?, s:o, s:o, s:o, s:o}", "what", r->what, "method", r->method, "positives",
                     count_json(r->positives), "negatives", count_json(r->negatives), "total", count_json(r->total),
                     "assured", count_json(r->assured));
}

static json_t *settings_json(const gal_plan_settings *s) {
    const struct {
        const char *key;
        double value;
    } fields[] = {{"level", s->level},
                  {"half_width", s->half_width},
                  {"sensitivity", s->sensitivity},
                  {"specificity", s->specificity},
                  {"auc", s->auc},
                  {"freeze_sensitivity", s->freeze_sensitivity},
                  {"confidence", s->confidence},
                  {"sensitivity_margin", s->sensitivity_margin},
                  {"specificity_margin", s->specificity_margin},
                  {"discordance", s->discordance},
                  {"difference", s->difference},
                  {"power", s->power},
                  {"prevalence", s->prevalence},
                  {"assurance", s->assurance}};
    json_t *o = json_pack("{s:s}", "interval", gal_proportion_name(s->method));
    int failed = o == NULL;
    for (size_t i = 0; !failed && i < sizeof fields / sizeof *fields; i++)
        failed = json_object_set_new(o, fields[i].key, gal_number_json(fields[i].value));
    if (!failed) return o;
    json_decref(o);
    return NULL;
}

json_t *gal_plan_json(const gal_plan *plan) {
    json_t *rows = json_array();
    int failed = rows == NULL;
    for (size_t i = 0; !failed && i < plan->rows; i++) failed = json_array_append_new(rows, row_json(&plan->row[i]));
    if (!failed)
        return json_pack("{s:o, s:o, s:o}", "settings", settings_json(&plan->settings), "rows", rows, "all",
                         row_json(&plan->all));
    json_decref(rows);
    return NULL;
}
