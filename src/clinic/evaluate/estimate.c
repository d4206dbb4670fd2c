/* Figures with intervals, and the settings they are made under. */
#include "clinic/evaluate/estimate.h"

#include "base/error.h"

#include <math.h>

static const struct {
    const char *name;
    gal_interval (*of)(size_t hits, size_t cases, double z);
} proportion[GAL_PROPORTIONS] = {
    [GAL_WILSON] = {"Wilson", gal_wilson},
    [GAL_CLOPPER_PEARSON] = {"Clopper-Pearson", gal_clopper_pearson},
    [GAL_JEFFREYS] = {"Jeffreys", gal_jeffreys},
};

const char *gal_proportion_name(gal_proportion_method method) {
    return proportion[method].name;
}

gal_interval gal_proportion_interval(gal_proportion_method method, size_t hits, size_t cases, double level) {
    return proportion[method].of(hits, cases, gal_z_of(level));
}

gal_eval_settings gal_eval_defaults(void) {
    return (gal_eval_settings){.level = 0.95, .prevalence = (double)NAN, .bins = 10, .draws = 2000, .seed = 1};
}

galen_status gal_eval_check(const gal_eval_settings *s, galen_error *err) {
    if (!(s->level > 0 && s->level < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a level of %g; it must lie between 0 and 1, such as 0.95", s->level);
    if (s->has_threshold && isnan(s->threshold))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a threshold of NaN; it must be a number");
    if (s->prevalence < 0 || s->prevalence > 1)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a prevalence of %g; it must lie in [0, 1]", s->prevalence);
    if ((unsigned)s->proportions >= GAL_PROPORTIONS)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "no interval of proportions has number %u", (unsigned)s->proportions);
    if (s->bins < 1 || s->bins > GAL_MOST_BINS)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%zu bins; 1 to %d can be made", s->bins, GAL_MOST_BINS);
    if (s->draws > GAL_MOST_DRAWS)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%zu draws; at most %d can be made", s->draws, GAL_MOST_DRAWS);
    if (s->seed > INT64_MAX)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a seed of %llu; it must be below 2^63, as files keep it signed",
                        (unsigned long long)s->seed);
    return GALEN_OK;
}

gal_estimate gal_estimate_bare(const char *name, double value) {
    return (gal_estimate){.name = name, .value = value, .interval = {(double)NAN, (double)NAN}};
}

gal_estimate gal_estimate_share(const char *name, size_t hits, size_t cases, gal_proportion_method method,
                                double level) {
    gal_estimate out = gal_estimate_bare(name, cases > 0 ? (double)hits / (double)cases : (double)NAN);
    out.hits = hits, out.cases = cases;
    if (cases == 0) return out;
    out.method = gal_proportion_name(method);
    out.interval = gal_proportion_interval(method, hits, cases, level);
    return out;
}

gal_estimate gal_estimate_area(const char *name, const gal_auc *area) {
    return (gal_estimate){
        .name = name, .method = "DeLong", .value = area->auc, .interval = area->interval, .logit = area->logit};
}

void gal_estimate_drawn(gal_estimate *e, const gal_bootstrap_figure *figure, gal_drawn drawn, double least,
                        double most) {
    static const char *const name[][2] = {{"BCa bootstrap", "basic bootstrap"},
                                          {"BCa bootstrap (stratified)", "basic bootstrap (stratified)"},
                                          {"BCa bootstrap (by patient)", "basic bootstrap (by patient)"}};
    if (!(figure->interval.low < figure->interval.high)) return;
    e->interval = (gal_interval){fmax(figure->interval.low, least), fmin(figure->interval.high, most)};
    e->method = name[drawn][figure->basic];
}
