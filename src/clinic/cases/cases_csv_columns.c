/* Which column of a table is what. */
#include "clinic/cases/cases_csv.h"

#include "base/error.h"

#include <string.h>
#include <strings.h>

enum { ROLE_NAMES = 12 };

static const char *const role_names[GAL_CASE_ROLES][ROLE_NAMES] = {
    [GAL_ROLE_ID] = {"id", "case", "case_id", "image_id"},
    [GAL_ROLE_PATH] = {"path", "file", "filename", "image"},
    [GAL_ROLE_LABEL] = {"label", "labels", "target", "truth", "true_label", "y_true", "y", "class", "diagnosis"},
    [GAL_ROLE_SCORE] = {"score", "probability", "prob", "p", "proba", "y_score", "y_prob", "y_pred_proba"},
    [GAL_ROLE_LOGIT] = {"logit", "logits"},
    [GAL_ROLE_PATIENT] = {"patient", "patient_id", "patientid", "patient id", "subject", "subject_id", "group"},
    [GAL_ROLE_SPLIT] = {"split", "set", "fold"},
};

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

static galen_status find_roles(gal_case_table *t) {
    for (gal_case_role r = GAL_ROLE_ID; r <= GAL_ROLE_SPLIT; r++) {
        t->at[r] = gal_csv_column(&t->csv, role_names[r]);
        if (r == GAL_ROLE_PATIENT && t->options.patient) {
            t->at[r] = gal_csv_column(&t->csv, (const char *const[]){t->options.patient, NULL});
            if (t->at[r] < 0)
                return gal_fail(t->err, GALEN_ERR_ARGUMENT,
                                "there is no column '%.100s' of patients: name one of the header", t->options.patient);
        }
        if (t->at[r] >= 0) t->role[t->at[r]] = r;
    }
    if (t->options.split != GAL_SPLIT_NONE && t->at[GAL_ROLE_SPLIT] < 0)
        return gal_fail(t->err, GALEN_ERR_ARGUMENT,
                        "there is no column 'split' to tell the %s cases by: add one, or ask for no split",
                        gal_split_name(t->options.split));
    return GALEN_OK;
}

static galen_status add_class(gal_case_table *t, int column, const char *text, size_t n, bool logits) {
    const char *name = gal_arena_text(&t->arena, text, n);
    if (!name) return gal_case_table_full(t);
    if (t->classes > 0 && logits != t->logits)
        return gal_fail(t->err, GALEN_ERR_FORMAT,
                        "the columns '%.60s' and '%.60s' are probabilities and logits: leave one kind out",
                        gal_csv_header(&t->csv, t->score[0]), gal_csv_header(&t->csv, column));
    for (int c = 0; c < t->classes; c++)
        if (!strcmp(t->name[c], name))
            return gal_fail(t->err, GALEN_ERR_FORMAT, "two columns are scores of '%.60s': leave one out", name);
    if (t->classes == GAL_CASE_CLASSES_MAX)
        return gal_fail(t->err, GALEN_ERR_LIMIT, "more than %d columns of scores", GAL_CASE_CLASSES_MAX);
    t->role[column] = GAL_ROLE_CLASS_SCORE;
    t->score[t->classes] = column;
    t->name[t->classes++] = name;
    t->logits = logits;
    return GALEN_OK;
}

static galen_status find_class_scores(gal_case_table *t) {
    static const char *const probabilities[] = {"prob", "probability", "proba", "p", "score", NULL}, *const logits[] = {
                                                                                                         "logit", NULL};
    for (int c = 0; c < t->csv.columns; c++) {
        if (t->role[c] != GAL_ROLE_ATTRIBUTE) continue;
        const char *header = gal_csv_header(&t->csv, c);
        size_t n = 0;
        const char *name = class_in(header, probabilities, &n);
        bool logit = name == NULL;
        if (logit) name = class_in(header, logits, &n);
        if (name) GAL_TRY(add_class(t, c, name, n, logit));
    }
    return GALEN_OK;
}

static galen_status find_scores(gal_case_table *t) {
    int plain = t->at[GAL_ROLE_SCORE] >= 0 ? t->at[GAL_ROLE_SCORE] : t->at[GAL_ROLE_LOGIT];
    if (t->at[GAL_ROLE_SCORE] >= 0 && t->at[GAL_ROLE_LOGIT] >= 0)
        return gal_fail(t->err, GALEN_ERR_FORMAT, "there are columns '%.60s' and '%.60s': leave one out",
                        gal_csv_header(&t->csv, t->at[GAL_ROLE_SCORE]), gal_csv_header(&t->csv, t->at[GAL_ROLE_LOGIT]));
    if (plain < 0) {
        GAL_TRY(find_class_scores(t));
        if (t->classes > 0) return GALEN_OK;
        return gal_fail(t->err, GALEN_ERR_FORMAT,
                        "there is no column of scores: call it 'probability' or 'logit', or prob_CLASS for each class");
    }
    t->score[0] = plain;
    t->classes = 1;
    t->logits = t->at[GAL_ROLE_LOGIT] >= 0;
    return GALEN_OK;
}

/* The column of 0 and 1 of a class. */
static int truth_column(const gal_case_table *t, const char *class) {
    static const char *const words[] = {"label", "true", "truth", "target", "y", NULL};
    for (int c = 0; c < t->csv.columns; c++) {
        if (t->role[c] != GAL_ROLE_ATTRIBUTE) continue;
        const char *header = gal_csv_header(&t->csv, c);
        size_t n = 0;
        const char *named = class_in(header, words, &n);
        if (!strcasecmp(header, class) || (named && n == strlen(class) && !strncasecmp(named, class, n))) return c;
    }
    return -1;
}

static galen_status find_truth(gal_case_table *t) {
    if (t->at[GAL_ROLE_LABEL] >= 0) return GALEN_OK;
    for (int c = 0; c < t->classes; c++) {
        int column = t->name[c] ? truth_column(t, t->name[c]) : -1;
        if (column < 0 && c == 0)
            return gal_fail(t->err, GALEN_ERR_FORMAT, "there is no column of true labels: call it 'label'");
        if (column < 0)
            return gal_fail(t->err, GALEN_ERR_FORMAT,
                            "there is no column of true labels of '%.60s': call it 'label_%.60s', of 0 and 1",
                            t->name[c], t->name[c]);
        t->truth[c] = column;
        t->role[column] = GAL_ROLE_CLASS_TRUTH;
    }
    return GALEN_OK;
}

galen_status gal_case_columns_find(gal_case_table *t) {
    size_t columns = (size_t)t->csv.columns;
    t->role = gal_arena_alloc(&t->arena, columns, sizeof *t->role);
    t->score = gal_arena_alloc(&t->arena, columns, sizeof *t->score);
    t->truth = gal_arena_alloc(&t->arena, columns, sizeof *t->truth);
    t->name = gal_arena_alloc(&t->arena, columns, sizeof *t->name);
    if (!t->role || !t->score || !t->truth || !t->name) return gal_case_table_full(t);
    GAL_TRY(find_roles(t));
    GAL_TRY(find_scores(t));
    return find_truth(t);
}
