/* Builds data sets: names are numbered as they come and put in order at the end. */
#include "data/dataset_build.h"

#include "base/error.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SAMPLES = 16 << 20 };

static galen_status no_memory(galen_error *err) {
    return gal_fail_memory(err, "a data set", sizeof(gal_sample));
}

/* "_1,-3": separator, digit; comma. */
static bool rule_is_sound(const char *rule) {
    for (; ispunct((unsigned char)rule[0]) && rule[0] != ',' && rule[1] >= '1' && rule[1] <= '9'; rule += 3)
        if (rule[2] != ',') return rule[2] == 0;
    return false;
}

galen_status gal_dataset_begin(gal_dataset_build *build, const gal_dataset_options *options, galen_error *err) {
    memset(build, 0, sizeof *build);
    if (options) build->options = *options;
    if (build->options.max_samples == 0) build->options.max_samples = MAX_SAMPLES;
    gal_buf_init(&build->sample, PTRDIFF_MAX);
    const char *rule = build->options.group_rule;
    if (rule && !rule_is_sound(rule))
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "the group rule '%.40s' is none: write a separator and how many of them, such as _1 or _1,-2",
                        rule);
    if (build->options.classes > GAL_MAX_CLASSES)
        return gal_fail(err, GALEN_ERR_LIMIT, "%d classes are named; %d are possible", build->options.classes,
                        GAL_MAX_CLASSES);
    build->set = gal_calloc(1, sizeof *build->set);
    if (!build->set) return no_memory(err);
    gal_arena_init(&build->set->arena, PTRDIFF_MAX);
    gal_texts_init(&build->ids, &build->set->arena);
    gal_texts_init(&build->classes, &build->set->arena);
    for (int c = 0; c < build->options.classes; c++) {
        const char *name = build->options.class_names[c];
        size_t index;
        bool fresh = false;
        GAL_TRY(gal_texts_add(&build->classes, name, strlen(name), &index, &fresh, err));
        if (!fresh)
            return gal_fail(err, GALEN_ERR_ARGUMENT, "the class '%.100s' is named twice: names must differ", name);
    }
    return GALEN_OK;
}

/* A number of up to 9 digits, or -1. */
static int32_t number(const char *text, size_t n) {
    int32_t value = 0;
    if (n == 0 || n > 9) return -1;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = 10 * value + (text[i] - '0');
    }
    return value;
}

static galen_status given_class(const gal_dataset_build *build, const char *name, size_t n, int32_t *label,
                                galen_error *err) {
    for (int c = 0; c < build->options.classes; c++)
        if (!strncmp(build->options.class_names[c], name, n) && build->options.class_names[c][n] == 0) {
            *label = c;
            return GALEN_OK;
        }
    *label = number(name, n);
    if (*label >= 0 && *label < build->options.classes) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT, "'%.*s' is none of the %d classes ('%.60s', ...) nor a number below that",
                    (int)(n < 100 ? n : 100), name, build->options.classes, build->options.class_names[0]);
}

galen_status gal_dataset_class(gal_dataset_build *build, const char *name, size_t n, int32_t *label, galen_error *err) {
    if (build->options.classes > 0) return given_class(build, name, n, label, err);
    size_t index;
    GAL_TRY(gal_texts_add(&build->classes, name, n, &index, NULL, err));
    if (index >= GAL_MAX_CLASSES)
        return gal_fail(err, GALEN_ERR_LIMIT,
                        "'%.*s' would be class %d: that many are hardly classes; check which texts are the labels",
                        (int)(n < 100 ? n : 100), name, GAL_MAX_CLASSES + 1);
    *label = (int32_t)index;
    return GALEN_OK;
}

static int by_value(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static galen_status copy_labels(gal_dataset_build *build, gal_sample *sample, galen_error *err) {
    int32_t *label = gal_arena_alloc(&build->set->arena, (size_t)sample->labels, sizeof *label);
    if (!label) return no_memory(err);
    if (sample->labels > 0) {
        memcpy(label, sample->label, (size_t)sample->labels * sizeof *label);
        qsort(label, (size_t)sample->labels, sizeof *label, by_value);
    }
    int kept = 0;
    for (int i = 0; i < sample->labels; i++)
        if (kept == 0 || label[kept - 1] != label[i]) label[kept++] = label[i];
    sample->labels = kept;
    sample->label = label;
    return GALEN_OK;
}

/* How much of a file's name is the group by the rules. */
static size_t group_length(const char *name, const char *rules) {
    for (const char *rule = rules;; rule += 3) {
        int left = rule[1] - '0';
        for (const char *at = name; *at; at++)
            if (*at == *rule && --left == 0 && at > name) return (size_t)(at - name);
        if (rule[2] == 0) break;
    }
    const char *dot = strrchr(name, '.');
    return dot && dot > name ? (size_t)(dot - name) : strlen(name);
}

static galen_status copy_group(gal_dataset_build *build, gal_sample *sample, galen_error *err) {
    const char *group = sample->group;
    size_t n = group ? strlen(group) : 0;
    if (!group && sample->path && build->options.group_rule) {
        const char *slash = strrchr(sample->path, '/');
        group = slash ? slash + 1 : sample->path;
        n = group_length(group, build->options.group_rule);
    }
    if (!group) return GALEN_OK;
    sample->group = gal_arena_text(&build->set->arena, group, n);
    return sample->group ? GALEN_OK : no_memory(err);
}

galen_status gal_dataset_add(gal_dataset_build *build, const gal_sample *sample, galen_error *err) {
    gal_sample copy = *sample;
    size_t index;
    bool fresh = false;
    if (build->set->count == build->options.max_samples)
        return gal_fail(err, GALEN_ERR_LIMIT, "more than %zu pictures: use fewer", build->options.max_samples);
    GAL_TRY(gal_texts_add(&build->ids, sample->id, strlen(sample->id), &index, &fresh, err));
    if (!fresh)
        return gal_fail(err, GALEN_ERR_FORMAT, "'%.200s' is named twice: every picture must occur once", sample->id);
    copy.id = build->ids.name[index];
    if (sample->path) {
        copy.path = gal_arena_text(&build->set->arena, sample->path, strlen(sample->path));
        if (!copy.path) return no_memory(err);
    }
    GAL_TRY(copy_group(build, &copy, err));
    GAL_TRY(copy_labels(build, &copy, err));
    gal_buf_put(&build->sample, &copy, sizeof copy);
    if (build->sample.failed) return no_memory(err);
    build->set->count++;
    return GALEN_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_number(const void *a, const void *b) {
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    int32_t nx = number(x, strlen(x)), ny = number(y, strlen(y));
    return nx != ny ? (nx > ny) - (nx < ny) : strcmp(x, y); /* "1" and "01" are two names */
}

/* Sorts the names; place[i] becomes where the i-th in order of appearance went. */
static galen_status order_classes(gal_dataset_build *build, int32_t *place, galen_error *err) {
    size_t n = build->classes.count;
    bool numbers = true;
    const char **name = gal_arena_alloc(&build->set->arena, n, sizeof *name);
    if (!name) return no_memory(err);
    if (n > 0) memcpy(name, build->classes.name, n * sizeof *name);
    for (size_t i = 0; i < n; i++) numbers = numbers && number(name[i], strlen(name[i])) >= 0;
    if (build->options.classes == 0 && n > 0) qsort(name, n, sizeof *name, numbers ? by_number : by_name);
    for (size_t i = 0; i < n; i++) { /* names are kept once, so that their addresses tell them apart */
        size_t index;
        GAL_TRY(gal_texts_add(&build->classes, name[i], strlen(name[i]), &index, NULL, err));
        place[index] = (int32_t)i;
    }
    build->set->class_name = name;
    build->set->classes = (int)n;
    return GALEN_OK;
}

static void renumber(gal_sample *sample, const int32_t *place) {
    int32_t *label = (int32_t *)(uintptr_t)sample->label; /* copy_labels made them */
    for (int i = 0; i < sample->labels; i++) label[i] = place[label[i]];
    qsort(label, (size_t)sample->labels, sizeof *label, by_value);
}

/* Ids are unique: there is one order. */
static int by_split_and_id(const void *a, const void *b) {
    const gal_sample *x = a, *y = b;
    return x->split != y->split ? (x->split > y->split) - (x->split < y->split) : strcmp(x->id, y->id);
}

static galen_status finish(gal_dataset_build *build, bool sorted, galen_error *err) {
    int32_t place[GAL_MAX_CLASSES];
    gal_dataset *set = build->set;
    if (set->count == 0) return gal_fail(err, GALEN_ERR_FORMAT, "holds no pictures: name a data set that does");
    GAL_TRY(order_classes(build, place, err));
    set->sample = (gal_sample *)(void *)build->sample.data;
    build->sample.data = NULL;
    for (size_t i = 0; i < set->count; i++) renumber(&set->sample[i], place);
    if (sorted) qsort(set->sample, set->count, sizeof *set->sample, by_split_and_id);
    return GALEN_OK;
}

galen_status gal_dataset_end(gal_dataset_build *build, galen_status status, bool sorted, gal_dataset **out,
                             galen_error *err) {
    if (status == GALEN_OK) status = finish(build, sorted, err);
    gal_buf_free(&build->sample);
    gal_texts_free(&build->ids);
    gal_texts_free(&build->classes);
    *out = status == GALEN_OK ? build->set : NULL;
    if (status != GALEN_OK) gal_dataset_free(build->set);
    build->set = NULL;
    return status;
}
