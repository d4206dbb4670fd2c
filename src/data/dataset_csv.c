/* Data sets that are tables. */
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "data/csv.h"
#include "data/dataset_build.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { MAX_CELL_LABELS = 256 };

typedef enum role { ATTRIBUTE, PATH, ID, LABEL, GROUP, SPLIT, ONE_HOT, ROLES } role;

static const char *const column_names[ROLES][8] = {
    [PATH] = {"path", "file", "filename", "image", "image_path", "image_index"},
    [ID] = {"id"},
    [LABEL] = {"label", "labels", "class", "target", "finding_labels", "finding labels"},
    [GROUP] = {"group", "patient", "patient_id", "patientid", "patient id", "subject"},
    [SPLIT] = {"split", "set", "fold"},
};

typedef struct table {
    gal_csv csv;
    const char *folder; /* NULL: pictures are not looked for */
    role *role;         /* of each column */
    int32_t *class_of;  /* of each ONE_HOT column */
    int at[ROLES];      /* the column of each role that one column has, or -1 */
    bool several;       /* some label cell names several classes */
} table;

/* 0 or 1, also as "0.0" and "1.0"; else -1. */
static int bit(const char *cell) {
    if ((cell[0] != '0' && cell[0] != '1') || (cell[1] && strcmp(cell + 1, ".0"))) return -1;
    return cell[0] - '0';
}

static bool all_bits(const gal_csv *csv, int column) {
    for (size_t r = 0; r < csv->rows; r++)
        if (bit(gal_csv_cell(csv, r, column)) < 0) return false;
    return true;
}

static bool is_given(const gal_dataset_build *build, const char *name) {
    for (int c = 0; c < build->options.classes; c++)
        if (!strcmp(build->options.class_names[c], name)) return true;
    return build->options.classes == 0;
}

static galen_status one_hot_column(table *t, gal_dataset_build *build, int column, const char *name, galen_error *err) {
    t->role[column] = ONE_HOT;
    t->at[ONE_HOT] = column;
    return gal_dataset_class(build, name, strlen(name), &t->class_of[column], err);
}

static galen_status find_one_hot(table *t, gal_dataset_build *build, galen_error *err) {
    static const char prefix[] = "label:";
    for (int c = 0; c < t->csv.columns; c++) {
        const char *header = gal_csv_header(&t->csv, c);
        if (t->role[c] == ATTRIBUTE && !strncasecmp(header, prefix, sizeof prefix - 1))
            GAL_TRY(one_hot_column(t, build, c, header + sizeof prefix - 1, err));
    }
    if (t->at[ONE_HOT] >= 0 && t->at[LABEL] >= 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "there is a column '%s' and a column '%s': only one kind can be used",
                        gal_csv_header(&t->csv, t->at[LABEL]), gal_csv_header(&t->csv, t->at[ONE_HOT]));
    if (t->at[ONE_HOT] >= 0 || t->at[LABEL] >= 0) return GALEN_OK;
    for (int c = 0; c < t->csv.columns; c++)
        if (t->role[c] == ATTRIBUTE && is_given(build, gal_csv_header(&t->csv, c)) && all_bits(&t->csv, c))
            GAL_TRY(one_hot_column(t, build, c, gal_csv_header(&t->csv, c), err));
    if (t->at[ONE_HOT] >= 0) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT,
                    "there is no column of labels: call it 'label', or name a column of 0 and 1 "
                    "after each class");
}

static galen_status find_columns(table *t, gal_dataset_build *build, galen_error *err) {
    t->role = gal_calloc((size_t)t->csv.columns, sizeof *t->role);
    t->class_of = gal_calloc((size_t)t->csv.columns, sizeof *t->class_of);
    if (!t->role || !t->class_of) return gal_fail_memory(err, "a table", (size_t)t->csv.columns * sizeof *t->role);
    for (int k = 0; k < ROLES; k++) {
        t->at[k] = k == ATTRIBUTE || k == ONE_HOT ? -1 : gal_csv_column(&t->csv, column_names[k]);
        if (t->at[k] >= 0) t->role[t->at[k]] = (role)k;
    }
    if (t->at[PATH] < 0) return gal_fail(err, GALEN_ERR_FORMAT, "there is no column of pictures: call it 'path'");
    return find_one_hot(t, build, err);
}

static galen_status keep_attribute_names(const table *t, gal_dataset *set, galen_error *err) {
    for (int c = 0; c < t->csv.columns; c++) set->attributes += t->role[c] == ATTRIBUTE;
    set->attribute_name = gal_arena_alloc(&set->arena, (size_t)set->attributes, sizeof *set->attribute_name);
    if (!set->attribute_name) return gal_fail_memory(err, "a table", 0);
    for (int c = 0, a = 0; c < t->csv.columns; c++) {
        if (t->role[c] != ATTRIBUTE) continue;
        const char *name = gal_csv_header(&t->csv, c);
        char *copy = gal_arena_text(&set->arena, name, strlen(name));
        if (!copy) return gal_fail_memory(err, "a table", strlen(name));
        set->attribute_name[a++] = copy;
    }
    return GALEN_OK;
}

static galen_status attributes_of(const table *t, size_t row, gal_dataset *set, gal_sample *out, galen_error *err) {
    if (set->attributes == 0) return GALEN_OK;
    const char **value = gal_arena_alloc(&set->arena, (size_t)set->attributes, sizeof *value);
    if (!value) return gal_fail_memory(err, "a table", 0);
    for (int c = 0, a = 0; c < t->csv.columns; c++) {
        if (t->role[c] != ATTRIBUTE) continue;
        const char *cell = gal_csv_cell(&t->csv, row, c);
        value[a] = gal_arena_text(&set->arena, cell, strlen(cell));
        if (!value[a++]) return gal_fail_memory(err, "a table", strlen(cell));
    }
    out->attribute = value;
    return GALEN_OK;
}

static bool means_none(const char *text, size_t n) {
    static const char *const words[] = {"", "none", "no finding"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == n && !strncasecmp(words[i], text, n)) return true;
    return false;
}

/* The classes that a cell names, separated by ; or |. */
static galen_status cell_labels(const table *t, const char *cell, gal_dataset_build *build, int32_t *label, int *count,
                                galen_error *err) {
    *count = 0;
    if (!t->several) {
        if (!*cell) return gal_fail(err, GALEN_ERR_FORMAT, "has no label: name its class or leave the row out");
        *count = 1;
        return gal_dataset_class(build, cell, strlen(cell), label, err);
    }
    for (const char *at = cell;; at++) {
        while (*at == ' ') at++;
        size_t n = strcspn(at, ";|"), end = n;
        while (end > 0 && at[end - 1] == ' ') end--;
        if (!means_none(at, end)) {
            if (*count == MAX_CELL_LABELS)
                return gal_fail(err, GALEN_ERR_LIMIT, "has more than %d labels", MAX_CELL_LABELS);
            GAL_TRY(gal_dataset_class(build, at, end, &label[(*count)++], err));
        }
        at += n;
        if (!*at) return GALEN_OK;
    }
}

static galen_status one_hot_labels(const table *t, size_t row, int32_t *label, int *count, galen_error *err) {
    *count = 0;
    for (int c = 0; c < t->csv.columns; c++) {
        if (t->role[c] != ONE_HOT) continue;
        int value = bit(gal_csv_cell(&t->csv, row, c));
        if (value < 0)
            return gal_fail(err, GALEN_ERR_FORMAT, "has '%.60s' for '%.60s': 0 or 1 is needed",
                            gal_csv_cell(&t->csv, row, c), gal_csv_header(&t->csv, c));
        if (value) label[(*count)++] = t->class_of[c];
    }
    return GALEN_OK;
}

static galen_status split_of(const table *t, size_t row, gal_split *out, galen_error *err) {
    const char *cell = t->at[SPLIT] >= 0 ? gal_csv_cell(&t->csv, row, t->at[SPLIT]) : "";
    if (!*cell || gal_split_parse(cell, out)) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT, "belongs to '%.60s': train, val, test or nothing is needed", cell);
}

/* The file a cell means; *made, to be freed, when it had to be put together. */
static galen_status find_picture(const table *t, const char *cell, bool keep, gal_buf *made, const char **out,
                                 galen_error *err) {
    struct stat st;
    *out = cell;
    if (!*cell) return gal_fail(err, GALEN_ERR_FORMAT, "names no picture");
    if (!t->folder) return GALEN_OK;
    made->size = 0;
    if (*cell != '/' && *t->folder) gal_buf_printf(made, "%s/", t->folder);
    gal_buf_text(made, cell);
    if (made->failed) return gal_fail_memory(err, "a path", strlen(cell));
    *out = (const char *)made->data;
    if (keep || (stat(*out, &st) == 0 && S_ISREG(st.st_mode))) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_IO, "names the picture '%.300s', which is not there: check the path", *out);
}

static galen_status add_row(const table *t, size_t row, gal_dataset_build *build, gal_buf *path, galen_error *err) {
    int32_t label[GAL_MAX_CLASSES];
    const char *cell = gal_csv_cell(&t->csv, row, t->at[PATH]);
    gal_sample sample = {.id = t->at[ID] >= 0 ? gal_csv_cell(&t->csv, row, t->at[ID]) : cell,
                         .label = label,
                         .row = gal_csv_number(&t->csv, row)};
    const char *group = t->at[GROUP] >= 0 ? gal_csv_cell(&t->csv, row, t->at[GROUP]) : "";
    if (*group) sample.group = group;
    GAL_TRY(find_picture(t, cell, build->options.keep_unreadable, path, &sample.path, err));
    GAL_TRY(split_of(t, row, &sample.split, err));
    if (t->at[LABEL] >= 0)
        GAL_TRY(cell_labels(t, gal_csv_cell(&t->csv, row, t->at[LABEL]), build, label, &sample.labels, err));
    else
        GAL_TRY(one_hot_labels(t, row, label, &sample.labels, err));
    if (sample.labels != 1) build->set->multi_label = true;
    GAL_TRY(attributes_of(t, row, build->set, &sample, err));
    return gal_dataset_add(build, &sample, err);
}

static galen_status add_rows(table *t, gal_dataset_build *build, galen_error *err) {
    gal_buf path;
    galen_status status = GALEN_OK;
    for (size_t r = 0; t->at[LABEL] >= 0 && r < t->csv.rows; r++)
        t->several = t->several || strpbrk(gal_csv_cell(&t->csv, r, t->at[LABEL]), ";|");
    build->set->multi_label = t->several;
    gal_buf_init(&path, PTRDIFF_MAX);
    for (size_t r = 0; status == GALEN_OK && r < t->csv.rows; r++) {
        status = add_row(t, r, build, &path, err);
        char where[40];
        (void)snprintf(where, sizeof where, "row %zu", gal_csv_number(&t->csv, r));
        if (status != GALEN_OK) gal_fail_in(err, status, where);
    }
    gal_buf_free(&path);
    return status;
}

static galen_status parse(gal_dataset_build *build, const void *bytes, size_t size, const char *folder,
                          galen_error *err) {
    table t = {.folder = folder};
    GAL_TRY(gal_csv_read(bytes, size, NULL, &t.csv, err));
    galen_status status = find_columns(&t, build, err);
    if (status == GALEN_OK) status = keep_attribute_names(&t, build->set, err);
    if (status == GALEN_OK) status = add_rows(&t, build, err);
    build->own_groups = t.at[GROUP] >= 0;
    if (status == GALEN_OK && folder) status = gal_dataset_ask_headers(build, err);
    gal_free(t.role);
    gal_free(t.class_of);
    gal_csv_free(&t.csv);
    return status;
}

galen_status gal_dataset_parse_csv(const void *bytes, size_t size, const char *folder,
                                   const gal_dataset_options *options, gal_dataset **out, galen_error *err) {
    gal_dataset_build build;
    galen_status status = gal_dataset_begin(&build, options, err);
    if (status == GALEN_OK) status = parse(&build, bytes, size, folder, err);
    return gal_dataset_end(&build, status, false, out, err);
}

galen_status gal_dataset_read_csv(const char *path, const gal_dataset_options *options, gal_dataset **out,
                                  galen_error *err) {
    gal_file file;
    *out = NULL;
    GAL_TRY(gal_file_map(path, gal_csv_default_limits().max_bytes, &file, err));
    const char *slash = strrchr(path, '/');
    size_t n = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    gal_buf folder;
    gal_buf_init(&folder, PTRDIFF_MAX);
    gal_buf_put(&folder, path, n);
    galen_status status =
        folder.failed ? gal_fail_memory(err, "a path", n)
                      : gal_dataset_parse_csv(file.data, file.size, (const char *)folder.data, options, out, err);
    gal_buf_free(&folder);
    gal_file_unmap(&file);
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}
