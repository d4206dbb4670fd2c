/* Paired comparison of two models. */
#include "clinic/compare/compare.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/plan/sample_size.h"

#include <math.h>
#include <string.h>

gal_compare_settings gal_compare_defaults(void) {
    return (gal_compare_settings){.level = 0.95, .sensitivity_margin = (double)NAN, .specificity_margin = (double)NAN};
}

static galen_status check(const gal_compare_settings *s, galen_error *err) {
    const double margin[] = {s->sensitivity_margin, s->specificity_margin};
    if (!(s->level > 0 && s->level < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a level of %g; it must lie between 0 and 1, such as 0.95", s->level);
    for (int side = 0; s->has_threshold && side < GAL_SIDES; side++)
        if (isnan(s->threshold[side]))
            return gal_fail(err, GALEN_ERR_ARGUMENT, "a threshold of NaN; it must be a number");
    for (int i = 0; i < 2; i++)
        if (!isnan(margin[i]) && !(margin[i] > 0 && margin[i] <= 1))
            return gal_fail(err, GALEN_ERR_ARGUMENT, "a margin of %g; it must be above 0 and at most 1", margin[i]);
    return GALEN_OK;
}

/* ---- decisions ---- */

static bool decides(const gal_case_pairs *pairs, const gal_compare_settings *s) {
    return s->has_threshold || pairs->cases->kind == GAL_CASE_MULTICLASS;
}

static size_t likeliest(const double *score, size_t classes) {
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        if (score[c] > score[best]) best = c;
    return best;
}

void gal_decide(const gal_case_pairs *pairs, const gal_compare_settings *s, int side, uint8_t *decision) {
    size_t count = pairs->cases->count, classes = (size_t)pairs->cases->classes;
    const double *score = pairs->score[side];
    if (!decides(pairs, s)) return;
    for (size_t k = 0; k < count; k++) {
        size_t best = pairs->cases->kind == GAL_CASE_MULTICLASS ? likeliest(score + k * classes, classes) : classes;
        for (size_t c = 0; c < classes; c++)
            decision[k * classes + c] = best < classes ? best == c : score[k * classes + c] >= s->threshold[side];
    }
}

/* Both sides' decisions, and room for one question's cases. */
typedef struct work {
    const gal_case_pairs *pairs;
    const gal_compare_settings *settings;
    size_t count, classes;
    double z;
    uint8_t *decision[GAL_SIDES]; /* [count][classes] */
    uint8_t *positive;            /* [count] of the question at hand */
    double *column[GAL_SIDES];    /* [count] its scores */
    uint32_t *of_patient;         /* [patients] scratch: cases; NULL: each case is its own patient */
} work;

static bool truth(const work *w, size_t k, size_t c) {
    const gal_case_set *cases = w->pairs->cases;
    return cases->kind == GAL_CASE_MULTICLASS ? cases->label[k] == c : cases->positive[k * w->classes + c] != 0;
}

/* ---- differences ---- */

/* Of the question at hand: of accuracy, of sensitivity, of specificity. */
typedef enum counted { ALL, POSITIVES, NEGATIVES } counted;

static double design_effect(const work *w, counted which) {
    const gal_case_set *cases = w->pairs->cases;
    double n = 0, squares = 0;
    if (!w->of_patient) return 1;
    memset(w->of_patient, 0, cases->patients * sizeof *w->of_patient);
    for (size_t k = 0; k < w->count; k++) {
        if (which != ALL && (w->positive[k] != 0) != (which == POSITIVES)) continue;
        double before = w->of_patient[cases->patient[k]]++;
        squares += 2 * before + 1; /* exact: the next square less the last */
        n++;
    }
    return n > 0 ? squares / n : 1;
}

/* From the counts, and which cases they are of. */
static void finish_difference(const work *w, counted which, gal_share_difference *d) {
    const gal_paired *c = &d->counts;
    d->design_effect = design_effect(w, which);
    double z =
        w->z * sqrt(d->design_effect); /* an interval of n / d cases is one of n cases at the root of d times z */
    d->cases = c->both + c->only_first + c->only_second + c->neither;
    double n = (double)d->cases;
    d->share[GAL_CANDIDATE] = d->cases > 0 ? (double)(c->both + c->only_first) / n : (double)NAN;
    d->share[GAL_REFERENCE] = d->cases > 0 ? (double)(c->both + c->only_second) / n : (double)NAN;
    d->difference = d->cases > 0 ? ((double)c->only_first - (double)c->only_second) / n : (double)NAN;
    d->newcombe = gal_newcombe(c, z);
    d->tango = gal_tango(c, z);
    d->mcnemar_exact = gal_mcnemar_exact(c);
    d->mcnemar_mid_p = gal_mcnemar_mid_p(c);
}

static void compare_all(const work *w, gal_case_comparison *out) {
    for (size_t k = 0; k < w->count; k++) {
        bool right[GAL_SIDES] = {true, true}, changed = false;
        for (size_t c = 0; c < w->classes; c++) {
            for (int side = 0; side < GAL_SIDES; side++)
                right[side] &= w->decision[side][k * w->classes + c] == truth(w, k, c);
            changed |= w->decision[0][k * w->classes + c] != w->decision[1][k * w->classes + c];
        }
        gal_paired_add(&out->accuracy.counts, right[GAL_CANDIDATE], right[GAL_REFERENCE]);
        out->changed += changed;
    }
    finish_difference(w, ALL, &out->accuracy);
}

static void measure_shift(const work *w, gal_case_comparison *out) {
    size_t cells = w->count * w->classes;
    double sum = 0;
    out->shift_id = w->pairs->cases->id[0];
    for (size_t i = 0; i < cells; i++) {
        double shift = fabs(w->pairs->probability[1][i] - w->pairs->probability[0][i]);
        sum += shift;
        if (shift <= out->shift_most) continue;
        out->shift_most = shift;
        out->shift_id = w->pairs->cases->id[i / w->classes];
    }
    out->shift_mean = sum / (double)cells;
}

/* ---- one question ---- */

static void count_decisions(const work *w, size_t c, gal_binary_comparison *q) {
    for (size_t k = 0; k < w->count; k++) {
        bool is = w->positive[k] != 0, right[GAL_SIDES];
        for (int side = 0; side < GAL_SIDES; side++) {
            bool says = w->decision[side][k * w->classes + c] != 0;
            gal_confusion *m = &q->confusion[side];
            *(is     ? says ? &m->true_positives : &m->false_negatives
              : says ? &m->false_positives
                     : &m->true_negatives) += 1;
            right[side] = says == is;
        }
        gal_share_difference *d = is ? &q->sensitivity : &q->specificity;
        gal_paired_add(&d->counts, right[GAL_CANDIDATE], right[GAL_REFERENCE]);
        gal_paired_add(&q->accuracy.counts, right[GAL_CANDIDATE], right[GAL_REFERENCE]);
    }
}

static galen_status judge(const gal_share_difference *d, double margin, gal_verdict *out, galen_error *err) {
    *out = GAL_VERDICT_INSUFFICIENT;
    return isnan(margin) ? GALEN_OK : gal_noninferior(d->tango, margin, out, err);
}

/* Of the cases that *d is of. */
static gal_estimate exact_share(const work *w, const char *name, size_t hits, const gal_share_difference *d) {
    gal_estimate out = gal_estimate_share(name, hits, d->cases, GAL_CLOPPER_PEARSON, w->settings->level);
    if (!(d->design_effect > 1) || d->cases == 0) return out;
    out.method = "Clopper-Pearson, by patient";
    out.interval = gal_exact_effective((double)hits / d->design_effect, (double)d->cases / d->design_effect, w->z);
    return out;
}

/* How many cases would settle it. */
static size_t plan(const gal_share_difference *d, double margin, double level, gal_verdict verdict) {
    size_t differ = d->counts.only_first + d->counts.only_second, needed;
    if (verdict != GAL_VERDICT_INSUFFICIENT || isnan(margin) || d->cases == 0) return 0;
    const gal_plan_paired p = {
        .margin = margin, .discordance = (double)(differ ? differ : 1) / (double)d->cases, .alpha = (1 - level) / 2};
    if (gal_plan_noninferior(&p, 0.9, &needed, NULL) != GALEN_OK) return 0;
    return (size_t)ceil((double)needed * d->design_effect);
}

static galen_status compare_decisions(const work *w, size_t c, gal_binary_comparison *q, galen_error *err) {
    const gal_compare_settings *s = w->settings;
    count_decisions(w, c, q);
    finish_difference(w, POSITIVES, &q->sensitivity);
    finish_difference(w, NEGATIVES, &q->specificity);
    finish_difference(w, ALL, &q->accuracy);
    q->missed = exact_share(w, "missed", q->confusion[GAL_CANDIDATE].false_negatives, &q->sensitivity);
    q->newly_missed = exact_share(w, "newly_missed", q->sensitivity.counts.only_second, &q->sensitivity);
    q->new_false_alarms = exact_share(w, "new_false_alarms", q->specificity.counts.only_second, &q->specificity);
    GAL_TRY(judge(&q->sensitivity, s->sensitivity_margin, &q->sensitivity_verdict, err));
    GAL_TRY(judge(&q->specificity, s->specificity_margin, &q->specificity_verdict, err));
    q->positives_needed = plan(&q->sensitivity, s->sensitivity_margin, s->level, q->sensitivity_verdict);
    q->negatives_needed = plan(&q->specificity, s->specificity_margin, s->level, q->specificity_verdict);
    return GALEN_OK;
}

static galen_status compare_ranks(const work *w, gal_binary_comparison *q, galen_error *err) {
    gal_scores scores[GAL_SIDES];
    for (int side = 0; side < GAL_SIDES; side++) {
        scores[side] = (gal_scores){w->column[side], w->positive, w->count};
        GAL_TRY(gal_delong(&scores[side], w->z, &q->auc[side], err));
    }
    return gal_delong_paired(&scores[GAL_CANDIDATE], w->column[GAL_REFERENCE], w->z, &q->auc_difference, err);
}

static galen_status compare_question(const work *w, size_t c, gal_binary_comparison *q, galen_error *err) {
    const gal_case_set *cases = w->pairs->cases;
    /* Logits of one class rank the cases only beside the other classes' logits: their probabilities do by themselves.
     */
    const double *const *from = cases->kind == GAL_CASE_MULTICLASS ? w->pairs->probability : w->pairs->score;
    q->name = cases->class_name[c];
    for (size_t k = 0; k < w->count; k++) {
        w->positive[k] = truth(w, k, c);
        q->positives += w->positive[k];
        for (int side = 0; side < GAL_SIDES; side++) w->column[side][k] = from[side][k * w->classes + c];
    }
    q->negatives = w->count - q->positives;
    q->decided = decides(w->pairs, w->settings);
    q->ranked = q->positives > 1 && q->negatives > 1;
    if (q->decided) GAL_TRY(compare_decisions(w, c, q, err));
    return q->ranked ? compare_ranks(w, q, err) : GALEN_OK;
}

/* ---- */

static galen_status get_room(work *w, gal_case_comparison *out, galen_error *err) {
    size_t cells = w->count * w->classes;
    out->question = gal_calloc(w->classes, sizeof *out->question);
    w->positive = gal_calloc(w->count, 1);
    bool several = w->pairs->cases->patient != NULL && w->pairs->cases->patients < w->count;
    if (several) w->of_patient = gal_calloc(w->pairs->cases->patients, sizeof *w->of_patient);
    bool have = out->question && w->positive && (w->of_patient || !several);
    for (int side = 0; side < GAL_SIDES; side++) {
        w->decision[side] = gal_calloc(cells, 1);
        w->column[side] = gal_calloc(w->count, sizeof *w->column[side]);
        have &= w->decision[side] && w->column[side];
    }
    return have ? GALEN_OK : gal_fail_memory(err, "a comparison", 2 * cells + 16 * w->count);
}

static galen_status compare(work *w, gal_case_comparison *out, galen_error *err) {
    GAL_TRY(get_room(w, out, err));
    out->questions = (int)w->classes;
    for (int side = 0; side < GAL_SIDES; side++) gal_decide(w->pairs, w->settings, side, w->decision[side]);
    if (out->decided) compare_all(w, out);
    measure_shift(w, out);
    for (size_t c = 0; c < w->classes; c++) GAL_TRY(compare_question(w, c, &out->question[c], err));
    return GALEN_OK;
}

galen_status gal_compare_cases(const gal_case_pairs *pairs, const gal_compare_settings *settings,
                               gal_case_comparison *out, galen_error *err) {
    const gal_case_set *cases = pairs->cases;
    *out = (gal_case_comparison){.kind = cases->kind,
                                 .settings = *settings,
                                 .cases = cases->count,
                                 .patients = cases->patients,
                                 .decided = decides(pairs, settings)};
    GAL_TRY(check(settings, err));
    work w = {.pairs = pairs,
              .settings = settings,
              .count = cases->count,
              .classes = (size_t)cases->classes,
              .z = gal_z_of(settings->level)};
    galen_status status = compare(&w, out, err);
    gal_free(w.positive);
    gal_free(w.of_patient);
    for (int side = 0; side < GAL_SIDES; side++) {
        gal_free(w.decision[side]);
        gal_free(w.column[side]);
    }
    return status;
}

void gal_case_comparison_free(gal_case_comparison *comparison) {
    gal_free(comparison->question);
    *comparison = (gal_case_comparison){0};
}
