/*
 * Does each interval hold the truth as often as it says? Cases are drawn again and again from a known truth. Every
 * point has a stream of random numbers of its own, so that no count depends on threads. Shared by a test (few draws)
 * and by bench/clinic_simulate.c (many).
 */
#ifndef GAL_TEST_CLINIC_SIMULATE_H
#define GAL_TEST_CLINIC_SIMULATE_H

#include "base/pool.h"
#include "base/refmath.h"
#include "base/rng.h"
#include "clinic/choose/operating_point.h"
#include "clinic/evaluate/decision_curve.h"
#include "clinic/evaluate/evaluate_binary.h"
#include "clinic/measures/delong.h"
#include "clinic/plan/sample_size.h"
#include "clinic/stats/difference.h"
#include "clinic/stats/interval.h"
#include "clinic/stats/two_samples.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { SIM_CASES = 2048, SIM_BLOCK = 250, SIM_BCA_DRAWS = 999 };

/* One truth: numbers of cases and shares, whose meaning the kind says. */
typedef struct sim_point {
    size_t n, m;
    double p, q, r;
} sim_point;

/* One set of cases drawn from the truth: was the interval (the test) right (positive)? */
typedef bool (*sim_fn)(const sim_point *point, gal_rng *rng);

typedef struct sim_kind {
    const char *name;
    const char *truth; /* what n, m, p, q, r are */
    sim_fn once;
    double nominal; /* NaN: power, by gal_planned_power */
    double within;  /* the mean over points may be so far off; a bound that holds "at least": below only */
    bool at_least;  /* exact by construction: no point below nominal */
    size_t cost;    /* draws are divided by it */
    const sim_point *point;
    size_t points;
} sim_kind;

static inline bool sim_holds(gal_interval in, double truth) {
    return in.low <= truth && truth <= in.high;
}

static inline size_t sim_hits(size_t n, double p, gal_rng *rng) {
    size_t hits = 0;
    for (size_t i = 0; i < n; i++) hits += gal_rng_uniform(rng) < p;
    return hits;
}

/* ---- shares: n cases, p the share; m cases and q those of a second group ---- */

static inline bool sim_wilson(const sim_point *t, gal_rng *rng) {
    return sim_holds(gal_wilson(sim_hits(t->n, t->p, rng), t->n, GAL_Z95), t->p);
}
static inline bool sim_clopper_pearson(const sim_point *t, gal_rng *rng) {
    return sim_holds(gal_clopper_pearson(sim_hits(t->n, t->p, rng), t->n, GAL_Z95), t->p);
}
static inline bool sim_jeffreys(const sim_point *t, gal_rng *rng) {
    return sim_holds(gal_jeffreys(sim_hits(t->n, t->p, rng), t->n, GAL_Z95), t->p);
}
static inline bool sim_newcombe_independent(const sim_point *t, gal_rng *rng) {
    gal_two_shares s = {{sim_hits(t->n, t->p, rng), sim_hits(t->m, t->q, rng)}, {t->n, t->m}};
    return sim_holds(gal_newcombe_independent(&s, GAL_Z95), t->p - t->q);
}

/* ---- pairs: n cases; p both right, q only the first, r only the second ---- */

static inline gal_paired sim_pairs(const sim_point *t, gal_rng *rng) {
    gal_paired c = {0};
    for (size_t i = 0; i < t->n; i++) {
        double u = gal_rng_uniform(rng);
        *(u < t->q                 ? &c.only_first
          : u < t->q + t->r        ? &c.only_second
          : u < t->q + t->r + t->p ? &c.both
                                   : &c.neither) += 1;
    }
    return c;
}
static inline bool sim_newcombe_paired(const sim_point *t, gal_rng *rng) {
    gal_paired c = sim_pairs(t, rng);
    return sim_holds(gal_newcombe(&c, GAL_Z95), t->q - t->r);
}
static inline bool sim_tango(const sim_point *t, gal_rng *rng) {
    gal_paired c = sim_pairs(t, rng);
    return sim_holds(gal_tango(&c, GAL_Z95), t->q - t->r);
}

/* n cases, p the margin, q the discordance, r the true difference: is the test passed? */
static inline bool sim_noninferior(const sim_point *t, gal_rng *rng) {
    sim_point truth = {t->n, 0, 0.9 - t->q, (t->q + t->r) / 2, (t->q - t->r) / 2};
    gal_paired c = sim_pairs(&truth, rng);
    gal_verdict verdict = GAL_VERDICT_FAIL;
    if (gal_noninferior(gal_tango(&c, GAL_Z95), t->p, &verdict, NULL) != GALEN_OK) return false;
    return verdict == GAL_VERDICT_PASS;
}

/* ---- areas: n positives, m negatives of normal scores, p the area, q that of a second score, r their correlation ----
 */

static inline void sim_scores(const sim_point *t, gal_rng *rng, double *first, double *second, uint8_t *positive) {
    double up = sqrt(2) * gal_ref_normal_quantile(t->p), up2 = sqrt(2) * gal_ref_normal_quantile(t->q);
    for (size_t i = 0; i < t->n + t->m; i++) {
        double a = gal_rng_normal(rng), b = second ? gal_rng_normal(rng) : 0;
        positive[i] = i < t->n;
        first[i] = a + (positive[i] ? up : 0);
        if (second) second[i] = t->r * a + sqrt(1 - t->r * t->r) * b + (positive[i] ? up2 : 0);
    }
}
static inline gal_auc sim_area(const sim_point *t, gal_rng *rng) {
    double score[SIM_CASES];
    uint8_t positive[SIM_CASES];
    gal_auc area = {.auc = NAN};
    sim_scores(t, rng, score, NULL, positive);
    (void)gal_delong(&(gal_scores){score, positive, t->n + t->m}, GAL_Z95, &area, NULL);
    return area;
}
static inline bool sim_delong(const sim_point *t, gal_rng *rng) {
    return sim_holds(sim_area(t, rng).interval, t->p);
}
static inline bool sim_delong_logit(const sim_point *t, gal_rng *rng) {
    return sim_holds(sim_area(t, rng).logit, t->p);
}
/* Kottas, Kuss and Zapf, BMC Medical Research Methodology 14:26, 2014: by the area and the number of cases alone. */
static inline bool sim_modified_wald(const sim_point *t, gal_rng *rng) {
    double auc = sim_area(t, rng).auc, half = GAL_Z95 * sqrt(auc * (1 - auc) / (0.75 * (double)(t->n + t->m) - 1));
    return sim_holds((gal_interval){auc - half, auc + half}, t->p);
}
static inline bool sim_delong_paired(const sim_point *t, gal_rng *rng) {
    double first[SIM_CASES], second[SIM_CASES];
    uint8_t positive[SIM_CASES];
    gal_auc_difference d;
    sim_scores(t, rng, first, second, positive);
    return gal_delong_paired(&(gal_scores){first, positive, t->n + t->m}, second, GAL_Z95, &d, NULL) == GALEN_OK &&
           sim_holds(d.interval, t->p - t->q);
}

/* ---- bootstrap, net benefit, thresholds ---- */

/* n positives and m negatives whose probabilities are true: of density 2 p and 2 (1 - p). */
static inline void sim_probabilities(const sim_point *t, gal_rng *rng, double *p, uint8_t *positive) {
    for (size_t i = 0; i < t->n + t->m; i++) {
        double root = sqrt(gal_rng_uniform(rng));
        positive[i] = i < t->n;
        p[i] = positive[i] ? root : 1 - root;
    }
}
static inline bool sim_bca(const sim_point *t, gal_rng *rng, gal_figure figure, double truth) {
    double p[SIM_CASES];
    uint8_t positive[SIM_CASES];
    gal_binary_evaluation e;
    gal_eval_settings s = gal_eval_defaults();
    s.draws = SIM_BCA_DRAWS, s.has_threshold = true, s.threshold = t->p;
    sim_probabilities(t, rng, p, positive);
    s.seed = (uint64_t)gal_rng_u32(rng);
    gal_binary_cases cases = {.scores = {p, positive, t->n + t->m}, .probability = p};
    if (gal_evaluate_binary(&cases, &s, NULL, &e, NULL) != GALEN_OK) return false;
    bool holds = sim_holds(e.figure[figure].interval, truth);
    gal_binary_evaluation_free(&e);
    return holds;
}
/* Each kind's mean of squares is 1/6. */
static inline bool sim_bca_brier(const sim_point *t, gal_rng *rng) {
    return sim_bca(t, rng, GAL_BRIER, 1.0 / 6);
}
static inline bool sim_bca_f1(const sim_point *t, gal_rng *rng) {
    double tp = (double)t->n * (1 - t->p * t->p), fp = (double)t->m * (1 - t->p) * (1 - t->p);
    return sim_bca(t, rng, GAL_F1, 2 * tp / (tp + fp + (double)t->n));
}
/* Uniform probabilities that are true; p the threshold. */
static inline bool sim_net_benefit(const sim_point *t, gal_rng *rng) {
    double p[SIM_CASES], cost = t->p / (1 - t->p);
    uint8_t positive[SIM_CASES];
    gal_decision_settings s = {t->p, t->p, 1, 0.95};
    gal_decision_curve c;
    for (size_t i = 0; i < t->n; i++) {
        p[i] = gal_rng_uniform(rng);
        positive[i] = gal_rng_uniform(rng) < p[i];
    }
    gal_binary_cases cases = {.scores = {p, positive, t->n}, .probability = p};
    if (gal_decision_curve_make(&cases, &s, NULL, &c, NULL) != GALEN_OK) return false;
    bool holds = sim_holds(c.point->model_interval, (1 - t->p * t->p) / 2 - (1 - t->p) * (1 - t->p) / 2 * cost);
    gal_decision_curve_free(&c);
    return holds;
}
/* n positives of uniform scores, q the wanted sensitivity: is it truly reached? */
static inline bool sim_frozen(const sim_point *t, gal_rng *rng) {
    double score[SIM_CASES];
    uint8_t positive[SIM_CASES];
    gal_frozen_point point;
    for (size_t i = 0; i < t->n; i++) score[i] = gal_rng_uniform(rng), positive[i] = 1;
    score[t->n] = -1, positive[t->n] = 0;
    return gal_freeze_sensitivity(&(gal_scores){score, positive, t->n + 1}, t->q, 0.95, &point, NULL) == GALEN_OK &&
           1 - point.at.threshold >= t->q;
}

/* ---- what is simulated ---- */

#define SIM_SHARES(N)                                                                                                  \
    {N, 0, 0.7, 0, 0}, {N, 0, 0.8, 0, 0}, {N, 0, 0.87, 0, 0}, {N, 0, 0.93, 0, 0}, {                                    \
        N, 0, 0.97, 0, 0                                                                                               \
    }
static const sim_point sim_shares[] = {SIM_SHARES(50), SIM_SHARES(97), SIM_SHARES(200), SIM_SHARES(390),
                                       SIM_SHARES(1000)};
#undef SIM_SHARES
static const sim_point sim_groups[] = {{60, 60, 0.9, 0.9, 0},    {60, 300, 0.95, 0.9, 0},   {200, 200, 0.93, 0.88, 0},
                                       {390, 234, 0.97, 0.9, 0}, {500, 100, 0.85, 0.85, 0}, {100, 100, 0.8, 0.7, 0}};
static const sim_point sim_paired[] = {
    {100, 0, 0.85, 0.05, 0.05}, {100, 0, 0.75, 0.1, 0.05}, {200, 0, 0.88, 0.03, 0.03},   {200, 0, 0.85, 0.02, 0.06},
    {390, 0, 0.92, 0.02, 0.02}, {390, 0, 0.9, 0.03, 0.01}, {624, 0, 0.82, 0.027, 0.042}, {1000, 0, 0.95, 0.01, 0.02}};
static const sim_point sim_margins[] = {{200, 0, 0.05, 0.1, -0.05},   {200, 0, 0.1, 0.2, -0.1},
                                        {390, 0, 0.03, 0.06, -0.03},  {390, 0, 0.05, 0.08, -0.05},
                                        {624, 0, 0.02, 0.05, -0.02},  {624, 0, 0.05, 0.12, -0.05},
                                        {1000, 0, 0.01, 0.03, -0.01}, {1500, 0, 0.02, 0.04, -0.02}};
static const sim_point sim_powers[] = {{266, 0, 0.05, 0.08, 0},  {400, 0, 0.05, 0.1, 0},
                                       {550, 0, 0.03, 0.05, 0},  {900, 0, 0.02, 0.04, 0.005},
                                       {150, 0, 0.1, 0.2, 0.02}, {700, 0, 0.04, 0.08, -0.005}};
static const sim_point sim_areas[] = {{50, 50, 0.85, 0.8, 0.5},    {100, 300, 0.9, 0.87, 0.7},
                                      {60, 540, 0.92, 0.9, 0.6},   {200, 200, 0.95, 0.95, 0.8},
                                      {390, 234, 0.96, 0.94, 0.7}, {150, 150, 0.75, 0.7, 0.3}};
static const sim_point sim_rare[] = {{20, 20, 0.9, 0, 0},    {20, 20, 0.95, 0, 0},  {20, 20, 0.98, 0, 0},
                                     {10, 40, 0.95, 0, 0},   {10, 90, 0.95, 0, 0},  {30, 30, 0.99, 0, 0},
                                     {50, 50, 0.98, 0, 0},   {50, 50, 0.995, 0, 0}, {60, 540, 0.97, 0, 0},
                                     {100, 300, 0.98, 0, 0}, {390, 234, 0.99, 0, 0}};
static const sim_point sim_boots[] = {{60, 60, 0.5, 0, 0}, {100, 100, 0.3, 0, 0}, {200, 200, 0.5, 0, 0}};
static const sim_point sim_benefits[] = {
    {200, 0, 0.1, 0, 0}, {200, 0, 0.3, 0, 0}, {500, 0, 0.5, 0, 0}, {1000, 0, 0.2, 0, 0}};
static const sim_point sim_freezes[] = {
    {60, 0, 0, 0.9, 0}, {200, 0, 0, 0.95, 0}, {390, 0, 0, 0.98, 0}, {1000, 0, 0, 0.98, 0}};

#define SIM_POINTS(A) .point = (A), .points = sizeof(A) / sizeof *(A)
static const sim_kind sim_kinds[] = {
    {"Wilson", "n cases, share p", sim_wilson, 0.95, 0.01, false, 1, SIM_POINTS(sim_shares)},
    {"Clopper-Pearson", "n cases, share p", sim_clopper_pearson, 0.95, 0.05, true, 1, SIM_POINTS(sim_shares)},
    {"Jeffreys", "n cases, share p", sim_jeffreys, 0.95, 0.01, false, 1, SIM_POINTS(sim_shares)},
    {"Newcombe, independent", "n and m cases, shares p and q", sim_newcombe_independent, 0.95, 0.01, false, 1,
     SIM_POINTS(sim_groups)},
    {"Newcombe, paired", "n cases; p both right, q and r only one", sim_newcombe_paired, 0.95, 0.01, false, 1,
     SIM_POINTS(sim_paired)},
    {"Tango", "n cases; p both right, q and r only one", sim_tango, 0.95, 0.01, false, 1, SIM_POINTS(sim_paired)},
    {"DeLong", "n positives, m negatives, area p", sim_delong, 0.95, 0.01, false, 2, SIM_POINTS(sim_areas)},
    {"DeLong, paired", "n positives, m negatives, areas p and q, correlation r", sim_delong_paired, 0.95, 0.01, false,
     2, SIM_POINTS(sim_areas)},
    {"BCa bootstrap, Brier score", "n positives, m negatives", sim_bca_brier, 0.95, 0.01, false, 20,
     SIM_POINTS(sim_boots)},
    {"BCa bootstrap, F1", "n positives, m negatives, threshold p", sim_bca_f1, 0.95, 0.01, false, 20,
     SIM_POINTS(sim_boots)},
    {"net benefit", "n cases, threshold p", sim_net_benefit, 0.95, 0.01, false, 1, SIM_POINTS(sim_benefits)},
    {"frozen sensitivity", "n positives, sensitivity q", sim_frozen, 0.95, 0.05, true, 1, SIM_POINTS(sim_freezes)},
    {"non-inferiority, size", "n cases, margin p, discordance q, difference r", sim_noninferior, 0.025, 0.005, false, 1,
     SIM_POINTS(sim_margins)},
    {"non-inferiority, power", "n cases, margin p, discordance q, difference r", sim_noninferior, NAN, 0.02, false, 1,
     SIM_POINTS(sim_powers)},
    {"DeLong, logit scale", "n positives, m negatives, area p", sim_delong_logit, 0.95, 0.01, false, 2,
     SIM_POINTS(sim_areas)},
    {"DeLong, logit scale, few errors", "n positives, m negatives, area p", sim_delong_logit, 0.95, 0.01, false, 2,
     SIM_POINTS(sim_rare)},
    /* what it was chosen from, good or not */
    {"DeLong, few errors", "n positives, m negatives, area p", sim_delong, 0.95, 1, false, 2, SIM_POINTS(sim_rare)},
    {"modified Wald", "n positives, m negatives, area p", sim_modified_wald, 0.95, 1, false, 2, SIM_POINTS(sim_areas)},
    {"modified Wald, few errors", "n positives, m negatives, area p", sim_modified_wald, 0.95, 1, false, 2,
     SIM_POINTS(sim_rare)},
};
#undef SIM_POINTS
enum { SIM_KINDS = sizeof sim_kinds / sizeof *sim_kinds, SIM_MOST_POINTS = 25 };

static inline double sim_nominal(const sim_kind *k, const sim_point *t) {
    if (!isnan(k->nominal)) return k->nominal;
    return gal_planned_power(&(gal_plan_paired){t->p, t->q, t->r, 0.025}, (double)t->n);
}

typedef struct sim_run {
    size_t kind, blocks; /* of SIM_BLOCK draws a point */
    uint64_t seed;
    uint32_t *hits; /* [points][blocks] */
} sim_run;

static inline void sim_block(void *context, size_t i) {
    const sim_run *run = context;
    const sim_kind *k = &sim_kinds[run->kind];
    gal_rng rng = gal_rng_make(run->seed + run->kind, i);
    uint32_t hits = 0;
    for (int d = 0; d < SIM_BLOCK; d++) hits += k->once(&k->point[i / run->blocks], &rng);
    run->hits[i] = hits;
}

/* What share of blocks * SIM_BLOCK draws a point was right: share[points]. hits: room for points * blocks. */
static inline void sim_kind_run(size_t kind, size_t blocks, uint64_t seed, gal_pool *pool, uint32_t *hits,
                                double *share) {
    sim_run run = {kind, blocks, seed, hits};
    gal_pool_run(pool, sim_block, &run, sim_kinds[kind].points * blocks);
    for (size_t p = 0; p < sim_kinds[kind].points; p++) {
        double sum = 0;
        for (size_t b = 0; b < blocks; b++) sum += hits[p * blocks + b];
        share[p] = sum / (double)(blocks * SIM_BLOCK);
    }
}

/* The points of one kind together. */
typedef struct sim_verdict {
    double off;             /* mean of share less nominal */
    double lowest, highest; /* share */
    double error;           /* standard error of the mean */
    bool right;             /* within what the kind allows, and three standard errors */
    double lowest_off;      /* share less nominal, of the lowest such */
} sim_verdict;

/* slack: standard errors that chance is allowed: 0 of a figure to report, 3 of a test that must not fail by chance. */
static inline sim_verdict sim_judge(size_t kind, size_t blocks, const double *share, double slack) {
    const sim_kind *k = &sim_kinds[kind];
    sim_verdict v = {.lowest = 1, .lowest_off = 1, .right = true};
    double draws = (double)(blocks * SIM_BLOCK), variance = 0, n = (double)k->points;
    for (size_t p = 0; p < k->points; p++) {
        double nominal = sim_nominal(k, &k->point[p]), spread = nominal * (1 - nominal) / draws;
        v.off += (share[p] - nominal) / n;
        variance += spread / n / n;
        v.lowest = fmin(v.lowest, share[p]), v.highest = fmax(v.highest, share[p]);
        v.lowest_off = fmin(v.lowest_off, share[p] - nominal);
        /* Of an exact one each point counts, always with the chance of the draws. */
        if (k->at_least && share[p] - nominal < -3 * sqrt(spread)) v.right = false;
    }
    v.error = sqrt(variance);
    v.right = v.right && fabs(v.off) <= k->within + slack * v.error;
    return v;
}

#endif
