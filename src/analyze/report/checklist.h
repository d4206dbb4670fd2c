/* Reporting checklists, their items in our own short words, and which evidence answers them. */
#ifndef GAL_ANALYZE_CHECKLIST_H
#define GAL_ANALYZE_CHECKLIST_H

#include <stddef.h>

/* What can be said from evidence; GAL_ANSWER_NONE: only the authors of a study can. */
typedef enum gal_answer {
    GAL_ANSWER_NONE,
    GAL_ANSWER_TECHNOLOGY,    /* what kind of model */
    GAL_ANSWER_INTENDED_USE,  /* the card's */
    GAL_ANSWER_DATA,          /* where the cases came from */
    GAL_ANSWER_PREPROCESSING, /* the card's input */
    GAL_ANSWER_PARTITIONS,    /* leaks between splits */
    GAL_ANSWER_SAMPLE,        /* cases and patients */
    GAL_ANSWER_MODEL,         /* network, digest */
    GAL_ANSWER_SOFTWARE,
    GAL_ANSWER_TRAINING,
    GAL_ANSWER_THRESHOLD,
    GAL_ANSWER_METRICS,
    GAL_ANSWER_UNCERTAINTY,
    GAL_ANSWER_ROBUSTNESS,
    GAL_ANSWER_SUBGROUPS,
    GAL_ANSWER_ATTRIBUTES, /* what is known of the cases */
    GAL_ANSWER_BALANCE,
    GAL_ANSWER_PERFORMANCE,
    GAL_ANSWER_FAILURES,
    GAL_ANSWER_UPDATE, /* recalibration */
    GAL_ANSWERS
} gal_answer;

typedef struct gal_checklist_item {
    const char *number, *text;
    gal_answer answer;
} gal_checklist_item;

typedef struct gal_checklist {
    const char *name, *source;
    const gal_checklist_item *item;
    size_t items;
} gal_checklist;

extern const gal_checklist gal_checklist_claim, gal_checklist_tripod;

#endif
