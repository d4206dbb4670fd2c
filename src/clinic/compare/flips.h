/* The flip ledger: each case that a second model decides otherwise, or is much surer or less sure of. */
#ifndef GAL_CLINIC_FLIPS_H
#define GAL_CLINIC_FLIPS_H

#include "base/buf.h"
#include "clinic/compare/compare.h"

/* In the order of how much harm they may do. */
typedef enum gal_flip_kind {
    GAL_FLIP_NEWLY_MISSED,     /* a positive that the reference found; of a multi-class set: a case that was right */
    GAL_FLIP_NEW_FALSE_ALARM,  /* a negative that the reference called negative */
    GAL_FLIP_OTHER_ERROR,      /* multi-class: wrong before, wrong in another way now */
    GAL_FLIP_NEWLY_FOUND,      /* a positive that the reference missed; of a multi-class set: a case that was wrong */
    GAL_FLIP_FALSE_ALARM_GONE, /* a negative that the reference called positive */
    GAL_FLIP_MOVED,            /* the decision is the same; the probability moved by more than the limit */
    GAL_FLIP_KINDS
} gal_flip_kind;

/* "newly missed"; static storage. */
const char *gal_flip_name(gal_flip_kind kind);

typedef struct gal_flip {
    size_t at; /* the case */
    /* The column of the scores: 0 of a binary set, the label of a multi-label set, the true class of a multi-class set
     */
    size_t column;
    gal_flip_kind kind;
    double score[GAL_SIDES], probability[GAL_SIDES];
    int decision[GAL_SIDES]; /* 1, 0; of a multi-class set the class decided on; -1: nothing to decide with */
} gal_flip;

typedef struct gal_flips {
    const gal_case_pairs *pairs; /* borrowed */
    gal_flip *flip;
    size_t count;
    size_t of_kind[GAL_FLIP_KINDS];
    double limit;
} gal_flips;

/* All flips in the order of the cases; those of unchanged decision where the probability moved by more than `limit`
 * (1: none). GALEN_ERR_ARGUMENT for a limit outside [0, 1]. To be freed with gal_flips_free, after any result. */
galen_status gal_flips_find(const gal_case_pairs *pairs, const gal_compare_settings *settings, double limit,
                            gal_flips *out, galen_error *err);
void gal_flips_free(gal_flips *flips);

typedef enum gal_flip_order {
    GAL_FLIPS_BY_CASE,  /* as the cases came */
    GAL_FLIPS_BY_HARM,  /* by kind, as above, then by shift */
    GAL_FLIPS_BY_SHIFT, /* the farthest move of the probability first */
    GAL_FLIPS_BY_ID
} gal_flip_order;

/* Cases that are equal in that order stay as they came. */
void gal_flips_sort(gal_flips *flips, gal_flip_order order);

/* A table with a head as RFC 4180 has it, lines ended by LF: id, path, finding (class or label), label, kind,
 * reference_score, candidate_score, reference_probability, candidate_probability, shift, reference_decision,
 * candidate_decision. Numbers have the digits that give the same double again. The caller checks out->failed. */
void gal_flips_csv(const gal_flips *flips, gal_buf *out);

/* {limit, counts: {KIND: cases, ...}, flips: [{id, path, finding, label, kind, reference: {score, probability,
 * decision}, candidate: {...}, shift}]}; at most `most` of them, as they are sorted. NULL: out of memory. */
json_t *gal_flips_json(const gal_flips *flips, size_t most);

#endif
