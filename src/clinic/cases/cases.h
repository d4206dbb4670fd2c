/* Cases: what is true of each and what a model (ours or anyone's) said of it. The raw material of every figure. */
#ifndef GAL_CLINIC_CASES_H
#define GAL_CLINIC_CASES_H

#include "base/arena.h"

#include <galen/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum gal_case_kind { GAL_CASE_BINARY, GAL_CASE_MULTICLASS, GAL_CASE_MULTILABEL } gal_case_kind;

#define GAL_NO_LEVEL UINT32_MAX /* the case does not say */

enum { GAL_CASES_MAX = 16 << 20, GAL_CASE_CLASSES_MAX = 4096, GAL_CASE_ATTRIBUTES_MAX = 256 };

/* A column that groups cases: sex, site, scanner, view, age band. */
typedef struct gal_attribute {
    const char *name;
    uint32_t levels;
    const char **level; /* their names, in order of first appearance */
    uint32_t *of;       /* [count] index of the case's level or GAL_NO_LEVEL */
} gal_attribute;

typedef struct gal_case_set {
    gal_case_kind kind;
    size_t count;
    int classes;             /* columns of score: 1 of a binary set, whose column says "positive" */
    const char **class_name; /* [classes]; binary: the positive label */
    const char *negative;    /* binary: the other label; NULL: unknown */
    const char **id;         /* [count] unique */
    const char **path;       /* [count] picture; NULL where there are none */
    double *score;           /* [count][classes] higher is more likely */
    bool logits;             /* scores are logits, not probabilities */
    double *probability;     /* [count][classes] in [0, 1]; the same array as score where scores are probabilities */
    uint8_t *positive;       /* [count][classes] binary and multi-label: 0 or 1 */
    uint32_t *label;         /* [count] multi-class: index of the true class */
    uint32_t *patient;       /* [count] 0..patients-1; NULL: every case is its own patient */
    size_t patients;         /* 0 where patient is NULL */
    gal_attribute *attribute;
    int attributes;
    gal_arena arena; /* owns all of the above */
} gal_case_set;

/* "binary", "multiclass", "multilabel"; static storage. */
const char *gal_case_kind_name(gal_case_kind kind);

/*
 * An empty set with room for `count` cases: id, class_name, score, and positive or label are zeroed arrays to be filled
 * by the caller, probability follows from gal_case_set_finish, everything else is none. Texts are to be kept in the
 * set's arena. GALEN_ERR_LIMIT beyond the limits above, GALEN_ERR_ARGUMENT without cases or classes. After any result
 * the caller owns *out (gal_case_set_free).
 */
galen_status gal_case_set_make(gal_case_kind kind, size_t count, int classes, gal_case_set *out, galen_error *err);

/*
 * Appends an attribute: value[count], copied; NULL or "" where a case does not say. GALEN_ERR_FORMAT for a name that is
 * there already.
 */
galen_status gal_case_set_attribute(gal_case_set *cases, const char *name, const char *const *value, galen_error *err);

/* Numbers the patients in order of appearance: name[count], not kept. A case of none (NULL or "") is its own patient.
 */
galen_status gal_case_set_patients(gal_case_set *cases, const char *const *name, galen_error *err);

/*
 * Computes the probabilities, of logits by the sigmoid, or the softmax over classes of a multi-class set, with the same
 * bits on every machine. Then refuses what figures must not be made of: ids that are empty or not unique, scores that
 * are no finite numbers, probabilities outside [0, 1] or, of a multi-class set, that do not add up to 1 within 0.02,
 * labels outside the classes, names that are not UTF-8, and cases of which only one kind is there. row[count]: what
 * errors call the cases, as rows of a table; NULL: they are named by their ids.
 */
galen_status gal_case_set_finish(gal_case_set *cases, const size_t *row, galen_error *err);

/* Puts the SHA-256 of each id in its place and forgets the pictures' paths. Equal ids keep equal names, so that two
 * files still pair; who can guess an id can tell its hash, though. */
galen_status gal_case_set_hash_ids(gal_case_set *cases, galen_error *err);

/* Forgets all attributes but those, which get this order. GALEN_ERR_ARGUMENT for a name (in any letter case) that is
 * not there. */
galen_status gal_case_set_keep_attributes(gal_case_set *cases, const char *const *name, int names, galen_error *err);

void gal_case_set_free(gal_case_set *cases);

#endif
