/* Reading cases that any system scored: tables of text and collections of arrays. */
#ifndef GAL_CLINIC_CASES_READ_H
#define GAL_CLINIC_CASES_READ_H

#include "clinic/cases/cases.h"
#include "data/dataset.h"

typedef struct gal_case_options {
    const char *positive; /* the label that "positive" means; NULL: see below */
    const char *patient;  /* the column or array that names patients; NULL: by the usual names */
    gal_split split;      /* only rows of that split; GAL_SPLIT_NONE: all */
} gal_case_options;

/*
 * The readers make a checked set (gal_case_set_finish); the caller owns *out (gal_case_set_free), which is empty on
 * failure. Errors name row or case, and the remedy. options NULL: none.
 *
 * Two labels make a binary set. The positive one is options->positive, or the class that the only column of scores is
 * named after, or follows from words: 1, true, yes, positive, pos, present, abnormal, malignant against 0, false, no,
 * negative, neg, absent, normal, benign, healthy, control, one of which suffices. Where two columns of scores belong to
 * it, the positive label's is kept, of logits the difference.
 */

/*
 * A table (gal_csv_read). Columns are found by their names, in any letter case:
 *
 * id, case, case_id or image_id is the id, else path, file, filename or image, which is the picture; without any, the
 * row is.
 *
 * label, labels, target, truth, true_label, y_true, y, class or diagnosis is the true label; several, separated by ; or
 * |, make a multi-label set, where "none" and "no finding" stand for no class.
 *
 * score, probability, prob, p, proba, y_score, y_prob or y_pred_proba is the probability of the positive label, logit
 * or logits its logit. In place of it prob_CLASS, probability_CLASS, proba_CLASS, p_CLASS, score_CLASS or logit_CLASS,
 * with _ or : between or the other way round (CLASS_prob), is a column for each class; the true labels may then be
 * columns of 0 and 1 too, called CLASS, label_CLASS, true_CLASS, target_CLASS or y_CLASS, which make a multi-label set.
 *
 * patient, patient_id, patientid, "patient id", subject, subject_id or group is the patient; split, set or fold the
 * split. Every other column is an attribute.
 *
 * Numbers are written with a point, or all with a comma, which is read where cells are separated by something else or
 * stand in quotes.
 */
galen_status gal_cases_parse_csv(const void *bytes, size_t size, const gal_case_options *options, gal_case_set *out,
                                 galen_error *err);

/*
 * Arrays of n cases (gal_npz_read): probs, probabilities, prob, scores, score, y_prob, y_score, predictions, or logits,
 * logit, logit_f64: floats [n], [n, 1] or [n, classes]. labels, label, y_true, targets, target, truth, y: integers (or
 * floats that are whole) [n] or [n, 1], or [n, classes] of 0 and 1: multi-label. ids, id, paths, names: texts or
 * integers [n]; without any, cases are numbered from 0. label_names, class_names, classes: texts [classes]. patient,
 * patients, patient_ids, groups, group: texts or integers [n]. Every other array of n texts or integers is an
 * attribute; other arrays are passed over.
 */
galen_status gal_cases_parse_npz(const void *bytes, size_t size, const gal_case_options *options, gal_case_set *out,
                                 galen_error *err);

/* ---- what the readers share ---- */

/* Which of `n` (1 or 2) labels is the positive one, by the rules above; column: what the only column of scores is named
 * after, or NULL. -1: none of them can be told. */
int gal_positive_label(const char *const *label, int n, const char *wanted, const char *column);

/* The words above that mean the negative label. */
bool gal_means_negative(const char *label);

/* "" and what programs write for a missing value: nan, na, n/a, null, in any letter case. */
bool gal_is_missing(const char *text);

/* Turns an unfinished multi-class set of two classes, of which `positive` is one, into a binary one. */
galen_status gal_case_set_to_binary(gal_case_set *cases, int positive, galen_error *err);

#endif
