/* Groups as JSON. */
#include "base/error.h"
#include "clinic/evaluate/subgroups.h"

#include <math.h>

static bool was_asked(const gal_subgroups *s, gal_group_figure f) {
    if (f <= GAL_GROUP_SELECTION) return s->settings.has_threshold;
    return f == GAL_GROUP_AUC || s->probabilities;
}

static json_t *figure_json(const gal_subgroups *s, const gal_subgroup *g, gal_group_figure f) {
    if (!was_asked(s, f)) return json_null();
    if (!g->enough[f]) return json_string("insufficient data");
    json_t *o = gal_estimate_json(&g->figure[f], s->settings.level);
    if (!o) return NULL;
    int failed = json_object_set_new(o, "p", gal_number_json(g->p[f]));
    failed |= json_object_set_new(o, "p_adjusted", gal_number_json(g->adjusted[f]));
    if (!failed) return o;
    json_decref(o);
    return NULL;
}

static json_t *group_json(const gal_subgroups *s, const gal_subgroup *g) {
    json_t *figures = json_object();
    int failed = figures == NULL;
    for (int f = 0; !failed && f < GAL_GROUP_FIGURES; f++)
        failed = json_object_set_new(figures, gal_group_figure_name((gal_group_figure)f),
                                     figure_json(s, g, (gal_group_figure)f));
    if (failed) {
        json_decref(figures);
        return NULL;
    }
    return json_pack("{s:s, s:I, s:I, s:o}", "level", g->level, "cases", (json_int_t)g->cases, "positives",
                     (json_int_t)g->positives, "figures", figures);
}

static json_t *gap_json(const gal_gap *g) {
    if (isnan(g->value)) return json_null();
    return json_pack("{s:o, s:o, s:o, s:I, s:s, s:s}", "value", gal_number_json(g->value), "low",
                     gal_number_json(g->interval.low), "high", gal_number_json(g->interval.high), "groups",
                     (json_int_t)g->groups, "most", g->most, "least", g->least);
}

static json_t *set_json(const gal_subgroups *s, const gal_subgroup_set *set) {
    json_t *groups = json_array(), *gaps = json_object();
    int failed = !groups || !gaps;
    for (size_t i = 0; !failed && i < set->groups; i++)
        failed = json_array_append_new(groups, group_json(s, &set->group[i]));
    for (int i = 0; !failed && i < GAL_GROUP_GAPS; i++)
        failed = json_object_set_new(gaps, gal_group_gap_name((gal_group_gap)i), gap_json(&set->gap[i]));
    if (!failed)
        return json_pack("{s:s, s:I, s:I, s:o, s:o}", "attribute", set->attribute, "levels", (json_int_t)set->levels,
                         "unknown", (json_int_t)set->unknown, "groups", groups, "gaps", gaps);
    json_decref(groups);
    json_decref(gaps);
    return NULL;
}

static json_t *settings_json(const gal_subgroup_settings *s) {
    return json_pack("{s:f, s:o, s:I, s:I, s:I, s:I}", "level", s->level, "threshold",
                     gal_number_json(s->has_threshold ? s->threshold : (double)NAN), "least", (json_int_t)s->least,
                     "bins", (json_int_t)s->bins, "draws", (json_int_t)s->draws, "seed", (json_int_t)s->seed);
}

json_t *gal_subgroups_json(const gal_subgroups *s) {
    json_t *sets = json_array(), *tested = json_object();
    int failed = !sets || !tested;
    for (size_t i = 0; !failed && i < s->sets; i++) failed = json_array_append_new(sets, set_json(s, &s->set[i]));
    for (int f = 0; !failed && f < GAL_GROUP_FIGURES; f++)
        failed = json_object_set_new(tested, gal_group_figure_name((gal_group_figure)f),
                                     json_integer((json_int_t)s->tested[f]));
    if (!failed)
        return json_pack("{s:o, s:s, s:s, s:o, s:o}", "settings", settings_json(&s->settings), "tests",
                         "group against all others: shares by Fisher's exact test, the area by DeLong's errors, "
                         "calibration by the normal errors of means",
                         "multiplicity", "Holm, over all groups of all attributes, one figure at a time", "tested",
                         tested, "attributes", sets);
    json_decref(sets);
    json_decref(tested);
    return NULL;
}

galen_status gal_subgroup_settings_read(const json_t *settings, gal_subgroup_settings *out, galen_error *err) {
    const json_t *level = json_object_get(settings, "level"), *threshold = json_object_get(settings, "threshold");
    const json_t *least = json_object_get(settings, "least"), *bins = json_object_get(settings, "bins");
    const json_t *draws = json_object_get(settings, "draws"), *seed = json_object_get(settings, "seed");
    if (!json_is_number(level) || !(json_is_number(threshold) || json_is_null(threshold)))
        return gal_fail(err, GALEN_ERR_FORMAT, "subgroup settings: level and threshold must be numbers");
    if ((draws && !(json_integer_value(draws) >= 0)) || (seed && !(json_integer_value(seed) >= 0)))
        return gal_fail(err, GALEN_ERR_FORMAT, "subgroup settings: draws and seed must be whole numbers of 0 or more");
    if (!json_is_integer(least) || json_integer_value(least) < 0 || !json_is_integer(bins) ||
        json_integer_value(bins) < 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "subgroup settings: least and bins must be whole numbers of 0 or more");
    *out = (gal_subgroup_settings){.level = json_number_value(level),
                                   .has_threshold = json_is_number(threshold),
                                   .threshold = json_number_value(threshold),
                                   .least = (size_t)json_integer_value(least),
                                   .bins = (size_t)json_integer_value(bins),
                                   .draws = (size_t)json_integer_value(draws),
                                   .seed = (uint64_t)json_integer_value(seed)};
    return GALEN_OK;
}
