/* The true labels of a table: one or the other, one of many, or several. */
#include "clinic/cases/cases_csv.h"

#include "base/error.h"
#include "data/texts.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* A label as it is compared: what spreadsheets and data frames make of whole numbers, "1.0", is 1. */
static galen_status read_label(const gal_case_table *t, size_t k, const char **text, size_t *length) {
    const char *cell = gal_case_cell(t, k, t->at[GAL_ROLE_LABEL]);
    size_t n = strlen(cell), digits = strspn(cell, "0123456789");
    if (gal_is_missing(cell))
        return gal_fail(t->err, GALEN_ERR_FORMAT,
                        "row %zu: there is no label%s%s: label the case, or leave the row out", t->number[k],
                        *cell ? " but " : "", cell);
    *text = cell;
    *length = digits > 0 && !strcmp(cell + digits, ".0") ? digits : n;
    return GALEN_OK;
}

static galen_status one_or_other(const gal_case_table *t, gal_texts *seen, uint32_t *which) {
    for (size_t k = 0; k < t->count; k++) {
        const char *text = NULL;
        size_t n = 0, index;
        GAL_TRY(read_label(t, k, &text, &n));
        GAL_TRY(gal_texts_add(seen, text, n, &index, NULL, t->err));
        if (index > 1)
            return gal_fail(
                t->err, GALEN_ERR_FORMAT,
                "row %zu: the label '%.60s' is the third beside '%.60s' and '%.60s', and there is one column of "
                "scores: add a column prob_CLASS for each class, or make the labels 0 and 1",
                t->number[k], seen->name[index], seen->name[0], seen->name[1]);
        which[k] = (uint32_t)index;
    }
    return GALEN_OK;
}

static galen_status name_sides(const gal_texts *seen, int yes, gal_case_set *set) {
    bool number = yes >= 0 && !strcmp(seen->name[yes], "1");
    /* labels of 0 and 1 of a column prob_pneumonia are of pneumonia */
    set->class_name[0] = number && set->class_name[0] ? set->class_name[0] : yes >= 0 ? seen->name[yes] : "positive";
    if (seen->count == 2) set->negative = seen->name[1 - yes];
    return GALEN_OK;
}

static galen_status tell_sides(const gal_case_table *t, const gal_texts *seen, const uint32_t *which,
                               gal_case_set *set) {
    int n = (int)seen->count, yes = gal_positive_label(seen->name, n, t->options.positive, t->name[0]);
    for (size_t k = 0; k < t->count; k++) set->positive[k] = yes >= 0 && which[k] == (uint32_t)yes;
    if (yes >= 0 || (n == 1 && gal_means_negative(seen->name[0]))) return name_sides(seen, yes, set);
    if (n == 1)
        return gal_fail(t->err, GALEN_ERR_FORMAT,
                        "all %zu cases have the label '%.60s': AUC, specificity and what follows from them cannot be "
                        "computed: add cases of the other kind",
                        t->count, seen->name[0]);
    if (t->options.positive)
        return gal_fail(t->err, GALEN_ERR_ARGUMENT,
                        "the labels are '%.60s' and '%.60s': '%.60s', the positive one, is neither", seen->name[0],
                        seen->name[1], t->options.positive);
    return gal_fail(t->err, GALEN_ERR_FORMAT,
                    "the labels are '%.60s' and '%.60s': say which is the positive one (--positive), or write 1 and 0",
                    seen->name[0], seen->name[1]);
}

static galen_status fill_binary(const gal_case_table *t, gal_case_set *set) {
    gal_texts seen;
    uint32_t *which = gal_arena_alloc(&set->arena, t->count, sizeof *which);
    if (!which) return gal_case_table_full(t);
    gal_texts_init(&seen, &set->arena);
    galen_status status = one_or_other(t, &seen, which);
    if (status == GALEN_OK) status = tell_sides(t, &seen, which, set);
    gal_texts_free(&seen);
    return status;
}

/* A number below `classes`, unless names are numbers themselves; else SIZE_MAX. */
static size_t class_number(const char *text, size_t n, size_t classes) {
    size_t value = 0;
    if (n == 0 || n > 4) return SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') return SIZE_MAX;
        value = 10 * value + (size_t)(text[i] - '0');
    }
    return value < classes ? value : SIZE_MAX;
}

static galen_status find_class(const gal_case_table *t, gal_texts *names, bool numbers, size_t k, const char *text,
                               size_t n, size_t *out) {
    size_t classes = (size_t)t->classes;
    GAL_TRY(gal_texts_add(names, text, n, out, NULL, t->err));
    if (*out < classes) return GALEN_OK;
    *out = numbers ? SIZE_MAX : class_number(text, n, classes);
    if (*out < classes) return GALEN_OK;
    return gal_fail(t->err, GALEN_ERR_FORMAT,
                    "row %zu: the label '%.*s' is none of the %d classes that have a column of scores ('%.60s', ...)",
                    t->number[k], (int)(n < 60 ? n : 60), text, t->classes, t->name[0]);
}

/* Classes that one cell names. */
static galen_status mark_classes(const gal_case_table *t, gal_texts *names, bool numbers, size_t k, uint8_t *positive) {
    for (const char *at = gal_case_cell(t, k, t->at[GAL_ROLE_LABEL]);; at++) {
        while (*at == ' ') at++;
        size_t n = strcspn(at, ";|"), end = n, class;
        while (end > 0 && at[end - 1] == ' ') end--;
        bool none =
            end == 0 || (end == 4 && !strncasecmp(at, "none", 4)) || (end == 10 && !strncasecmp(at, "no finding", 10));
        if (!none) {
            GAL_TRY(find_class(t, names, numbers, k, at, end, &class));
            positive[class] = 1;
        }
        at += n;
        if (!*at) return GALEN_OK;
    }
}

static galen_status mark_row(const gal_case_table *t, size_t k, uint8_t *positive) {
    for (int c = 0; c < t->classes; c++) {
        const char *cell = gal_case_cell(t, k, t->truth[c]);
        if ((*cell != '0' && *cell != '1') || (cell[1] && strcmp(cell + 1, ".0") != 0))
            return gal_fail(t->err, GALEN_ERR_FORMAT, "row %zu: the label '%.60s' is '%.40s': 0 or 1 is needed",
                            t->number[k], gal_csv_header(&t->csv, t->truth[c]), cell);
        positive[c] = *cell == '1';
    }
    return GALEN_OK;
}

static galen_status fill_classes(const gal_case_table *t, gal_case_set *set, gal_texts *names) {
    bool numbers = true;
    size_t index;
    for (int c = 0; c < t->classes; c++) {
        GAL_TRY(gal_texts_add(names, t->name[c], strlen(t->name[c]), &index, NULL, t->err));
        numbers = numbers && strspn(t->name[c], "0123456789") == strlen(t->name[c]);
    }
    for (size_t k = 0; k < set->count; k++) {
        size_t n = 0;
        const char *text = NULL;
        if (set->kind == GAL_CASE_MULTILABEL) {
            GAL_TRY(mark_classes(t, names, numbers, k, set->positive + k * (size_t)set->classes));
            continue;
        }
        GAL_TRY(read_label(t, k, &text, &n));
        GAL_TRY(find_class(t, names, numbers, k, text, n, &index));
        set->label[k] = (uint32_t)index;
    }
    return GALEN_OK;
}

static galen_status fill_several(const gal_case_table *t, gal_case_set *set) {
    if (t->at[GAL_ROLE_LABEL] < 0) {
        for (size_t k = 0; k < set->count; k++) GAL_TRY(mark_row(t, k, set->positive + k * (size_t)set->classes));
        return GALEN_OK;
    }
    gal_arena arena;
    gal_texts names;
    gal_arena_init(&arena, PTRDIFF_MAX);
    gal_texts_init(&names, &arena);
    galen_status status = fill_classes(t, set, &names);
    gal_texts_free(&names);
    gal_arena_free(&arena);
    if (status != GALEN_OK || set->kind != GAL_CASE_MULTICLASS || set->classes != 2) return status;
    int yes = gal_positive_label(set->class_name, 2, t->options.positive, NULL);
    return yes < 0 ? GALEN_OK : gal_case_set_to_binary(set, yes, t->err);
}

gal_case_kind gal_case_table_kind(const gal_case_table *t) {
    if (t->classes == 1) return GAL_CASE_BINARY;
    if (t->at[GAL_ROLE_LABEL] < 0) return GAL_CASE_MULTILABEL;
    for (size_t k = 0; k < t->count; k++)
        if (strpbrk(gal_case_cell(t, k, t->at[GAL_ROLE_LABEL]), ";|")) return GAL_CASE_MULTILABEL;
    return GAL_CASE_MULTICLASS;
}

galen_status gal_case_labels_fill(const gal_case_table *t, gal_case_set *set) {
    bool named = set->kind == GAL_CASE_BINARY && t->at[GAL_ROLE_LABEL] >= 0;
    return named ? fill_binary(t, set) : fill_several(t, set);
}
