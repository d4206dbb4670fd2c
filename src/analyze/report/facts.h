/* Reading what evidence says, by paths such as "evaluation.binary.figures.auc.value". */
#ifndef GAL_ANALYZE_FACTS_H
#define GAL_ANALYZE_FACTS_H

#include "analyze/report/document.h"

#include <jansson.h>

/* The member at a path of names separated by dots; NULL: there is none. */
const json_t *gal_fact(const json_t *root, const char *path);
/* NaN unless it is a number. */
double gal_fact_number(const json_t *root, const char *path);
/* NULL unless it is a text. */
const char *gal_fact_text(const json_t *root, const char *path);
/* 0 unless it is a whole number that is not negative. */
size_t gal_fact_count(const json_t *root, const char *path);

/* The last part of a path, NULL of NULL: a report is passed around, and folders may name people. */
const char *gal_fact_file_name(const char *path);

/* Any value in words, in the document's arena: lists joined by commas, objects as "key value". Cut off where it becomes
 * long. Never NULL. */
const char *gal_fact_words(gal_document *document, const json_t *value);

/*
 * Column `at` of a list of points ([[x, y, ...], ...]) or member `key` of a list of objects as numbers, NaN where there
 * is none; NULL for no list. `backwards`: the last point first, which is how precision-recall curves are drawn in steps
 * that assume nothing between points: each as high as the point that it leads to.
 */
double *gal_fact_curve(gal_document *document, const json_t *list, size_t at, bool backwards);
double *gal_fact_members(gal_document *document, const json_t *list, const char *key);

/* "0.958 [0.944, 0.972]" of {value, low, high}; "not defined" without a value. */
const char *gal_fact_estimate(gal_document *document, const json_t *estimate);

#endif
