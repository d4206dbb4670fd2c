/* Gaps between groups. */
#include "clinic/evaluate/subgroups.h"

#include "clinic/stats/two_samples.h"

#include <math.h>

static const struct {
    const char *name;
    gal_group_figure figure[2];
} gaps[GAL_GROUP_GAPS] = {
    [GAL_GAP_EQUAL_OPPORTUNITY] = {"equal_opportunity", {GAL_GROUP_SENSITIVITY, GAL_GROUP_SENSITIVITY}},
    [GAL_GAP_SPECIFICITY] = {"specificity", {GAL_GROUP_SPECIFICITY, GAL_GROUP_SPECIFICITY}},
    [GAL_GAP_EQUALISED_ODDS] = {"equalised_odds", {GAL_GROUP_SENSITIVITY, GAL_GROUP_SPECIFICITY}},
    [GAL_GAP_DEMOGRAPHIC_PARITY] = {"demographic_parity", {GAL_GROUP_SELECTION, GAL_GROUP_SELECTION}},
    [GAL_GAP_AUC] = {"auc", {GAL_GROUP_AUC, GAL_GROUP_AUC}},
    [GAL_GAP_CALIBRATION] = {"calibration", {GAL_GROUP_CALIBRATION, GAL_GROUP_CALIBRATION}},
};

const char *gal_group_gap_name(gal_group_gap gap) {
    return gaps[gap].name;
}

void gal_group_gap_figures(gal_group_gap gap, gal_group_figure out[2]) {
    out[0] = gaps[gap].figure[0], out[1] = gaps[gap].figure[1];
}

static bool has(const gal_subgroup *g, gal_group_figure f) {
    return g->enough[f] && !isnan(g->figure[f].value);
}

/* The interval of a's figure less b's. */
static gal_interval difference(const gal_subgroup *a, const gal_subgroup *b, gal_group_figure f, double z) {
    const gal_estimate *x = &a->figure[f], *y = &b->figure[f];
    if (x->cases > 0) {
        gal_two_shares shares = {{x->hits, y->hits}, {x->cases, y->cases}};
        return gal_newcombe_independent(&shares, z);
    }
    double off = x->value - y->value, half = z * sqrt(a->variance[f] + b->variance[f]);
    return (gal_interval){off - half, off + half};
}

static size_t count_of(const gal_subgroup *group, size_t groups, gal_group_figure f) {
    size_t n = 0;
    for (size_t i = 0; i < groups; i++) n += has(&group[i], f);
    return n;
}

/* Widens *out by every pair of one figure. */
static void add_figure(const gal_subgroup *group, size_t groups, gal_group_figure f, double z, gal_gap *out) {
    for (size_t i = 0; i < groups; i++)
        for (size_t k = 0; k < groups; k++) {
            const gal_subgroup *a = &group[i], *b = &group[k];
            if (i == k || !has(a, f) || !has(b, f)) continue;
            gal_interval pair = difference(a, b, f, z);
            double off = a->figure[f].value - b->figure[f].value;
            if (!(off <= out->value)) out->value = off, out->most = a->level, out->least = b->level;
            out->interval.low = fmax(out->interval.low, pair.low);
            out->interval.high = fmax(out->interval.high, pair.high);
        }
}

gal_gap gal_group_gap_of(const gal_subgroup *group, size_t groups, gal_group_gap gap, double level) {
    const gal_group_figure *f = gaps[gap].figure;
    int figures = f[0] == f[1] ? 1 : 2;
    gal_gap out = {.value = (double)NAN, .interval = {(double)NAN, (double)NAN}};
    double pairs = 0;
    for (int i = 0; i < figures; i++) {
        size_t n = count_of(group, groups, f[i]);
        if (n < 2) return out;
        if (i == 0 || n < out.groups) out.groups = n;
        pairs += (double)n * (double)(n - 1) / 2;
    }
    double z = gal_z_of(1 - (1 - level) / pairs);
    out.interval = (gal_interval){0, 0};
    for (int i = 0; i < figures; i++) add_figure(group, groups, f[i], z, &out);
    return out;
}
