/* Evaluations of many classes as JSON. */
#include "clinic/evaluate/evaluate_classes.h"

#include <math.h>

/* `list`, or NULL where something did not fit into memory. */
static json_t *whole(json_t *list, int failed) {
    if (failed == 0) return list;
    json_decref(list);
    return NULL;
}

static json_t *names_json(const gal_classes_evaluation *e) {
    json_t *out = json_array();
    int failed = 0;
    for (int c = 0; c < e->classes; c++)
        failed |= json_array_append_new(out, json_string(e->class_name[c] ? e->class_name[c] : ""));
    return whole(out, failed);
}

static json_t *confusion_json(const gal_classes_evaluation *e) {
    if (e->confusion == NULL) return json_null();
    json_t *out = json_array();
    int failed = 0;
    for (int c = 0; c < e->classes; c++) {
        json_t *row = json_array();
        for (int k = 0; k < e->classes; k++)
            failed |= json_array_append_new(
                row, json_integer((json_int_t)e->confusion[(size_t)c * (size_t)e->classes + (size_t)k]));
        failed |= json_array_append_new(out, row);
    }
    return whole(out, failed);
}

/* Figures of the other kind of set, and of decisions that nobody made, are NaN; those of neither could not be computed.
 */
static bool asked(const gal_classes_evaluation *e, int figure) {
    if (figure >= GAL_CLASSES_MACRO_AUC) return true;
    if (figure == GAL_CLASSES_TOP_2 || figure == GAL_CLASSES_TOP_3 || figure == GAL_CLASSES_TOP_5)
        return !isnan(e->figure[figure].value);
    if (figure >= GAL_CLASSES_MACRO_PRECISION) return e->decided;
    return (figure < GAL_CLASSES_SUBSET_ACCURACY) == (e->kind == GAL_CASE_MULTICLASS) && e->decided;
}

static json_t *figures_json(const gal_classes_evaluation *e, double level) {
    json_t *out = json_object();
    int failed = 0;
    for (int f = 0; f < GAL_CLASS_FIGURES; f++)
        if (asked(e, f)) failed |= json_object_set_new(out, e->figure[f].name, gal_estimate_json(&e->figure[f], level));
    return whole(out, failed);
}

static json_t *classes_json(const gal_classes_evaluation *e, const gal_eval_settings *settings) {
    json_t *out = json_array();
    int failed = 0;
    for (int c = 0; c < e->classes; c++)
        failed |= json_array_append_new(out, gal_binary_evaluation_json(&e->of_class[c], settings));
    return whole(out, failed);
}

json_t *gal_classes_evaluation_json(const gal_classes_evaluation *e, const gal_eval_settings *settings) {
    return json_pack("{s:o, s:o, s:o, s:o}", "classes", names_json(e), "confusion", confusion_json(e), "figures",
                     figures_json(e, settings->level), "per_class", classes_json(e, settings));
}
