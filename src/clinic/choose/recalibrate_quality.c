/* What a calibration does to probabilities. */
#include "base/error.h"
#include "base/mem.h"
#include "base/refmath.h"
#include "clinic/choose/recalibrate.h"
#include "clinic/measures/reliability.h"

#include <math.h>

static const gal_calibration none = {.method = GAL_CALIBRATION_NONE};

static galen_status bin_errors(const gal_scores *p, size_t bins, gal_calibration_quality *out, galen_error *err) {
    gal_reliability_bin *bin = gal_calloc(bins, sizeof *bin);
    if (!bin && bins > 0) return gal_fail_memory(err, "reliability bins", bins * sizeof *bin);
    galen_status status = gal_reliability(p, bins, bin, err);
    if (status == GALEN_OK) {
        out->expected_error = gal_expected_calibration_error(bin, bins);
        out->maximum_error = gal_maximum_calibration_error(bin, bins);
    }
    gal_free(bin);
    return status;
}

static galen_status judge(const gal_calibration *c, const gal_scores *logits, size_t bins, double *p,
                          gal_calibration_quality *out, galen_error *err) {
    gal_scores probabilities = {p, logits->positive, logits->count};
    gal_brier brier;
    for (size_t i = 0; i < logits->count; i++) p[i] = gal_calibration_apply(c, logits->score[i]);
    GAL_TRY(bin_errors(&probabilities, bins, out, err));
    GAL_TRY(gal_brier_score(&probabilities, bins, &brier, err));
    out->brier = brier.score;
    return gal_log_loss(&probabilities, &out->log_loss, err);
}

galen_status gal_recalibrate(const gal_calibration *c, const gal_scores *logits, size_t bins, gal_recalibration *out,
                             galen_error *err) {
    double *p = gal_calloc(logits->count, sizeof *p);
    if (!p && logits->count > 0) return gal_fail_memory(err, "calibrated probabilities", logits->count * sizeof *p);
    *out = (gal_recalibration){.calibration = c, .cases = logits->count, .bins = bins};
    galen_status status = judge(&none, logits, bins, p, &out->before, err);
    if (status == GALEN_OK) status = judge(c, logits, bins, p, &out->after, err);
    gal_free(p);
    return status;
}

/* ---- several classes ---- */

typedef struct work {
    double *p, *top; /* [classes] of one case; [count] the highest of each */
    uint8_t *right;  /* [count] it is that of the true class */
} work;

static void free_work(work *w) {
    gal_free(w->p);
    gal_free(w->top);
    gal_free(w->right);
}

static size_t highest(const double *p, size_t n) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (p[i] > p[best]) best = i;
    return best;
}

static galen_status judge_classes(const gal_calibration *c, const gal_class_scores *s, size_t bins, const work *w,
                                  gal_calibration_quality *out, galen_error *err) {
    *out = (gal_calibration_quality){0};
    for (size_t i = 0; i < s->count; i++) {
        gal_calibration_apply_classes(c, s->logit + i * s->classes, s->classes, w->p);
        for (size_t k = 0; k < s->classes; k++) {
            double off = w->p[k] - (k == s->label[i]);
            out->brier += off * off / (double)s->count;
        }
        out->log_loss -= gal_ref_log(fmax(w->p[s->label[i]], 1e-15)) / (double)s->count;
        size_t best = highest(w->p, s->classes);
        w->top[i] = w->p[best];
        w->right[i] = best == s->label[i];
    }
    return bin_errors(&(gal_scores){w->top, w->right, s->count}, bins, out, err);
}

galen_status gal_recalibrate_classes(const gal_calibration *c, const gal_class_scores *s, size_t bins,
                                     gal_recalibration *out, galen_error *err) {
    work w = {gal_calloc(s->classes, sizeof *w.p), gal_calloc(s->count, sizeof *w.top),
              gal_calloc(s->count, sizeof *w.right)};
    galen_status status = GALEN_OK;
    *out = (gal_recalibration){.calibration = c, .cases = s->count, .bins = bins};
    if (!w.p || !w.top || !w.right) status = gal_fail_memory(err, "calibrated probabilities", s->count * 9);
    if (status == GALEN_OK) status = judge_classes(&none, s, bins, &w, &out->before, err);
    if (status == GALEN_OK) status = judge_classes(c, s, bins, &w, &out->after, err);
    free_work(&w);
    return status;
}
