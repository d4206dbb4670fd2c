/* ROC: areas and operating points from sorted scores. */
#include "clinic/measures/roc.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/measures/ranked.h"

#include <math.h>

galen_status gal_rank(const gal_scores *s, gal_ranked **out, size_t *positives, galen_error *err) {
    *positives = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (isnan(s->score[i])) return gal_fail(err, GALEN_ERR_NUMERIC, "the score of case %zu is NaN", i + 1);
        *positives += s->positive[i];
    }
    if (*positives == 0 || *positives == s->count)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%zu positive and %zu negative cases; both are needed", *positives,
                        s->count - *positives);
    return gal_sorted_copies(s, GAL_DESCENDING, out, err);
}

galen_status gal_roc_auc(const gal_scores *s, double *auc, galen_error *err) {
    gal_ranked *r;
    size_t positives, above = 0;
    double wins = 0; /* pairs, in halves' exact sums: below 2^53 for any set that fits into memory */
    GAL_TRY(gal_rank(s, &r, &positives, err));
    for (size_t i = 0; i < s->count;) {
        size_t end = i, up = 0;
        for (; end < s->count && r[end].score == r[i].score; end++) up += r[end].positive;
        size_t down = end - i - up;
        wins += (double)down * ((double)above + 0.5 * (double)up);
        above += up;
        i = end;
    }
    gal_free(r);
    *auc = wins / ((double)positives * (double)(s->count - positives));
    return GALEN_OK;
}

void gal_roc_at(const gal_scores *s, double threshold, gal_operating_point *out) {
    *out = (gal_operating_point){.threshold = threshold};
    for (size_t i = 0; i < s->count; i++) {
        int called = s->score[i] >= threshold;
        out->true_positives += called && s->positive[i];
        out->false_positives += called && !s->positive[i];
        out->false_negatives += !called && s->positive[i];
        out->true_negatives += !called && !s->positive[i];
    }
    out->sensitivity = (double)out->true_positives / (double)(out->true_positives + out->false_negatives);
    out->specificity = (double)out->true_negatives / (double)(out->true_negatives + out->false_positives);
}

galen_status gal_roc_for_sensitivity(const gal_scores *s, double sensitivity, gal_operating_point *out,
                                     galen_error *err) {
    gal_ranked *r;
    size_t positives, found = 0, i = 0;
    if (!(sensitivity > 0 && sensitivity <= 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a sensitivity of %g; it must be above 0 and at most 1", sensitivity);
    GAL_TRY(gal_rank(s, &r, &positives, err));
    size_t wanted = (size_t)ceil(sensitivity * (double)positives - 1e-9);
    for (; found < wanted; i++) found += r[i].positive;
    double threshold = r[i - 1].score;
    gal_free(r);
    gal_roc_at(s, threshold, out);
    return GALEN_OK;
}
