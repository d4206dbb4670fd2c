/*
 * Passes over the cases, lowest score or probability first. Sums go from the lowest up in every sample, so lanes,
 * threads and processors do not move a bit.
 */
#include "clinic/passes.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/ranked.h"
#include "clinic/reliability.h"

#include <math.h>
#include <string.h>

enum { LANES = GAL_LANES, CHUNK = 64 };

/* ---- by score ---- */

galen_status gal_place_scores(const gal_scores *s, const uint8_t *called, const uint32_t *unit, gal_score_place *place,
                              galen_error *err) {
    gal_ranked *r;
    GAL_TRY(gal_sorted_copies(s, GAL_ASCENDING, &r, err));
    for (size_t i = 0; i < s->count; i++) {
        bool same_below = i > 0 && r[i - 1].score == r[i].score;
        bool same_above = i + 1 < s->count && r[i + 1].score == r[i].score;
        gal_place_kind kind = same_above ? GAL_INSIDE_GROUP : same_below ? GAL_ENDS_GROUP : GAL_ALONE;
        uint8_t call = called != NULL && called[r[i].at] != 0;
        place[i] = (gal_score_place){unit[r[i].at], r[i].positive != 0, call, (uint8_t)kind};
    }
    gal_free(r);
    return GALEN_OK;
}

void gal_count_places(const gal_score_place *place, size_t count, const gal_weights *weight, gal_sample_counts *out) {
    uint32_t cell[4][LANES] = {{0}};
    for (size_t i = 0; i < count; i++) {
        const uint8_t *w = weight[place[i].unit];
        uint32_t *to = cell[2 * place[i].positive + place[i].called];
        for (int l = 0; l < LANES; l++) to[l] += w[l];
    }
    for (int l = 0; l < LANES; l++) {
        out->negatives[l] = (double)cell[0][l] + cell[1][l];
        out->positives[l] = (double)cell[2][l] + cell[3][l];
        out->false_positives[l] = cell[1][l];
        out->true_positives[l] = cell[3][l];
    }
}

/* Sums over the places passed. */
typedef struct ranking {
    double positives[LANES], negatives[LANES]; /* below the group at hand */
    double wins[LANES];                        /* pairs in the right order, ties as halves */
    double precision[LANES];                   /* sum over positives */
} ranking;

/* A group of one score: `up` positives and `down` negatives. */
static void pass_group(ranking *r, const gal_sample_counts *t, const double *up, const double *down) {
    for (int l = 0; l < LANES; l++) {
        double found = t->positives[l] - r->positives[l], called = found + (t->negatives[l] - r->negatives[l]);
        r->precision[l] += up[l] * (found / (called + (called == 0))); /* none left: 0 of 1 */
        r->wins[l] += up[l] * (r->negatives[l] + 0.5 * down[l]);
        r->positives[l] += up[l];
        r->negatives[l] += down[l];
    }
}

static void pass_positive(ranking *r, const gal_sample_counts *t, const uint8_t *weight) {
    for (int l = 0; l < LANES; l++) {
        double up = weight[l], found = t->positives[l] - r->positives[l];
        double called = found + (t->negatives[l] - r->negatives[l]);
        r->precision[l] += up * (found / (called + (called == 0)));
        r->wins[l] += up * r->negatives[l];
        r->positives[l] += up;
    }
}

void gal_ranking_pass(const gal_score_place *place, size_t count, const gal_weights *weight,
                      const gal_sample_counts *all, double *auc, double *average_precision) {
    ranking r = {.wins = {0}};
    double group[2][LANES] = {{0}};
    for (const gal_score_place *end = place + count; place < end; place++) {
        const uint8_t *w = weight[place->unit];
        if (place->kind == GAL_ALONE) {
            if (place->positive)
                pass_positive(&r, all, w);
            else
                for (int l = 0; l < LANES; l++) r.negatives[l] += w[l];
            continue;
        }
        for (int l = 0; l < LANES; l++) group[place->positive][l] += w[l];
        if (place->kind == GAL_INSIDE_GROUP) continue;
        pass_group(&r, all, group[1], group[0]);
        memset(group, 0, sizeof group);
    }
    for (int l = 0; l < LANES; l++) {
        double pairs = all->positives[l] * all->negatives[l];
        auc[l] = pairs > 0 ? r.wins[l] / pairs : (double)NAN;
        average_precision[l] = pairs > 0 ? r.precision[l] / all->positives[l] : (double)NAN;
    }
}

/* ---- by probability ---- */

galen_status gal_place_probabilities(const gal_scores *s, const uint32_t *unit, gal_probability_place *place,
                                     galen_error *err) {
    gal_ranked *r;
    GAL_TRY(gal_sorted_copies(s, GAL_ASCENDING, &r, err));
    for (size_t i = 0; i < s->count; i++) {
        bool positive = r[i].positive != 0;
        place[i] =
            (gal_probability_place){r[i].score, gal_case_log_loss(r[i].score, positive), unit[r[i].at], positive};
    }
    gal_free(r);
    return GALEN_OK;
}

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
typedef struct sums_by_probability {
    double cases[LANES], positives[LANES], probabilities[LANES], squares[LANES], losses[LANES];
} sums_by_probability;

static void pass_chunk(const gal_probability_place *place, size_t count, const gal_weights *weight,
                       sums_by_probability *c) {
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
                       const sums_by_probability *before, binning *b) {
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

void gal_calibration_pass(const gal_probability_place *place, size_t count, const gal_weights *weight,
                          const gal_sample_counts *all, size_t bins, gal_calibration *out) {
    sums_by_probability sums = {.cases = {0}};
    binning bin[LANES];
    for (int l = 0; l < LANES; l++) {
        double cases = all->positives[l] + all->negatives[l];
        bin[l] = (binning){.cases = cases, .share = all->positives[l] / cases, .bins = bins};
        next_end(&bin[l]);
    }
    for (size_t from = 0; from < count; from += CHUNK) {
        size_t here = count - from < CHUNK ? count - from : CHUNK;
        sums_by_probability before = sums;
        pass_chunk(place + from, here, weight, &sums);
        for (int l = 0; l < LANES; l++)
            if (sums.cases[l] >= bin[l].end) part_chunk(place + from, here, weight, l, &before, &bin[l]);
    }
    for (int l = 0; l < LANES; l++) {
        const binning *b = &bin[l];
        out->brier[l] = sums.squares[l] / b->cases;
        out->loss[l] = sums.losses[l] / b->cases;
        out->reliability[l] = b->reliability / b->cases;
        out->resolution[l] = b->resolution / b->cases;
        out->expected_error[l] = b->error / b->cases;
        out->worst_error[l] = b->cases > 0 ? b->worst : (double)NAN;
    }
}
