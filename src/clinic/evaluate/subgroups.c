/* Groups of cases and their figures. */
#include "clinic/evaluate/subgroups.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/measures/delong.h"
#include "clinic/stats/two_samples.h"

#include <math.h>
#include <string.h>

static const char *const names[GAL_GROUP_FIGURES] = {"sensitivity", "specificity", "selection_rate",
                                                     "auc",         "calibration", "ece"};

const char *gal_group_figure_name(gal_group_figure figure) {
    return names[figure];
}

gal_subgroup_settings gal_subgroup_defaults(void) {
    return (gal_subgroup_settings){.level = 0.95, .least = 20, .bins = 10, .seed = 1};
}

void gal_subgroups_free(gal_subgroups *s) {
    gal_arena_free(&s->arena);
    *s = (gal_subgroups){0};
}

static galen_status check_settings(const gal_subgroup_settings *s, galen_error *err) {
    if (!(s->level > 0 && s->level < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a level of %g; it must lie between 0 and 1", s->level);
    if (s->has_threshold && isnan(s->threshold))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a threshold of NaN; it must be a number");
    if (s->least < 2)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "groups of %zu cases have no interval; ask for 2 or more", s->least);
    if (s->bins < 1 || s->bins > GAL_MOST_BINS)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%zu bins; 1 to %d can be made", s->bins, GAL_MOST_BINS);
    if (s->draws > GAL_MOST_DRAWS)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%zu draws; at most %d can be made", s->draws, GAL_MOST_DRAWS);
    return GALEN_OK;
}

static galen_status check_cases(const gal_binary_cases *c, galen_error *err) {
    if (c->scores.count == 0) return gal_fail(err, GALEN_ERR_ARGUMENT, "no cases; at least one is needed");
    for (size_t i = 0; i < c->scores.count; i++) {
        if (isnan(c->scores.score[i])) return gal_fail(err, GALEN_ERR_NUMERIC, "the score of case %zu is NaN", i + 1);
        if (c->probability && !(c->probability[i] >= 0 && c->probability[i] <= 1))
            return gal_fail(err, GALEN_ERR_NUMERIC, "the probability of case %zu is %g; it must lie in [0, 1]", i + 1,
                            c->probability[i]);
    }
    return GALEN_OK;
}

/* ---- what is counted of a group ---- */

typedef struct tally {
    gal_confusion at; /* without a threshold everything is called positive, and nobody asks */
    size_t cases, positives;
    double off, squares; /* of probability less outcome */
} tally;

static void count_cases(const gal_binary_cases *c, const gal_attribute *a, const gal_subgroup_settings *s,
                        tally *level) {
    for (size_t i = 0; i < c->scores.count; i++) {
        if (a->of[i] == GAL_NO_LEVEL) continue;
        tally *t = &level[a->of[i]];
        bool positive = c->scores.positive[i] != 0, called = !s->has_threshold || c->scores.score[i] >= s->threshold;
        t->cases++;
        t->positives += positive;
        *(called     ? positive ? &t->at.true_positives : &t->at.false_positives
          : positive ? &t->at.false_negatives
                     : &t->at.true_negatives) += 1;
        if (!c->probability) continue;
        double off = c->probability[i] - positive;
        t->off += off;
        t->squares += off * off;
    }
}

static tally rest_of(const tally *level, size_t levels, size_t without) {
    tally r = {0};
    for (size_t i = 0; i < levels; i++) {
        if (i == without) continue;
        r.cases += level[i].cases;
        r.positives += level[i].positives;
        r.at.true_positives += level[i].at.true_positives;
        r.at.false_positives += level[i].at.false_positives;
        r.at.false_negatives += level[i].at.false_negatives;
        r.at.true_negatives += level[i].at.true_negatives;
        r.off += level[i].off;
        r.squares += level[i].squares;
    }
    return r;
}

static size_t hits_of(const tally *t, gal_group_figure f) {
    return f == GAL_GROUP_SENSITIVITY   ? t->at.true_positives
           : f == GAL_GROUP_SPECIFICITY ? t->at.true_negatives
                                        : t->at.true_positives + t->at.false_positives;
}

/* The cases that a figure is made of, of the rarer kind where it needs both. */
static size_t cases_of(const tally *t, gal_group_figure f) {
    size_t negatives = t->cases - t->positives;
    switch (f) {
    case GAL_GROUP_SENSITIVITY: return t->positives;
    case GAL_GROUP_SPECIFICITY: return negatives;
    case GAL_GROUP_AUC: return t->positives < negatives ? t->positives : negatives;
    default: return t->cases;
    }
}

/* ---- one group ---- */

typedef struct task {
    const gal_binary_cases *cases;
    const gal_attribute *attribute;
    const gal_subgroup_settings *settings;
    size_t at; /* the level */
    tally own, rest;
    gal_subgroup *group;
    galen_status status;
    galen_error error;
} task;

static void add_share(const task *t, gal_group_figure f) {
    const gal_subgroup_settings *s = t->settings;
    gal_two_shares both = {{hits_of(&t->own, f), hits_of(&t->rest, f)}, {cases_of(&t->own, f), cases_of(&t->rest, f)}};
    if (!s->has_threshold || both.cases[0] < s->least) return;
    t->group->figure[f] = gal_estimate_share(names[f], both.hits[0], both.cases[0], GAL_WILSON, s->level);
    if (both.cases[1] >= s->least) t->group->p[f] = gal_fisher_exact(&both);
}

/* Two-sided; where neither has any spread there is nothing to test with. */
static double normal_p(double difference, double variance) {
    return variance > 0 ? erfc(fabs(difference) / sqrt(2 * variance)) : (double)NAN;
}

static double mean_variance(const tally *t) {
    double n = (double)t->cases, mean = t->off / n;
    return fmax(t->squares / n - mean * mean, 0) / (n - 1);
}

static void add_calibration(const task *t) {
    const gal_subgroup_settings *s = t->settings;
    gal_subgroup *g = t->group;
    if (!t->cases->probability || t->own.cases < s->least) return;
    double mean = t->own.off / (double)t->own.cases, variance = mean_variance(&t->own);
    double half = gal_z_of(s->level) * sqrt(variance);
    g->figure[GAL_GROUP_CALIBRATION] = (gal_estimate){.name = names[GAL_GROUP_CALIBRATION],
                                                      .method = "normal",
                                                      .value = mean,
                                                      .interval = {mean - half, mean + half}};
    g->variance[GAL_GROUP_CALIBRATION] = variance;
    if (t->rest.cases >= s->least)
        g->p[GAL_GROUP_CALIBRATION] =
            normal_p(mean - t->rest.off / (double)t->rest.cases, variance + mean_variance(&t->rest));
}

/* Cases of the group, or of all others whose level is known, into the front of the arrays. */
static gal_scores gather(const task *t, bool own, const double *from, double *score, uint8_t *positive) {
    size_t n = 0;
    for (size_t i = 0; i < t->cases->scores.count; i++) {
        uint32_t level = t->attribute->of[i];
        if (level == GAL_NO_LEVEL || (level == t->at) != own) continue;
        score[n] = from[i];
        positive[n++] = t->cases->scores.positive[i];
    }
    return (gal_scores){score, positive, n};
}

static galen_status add_area(task *t, double *score, uint8_t *positive) {
    size_t least = t->settings->least;
    const double *from = t->cases->scores.score;
    double z = gal_z_of(t->settings->level);
    gal_auc own, rest;
    if (cases_of(&t->own, GAL_GROUP_AUC) < least) return GALEN_OK;
    gal_scores scores = gather(t, true, from, score, positive);
    GAL_TRY(gal_delong(&scores, z, &own, &t->error));
    t->group->figure[GAL_GROUP_AUC] = gal_estimate_area(names[GAL_GROUP_AUC], &own);
    t->group->variance[GAL_GROUP_AUC] = own.variance;
    if (cases_of(&t->rest, GAL_GROUP_AUC) < least) return GALEN_OK;
    scores = gather(t, false, from, score, positive);
    GAL_TRY(gal_delong(&scores, z, &rest, &t->error));
    t->group->p[GAL_GROUP_AUC] = normal_p(own.auc - rest.auc, own.variance + rest.variance);
    return GALEN_OK;
}

/* With draws the evaluation of the group's cases alone has it all. */
static galen_status add_ece(task *t, double *score, uint8_t *positive) {
    const gal_subgroup_settings *s = t->settings;
    gal_eval_settings alone = gal_eval_defaults();
    gal_binary_evaluation e;
    if (!t->cases->probability || t->own.cases < s->least) return GALEN_OK;
    alone.level = s->level, alone.bins = s->bins, alone.draws = s->draws, alone.seed = s->seed;
    gal_scores scores = gather(t, true, t->cases->probability, score, positive);
    GAL_TRY(
        gal_evaluate_binary(&(gal_binary_cases){.scores = scores, .probability = score}, &alone, NULL, &e, &t->error));
    t->group->figure[GAL_GROUP_ECE] = e.figure[GAL_ECE];
    gal_binary_evaluation_free(&e);
    return GALEN_OK;
}

static void one_group(void *context, size_t i) {
    task *t = (task *)context + i;
    size_t count = t->cases->scores.count;
    double *score = gal_calloc(count, sizeof *score);
    uint8_t *positive = gal_calloc(count, 1);
    if (score && positive) {
        for (int f = GAL_GROUP_SENSITIVITY; f <= GAL_GROUP_SELECTION; f++) add_share(t, (gal_group_figure)f);
        add_calibration(t);
        t->status = add_area(t, score, positive);
        if (t->status == GALEN_OK) t->status = add_ece(t, score, positive);
    } else {
        t->status = gal_fail_memory(&t->error, "a group of cases", count * sizeof *score);
    }
    gal_free(score);
    gal_free(positive);
}

/* ---- all of them ---- */

static void start_group(task *t, const char *level) {
    gal_subgroup *g = t->group;
    *g = (gal_subgroup){.level = level, .cases = t->own.cases, .positives = t->own.positives};
    for (int f = 0; f < GAL_GROUP_FIGURES; f++) {
        g->figure[f] = gal_estimate_bare(names[f], (double)NAN);
        g->enough[f] = cases_of(&t->own, (gal_group_figure)f) >= t->settings->least;
        g->p[f] = g->adjusted[f] = (double)NAN;
    }
}

/* The levels of one attribute that have cases; tasks of theirs are appended. */
static galen_status start_set(gal_subgroups *out, gal_subgroup_set *set, const gal_binary_cases *c,
                              const gal_attribute *a, task *tasks, size_t *n, galen_error *err) {
    set->attribute = a->name;
    set->levels = a->levels;
    for (size_t i = 0; i < c->scores.count; i++) set->unknown += a->of[i] == GAL_NO_LEVEL;
    if (a->levels > GAL_GROUP_LEVELS || a->levels == 0) return GALEN_OK;
    tally level[GAL_GROUP_LEVELS] = {0};
    set->group = gal_arena_alloc(&out->arena, a->levels, sizeof *set->group);
    if (!set->group) return gal_fail_memory(err, "groups of cases", a->levels * sizeof *set->group);
    count_cases(c, a, &out->settings, level);
    for (size_t i = 0; i < a->levels; i++) {
        if (level[i].cases == 0) continue;
        task *t = &tasks[(*n)++];
        *t = (task){.cases = c, .attribute = a, .settings = &out->settings, .at = i, .own = level[i]};
        t->rest = rest_of(level, a->levels, i);
        t->group = &set->group[set->groups++];
        start_group(t, a->level[i]);
    }
    return GALEN_OK;
}

/* One family of tests a figure: all groups of all attributes. `p`: room for all of them. */
static void correct(gal_subgroups *s, const task *tasks, size_t n, double *p) {
    for (int f = 0; f < GAL_GROUP_FIGURES; f++) {
        for (size_t i = 0; i < n; i++) p[i] = tasks[i].group->p[f];
        s->tested[f] = gal_holm(p, n, p);
        for (size_t i = 0; i < n; i++) tasks[i].group->adjusted[f] = p[i];
    }
}

static galen_status fill(const gal_binary_cases *c, const gal_attribute *a, size_t attributes, gal_pool *pool,
                         gal_subgroups *out, galen_error *err) {
    size_t room = 0, n = 0;
    for (size_t i = 0; i < attributes; i++) room += a[i].levels <= GAL_GROUP_LEVELS ? a[i].levels : 0;
    task *tasks = gal_arena_alloc(&out->arena, room + 1, sizeof *tasks);
    double *p = gal_arena_alloc(&out->arena, room + 1, sizeof *p);
    if (!tasks || !p) return gal_fail_memory(err, "groups of cases", room * sizeof *tasks);
    for (size_t i = 0; i < attributes; i++) GAL_TRY(start_set(out, &out->set[i], c, &a[i], tasks, &n, err));
    gal_pool_run(pool, one_group, tasks, n);
    for (size_t i = 0; i < n; i++) {
        if (tasks[i].status == GALEN_OK) continue;
        if (err) *err = tasks[i].error;
        return tasks[i].status;
    }
    correct(out, tasks, n, p);
    for (size_t i = 0; i < attributes; i++)
        for (int g = 0; g < GAL_GROUP_GAPS; g++)
            out->set[i].gap[g] =
                gal_group_gap_of(out->set[i].group, out->set[i].groups, (gal_group_gap)g, out->settings.level);
    return GALEN_OK;
}

static galen_status make(const gal_binary_cases *c, const gal_attribute *given, size_t attributes, gal_pool *pool,
                         gal_subgroups *out, galen_error *err) {
    gal_attribute *a = gal_arena_alloc(&out->arena, attributes + 1, sizeof *a);
    out->set = gal_arena_alloc(&out->arena, attributes + 1, sizeof *out->set);
    if (!a || !out->set) return gal_fail_memory(err, "groups of cases", attributes * sizeof *out->set);
    out->sets = attributes;
    for (size_t i = 0; i < attributes; i++) {
        bool banded;
        GAL_TRY(gal_age_bands(&given[i], c->scores.count, &out->arena, &a[i], &banded, err));
        if (!banded) a[i] = given[i];
    }
    return fill(c, a, attributes, pool, out, err);
}

galen_status gal_subgroups_make(const gal_binary_cases *c, const gal_attribute *attribute, size_t attributes,
                                const gal_subgroup_settings *settings, gal_pool *pool, gal_subgroups *out,
                                galen_error *err) {
    *out = (gal_subgroups){0};
    GAL_TRY(check_settings(settings, err));
    GAL_TRY(check_cases(c, err));
    gal_arena_init(&out->arena, SIZE_MAX / 2);
    out->settings = *settings;
    out->probabilities = c->probability != NULL;
    galen_status status = make(c, attribute, attributes, pool, out, err);
    if (status != GALEN_OK) gal_subgroups_free(out);
    return status;
}
