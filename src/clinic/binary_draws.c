/*
 * The figures of GAL_LANES weighted samples at once, in two passes over the cases: by score for decisions and ranking,
 * by probability for calibration. Sums over cases go from the lowest up in every sample, so lanes, threads and
 * processors do not move a bit.
 */
#include "clinic/binary_draws.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/ranked.h"

#include <math.h>
#include <string.h>

enum { LANES = GAL_LANES, CHUNK = 64 };

/* How a place ends the group of cases of its score. */
enum { INSIDE_GROUP, ENDS_GROUP, ALONE };

/* Positive and negative cases of each sample. */
typedef struct totals {
    double positives[LANES], negatives[LANES];
} totals;

static void count_cases(const gal_binary_draws *d, const gal_weights *weight, totals *t) {
    memset(t, 0, sizeof *t);
    if (d->unit_cases == NULL) {
        /* Strata are of one kind each and keep their sizes, except in the jackknife. */
        for (size_t u = 0; u < d->units; u++) {
            double *kind = u < d->units - d->positives ? t->negatives : t->positives;
            for (int l = 0; l < LANES; l++) kind[l] += weight[u][l];
        }
        return;
    }
    for (size_t u = 0; u < d->units; u++)
        for (int l = 0; l < LANES; l++) {
            t->negatives[l] += (double)weight[u][l] * d->unit_cases[u][0];
            t->positives[l] += (double)weight[u][l] * d->unit_cases[u][1];
        }
}

/* ---- by score ---- */

/* Sums over the places passed. */
typedef struct ranking {
    double positives[LANES], negatives[LANES]; /* below the group at hand */
    double wins[LANES];                        /* pairs in the right order, ties as halves */
    double precision[LANES];                   /* sum over positives */
} ranking;

/* A group of one score: `up` positives and `down` negatives. */
static void pass_group(ranking *r, const totals *t, const double *up, const double *down) {
    for (int l = 0; l < LANES; l++) {
        double found = t->positives[l] - r->positives[l], called = found + (t->negatives[l] - r->negatives[l]);
        r->precision[l] += up[l] * (found / (called + (called == 0))); /* none left: 0 of 1 */
        r->wins[l] += up[l] * (r->negatives[l] + 0.5 * down[l]);
        r->positives[l] += up[l];
        r->negatives[l] += down[l];
    }
}

static void pass_positive(ranking *r, const totals *t, const uint8_t *weight) {
    for (int l = 0; l < LANES; l++) {
        double up = weight[l], found = t->positives[l] - r->positives[l];
        double called = found + (t->negatives[l] - r->negatives[l]);
        r->precision[l] += up * (found / (called + (called == 0)));
        r->wins[l] += up * r->negatives[l];
        r->positives[l] += up;
    }
}

static void pass_places(const gal_binary_draws *d, const gal_weights *weight, const totals *t, size_t from, size_t to,
                        ranking *r) {
    double group[2][LANES] = {{0}};
    for (size_t i = from; i < to; i++) {
        const gal_score_place *place = d->by_score + i;
        const uint8_t *w = weight[place->unit];
        if (place->kind == ALONE) {
            if (place->positive)
                pass_positive(r, t, w);
            else
                for (int l = 0; l < LANES; l++) r->negatives[l] += w[l];
            continue;
        }
        for (int l = 0; l < LANES; l++) group[place->positive][l] += w[l];
        if (place->kind == INSIDE_GROUP) continue;
        pass_group(r, t, group[1], group[0]);
        memset(group, 0, sizeof group);
    }
}

static void ranking_figures(const gal_binary_draws *d, const gal_weights *weight, const totals *t,
                            double (*out)[LANES]) {
    ranking r = {.wins = {0}};
    /* A threshold parts no group: all cases of a score are called the same. */
    pass_places(d, weight, t, 0, d->first_called, &r);
    for (int l = 0; d->settings->has_threshold && l < LANES; l++) {
        double figure[GAL_FIGURES];
        gal_confusion c = {.false_negatives = (size_t)r.positives[l], .true_negatives = (size_t)r.negatives[l]};
        c.true_positives = (size_t)t->positives[l] - c.false_negatives;
        c.false_positives = (size_t)t->negatives[l] - c.true_negatives;
        gal_decision_figures(&c, d->settings->prevalence, figure);
        for (int f = GAL_ACCURACY; f <= GAL_LR_NEGATIVE; f++) out[f][l] = figure[f];
    }
    pass_places(d, weight, t, d->first_called, d->cases, &r);
    for (int l = 0; l < LANES; l++) {
        double pairs = t->positives[l] * t->negatives[l];
        out[GAL_AUC][l] = pairs > 0 ? r.wins[l] / pairs : (double)NAN;
        out[GAL_AVERAGE_PRECISION][l] = pairs > 0 ? r.precision[l] / t->positives[l] : (double)NAN;
    }
}

/* ---- by probability ---- */

/* Bins of equal mass of one sample. */
typedef struct binning {
    double cases, share;                                   /* of the whole sample */
    size_t bins, bin;                                      /* how many, and which is being filled */
    double end;                                            /* cases up to the end of it */
    double last_cases, last_positives, last_probabilities; /* sums up to its beginning */
    double error, worst, reliability, resolution;          /* sums over finished bins */
} binning;

static void next_end(binning *b) {
    size_t cases = (size_t)b->cases, size = cases / b->bins + (b->bin < cases % b->bins);
    b->end = b->bin < b->bins ? b->end + (double)size : INFINITY;
}

static void finish_bin(binning *b, double positives, double probabilities) {
    double n = b->end - b->last_cases;
    if (n > 0) {
        double share = (positives - b->last_positives) / n;
        double off = fabs((probabilities - b->last_probabilities) / n - share), apart = share - b->share;
        b->error += n * off;
        b->worst = fmax(b->worst, off);
        b->reliability += n * off * off;
        b->resolution += n * apart * apart;
    }
    b->last_cases = b->end, b->last_positives = positives, b->last_probabilities = probabilities;
    b->bin++;
    next_end(b);
}

/* Sums over the places passed. */
typedef struct calibration {
    double cases[LANES], positives[LANES], probabilities[LANES], squares[LANES], losses[LANES];
} calibration;

static void pass_chunk(const gal_probability_place *place, size_t count, const gal_weights *weight, calibration *c) {
    uint32_t all[LANES] = {0}, up[LANES] = {0};
    for (size_t i = 0; i < count; i++) {
        const uint8_t *w = weight[place[i].unit];
        double p = place[i].probability, loss = place[i].loss, error = p - place[i].positive;
        uint32_t mask = -place[i].positive;
        for (int l = 0; l < LANES; l++) {
            double n = w[l];
            c->probabilities[l] += n * p;
            c->squares[l] += n * (error * error);
            c->losses[l] += n * loss;
            all[l] += w[l];
            up[l] += w[l] & mask;
        }
    }
    for (int l = 0; l < LANES; l++) c->cases[l] += all[l], c->positives[l] += up[l];
}

/* Finishes the bins of one sample that end in this chunk; `before`: the sums up to it. Copies of a case may part. */
static void part_chunk(const gal_probability_place *place, size_t count, const gal_weights *weight, int lane,
                       const calibration *before, binning *b) {
    double cases = before->cases[lane], up = before->positives[lane], p = before->probabilities[lane];
    for (size_t i = 0; i < count; i++) {
        double n = weight[place[i].unit][lane];
        while (cases + n >= b->end) {
            double taken = b->end - cases;
            up += taken * place[i].positive;
            p += taken * place[i].probability;
            n -= taken;
            cases = b->end;
            finish_bin(b, up, p);
        }
        cases += n;
        up += n * place[i].positive;
        p += n * place[i].probability;
    }
}

static void calibration_figures(const gal_binary_draws *d, const gal_weights *weight, const totals *t,
                                double (*out)[LANES]) {
    calibration sums = {.cases = {0}};
    binning bin[LANES];
    for (int l = 0; l < LANES; l++) {
        double cases = t->positives[l] + t->negatives[l];
        bin[l] = (binning){.cases = cases, .share = t->positives[l] / cases, .bins = d->settings->bins};
        next_end(&bin[l]);
    }
    for (size_t from = 0; from < d->cases; from += CHUNK) {
        const gal_probability_place *place = d->by_probability + from;
        size_t count = d->cases - from < CHUNK ? d->cases - from : CHUNK;
        calibration before = sums;
        pass_chunk(place, count, weight, &sums);
        for (int l = 0; l < LANES; l++)
            if (sums.cases[l] >= bin[l].end) part_chunk(place, count, weight, l, &before, &bin[l]);
    }
    for (int l = 0; l < LANES; l++) {
        const binning *b = &bin[l];
        double n = b->cases;
        out[GAL_BRIER][l] = sums.squares[l] / n;
        out[GAL_BRIER_RELIABILITY][l] = b->reliability / n;
        out[GAL_BRIER_RESOLUTION][l] = b->resolution / n;
        out[GAL_BRIER_UNCERTAINTY][l] = b->share * (1 - b->share);
        /* What the decomposition leaves. */
        out[GAL_BRIER_WITHIN][l] = (sums.squares[l] - b->reliability + b->resolution) / n - b->share * (1 - b->share);
        out[GAL_LOG_LOSS][l] = sums.losses[l] / n;
        out[GAL_ECE][l] = b->error / n;
        out[GAL_MCE][l] = n > 0 ? b->worst : (double)NAN;
    }
}

void gal_binary_statistic(const void *draws, const gal_weights *weight, double (*out)[GAL_LANES]) {
    const gal_binary_draws *d = draws;
    totals t;
    for (int f = 0; f < GAL_FIGURES; f++)
        for (int l = 0; l < LANES; l++) out[f][l] = (double)NAN;
    count_cases(d, weight, &t);
    ranking_figures(d, weight, &t, out);
    if (d->by_probability != NULL) calibration_figures(d, weight, &t, out);
}

/* ---- orders and units ---- */

bool gal_by_patient(const gal_binary_cases *cases) {
    return cases->patient != NULL && cases->patients < cases->scores.count;
}

/* unit[case]: cases are numbered by kind and score, so that the passes read weights nearly in a row; patients with a
 * positive case behind the others. */
static galen_status number_units(const gal_binary_cases *cases, const size_t *order, gal_binary_draws *d,
                                 uint32_t *unit, galen_error *err) {
    const uint8_t *positive = cases->scores.positive;
    if (!gal_by_patient(cases)) {
        size_t next[2] = {0, d->cases - d->positives};
        for (size_t i = 0; i < d->cases; i++) unit[order[i]] = (uint32_t)next[positive[order[i]] != 0]++;
        d->units = d->cases;
        d->stratum[0] = next[0], d->stratum[1] = d->positives;
        return GALEN_OK;
    }
    uint32_t *number = gal_calloc(cases->patients, sizeof *number);
    d->unit_cases = gal_calloc(cases->patients, sizeof *d->unit_cases);
    if (number == NULL || d->unit_cases == NULL) {
        gal_free(number);
        return gal_fail_memory(err, "patients", cases->patients * (sizeof *number + sizeof *d->unit_cases));
    }
    d->units = cases->patients;
    for (size_t i = 0; i < d->cases; i++) number[cases->patient[i]] |= positive[i] != 0;
    for (size_t k = 0; k < d->units; k++) d->stratum[number[k]]++;
    size_t next[2] = {0, d->stratum[0]};
    for (size_t k = 0; k < d->units; k++) number[k] = (uint32_t)next[number[k]]++;
    for (size_t i = 0; i < d->cases; i++) {
        unit[i] = number[cases->patient[i]];
        d->unit_cases[unit[i]][positive[i] != 0]++;
    }
    gal_free(number);
    return GALEN_OK;
}

static void place_scores(const gal_scores *s, const size_t *order, const uint32_t *unit, gal_binary_draws *d) {
    d->first_called = d->cases;
    for (size_t i = d->cases; i-- > 0;) {
        double score = s->score[order[i]];
        bool same_below = i > 0 && s->score[order[i - 1]] == score;
        bool same_above = i + 1 < d->cases && s->score[order[i + 1]] == score;
        if (d->settings->has_threshold && score >= d->settings->threshold) d->first_called = i;
        d->by_score[i] = (gal_score_place){unit[order[i]], s->positive[order[i]] != 0,
                                           same_above   ? INSIDE_GROUP
                                           : same_below ? ENDS_GROUP
                                                        : ALONE};
    }
}

static void place_probabilities(const gal_binary_cases *cases, const size_t *order, const uint32_t *unit,
                                gal_binary_draws *d) {
    for (size_t i = 0; i < d->cases; i++) {
        double p = cases->probability[order[i]];
        uint32_t positive = cases->scores.positive[order[i]] != 0;
        d->by_probability[i] = (gal_probability_place){p, gal_case_log_loss(p, positive), unit[order[i]], positive};
    }
}

static galen_status make(const gal_binary_cases *cases, gal_binary_draws *d, size_t *order, uint32_t *unit,
                         galen_error *err) {
    GAL_TRY(gal_order(cases->scores.score, d->cases, GAL_ASCENDING, order, err));
    GAL_TRY(number_units(cases, order, d, unit, err));
    place_scores(&cases->scores, order, unit, d);
    /* Strata without units are none. */
    d->strata = (d->stratum[0] > 0) + (d->stratum[1] > 0);
    if (d->stratum[0] == 0) d->stratum[0] = d->stratum[1];
    if (cases->probability == NULL) return GALEN_OK;
    GAL_TRY(gal_order(cases->probability, d->cases, GAL_ASCENDING, order, err));
    place_probabilities(cases, order, unit, d);
    return GALEN_OK;
}

galen_status gal_binary_draws_make(const gal_binary_cases *cases, const gal_eval_settings *settings,
                                   gal_binary_draws *out, galen_error *err) {
    gal_binary_draws d = {.cases = cases->scores.count, .settings = settings};
    for (size_t i = 0; i < d.cases; i++) d.positives += cases->scores.positive[i] != 0;
    size_t *order = gal_calloc(d.cases, sizeof *order);
    uint32_t *unit = gal_calloc(d.cases, sizeof *unit);
    d.by_score = gal_calloc(d.cases, sizeof *d.by_score);
    if (cases->probability != NULL) d.by_probability = gal_calloc(d.cases, sizeof *d.by_probability);
    galen_status status = GALEN_OK;
    if (order == NULL || unit == NULL || d.by_score == NULL || (cases->probability && d.by_probability == NULL))
        status = gal_fail_memory(err, "cases to draw from", d.cases * (sizeof *d.by_score + sizeof *d.by_probability));
    else
        status = make(cases, &d, order, unit, err);
    gal_free(order);
    gal_free(unit);
    if (status == GALEN_OK)
        *out = d;
    else
        gal_binary_draws_free(&d);
    return status;
}

void gal_binary_draws_free(gal_binary_draws *d) {
    gal_free(d->by_score);
    gal_free(d->by_probability);
    gal_free(d->unit_cases);
    *d = (gal_binary_draws){0};
}
