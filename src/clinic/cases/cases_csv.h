/* A table of cases while it is read; shared by the files that read it only. */
#ifndef GAL_CLINIC_CASES_CSV_H
#define GAL_CLINIC_CASES_CSV_H

#include "clinic/cases/cases_read.h"
#include "data/csv.h"

/* What a column holds. */
typedef enum gal_case_role {
    GAL_ROLE_ATTRIBUTE,
    GAL_ROLE_ID,
    GAL_ROLE_PATH,
    GAL_ROLE_LABEL,
    GAL_ROLE_SCORE,
    GAL_ROLE_LOGIT,
    GAL_ROLE_PATIENT,
    GAL_ROLE_SPLIT,
    GAL_ROLE_CLASS_SCORE,
    GAL_ROLE_CLASS_TRUTH,
    GAL_CASE_ROLES
} gal_case_role;

typedef struct gal_case_table {
    gal_csv csv;
    gal_case_options options;
    gal_case_role *role;    /* [columns] */
    int at[GAL_CASE_ROLES]; /* the column of a role, -1: none; of roles that one column has */
    int *score;             /* [classes] columns of scores */
    int *truth;             /* [classes] columns of 0 and 1, or NULL */
    const char **name;      /* [classes] what the columns of scores are named after, or NULL of a plain one */
    int classes;
    bool logits, decimal_comma;
    size_t *row;    /* [count] rows of the table that are kept */
    size_t *number; /* [count] what a spreadsheet calls them */
    size_t count;
    gal_arena arena;
    galen_error *err;
} gal_case_table;

/* The cell of the k-th row kept. */
const char *gal_case_cell(const gal_case_table *t, size_t k, int column);
/* Out of memory, in *t->err. */
galen_status gal_case_table_full(const gal_case_table *t);

/* Finds role, at, score, truth, name, classes and logits, which live in t->arena. Errors name the column. */
galen_status gal_case_columns_find(gal_case_table *t);

/* Which kind the columns and labels make. */
gal_case_kind gal_case_table_kind(const gal_case_table *t);
/* Fills the true labels of a set of that kind, whose scores are there; errors name the row. Two classes that say which
 * is the positive one leave a binary set. */
galen_status gal_case_labels_fill(const gal_case_table *t, gal_case_set *set);

#endif
