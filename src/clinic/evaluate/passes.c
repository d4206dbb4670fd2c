/*
 * Passes over the cases in order. Each sample's sums go the same way, so lanes, threads and processors do not move a
 * bit. Weights are widened a chunk at a time, which compilers do with vectors where they would not one by one.
 */
#include "clinic/evaluate/passes.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/measures/ranked.h"
#include "clinic/measures/reliability.h"

#include <math.h>
#include <string.h>

enum { LANES = GAL_LANES, CHUNK = 64 };

/* ---- by score ---- */

galen_status gal_place_scores(const gal_scores *s, const uint8_t *called, const uint32_t *unit, gal_score_place *place,
                              galen_error *err) {
    gal_ranked *r;
    GAL_TRY(gal_sorted_copies(s, GAL_DESCENDING, &r, err));
    for (size_t i = 0; i < s->count; i++) {
        bool same_before = i > 0 && r[i - 1].score == r[i].score;
        bool same_behind = i + 1 < s->count && r[i + 1].score == r[i].score;
        gal_place_kind kind = same_behind ? GAL_INSIDE_GROUP : same_before ? GAL_ENDS_GROUP : GAL_ALONE;
        uint8_t call = called != NULL && called[r[i].at] != 0;
        place[i] = (gal_score_place){unit[r[i].at], r[i].positive != 0, call, (uint8_t)kind};
    }
    gal_free(r);
    return GALEN_OK;
}

/* A chunk's weights as numbers to compute with. */
static void widen(const gal_weights *from, size_t count, double (*to)[LANES]) {
    const uint8_t *flat = &from[0][0];
    double *out = &to[0][0];
    for (size_t i = 0; i < count * LANES; i++) out[i] = flat[i];
}

/* Sums over the places passed, all but the called ones' in `out`. */
typedef struct ranks {
    double wins[LANES];            /* pairs in the right order, ties as halves */
    double precision[LANES];       /* sum over positives */
    double up[LANES], down[LANES]; /* positives and negatives of the group at hand */
} ranks;

static void pass_positive(ranks *r, const double *up, gal_ranking *out) {
    for (int l = 0; l < LANES; l++) {
        out->positives[l] += up[l];
        double called = out->positives[l] + out->negatives[l];
        r->precision[l] += up[l] * (out->positives[l] / (called + (called == 0))); /* none yet: 0 of 1 */
    }
}

static void pass_negative(ranks *r, const double *down, gal_ranking *out) {
    for (int l = 0; l < LANES; l++) {
        r->wins[l] += down[l] * out->positives[l];
        out->negatives[l] += down[l];
    }
}

/* A group of one score: all of it is called at its threshold. */
static void pass_group(ranks *r, gal_ranking *out) {
    for (int l = 0; l < LANES; l++) {
        r->wins[l] += r->down[l] * (out->positives[l] + 0.5 * r->up[l]);
        out->negatives[l] += r->down[l];
    }
    pass_positive(r, r->up, out);
    memset(r->up, 0, sizeof r->up);
    memset(r->down, 0, sizeof r->down);
}

static void add(double *sum, const double *w) {
    for (int l = 0; l < LANES; l++) sum[l] += w[l];
}

static void pass_place(ranks *r, const gal_score_place *place, const double *w, gal_ranking *out) {
    if (place->called) add(place->positive ? out->true_positives : out->false_positives, w);
    if (place->kind == GAL_ALONE) {
        (place->positive ? pass_positive : pass_negative)(r, w, out);
        return;
    }
    add(place->positive ? r->up : r->down, w);
    if (place->kind == GAL_ENDS_GROUP) pass_group(r, out);
}

void gal_ranking_pass(const gal_score_place *place, size_t count, const gal_weights *weight, gal_ranking *out) {
    gal_weights narrow[CHUNK];
    double wide[CHUNK][LANES];
    ranks r = {.wins = {0}};
    memset(out, 0, sizeof *out);
    for (size_t from = 0; from < count; from += CHUNK, place += CHUNK) {
        size_t here = count - from < CHUNK ? count - from : CHUNK;
        for (size_t i = 0; i < here; i++) memcpy(narrow[i], weight[place[i].unit], sizeof narrow[i]);
        widen(narrow, here, wide);
        for (size_t i = 0; i < here; i++) pass_place(&r, place + i, wide[i], out);
    }
    for (int l = 0; l < LANES; l++) {
        double pairs = out->positives[l] * out->negatives[l];
        out->auc[l] = pairs > 0 ? r.wins[l] / pairs : (double)NAN;
        out->average_precision[l] = pairs > 0 ? r.precision[l] / out->positives[l] : (double)NAN;
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

/* Two loops, each with as many sums as registers hold. */
static void pass_chunk(const gal_probability_place *place, size_t count, const gal_weights *weight,
                       sums_by_probability *c) {
    gal_weights narrow[CHUNK];
    double wide[CHUNK][LANES];
    for (size_t i = 0; i < count; i++) memcpy(narrow[i], weight[place[i].unit], sizeof narrow[i]);
    widen(narrow, count, wide);
    sums_by_probability sum = *c;
    for (size_t i = 0; i < count; i++) {
        double p = place[i].probability, error = p - place[i].positive, loss = place[i].loss;
        for (int l = 0; l < LANES; l++) {
            sum.probabilities[l] += wide[i][l] * p;
            sum.squares[l] += wide[i][l] * (error * error);
            sum.losses[l] += wide[i][l] * loss;
        }
    }
    for (size_t i = 0; i < count; i++) {
        double positive = place[i].positive;
        for (int l = 0; l < LANES; l++) {
            sum.cases[l] += wide[i][l];
            sum.positives[l] += wide[i][l] * positive;
        }
    }
    *c = sum;
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
                          const double *positives, const double *negatives, size_t bins, gal_calibration *out) {
    sums_by_probability sums = {.cases = {0}};
    binning bin[LANES];
    for (int l = 0; l < LANES; l++) {
        double cases = positives[l] + negatives[l];
        bin[l] = (binning){.cases = cases, .share = positives[l] / cases, .bins = bins};
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
