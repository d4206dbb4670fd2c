/*
 * Is a published claim arithmetically possible? Every count of true positives and true negatives that agrees with all
 * claims of a row, to the digits printed, is found; where there is none, the row is impossible whatever the model was.
 */
#ifndef GAL_CLINIC_CLAIMS_H
#define GAL_CLINIC_CLAIMS_H

#include "clinic/claims/decimal.h"
#include "clinic/stats/difference.h"
#include "clinic/stats/interval.h"

#include <galen/status.h>
#include <stddef.h>

/* What a row may claim; formulas are those of clinic/measures/confusion.h. */
typedef enum gal_claim_measure {
    GAL_CLAIM_SENSITIVITY,
    GAL_CLAIM_SPECIFICITY,
    GAL_CLAIM_ACCURACY,
    GAL_CLAIM_BALANCED_ACCURACY,
    GAL_CLAIM_PPV,
    GAL_CLAIM_NPV,
    GAL_CLAIM_F1,
    GAL_CLAIM_AUC,
    GAL_N_CLAIMS
} gal_claim_measure;

/* "sensitivity", as columns are called. */
const char *gal_claim_name(gal_claim_measure measure);

enum { GAL_CLAIMS_MAX_SIDE = 10000000, GAL_CLAIMS_MAX_CONFLICTS = 8 };

/* Claims about one decider on one set of cases. */
typedef struct gal_claim_set {
    int64_t positives, negatives; /* cases: 1 to GAL_CLAIMS_MAX_SIDE each */
    gal_decimal claim[GAL_N_CLAIMS];
    bool percent[GAL_N_CLAIMS]; /* the claim is in percent, with or without the sign */
} gal_claim_set;

/* What is known of one measure. Shares lie in [0, 1]. */
typedef struct gal_claim_finding {
    double claimed;        /* as a share; NaN: not claimed */
    double low, high;      /* its exact values over all counts that fit; NaN without any */
    gal_interval interval; /* 95 %, over all counts that fit: the lowest low and the highest high; NaN without any */
    double nearest;        /* the nearest to the claim where all others hold that are possible by themselves; NaN where
                              those exclude each other, where a matrix fits, and where nothing is claimed */
    double nearest_alone;  /* the nearest of any counts, for a claim that is not possible by itself; otherwise NaN */
} gal_claim_finding;

typedef struct gal_claim_result {
    uint64_t matrices;         /* confusion matrices that fit every claim */
    int64_t true_positives[2]; /* their smallest and largest, in [0, positives] */
    int64_t true_negatives[2]; /* likewise */
    int64_t nearest[2];        /* true positives and true negatives that miss the claims by least */
    double nearest_miss;       /* by at most so many times what rounding explains; 0 when a matrix fits */
    gal_claim_finding measure[GAL_N_CLAIMS];
    unsigned conflict[GAL_CLAIMS_MAX_CONFLICTS]; /* sets of claims (bit m: measure m) that exclude each other */
    int n_conflicts; /* while every smaller set of them is possible; the smallest sets first */
} gal_claim_result;

/*
 * The exhaustive search. Of the area under the ROC curve (AUC) it is asked that a curve through the operating point
 * can have it: of the pairs of a positive and a negative case, the tp tn on the right sides of the threshold are in
 * order and the fn fp on the wrong sides are not, so tp tn <= AUC n+ n- <= n+ n- - fn fp, in steps of one half (ties);
 * this takes threshold and AUC to be of one score on the same cases. A predictive value or F1 without any decision of
 * its kind (0 / 0) counts as 0, as most software prints it.
 *
 * Intervals at 95 %: Wilson's for shares; for F1 Wilson's of tp in tp + fp + fn, carried over by F1 = 2 j / (1 + j);
 * for balanced accuracy Wilson's two put together (MOVER; Newcombe, Statistics in Medicine 17:873, 1998); for AUC
 * Hanley and McNeil's (Radiology 143:29, 1982), which needs no scores but takes them for exponential.
 *
 * O((n+ + n-) claims) a search, one search for a row that is possible and some tens for one that is not.
 * GALEN_ERR_ARGUMENT for counts out of range, GALEN_ERR_LIMIT for a claim with more digits than can be compared.
 */
galen_status gal_claims_check(const gal_claim_set *set, gal_rounding rounding, gal_claim_result *out, galen_error *err);

/* Passes only where the whole interval reaches `target`, fails where none of it does. NaN bounds fail. */
gal_verdict gal_claim_target(gal_interval interval, double target);

#endif
