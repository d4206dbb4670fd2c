/* Evaluation of many classes: each against the rest, and all together. */
#include "clinic/evaluate/evaluate_classes.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/evaluate/class_draws.h"

#include <math.h>
#include <string.h>

static const struct row {
    const char *name;
    double least, most;
    bool share; /* of cases: formulas know its interval */
} rows[GAL_CLASS_FIGURES] = {
    [GAL_CLASSES_ACCURACY] = {"accuracy", 0, 1, true},
    [GAL_CLASSES_BALANCED_ACCURACY] = {"balanced_accuracy", 0, 1, false},
    [GAL_CLASSES_MCC] = {"mcc", -1, 1, false},
    [GAL_CLASSES_KAPPA] = {"kappa", -1, 1, false},
    [GAL_CLASSES_TOP_2] = {"top_2_accuracy", 0, 1, true},
    [GAL_CLASSES_TOP_3] = {"top_3_accuracy", 0, 1, true},
    [GAL_CLASSES_TOP_5] = {"top_5_accuracy", 0, 1, true},
    [GAL_CLASSES_BRIER] = {"brier", 0, 2, false},
    [GAL_CLASSES_LOG_LOSS] = {"log_loss", 0, INFINITY, false},
    [GAL_CLASSES_ECE] = {"ece", 0, 1, false},
    [GAL_CLASSES_MCE] = {"mce", 0, 1, false},
    [GAL_CLASSES_SUBSET_ACCURACY] = {"subset_accuracy", 0, 1, true},
    [GAL_CLASSES_HAMMING_LOSS] = {"hamming_loss", 0, 1, false},
    [GAL_CLASSES_MACRO_PRECISION] = {"macro_precision", 0, 1, false},
    [GAL_CLASSES_MACRO_RECALL] = {"macro_recall", 0, 1, false},
    [GAL_CLASSES_MACRO_F1] = {"macro_f1", 0, 1, false},
    [GAL_CLASSES_MICRO_PRECISION] = {"micro_precision", 0, 1, false},
    [GAL_CLASSES_MICRO_RECALL] = {"micro_recall", 0, 1, false},
    [GAL_CLASSES_MICRO_F1] = {"micro_f1", 0, 1, false},
    [GAL_CLASSES_WEIGHTED_PRECISION] = {"weighted_precision", 0, 1, false},
    [GAL_CLASSES_WEIGHTED_RECALL] = {"weighted_recall", 0, 1, false},
    [GAL_CLASSES_WEIGHTED_F1] = {"weighted_f1", 0, 1, false},
    [GAL_CLASSES_MACRO_AUC] = {"macro_auc", 0, 1, false},
    [GAL_CLASSES_WEIGHTED_AUC] = {"weighted_auc", 0, 1, false},
    [GAL_CLASSES_MEAN_AVERAGE_PRECISION] = {"mean_average_precision", 0, 1, false},
};

const char *gal_class_figure_name(gal_class_figure figure) {
    return rows[figure].name;
}

/* Decisions. */
typedef struct decisions {
    uint32_t *predicted; /* [cases] of a multi-class set */
    uint8_t *called;     /* [class][cases]; NULL: nothing is decided */
} decisions;

static void free_decisions(decisions *d) {
    gal_free(d->predicted);
    gal_free(d->called);
}

static uint32_t highest(const double *score, size_t classes) {
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        if (score[c] > score[best]) best = c;
    return (uint32_t)best;
}

static galen_status decide(const gal_case_set *set, const gal_eval_settings *settings, decisions *out,
                           galen_error *err) {
    size_t n = set->count, classes = (size_t)set->classes;
    if (set->kind == GAL_CASE_MULTILABEL && !settings->has_threshold) return GALEN_OK;
    out->called = gal_calloc(n * classes, sizeof *out->called);
    if (out->called == NULL) return gal_fail_memory(err, "decisions", n * classes);
    if (set->kind == GAL_CASE_MULTILABEL) {
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < classes; c++)
                out->called[c * n + i] = set->score[i * classes + c] >= settings->threshold;
        return GALEN_OK;
    }
    out->predicted = gal_calloc(n, sizeof *out->predicted);
    if (out->predicted == NULL) return gal_fail_memory(err, "decisions", n * sizeof *out->predicted);
    for (size_t i = 0; i < n; i++) {
        out->predicted[i] = highest(set->score + i * classes, classes);
        out->called[out->predicted[i] * n + i] = 1;
    }
    return GALEN_OK;
}

/* ---- each class against the rest ---- */

/* One class's columns. */
typedef struct columns {
    double *score, *probability;
    uint8_t *positive;
} columns;

static void take_columns(const gal_case_set *set, size_t class, const columns *to) {
    size_t classes = (size_t)set->classes;
    for (size_t i = 0; i < set->count; i++) {
        to->score[i] = set->score[i * classes + class];
        to->probability[i] = set->probability[i * classes + class];
        to->positive[i] =
            set->kind == GAL_CASE_MULTICLASS ? set->label[i] == class : set->positive[i * classes + class];
    }
}

static galen_status each_class(const gal_case_set *set, const decisions *d, const gal_eval_settings *settings,
                               gal_pool *pool, gal_classes_evaluation *out, galen_error *err) {
    size_t n = set->count;
    columns of = {gal_calloc(n, sizeof *of.score), gal_calloc(n, sizeof *of.probability), gal_calloc(n, 1)};
    galen_status status = GALEN_OK;
    if (of.score == NULL || of.probability == NULL || of.positive == NULL)
        status = gal_fail_memory(err, "a class", n * (sizeof *of.score + sizeof *of.probability + 1));
    for (int c = 0; status == GALEN_OK && c < set->classes; c++) {
        take_columns(set, (size_t)c, &of);
        gal_binary_cases cases = {.scores = {of.score, of.positive, n},
                                  .probability = of.probability,
                                  .patient = set->patient,
                                  .patients = set->patients,
                                  .called = d->called == NULL ? NULL : d->called + (size_t)c * n};
        status = gal_evaluate_binary(&cases, settings, pool, &out->of_class[c], err);
    }
    gal_free(of.score);
    gal_free(of.probability);
    gal_free(of.positive);
    return status;
}

/* ---- all together ---- */

/* The figures with every unit once. */
static galen_status take_values(const gal_class_draws *draws, gal_classes_evaluation *out, galen_error *err) {
    double value[GAL_CLASS_FIGURES][GAL_LANES];
    gal_weights *once = gal_alloc_aligned(draws->units.count * sizeof *once);
    if (once == NULL) return gal_fail_memory(err, "weights", draws->units.count * sizeof *once);
    memset(once, 1, draws->units.count * sizeof *once);
    gal_class_statistic(draws, once, value);
    gal_free(once);
    for (int f = 0; f < GAL_CLASS_FIGURES; f++) out->figure[f] = gal_estimate_bare(rows[f].name, value[f][0]);
    return GALEN_OK;
}

static void take_shares(const gal_eval_settings *settings, gal_classes_evaluation *out) {
    for (int f = 0; f < GAL_CLASS_FIGURES; f++) {
        if (!rows[f].share || isnan(out->figure[f].value)) continue;
        size_t hits = (size_t)llround(out->figure[f].value * (double)out->cases);
        out->figure[f] = gal_estimate_share(rows[f].name, hits, out->cases, settings->proportions, settings->level);
    }
}

static galen_status take_drawn(const gal_class_draws *draws, const gal_eval_settings *settings, gal_pool *pool,
                               gal_classes_evaluation *out, galen_error *err) {
    gal_bootstrap_figure drawn[GAL_CLASS_FIGURES];
    gal_statistic statistic = {GAL_CLASS_FIGURES, gal_class_statistic, draws};
    gal_strata strata = {draws->units.stratum, draws->units.strata};
    gal_bootstrap_settings how = {settings->draws, settings->seed, settings->level};
    if (settings->draws == 0) return GALEN_OK;
    GAL_TRY(gal_bootstrap(&strata, &statistic, &how, pool, drawn, err));
    gal_drawn what = draws->units.by_patient                   ? GAL_DRAWN_PATIENTS
                     : draws->set->kind == GAL_CASE_MULTICLASS ? GAL_DRAWN_STRATIFIED
                                                               : GAL_DRAWN_CASES;
    for (int f = 0; f < GAL_CLASS_FIGURES; f++)
        if (draws->units.by_patient || !rows[f].share)
            gal_estimate_drawn(&out->figure[f], &drawn[f], what, rows[f].least, rows[f].most);
    return GALEN_OK;
}

static galen_status all_together(const gal_case_set *set, const decisions *d, const gal_eval_settings *settings,
                                 gal_pool *pool, gal_classes_evaluation *out, galen_error *err) {
    gal_class_draws draws;
    GAL_TRY(gal_class_draws_make(set, d->predicted, d->called, settings->bins, &draws, err));
    galen_status status = take_values(&draws, out, err);
    take_shares(settings, out);
    if (status == GALEN_OK) status = take_drawn(&draws, settings, pool, out, err);
    gal_class_draws_free(&draws);
    return status;
}

static galen_status count_confusion(const gal_case_set *set, const decisions *d, gal_classes_evaluation *out,
                                    galen_error *err) {
    size_t classes = (size_t)set->classes;
    out->confusion = gal_calloc(classes * classes, sizeof *out->confusion);
    if (out->confusion == NULL)
        return gal_fail_memory(err, "a confusion matrix", classes * classes * sizeof *out->confusion);
    for (size_t i = 0; i < set->count; i++) out->confusion[set->label[i] * classes + d->predicted[i]]++;
    return GALEN_OK;
}

static galen_status evaluate(const gal_case_set *set, const decisions *d, const gal_eval_settings *settings,
                             gal_pool *pool, gal_classes_evaluation *out, galen_error *err) {
    size_t classes = (size_t)set->classes;
    out->decided = d->called != NULL;
    out->of_class = gal_calloc(classes, sizeof *out->of_class);
    if (out->of_class == NULL) return gal_fail_memory(err, "classes", classes * sizeof *out->of_class);
    if (set->kind == GAL_CASE_MULTICLASS) GAL_TRY(count_confusion(set, d, out, err));
    GAL_TRY(each_class(set, d, settings, pool, out, err));
    return all_together(set, d, settings, pool, out, err);
}

static galen_status check(const gal_case_set *set, const gal_eval_settings *settings, galen_error *err) {
    GAL_TRY(gal_eval_check(settings, err));
    if (set->count == 0) return gal_fail(err, GALEN_ERR_ARGUMENT, "no cases; at least one is needed");
    if (set->classes > GAL_EVAL_CLASSES)
        return gal_fail(err, GALEN_ERR_LIMIT, "%d classes; at most %d can be evaluated", set->classes,
                        GAL_EVAL_CLASSES);
    size_t classes = (size_t)set->classes;
    for (size_t i = 0; i < set->count * classes; i++)
        if (isnan(set->score[i]))
            return gal_fail(err, GALEN_ERR_NUMERIC, "a score of case %zu is NaN", i / classes + 1);
    return GALEN_OK;
}

galen_status gal_evaluate_classes(const gal_case_set *set, const gal_eval_settings *settings, gal_pool *pool,
                                  gal_classes_evaluation *out, galen_error *err) {
    gal_classes_evaluation e = {.kind = set->kind,
                                .cases = set->count,
                                .classes = set->classes,
                                .class_name = (const char *const *)set->class_name};
    decisions d = {0};
    GAL_TRY(check(set, settings, err));
    galen_status status = decide(set, settings, &d, err);
    if (status == GALEN_OK) status = evaluate(set, &d, settings, pool, &e, err);
    free_decisions(&d);
    if (status == GALEN_OK)
        *out = e;
    else
        gal_classes_evaluation_free(&e);
    return status;
}

void gal_classes_evaluation_free(gal_classes_evaluation *e) {
    for (int c = 0; e->of_class != NULL && c < e->classes; c++) gal_binary_evaluation_free(&e->of_class[c]);
    gal_free(e->of_class);
    gal_free(e->confusion);
    *e = (gal_classes_evaluation){0};
}
