/* Cases in arrays of NumPy. */
#include "clinic/cases/cases_read.h"

#include "base/error.h"
#include "base/half.h"
#include "data/npz.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef enum role { ATTRIBUTE, SCORE, LOGIT, LABEL, ID, NAMES, PATIENT, ROLES } role;

static const char *const role_names[ROLES][10] = {
    [SCORE] = {"probs", "probabilities", "prob", "scores", "score", "y_prob", "y_score", "predictions"},
    [LOGIT] = {"logits", "logit", "logit_f64"},
    [LABEL] = {"labels", "label", "y_true", "targets", "target", "truth", "y"},
    [ID] = {"ids", "id", "paths", "names"},
    [NAMES] = {"label_names", "class_names", "classes"},
    [PATIENT] = {"patient", "patients", "patient_ids", "groups", "group"},
};

typedef struct arrays {
    gal_npz *npz;
    gal_case_options options;
    size_t at[ROLES]; /* SIZE_MAX: none */
    size_t count;
    int classes;
    bool several; /* labels are columns */
    gal_arena arena;
    galen_error *err;
} arrays;

static const char *name_at(const arrays *a, size_t i) {
    const char *name;
    (void)gal_npz_at(a->npz, i, &name);
    return name;
}

static const galen_tensor *tensor_at(const arrays *a, size_t i) {
    return gal_npz_at(a->npz, i, NULL);
}

static size_t find(const arrays *a, const char *wanted) {
    for (size_t i = 0; i < gal_npz_count(a->npz); i++)
        if (!strcasecmp(name_at(a, i), wanted)) return i;
    return SIZE_MAX;
}

static void find_roles(arrays *a) {
    for (role r = ATTRIBUTE; r < ROLES; r++) {
        a->at[r] = SIZE_MAX;
        for (size_t n = 0; role_names[r][n] && a->at[r] == SIZE_MAX; n++) a->at[r] = find(a, role_names[r][n]);
    }
}

/* One element as a number; 2^53 and more lose digits, which labels do not have. */
static double element(const galen_tensor *t, size_t i) {
    switch (t->dtype) {
    case GALEN_F64: return ((const double *)t->data)[i];
    case GALEN_F32: return (double)((const float *)t->data)[i];
    case GALEN_F16: return (double)gal_f16_to_f32(((const uint16_t *)t->data)[i]);
    case GALEN_BOOL:
    case GALEN_U8: return ((const uint8_t *)t->data)[i];
    case GALEN_I8: return ((const int8_t *)t->data)[i];
    case GALEN_U16: return ((const uint16_t *)t->data)[i];
    case GALEN_I16: return ((const int16_t *)t->data)[i];
    case GALEN_U32: return ((const uint32_t *)t->data)[i];
    case GALEN_I32: return ((const int32_t *)t->data)[i];
    case GALEN_U64: return (double)((const uint64_t *)t->data)[i];
    default: return (double)((const int64_t *)t->data)[i];
    }
}

static bool is_table(const galen_tensor *t) {
    return t->dtype != GALEN_DTYPE_NONE && (t->rank == 1 || t->rank == 2);
}

static galen_status measure(arrays *a) {
    role r = a->at[SCORE] != SIZE_MAX ? SCORE : LOGIT;
    if (a->at[r] == SIZE_MAX)
        return gal_fail(a->err, GALEN_ERR_FORMAT, "there is no array of scores: call it 'probs' or 'logits'");
    if (a->at[LABEL] == SIZE_MAX)
        return gal_fail(a->err, GALEN_ERR_FORMAT, "there is no array of true labels: call it 'labels'");
    const galen_tensor *score = tensor_at(a, a->at[r]), *label = tensor_at(a, a->at[LABEL]);
    if (!is_table(score) || !is_table(label))
        return gal_fail(a->err, GALEN_ERR_FORMAT, "the array '%.60s' is not one of numbers [n] or [n, classes]",
                        name_at(a, is_table(score) ? a->at[LABEL] : a->at[r]));
    if (score->dim[0] != label->dim[0])
        return gal_fail(a->err, GALEN_ERR_FORMAT, "'%.60s' has %lld cases and '%.60s' %lld: they must be the same ones",
                        name_at(a, a->at[r]), (long long)score->dim[0], name_at(a, a->at[LABEL]),
                        (long long)label->dim[0]);
    int64_t classes = score->rank == 2 ? score->dim[1] : 1, columns = label->rank == 2 ? label->dim[1] : 1;
    if (classes > GAL_CASE_CLASSES_MAX || columns > GAL_CASE_CLASSES_MAX)
        return gal_fail(a->err, GALEN_ERR_LIMIT, "more than %d classes: use the right arrays", GAL_CASE_CLASSES_MAX);
    if (columns != 1 && columns != classes)
        return gal_fail(a->err, GALEN_ERR_FORMAT, "there are scores of %lld classes and labels of %lld",
                        (long long)classes, (long long)columns);
    a->count = (size_t)score->dim[0];
    a->classes = (int)classes;
    a->several = columns > 1;
    return GALEN_OK;
}

/* The texts of array i as n values: texts themselves, or whole numbers written out; NULL when it has neither. */
static galen_status as_texts(arrays *a, size_t i, const char *const **out) {
    size_t texts;
    const galen_tensor *t = tensor_at(a, i);
    *out = gal_npz_texts(a->npz, i, &texts);
    if (*out && texts == a->count) return GALEN_OK;
    *out = NULL;
    bool column = is_table(t) && (t->rank == 1 || t->dim[1] == 1) && (size_t)t->dim[0] == a->count;
    if (!column || t->dtype == GALEN_F64 || t->dtype == GALEN_F32 || t->dtype == GALEN_F16) return GALEN_OK;
    const char **made = gal_arena_alloc(&a->arena, a->count, sizeof *made);
    if (!made) return gal_fail_memory(a->err, "ids", a->count);
    for (size_t k = 0; k < a->count; k++) {
        made[k] = gal_arena_printf(&a->arena, "%.0f", element(t, k));
        if (!made[k]) return gal_fail_memory(a->err, "ids", a->count);
    }
    *out = made;
    return GALEN_OK;
}

static galen_status keep(gal_case_set *set, const char *text, const char **out, galen_error *err) {
    *out = gal_arena_text(&set->arena, text, strlen(text));
    return *out ? GALEN_OK : gal_fail_memory(err, "a name", strlen(text));
}

static galen_status fill_ids(arrays *a, gal_case_set *set) {
    const char *const *id = NULL;
    if (a->at[ID] != SIZE_MAX) {
        GAL_TRY(as_texts(a, a->at[ID], &id));
        if (!id)
            return gal_fail(a->err, GALEN_ERR_FORMAT, "the ids '%.60s' are not %zu texts or whole numbers",
                            name_at(a, a->at[ID]), a->count);
    }
    for (size_t k = 0; k < set->count; k++) {
        char number[24];
        (void)snprintf(number, sizeof number, "%zu", k);
        GAL_TRY(keep(set, id ? id[k] : number, &set->id[k], a->err));
    }
    return GALEN_OK;
}

static galen_status fill_names(const arrays *a, gal_case_set *set) {
    size_t texts = 0;
    const char *const *name = a->at[NAMES] != SIZE_MAX ? gal_npz_texts(a->npz, a->at[NAMES], &texts) : NULL;
    bool pair = set->classes == 1 && texts == 2;
    if (name && texts != (size_t)set->classes && !pair)
        return gal_fail(a->err, GALEN_ERR_FORMAT, "'%.60s' names %zu classes; there are %d", name_at(a, a->at[NAMES]),
                        texts, set->classes);
    for (int c = 0; c < set->classes; c++) {
        char number[24];
        (void)snprintf(number, sizeof number, "%d", set->classes == 1 ? 1 : c);
        GAL_TRY(keep(set, name ? name[pair ? 1 : c] : number, &set->class_name[c], a->err));
    }
    if (set->classes == 1) return keep(set, pair ? name[0] : "0", &set->negative, a->err);
    return GALEN_OK;
}

static galen_status bad_label(const arrays *a, size_t k, double value, int classes) {
    if (isnan(value))
        return gal_fail(a->err, GALEN_ERR_NUMERIC, "case %zu (from 0) has no label: it is NaN; leave the case out", k);
    return gal_fail(a->err, GALEN_ERR_FORMAT,
                    "case %zu (from 0) has the label %.6g: a whole number from 0 to %d is needed", k, value,
                    classes - 1);
}

static galen_status fill_labels(const arrays *a, gal_case_set *set) {
    const galen_tensor *t = tensor_at(a, a->at[LABEL]);
    size_t columns = a->several ? (size_t)a->classes : 1;
    int classes = set->label ? a->classes : 2;
    for (size_t k = 0; k < set->count * columns; k++) {
        double value = element(t, k);
        if (!(value >= 0 && value < classes && value == floor(value))) return bad_label(a, k / columns, value, classes);
        if (set->label)
            set->label[k] = (uint32_t)value;
        else
            set->positive[k] = value == 1;
    }
    return GALEN_OK;
}

static galen_status fill_scores(const arrays *a, gal_case_set *set) {
    set->logits = a->at[SCORE] == SIZE_MAX;
    const galen_tensor *t = tensor_at(a, a->at[set->logits ? LOGIT : SCORE]);
    for (size_t k = 0; k < set->count * (size_t)set->classes; k++) set->score[k] = element(t, k);
    return GALEN_OK;
}

static bool has_role(const arrays *a, size_t i) {
    for (role r = SCORE; r < ROLES; r++)
        if (a->at[r] == i) return true;
    return false;
}

static galen_status fill_groups(arrays *a, gal_case_set *set) {
    const char *const *value;
    if (a->options.patient) {
        a->at[PATIENT] = find(a, a->options.patient);
        if (a->at[PATIENT] == SIZE_MAX)
            return gal_fail(a->err, GALEN_ERR_ARGUMENT, "there is no array '%.100s' of patients", a->options.patient);
    }
    if (a->at[PATIENT] != SIZE_MAX) {
        GAL_TRY(as_texts(a, a->at[PATIENT], &value));
        if (!value)
            return gal_fail(a->err, GALEN_ERR_FORMAT, "the patients '%.60s' are not %zu texts or whole numbers",
                            name_at(a, a->at[PATIENT]), a->count);
        GAL_TRY(gal_case_set_patients(set, value, a->err));
    }
    for (size_t i = 0; i < gal_npz_count(a->npz); i++) {
        if (has_role(a, i)) continue;
        GAL_TRY(as_texts(a, i, &value));
        if (value) GAL_TRY(gal_case_set_attribute(set, name_at(a, i), value, a->err));
    }
    return GALEN_OK;
}

static galen_status fill(arrays *a, gal_case_set *out) {
    find_roles(a);
    if (a->options.split != GAL_SPLIT_NONE)
        return gal_fail(a->err, GALEN_ERR_ARGUMENT, "arrays of scores have no splits: ask for none");
    GAL_TRY(measure(a));
    gal_case_kind kind = a->several ? GAL_CASE_MULTILABEL : a->classes == 1 ? GAL_CASE_BINARY : GAL_CASE_MULTICLASS;
    GAL_TRY(gal_case_set_make(kind, a->count, a->classes, out, a->err));
    GAL_TRY(fill_ids(a, out));
    GAL_TRY(fill_names(a, out));
    GAL_TRY(fill_labels(a, out));
    GAL_TRY(fill_scores(a, out));
    GAL_TRY(fill_groups(a, out));
    if (kind == GAL_CASE_MULTICLASS && a->classes == 2) {
        int yes = gal_positive_label(out->class_name, 2, a->options.positive, NULL);
        if (yes >= 0) GAL_TRY(gal_case_set_to_binary(out, yes, a->err));
    }
    return gal_case_set_finish(out, NULL, a->err);
}

galen_status gal_cases_parse_npz(const void *bytes, size_t size, const gal_case_options *options, gal_case_set *out,
                                 galen_error *err) {
    arrays a = {.err = err};
    if (options) a.options = *options;
    *out = (gal_case_set){.count = 0};
    GAL_TRY(gal_npz_read(bytes, size, NULL, &a.npz, err));
    gal_arena_init(&a.arena, PTRDIFF_MAX);
    galen_status status = fill(&a, out);
    gal_arena_free(&a.arena);
    gal_npz_free(a.npz);
    if (status != GALEN_OK) gal_case_set_free(out);
    return status;
}
