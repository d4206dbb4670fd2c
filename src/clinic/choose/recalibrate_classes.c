/* The temperature of several classes. */
#include "base/error.h"
#include "base/refmath.h"
#include "clinic/choose/recalibrate.h"

#include <math.h>

static galen_status refuse(const gal_class_scores *s, galen_error *err) {
    if (s->count == 0 || s->classes < 2)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%zu cases of %zu classes; a temperature needs cases of two or more",
                        s->count, s->classes);
    for (size_t i = 0; i < s->count; i++) {
        if (s->label[i] >= s->classes)
            return gal_fail(err, GALEN_ERR_ARGUMENT, "the label of case %zu is %u; there are %zu classes", i + 1,
                            (unsigned)s->label[i], s->classes);
        for (size_t k = 0; k < s->classes; k++)
            if (!isfinite(s->logit[i * s->classes + k]))
                return gal_fail(err, GALEN_ERR_NUMERIC, "a score of case %zu is %g; calibration needs finite logits",
                                i + 1, s->logit[i * s->classes + k]);
    }
    return GALEN_OK;
}

/* First and second derivatives of the log loss by the inverse temperature: what the mean logit exceeds the true class'
 * by, and the variance of the logits. */
static void derive(const gal_class_scores *s, double inverse, double *slope, double *curve) {
    *slope = *curve = 0;
    for (size_t i = 0; i < s->count; i++) {
        const double *z = s->logit + i * s->classes;
        double top = z[0], own = z[s->label[i]], sum = 0, first = 0, second = 0;
        for (size_t k = 1; k < s->classes; k++) top = fmax(top, z[k]);
        for (size_t k = 0; k < s->classes; k++) {
            double e = gal_ref_exp(inverse * (z[k] - top)), off = z[k] - own;
            sum += e;
            first += e * off;
            second += e * off * off;
        }
        *slope += first / sum;
        *curve += second / sum - first / sum * (first / sum);
    }
}

/* Newton's steps for the root of the slope, which rises, kept between bounds. */
static double find_root(const gal_class_scores *s, double low, double high) {
    double at = low + (high - low) / 2, slope, curve;
    for (int i = 0; i < 200 && low < at && at < high; i++) {
        derive(s, at, &slope, &curve);
        if (slope == 0) return at;
        *(slope < 0 ? &low : &high) = at;
        double next = at - slope / curve;
        if (!(next > low && next < high)) next = low + (high - low) / 2;
        if (fabs(next - at) <= 1e-15 * at) return next;
        at = next;
    }
    return at;
}

galen_status gal_calibration_fit_classes(const gal_class_scores *s, gal_calibration *out, galen_error *err) {
    double slope, curve, high = 1;
    *out = (gal_calibration){.method = GAL_CALIBRATION_TEMPERATURE};
    GAL_TRY(refuse(s, err));
    derive(s, 0, &slope, &curve);
    if (!(slope < 0))
        return gal_fail(err, GALEN_ERR_NUMERIC,
                        "the scores of true classes are no higher than the others'; no temperature fits");
    /* Beyond 2^20 the nearest scores of a 32-bit model are certain: the loss only falls. */
    for (derive(s, high, &slope, &curve); !(slope > 0) && high < 0x1p20; derive(s, high, &slope, &curve)) high *= 2;
    if (!(slope > 0))
        return gal_fail(err, GALEN_ERR_NUMERIC,
                        "every true class has the highest score: no temperature is best; fit on more cases");
    out->parameter[0] = 1 / find_root(s, 0, high);
    return GALEN_OK;
}
