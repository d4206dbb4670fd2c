/* The search of clinic/claims/claims.h: which true positives and true negatives agree with claims. */
#ifndef GAL_CLINIC_CLAIMS_SEARCH_H
#define GAL_CLINIC_CLAIMS_SEARCH_H

#include "clinic/claims/claims.h"

/* Products of counts and digits reach 10^25. */
__extension__ typedef __int128 gal_wide;

/* A measure of counts as a fraction; den > 0. Grows with tp and with tn; of AUC it is the least or the greatest. */
typedef struct gal_ratio {
    gal_wide num, den;
} gal_ratio;

typedef enum gal_end { GAL_LEAST, GAL_GREATEST } gal_end;
gal_ratio gal_claim_ratio(const gal_claim_set *set, gal_claim_measure measure, int64_t tp, int64_t tn, gal_end end);
double gal_claim_value(const gal_claim_set *set, gal_claim_measure measure, int64_t tp, int64_t tn, gal_end end);

/* Claims prepared for comparison: measure >= low / scale and <= high / scale. */
typedef struct gal_claim_search {
    const gal_claim_set *set;
    unsigned asked; /* bit m: measure m is compared */
    struct {
        gal_wide low, high, scale;
        bool low_open, high_open;
    } bound[GAL_N_CLAIMS];
} gal_claim_search;

/* Of the claims in `asked`, each given in the set; bounds `widen` half units wider than rounding explains. */
void gal_search_start(gal_claim_search *search, const gal_claim_set *set, unsigned asked, gal_rounding rounding,
                      int64_t widen);

/* Called with tp rising and the tn that fit, first to last. False ends the search. */
typedef bool (*gal_search_visit)(void *user, int64_t tp, int64_t first_tn, int64_t last_tn);
/* True when anything fits. visit NULL: ends at the first. */
bool gal_search_run(const gal_claim_search *search, gal_search_visit visit, void *user);

#endif
