/* How good a model is that tells many classes apart, or answers many questions about each case. */
#ifndef GAL_CLINIC_EVALUATE_CLASSES_H
#define GAL_CLINIC_EVALUATE_CLASSES_H

#include "clinic/evaluate/evaluate_binary.h"

/*
 * Figures of all classes together, named in JSON as in the table in evaluate_classes.c. Precision and recall of a class
 * are PPV and sensitivity of "it, or another" (label: "it, or not").
 *
 * Macro averages give each class the same weight, weighted ones the number of its cases, micro ones pool the counts
 * (Sokolova and Lapalme, Information Processing and Management 45:427, 2009). A class that no case has and that is
 * never called is left out; one that has no precision, or no recall, counts 0 in averages of it, as in scikit-learn.
 */
typedef enum gal_class_figure {
    /* One class is true of each case, and the one that scores highest (the first of equals) is called. */
    GAL_CLASSES_ACCURACY,
    GAL_CLASSES_BALANCED_ACCURACY, /* mean recall of the classes that occur; Brodersen et al., ICPR 2010 */
    GAL_CLASSES_MCC,               /* Gorodkin, Computational Biology and Chemistry 28:367, 2004 */
    GAL_CLASSES_KAPPA,             /* Cohen, Educational and Psychological Measurement 20:37, 1960 */
    GAL_CLASSES_TOP_2,             /* the true class is among the two that score highest, earlier classes first */
    GAL_CLASSES_TOP_3,
    GAL_CLASSES_TOP_5,
    GAL_CLASSES_BRIER,    /* sum over classes, 0 to 2; Brier, Monthly Weather Review 78, 1950 */
    GAL_CLASSES_LOG_LOSS, /* as gal_log_loss, of the true class */
    GAL_CLASSES_ECE,      /* of the called class's probability being right; Guo et al., ICML 2017; bins of equal mass */
    GAL_CLASSES_MCE,
    /* Any number of labels are true of each case, and those are called that score at least the threshold. */
    GAL_CLASSES_SUBSET_ACCURACY, /* all labels are right */
    GAL_CLASSES_HAMMING_LOSS,    /* share of labels that are wrong; Schapire and Singer, Machine Learning 39, 2000 */
    /* Both. */
    GAL_CLASSES_MACRO_PRECISION,
    GAL_CLASSES_MACRO_RECALL,
    GAL_CLASSES_MACRO_F1,
    GAL_CLASSES_MICRO_PRECISION,
    GAL_CLASSES_MICRO_RECALL,
    GAL_CLASSES_MICRO_F1,
    GAL_CLASSES_WEIGHTED_PRECISION,
    GAL_CLASSES_WEIGHTED_RECALL,
    GAL_CLASSES_WEIGHTED_F1,
    GAL_CLASSES_MACRO_AUC, /* of one against the rest, over classes with cases of both kinds */
    GAL_CLASSES_WEIGHTED_AUC,
    GAL_CLASSES_MEAN_AVERAGE_PRECISION, /* over the same classes */
    GAL_CLASS_FIGURES
} gal_class_figure;

enum { GAL_EVAL_CLASSES = 1000 };

typedef struct gal_classes_evaluation {
    gal_case_kind kind; /* GAL_CASE_MULTICLASS or GAL_CASE_MULTILABEL */
    size_t cases;
    int classes;
    const char *const *class_name;          /* [classes] those of the case set */
    bool decided;                           /* multi-class: always; multi-label: there was a threshold */
    size_t *confusion;                      /* [true class][called class]; NULL of multi-label cases */
    gal_estimate figure[GAL_CLASS_FIGURES]; /* by gal_class_figure; value NaN: of the other kind, or not defined */
    gal_binary_evaluation *of_class;        /* [classes] each against the rest */
} gal_classes_evaluation;

/* "macro_f1"; static. */
const char *gal_class_figure_name(gal_class_figure figure);

/*
 * Evaluates a multi-class or multi-label set, which must outlive *out; the caller frees *out with
 * gal_classes_evaluation_free. settings->threshold is for labels only. Intervals: of shares of cases (accuracy, subset
 * accuracy, top k) that of settings->proportions; of all else BCa of bootstrap samples, stratified by true class
 * (labels: not stratified). Where a patient has several cases all come from draws of patients, stratified by the rarest
 * true class among their cases. Each class has the intervals of gal_evaluate_binary. Errors as gal_evaluate_binary, and
 * GALEN_ERR_LIMIT beyond GAL_EVAL_CLASSES.
 */
galen_status gal_evaluate_classes(const gal_case_set *cases, const gal_eval_settings *settings, gal_pool *pool,
                                  gal_classes_evaluation *out, galen_error *err);
void gal_classes_evaluation_free(gal_classes_evaluation *evaluation);

/* {classes: [NAME, ...], confusion: [[cases of a true class by called class], ...] or null, figures: {NAME: as
 * gal_estimate_json, ...}, per_class: [as gal_binary_evaluation_json, ...]}. NULL: out of memory. */
json_t *gal_classes_evaluation_json(const gal_classes_evaluation *evaluation, const gal_eval_settings *settings);

#endif
