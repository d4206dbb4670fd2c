/* Cases in tables: which column is what, then row by row. */
#include "clinic/cases/cases_read.h"

#include "base/error.h"
#include "base/mem.h"
#include "data/csv.h"
#include "data/texts.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum role { ATTRIBUTE, ID, PATH, LABEL, SCORE, LOGIT, PATIENT, SPLIT, CLASS_SCORE, CLASS_TRUTH, ROLES } role;

enum { ROLE_NAMES = 12, NUMBER_MAX = 64 };

static const char *const role_names[ROLES][ROLE_NAMES] = {
    [ID] = {"id", "case", "case_id", "image_id"},
    [PATH] = {"path", "file", "filename", "image"},
    [LABEL] = {"label", "labels", "target", "truth", "true_label", "y_true", "y", "class", "diagnosis"},
    [SCORE] = {"score", "probability", "prob", "p", "proba", "y_score", "y_prob", "y_pred_proba"},
    [LOGIT] = {"logit", "logits"},
    [PATIENT] = {"patient", "patient_id", "patientid", "patient id", "subject", "subject_id", "group"},
    [SPLIT] = {"split", "set", "fold"},
};

typedef struct table {
    gal_csv csv;
    gal_case_options options;
    role *role; /* [columns] */
    int at[ROLES];
    int *score;        /* [classes] columns of scores */
    int *truth;        /* [classes] columns of 0 and 1, or NULL */
    const char **name; /* [classes] what the columns of scores are named after, or NULL of a plain one */
    int classes;
    bool logits, decimal_comma;
    size_t *row;    /* [count] rows of the table that are kept */
    size_t *number; /* [count] what a spreadsheet calls them */
    size_t count;
    gal_arena arena;
    galen_error *err;
} table;

static const char *cell_of(const table *t, size_t k, int column) {
    return gal_csv_cell(&t->csv, t->row[k], column);
}

static galen_status no_memory(const table *t) {
    return gal_fail_memory(t->err, "a table of cases", t->csv.rows * sizeof *t->row);
}

/* ---- columns ---- */

/* The class that a header names with one of `words` before or behind it, *n characters; NULL when it does not. */
static const char *class_in(const char *header, const char *const *words, size_t *n) {
    size_t length = strlen(header);
    for (; *words; words++) {
        size_t word = strlen(*words);
        if (length < word + 2) continue;
        *n = length - word - 1;
        if (!strncasecmp(header, *words, word) && (header[word] == '_' || header[word] == ':'))
            return header + word + 1;
        if (!strcasecmp(header + *n + 1, *words) && (header[*n] == '_' || header[*n] == ':')) return header;
    }
    return NULL;
}

static galen_status find_roles(table *t) {
    for (role r = ID; r <= SPLIT; r++) {
        t->at[r] = gal_csv_column(&t->csv, role_names[r]);
        if (r == PATIENT && t->options.patient) {
            t->at[r] = gal_csv_column(&t->csv, (const char *const[]){t->options.patient, NULL});
            if (t->at[r] < 0)
                return gal_fail(t->err, GALEN_ERR_ARGUMENT,
                                "there is no column '%.100s' of patients: name one of the header", t->options.patient);
        }
        if (t->at[r] >= 0) t->role[t->at[r]] = r;
    }
    if (t->options.split != GAL_SPLIT_NONE && t->at[SPLIT] < 0)
        return gal_fail(t->err, GALEN_ERR_ARGUMENT,
                        "there is no column 'split' to tell the %s cases by: add one, or ask for no split",
                        gal_split_name(t->options.split));
    return GALEN_OK;
}

static galen_status add_class(table *t, int column, const char *text, size_t n, bool logits) {
    const char *name = gal_arena_text(&t->arena, text, n);
    if (!name) return no_memory(t);
    if (t->classes > 0 && logits != t->logits)
        return gal_fail(t->err, GALEN_ERR_FORMAT,
                        "the columns '%.60s' and '%.60s' are probabilities and logits: leave one kind out",
                        gal_csv_header(&t->csv, t->score[0]), gal_csv_header(&t->csv, column));
    for (int c = 0; c < t->classes; c++)
        if (!strcmp(t->name[c], name))
            return gal_fail(t->err, GALEN_ERR_FORMAT, "two columns are scores of '%.60s': leave one out", name);
    if (t->classes == GAL_CASE_CLASSES_MAX)
        return gal_fail(t->err, GALEN_ERR_LIMIT, "more than %d columns of scores", GAL_CASE_CLASSES_MAX);
    t->role[column] = CLASS_SCORE;
    t->score[t->classes] = column;
    t->name[t->classes++] = name;
    t->logits = logits;
    return GALEN_OK;
}

static galen_status find_class_scores(table *t) {
    static const char *const probabilities[] = {"prob", "probability", "proba", "p", "score", NULL}, *const logits[] = {
                                                                                                         "logit", NULL};
    for (int c = 0; c < t->csv.columns; c++) {
        if (t->role[c] != ATTRIBUTE) continue;
        const char *header = gal_csv_header(&t->csv, c);
        size_t n = 0;
        const char *name = class_in(header, probabilities, &n);
        bool logit = name == NULL;
        if (logit) name = class_in(header, logits, &n);
        if (name) GAL_TRY(add_class(t, c, name, n, logit));
    }
    return GALEN_OK;
}

static galen_status find_scores(table *t) {
    int plain = t->at[SCORE] >= 0 ? t->at[SCORE] : t->at[LOGIT];
    if (t->at[SCORE] >= 0 && t->at[LOGIT] >= 0)
        return gal_fail(t->err, GALEN_ERR_FORMAT, "there are columns '%.60s' and '%.60s': leave one out",
                        gal_csv_header(&t->csv, t->at[SCORE]), gal_csv_header(&t->csv, t->at[LOGIT]));
    if (plain < 0) {
        GAL_TRY(find_class_scores(t));
        if (t->classes > 0) return GALEN_OK;
        return gal_fail(t->err, GALEN_ERR_FORMAT,
                        "there is no column of scores: call it 'probability' or 'logit', or prob_CLASS for each class");
    }
    t->score[0] = plain;
    t->classes = 1;
    t->logits = t->at[LOGIT] >= 0;
    return GALEN_OK;
}

/* The column of 0 and 1 of a class. */
static int truth_column(const table *t, const char *class) {
    static const char *const words[] = {"label", "true", "truth", "target", "y", NULL};
    for (int c = 0; c < t->csv.columns; c++) {
        if (t->role[c] != ATTRIBUTE) continue;
        const char *header = gal_csv_header(&t->csv, c);
        size_t n = 0;
        const char *named = class_in(header, words, &n);
        if (!strcasecmp(header, class) || (named && n == strlen(class) && !strncasecmp(named, class, n))) return c;
    }
    return -1;
}

static galen_status find_truth(table *t) {
    if (t->at[LABEL] >= 0) return GALEN_OK;
    for (int c = 0; c < t->classes; c++) {
        int column = t->name[c] ? truth_column(t, t->name[c]) : -1;
        if (column < 0 && c == 0)
            return gal_fail(t->err, GALEN_ERR_FORMAT, "there is no column of true labels: call it 'label'");
        if (column < 0)
            return gal_fail(t->err, GALEN_ERR_FORMAT,
                            "there is no column of true labels of '%.60s': call it 'label_%.60s', of 0 and 1",
                            t->name[c], t->name[c]);
        t->truth[c] = column;
        t->role[column] = CLASS_TRUTH;
    }
    return GALEN_OK;
}

static galen_status find_columns(table *t) {
    size_t columns = (size_t)t->csv.columns;
    t->role = gal_arena_alloc(&t->arena, columns, sizeof *t->role);
    t->score = gal_arena_alloc(&t->arena, columns, sizeof *t->score);
    t->truth = gal_arena_alloc(&t->arena, columns, sizeof *t->truth);
    t->name = gal_arena_alloc(&t->arena, columns, sizeof *t->name);
    if (!t->role || !t->score || !t->truth || !t->name) return no_memory(t);
    GAL_TRY(find_roles(t));
    GAL_TRY(find_scores(t));
    return find_truth(t);
}

/* ---- rows ---- */

static galen_status keep_rows(table *t) {
    t->row = gal_arena_alloc(&t->arena, t->csv.rows, sizeof *t->row);
    t->number = gal_arena_alloc(&t->arena, t->csv.rows, sizeof *t->number);
    if (!t->row || !t->number) return no_memory(t);
    for (size_t r = 0; r < t->csv.rows; r++) {
        gal_split split = GAL_SPLIT_NONE;
        if (t->options.split != GAL_SPLIT_NONE) {
            const char *cell = gal_csv_cell(&t->csv, r, t->at[SPLIT]);
            if (*cell && !gal_split_parse(cell, &split))
                return gal_fail(t->err, GALEN_ERR_FORMAT, "row %zu: the split is '%.60s': train, val or test is needed",
                                gal_csv_number(&t->csv, r), cell);
            if (split != t->options.split) continue;
        }
        t->row[t->count] = r;
        t->number[t->count++] = gal_csv_number(&t->csv, r);
    }
    if (t->count > 0) return GALEN_OK;
    return gal_fail(t->err, GALEN_ERR_FORMAT, "no row belongs to the split '%s'", gal_split_name(t->options.split));
}

/* Of all numbers of a table only one notation counts: "1,234" would be another number in each. */
static galen_status find_notation(table *t) {
    bool point = false;
    for (size_t k = 0; k < t->count; k++)
        for (int c = 0; c < t->classes; c++) {
            const char *cell = cell_of(t, k, t->score[c]);
            bool comma = strchr(cell, ',') != NULL;
            point = point || strchr(cell, '.') != NULL;
            t->decimal_comma = t->decimal_comma || comma;
            if (point && t->decimal_comma)
                return gal_fail(
                    t->err, GALEN_ERR_FORMAT,
                    "row %zu: '%.40s': numbers are written with a point and with a comma: use a point in all",
                    t->number[k], cell);
        }
    return GALEN_OK;
}

static galen_status read_number(const table *t, size_t k, int column, double *out) {
    const char *cell = cell_of(t, k, column);
    char text[NUMBER_MAX], *end;
    size_t n = strlen(cell);
    if (gal_is_missing(cell))
        return gal_fail(t->err, strcasecmp(cell, "nan") ? GALEN_ERR_FORMAT : GALEN_ERR_NUMERIC,
                        "row %zu: the score '%.60s' is %s: give each case a number, or leave the row out", t->number[k],
                        gal_csv_header(&t->csv, column), *cell ? cell : "missing");
    *out = (double)NAN;
    if (n < NUMBER_MAX && strspn(cell, "+-.,eE0123456789") == n) {
        memcpy(text, cell, n + 1);
        char *comma = t->decimal_comma ? strchr(text, ',') : NULL;
        if (comma) *comma = '.';
        *out = strtod(text, &end);
        if (end == text || *end) *out = (double)NAN;
    }
    if (!isnan(*out)) return GALEN_OK;
    return gal_fail(t->err, GALEN_ERR_FORMAT,
                    "row %zu: the score '%.60s' is '%.40s', which is no number: write it as 0.5", t->number[k],
                    gal_csv_header(&t->csv, column), cell);
}

/* A label as it is compared: what spreadsheets and data frames make of whole numbers, "1.0", is 1. */
static galen_status read_label(const table *t, size_t k, const char **text, size_t *length) {
    const char *cell = cell_of(t, k, t->at[LABEL]);
    size_t n = strlen(cell), digits = strspn(cell, "0123456789");
    if (gal_is_missing(cell))
        return gal_fail(t->err, GALEN_ERR_FORMAT,
                        "row %zu: there is no label%s%s: label the case, or leave the row out", t->number[k],
                        *cell ? " but " : "", cell);
    *text = cell;
    *length = digits > 0 && !strcmp(cell + digits, ".0") ? digits : n;
    return GALEN_OK;
}

static galen_status keep_text(gal_case_set *set, const char *text, const char **out, galen_error *err) {
    *out = gal_arena_text(&set->arena, text, strlen(text));
    return *out ? GALEN_OK : gal_fail_memory(err, "a text", strlen(text));
}

static galen_status fill_ids(const table *t, gal_case_set *set) {
    int column = t->at[ID] >= 0 ? t->at[ID] : t->at[PATH];
    if (t->at[PATH] >= 0) {
        set->path = gal_arena_alloc(&set->arena, set->count, sizeof *set->path);
        if (!set->path) return no_memory(t);
    }
    for (size_t k = 0; k < set->count; k++) {
        if (set->path) GAL_TRY(keep_text(set, cell_of(t, k, t->at[PATH]), &set->path[k], t->err));
        if (column < 0) {
            set->id[k] = gal_arena_printf(&set->arena, "row %zu", t->number[k]);
            if (!set->id[k]) return no_memory(t);
            continue;
        }
        GAL_TRY(keep_text(set, cell_of(t, k, column), &set->id[k], t->err));
        if (!set->id[k][0])
            return gal_fail(t->err, GALEN_ERR_FORMAT, "row %zu: the cell '%.60s' is empty: give each case an id",
                            t->number[k], gal_csv_header(&t->csv, column));
    }
    return GALEN_OK;
}

static galen_status fill_scores(const table *t, gal_case_set *set) {
    for (size_t k = 0; k < set->count; k++)
        for (int c = 0; c < t->classes; c++)
            GAL_TRY(read_number(t, k, t->score[c], &set->score[k * (size_t)t->classes + (size_t)c]));
    for (int c = 0; c < t->classes; c++)
        if (t->name[c]) GAL_TRY(keep_text(set, t->name[c], &set->class_name[c], t->err));
    set->logits = t->logits;
    return GALEN_OK;
}

/* ---- labels ---- */

static galen_status one_or_other(const table *t, gal_texts *seen, uint32_t *which) {
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

static galen_status tell_sides(const table *t, const gal_texts *seen, const uint32_t *which, gal_case_set *set) {
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

static galen_status fill_binary(const table *t, gal_case_set *set) {
    gal_texts seen;
    uint32_t *which = gal_arena_alloc(&set->arena, t->count, sizeof *which);
    if (!which) return no_memory(t);
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

static galen_status find_class(const table *t, gal_texts *names, bool numbers, size_t k, const char *text, size_t n,
                               size_t *out) {
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
static galen_status mark_classes(const table *t, gal_texts *names, bool numbers, size_t k, uint8_t *positive) {
    for (const char *at = cell_of(t, k, t->at[LABEL]);; at++) {
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

static galen_status mark_row(const table *t, size_t k, uint8_t *positive) {
    for (int c = 0; c < t->classes; c++) {
        const char *cell = cell_of(t, k, t->truth[c]);
        if ((*cell != '0' && *cell != '1') || (cell[1] && strcmp(cell + 1, ".0") != 0))
            return gal_fail(t->err, GALEN_ERR_FORMAT, "row %zu: the label '%.60s' is '%.40s': 0 or 1 is needed",
                            t->number[k], gal_csv_header(&t->csv, t->truth[c]), cell);
        positive[c] = *cell == '1';
    }
    return GALEN_OK;
}

static galen_status fill_classes(const table *t, gal_case_set *set, gal_texts *names) {
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

static galen_status fill_several(const table *t, gal_case_set *set) {
    if (t->at[LABEL] < 0) {
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

static gal_case_kind kind_of(const table *t) {
    if (t->classes == 1) return GAL_CASE_BINARY;
    if (t->at[LABEL] < 0) return GAL_CASE_MULTILABEL;
    for (size_t k = 0; k < t->count; k++)
        if (strpbrk(cell_of(t, k, t->at[LABEL]), ";|")) return GAL_CASE_MULTILABEL;
    return GAL_CASE_MULTICLASS;
}

/* ---- groups ---- */

static galen_status fill_groups(table *t, gal_case_set *set) {
    const char **value = gal_arena_alloc(&t->arena, set->count, sizeof *value);
    if (!value) return no_memory(t);
    for (int c = 0; c < t->csv.columns; c++) {
        if (t->role[c] != ATTRIBUTE && t->role[c] != PATIENT && t->role[c] != SPLIT) continue;
        for (size_t k = 0; k < set->count; k++) value[k] = cell_of(t, k, c);
        if (t->role[c] == PATIENT)
            GAL_TRY(gal_case_set_patients(set, value, t->err));
        else
            GAL_TRY(gal_case_set_attribute(set, gal_csv_header(&t->csv, c), value, t->err));
    }
    return GALEN_OK;
}

static galen_status parse(table *t, gal_case_set *out) {
    GAL_TRY(find_columns(t));
    GAL_TRY(keep_rows(t));
    GAL_TRY(find_notation(t));
    GAL_TRY(gal_case_set_make(kind_of(t), t->count, t->classes, out, t->err));
    GAL_TRY(fill_ids(t, out));
    GAL_TRY(fill_scores(t, out));
    bool named = out->kind == GAL_CASE_BINARY && t->at[LABEL] >= 0;
    GAL_TRY(named ? fill_binary(t, out) : fill_several(t, out));
    GAL_TRY(fill_groups(t, out));
    return gal_case_set_finish(out, t->number, t->err);
}

galen_status gal_cases_parse_csv(const void *bytes, size_t size, const gal_case_options *options, gal_case_set *out,
                                 galen_error *err) {
    table t = {.err = err};
    if (options) t.options = *options;
    *out = (gal_case_set){.count = 0};
    GAL_TRY(gal_csv_read(bytes, size, NULL, &t.csv, err));
    gal_arena_init(&t.arena, PTRDIFF_MAX);
    galen_status status = parse(&t, out);
    gal_arena_free(&t.arena);
    gal_csv_free(&t.csv);
    if (status != GALEN_OK) gal_case_set_free(out);
    return status;
}
