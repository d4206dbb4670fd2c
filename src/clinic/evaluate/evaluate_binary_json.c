/* Binary evaluations as JSON. */
#include "clinic/evaluate/evaluate_binary.h"

#include <math.h>

static json_t *confusion_json(const gal_confusion *c) {
    return json_pack("{s:I, s:I, s:I, s:I}", "true_positives", (json_int_t)c->true_positives, "false_positives",
                     (json_int_t)c->false_positives, "false_negatives", (json_int_t)c->false_negatives,
                     "true_negatives", (json_int_t)c->true_negatives);
}

static json_t *bins_json(const gal_binary_evaluation *e, const gal_eval_settings *settings) {
    json_t *out = json_array();
    int failed = 0;
    for (size_t i = 0; i < e->bins; i++) {
        const gal_reliability_bin *bin = e->bin + i;
        if (bin->cases == 0) continue;
        size_t positives = (size_t)llround(bin->share * (double)bin->cases);
        gal_interval share = gal_proportion_interval(settings->proportions, positives, bin->cases, settings->level);
        failed |= json_array_append_new(out, json_pack("{s:I, s:o, s:o, s:o, s:o}", "cases", (json_int_t)bin->cases,
                                                       "probability", gal_number_json(bin->probability), "share",
                                                       gal_number_json(bin->share), "low", gal_number_json(share.low),
                                                       "high", gal_number_json(share.high)));
    }
    if (failed == 0) return out;
    json_decref(out);
    return NULL;
}

static json_t *figures_json(const gal_binary_evaluation *e, const gal_eval_settings *settings) {
    json_t *out = json_object();
    int failed = 0;
    for (int i = 0; i < GAL_FIGURES; i++)
        if (gal_figure_asked(e, settings, (gal_figure)i))
            failed |= json_object_set_new(out, e->figure[i].name, gal_estimate_json(&e->figure[i], settings->level));
    if (failed == 0) return out;
    json_decref(out);
    return NULL;
}

json_t *gal_binary_evaluation_json(const gal_binary_evaluation *e, const gal_eval_settings *settings) {
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "cases", (json_int_t)e->cases, "positives",
                     (json_int_t)e->positives, "negatives", (json_int_t)e->negatives, "confusion",
                     e->decided ? confusion_json(&e->confusion) : json_null(), "figures", figures_json(e, settings),
                     "roc", gal_curve_json(&e->roc), "precision_recall", gal_curve_json(&e->precision_recall),
                     "reliability", bins_json(e, settings));
}
