/* Thresholds with confidence. */
#include "clinic/choose/operating_point.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/measures/ranked.h"
#include "clinic/stats/beta.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

static double lower_bound(size_t found, size_t positives, double confidence) {
    if (found == 0) return 0;
    return gal_beta_quantile((double)found, (double)(positives - found + 1), 1 - confidence);
}

/* The bound has twelve digits: one that is what was wanted but for rounding will do. */
static bool is_enough(size_t found, size_t positives, double wanted, double confidence) {
    return lower_bound(found, positives, confidence) >= wanted * (1 - 1e-12);
}

size_t gal_positives_needed(double wanted, double confidence) {
    if (!(wanted > 0 && wanted < 1 && confidence > 0 && confidence < 1)) return 0;
    double guess = floor(log1p(-confidence) / log(wanted));
    size_t n = guess > 1 ? (size_t)guess : 1; /* rounding may make the guess one too few, or too many */
    while (n > 1 && is_enough(n - 1, n - 1, wanted, confidence)) n--;
    while (!is_enough(n, n, wanted, confidence)) n++;
    return n;
}

static galen_status refuse(double wanted, double confidence, galen_error *err) {
    if (!(wanted > 0 && wanted < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a wanted sensitivity of %g; it must lie between 0 and 1", wanted);
    /* Closer to 1 the number of positives needed leaves what can be counted. */
    if (wanted > 0.999999)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a wanted sensitivity of %.9g; at most 0.999999 can be shown", wanted);
    if (!(confidence > 0 && confidence < 1))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a confidence of %g; it must lie between 0 and 1", confidence);
    return GALEN_OK;
}

/* The fewest of `positives` that must be found; more than there are where all are not enough. */
static size_t fewest(size_t positives, double wanted, double confidence) {
    size_t low = 0, high = positives + 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(is_enough(middle, positives, wanted, confidence) ? &high : &low) = middle;
    }
    return high;
}

galen_status gal_freeze_sensitivity(const gal_scores *s, double wanted, double confidence, gal_frozen_point *out,
                                    galen_error *err) {
    gal_ranked *r;
    size_t positives, found = 0, i = 0;
    GAL_TRY(refuse(wanted, confidence, err));
    GAL_TRY(gal_rank(s, &r, &positives, err));
    size_t needed = fewest(positives, wanted, confidence);
    for (; needed <= positives && found < needed; i++) found += r[i].positive;
    double threshold = i > 0 ? r[i - 1].score : 0;
    gal_free(r);
    if (needed > positives)
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "%zu positive cases cannot show a sensitivity of %g with %g %% confidence, even if none were "
                        "missed; at least %zu are needed",
                        positives, wanted, 100 * confidence, gal_positives_needed(wanted, confidence));
    *out = (gal_frozen_point){.wanted = wanted, .confidence = confidence};
    gal_roc_at(s, threshold, &out->at);
    out->bound = lower_bound(out->at.true_positives, positives, confidence);
    return GALEN_OK;
}

void gal_frozen_text(const gal_frozen_point *p, char out[GAL_FROZEN_TEXT]) {
    snprintf(out, GAL_FROZEN_TEXT, "sensitivity >= %g with %g %% confidence: %zu of %zu positives found", p->wanted,
             100 * p->confidence, p->at.true_positives, p->at.true_positives + p->at.false_negatives);
}

json_t *gal_frozen_json(const gal_frozen_point *p) {
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:s}", "threshold", p->at.threshold,
                     "wanted_sensitivity", p->wanted, "confidence", p->confidence, "lower_bound", p->bound,
                     "sensitivity", p->at.sensitivity, "specificity", p->at.specificity, "true_positives",
                     (json_int_t)p->at.true_positives, "false_negatives", (json_int_t)p->at.false_negatives,
                     "true_negatives", (json_int_t)p->at.true_negatives, "false_positives",
                     (json_int_t)p->at.false_positives, "method",
                     "highest threshold whose one-sided lower Clopper-Pearson bound reaches the wanted sensitivity");
}
