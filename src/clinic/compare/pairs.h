/* Two systems' answers on the same cases, put side by side. */
#ifndef GAL_CLINIC_PAIRS_H
#define GAL_CLINIC_PAIRS_H

#include "clinic/cases/cases.h"

/* Side 0 is the reference (the model in use), side 1 the candidate (the one that might replace it). */
enum { GAL_REFERENCE, GAL_CANDIDATE, GAL_SIDES };

typedef struct gal_case_pairs {
    const gal_case_set *cases;   /* the reference's: order, truth, groups; borrowed */
    const char *name[GAL_SIDES]; /* what errors call the two; borrowed */
    bool logits[GAL_SIDES];
    const double *score[GAL_SIDES], *probability[GAL_SIDES]; /* [count][classes] in the order of `cases` */
    double *copy[2];                                         /* the candidate's, where its order is another one */
} gal_case_pairs;

/*
 * Pairs by id. Refuses (GALEN_ERR_FORMAT) sets of other kinds or classes, ids that only one of them has (the message
 * counts them on both sides and names the first) and cases whose truth they do not agree on: a difference would compare
 * patients then, not models. Both sets must outlive the pairs, which gal_case_pairs_free frees after any result.
 */
galen_status gal_case_pairs_make(const gal_case_set *reference, const gal_case_set *candidate,
                                 const char *const name[GAL_SIDES], gal_case_pairs *out, galen_error *err);
void gal_case_pairs_free(gal_case_pairs *pairs);

/* The cases with the candidate's scores in place of the reference's: a view, which owns nothing and is not freed. */
gal_case_set gal_case_pairs_candidate(const gal_case_pairs *pairs);

#endif
