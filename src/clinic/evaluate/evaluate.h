/* How good a model is on some cases, with an interval to every figure: a pure function of cases and settings. */
#ifndef GAL_CLINIC_EVALUATE_H
#define GAL_CLINIC_EVALUATE_H

#include "clinic/evaluate/evaluate_binary.h"
#include "clinic/evaluate/evaluate_classes.h"

/* The evaluation of a case set. */
typedef struct gal_evaluation {
    gal_case_kind kind;
    gal_eval_settings settings;
    size_t cases, patients;         /* patients: cases where the set names none */
    gal_binary_evaluation binary;   /* kind GAL_CASE_BINARY */
    gal_classes_evaluation classes; /* the other kinds */
} gal_evaluation;

/* As gal_evaluate_binary and gal_evaluate_classes; the case set must outlive *out, which the caller frees with
 * gal_evaluation_free. */
galen_status gal_evaluate(const gal_case_set *cases, const gal_eval_settings *settings, gal_pool *pool,
                          gal_evaluation *out, galen_error *err);
void gal_evaluation_free(gal_evaluation *evaluation);

/* {kind, cases, patients, settings: as gal_eval_settings_json, and binary: as gal_binary_evaluation_json, or multiclass
 * or multilabel: as gal_classes_evaluation_json}. NULL: out of memory. */
json_t *gal_evaluation_json(const gal_evaluation *evaluation);

#endif
