/* The precision-recall curve from sorted scores. */
#include "clinic/measures/precision.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/measures/ranked.h"

galen_status gal_precision_curve(const gal_scores *s, gal_precision_point **out, size_t *count, galen_error *err) {
    gal_ranked *r;
    size_t positives, found = 0, points = 0;
    GAL_TRY(gal_rank(s, &r, &positives, err));
    gal_precision_point *curve = gal_calloc(s->count, sizeof *curve);
    for (size_t i = 0; curve != NULL && i < s->count; i++) {
        found += r[i].positive;
        if (i + 1 < s->count && r[i + 1].score == r[i].score) continue;
        curve[points++] =
            (gal_precision_point){r[i].score, (double)found / (double)(i + 1), (double)found / (double)positives};
    }
    gal_free(r);
    if (curve == NULL) return gal_fail_memory(err, "a precision-recall curve", s->count * sizeof *curve);
    *out = curve;
    *count = points;
    return GALEN_OK;
}

galen_status gal_average_precision(const gal_scores *s, double *out, galen_error *err) {
    gal_precision_point *curve;
    size_t count;
    GAL_TRY(gal_precision_curve(s, &curve, &count, err));
    double sum = 0, recall = 0;
    for (size_t i = 0; i < count; recall = curve[i++].recall) sum += curve[i].precision * (curve[i].recall - recall);
    gal_free(curve);
    *out = sum;
    return GALEN_OK;
}
