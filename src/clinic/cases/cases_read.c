/* What the readers of cases share. */
#include "clinic/cases/cases_read.h"

#include "base/error.h"

#include <string.h>
#include <strings.h>

static const char *const yes[] = {"1", "true", "yes", "positive", "pos", "present", "abnormal", "malignant", NULL};
static const char *const no[] = {"0",      "false",  "no",      "negative", "neg", "absent",
                                 "normal", "benign", "healthy", "control",  NULL};

static bool is_one_of(const char *text, const char *const *words) {
    for (; *words; words++)
        if (!strcasecmp(text, *words)) return true;
    return false;
}

bool gal_is_missing(const char *text) {
    static const char *const words[] = {"", "nan", "na", "n/a", "null", NULL};
    return is_one_of(text, words);
}

bool gal_means_negative(const char *label) {
    return is_one_of(label, no);
}

int gal_positive_label(const char *const *label, int n, const char *wanted, const char *column) {
    for (int i = 0; i < n; i++)
        if (wanted && !strcmp(label[i], wanted)) return i;
    if (wanted) return -1;
    for (int i = 0; i < n; i++)
        if (column && !strcasecmp(label[i], column)) return i;
    for (int i = 0; i < n; i++) {
        bool others = n == 1 || !is_one_of(label[1 - i], yes);
        if (is_one_of(label[i], yes) && others) return i;
    }
    for (int i = 0; i < n && n == 2; i++)
        if (is_one_of(label[1 - i], no) && !is_one_of(label[i], no)) return i;
    return -1;
}

galen_status gal_case_set_to_binary(gal_case_set *cases, int positive, galen_error *err) {
    cases->positive = gal_arena_alloc(&cases->arena, cases->count, sizeof *cases->positive);
    if (!cases->positive) return gal_fail_memory(err, "a list of cases", cases->count);
    for (size_t k = 0; k < cases->count; k++) {
        const double *pair = cases->score + 2 * k;
        /* softmax of two logits is the sigmoid of their difference */
        cases->score[k] = cases->logits ? pair[positive] - pair[1 - positive] : pair[positive];
        cases->positive[k] = cases->label[k] == (uint32_t)positive;
    }
    const char *yes_name = cases->class_name[positive];
    cases->negative = cases->class_name[1 - positive];
    cases->class_name[0] = yes_name;
    cases->kind = GAL_CASE_BINARY;
    cases->classes = 1;
    cases->label = NULL;
    return GALEN_OK;
}
