/* Who the DICOM pictures of a data set are of, and what groups them. */
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "data/dataset_build.h"
#include "dicom/identity.h"

#include <galen/dicom.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* JPEG and PNG by name are not opened: a folder may hold a million. */
static bool may_be_dicom(const char *path) {
    static const char *const others[] = {".jpg", ".jpeg", ".png"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof others / sizeof *others; i++)
        if (!strcasecmp(dot, others[i])) return false;
    return true;
}

static galen_status read_header(const char *path, gal_dicom_identity *out, bool *dicom, galen_error *err) {
    gal_file file;
    GAL_TRY(gal_file_map(path, (size_t)galen_image_default_limits().max_file_bytes, &file, err));
    *dicom = galen_dicom_probe(file.data, file.size);
    galen_status status = *dicom ? gal_dicom_identify(file.data, file.size, out, err) : GALEN_OK;
    gal_file_unmap(&file);
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}

/* A patient and a study whose texts are the same are two. */
static galen_status number_of(gal_texts *known, const gal_dicom_identity *who, size_t *number, galen_error *err) {
    char key[sizeof who->patient + 1];
    const char *text = who->patient[0] ? who->patient : who->study;
    int n = snprintf(key, sizeof key, "%c%s", text == who->patient ? 'p' : 's', text);
    return gal_texts_add(known, key, (size_t)n, number, NULL, err);
}

static galen_status set_group(gal_dataset_build *build, gal_texts *known, const gal_dicom_identity *who,
                              gal_sample *sample, galen_error *err) {
    size_t number = 0;
    if (!who->patient[0] && !who->study[0]) {
        build->set->dicom.unknown++;
        return GALEN_OK;
    }
    GAL_TRY(number_of(known, who, &number, err));
    sample->group = gal_arena_printf(&build->set->arena, "patient %zu", number + 1);
    return sample->group ? GALEN_OK : gal_fail_memory(err, "groups", 32);
}

/* ---- attributes ---- */

enum { TAGS = 6 };

static const char *const tag_name[TAGS] = {"sex", "age", "site", "scanner", "body_part", "view"};

/* Three digits. */
static int number(const char *text) {
    return 100 * (text[0] - '0') + 10 * (text[1] - '0') + text[2] - '0';
}

/* "045Y" is 45, months, weeks and days are years begun at 0; anything else says nothing. */
static void years(const char *age, char out[8]) {
    size_t digits = strspn(age, "0123456789");
    char unit = age[digits];
    out[0] = 0;
    if (digits == 3 && unit == 'Y') (void)snprintf(out, 8, "%d", number(age));
    if (digits == 3 && (unit == 'M' || unit == 'W' || unit == 'D'))
        (void)snprintf(out, 8, "%d", number(age) / (unit == 'M' ? 12 : unit == 'W' ? 52 : 365));
}

/* The texts of one header, each kept once, as UTF-8 whatever the file's own character set. */
static galen_status keep_tags(gal_texts *kept, const gal_dicom_identity *who, const char *out[TAGS], galen_error *err) {
    char scanner[sizeof who->manufacturer + sizeof who->scanner], age[8], clean[256];
    years(who->age, age);
    (void)snprintf(scanner, sizeof scanner, "%s%s%s", who->manufacturer,
                   who->manufacturer[0] && who->scanner[0] ? " " : "", who->scanner);
    const char *const text[TAGS] = {who->sex, age, who->institution, scanner, who->body_part, who->view};
    for (int t = 0; t < TAGS; t++) {
        size_t index;
        gal_utf8_clean(text[t], clean, sizeof clean);
        GAL_TRY(gal_texts_add(kept, clean, strlen(clean), &index, NULL, err));
        out[t] = kept->name[index];
    }
    return GALEN_OK;
}

static bool has_attribute(const gal_dataset *set, const char *name) {
    for (int a = 0; a < set->attributes; a++)
        if (!strcasecmp(set->attribute_name[a], name)) return true;
    return false;
}

/* Puts the columns of `tag`, [count][TAGS], behind those that are there. */
static galen_status append_attributes(gal_dataset *set, gal_sample *sample, const char *const *tag, galen_error *err) {
    int old = set->attributes, fresh[TAGS], added = 0;
    for (int t = 0; t < TAGS; t++)
        if (!has_attribute(set, tag_name[t])) fresh[added++] = t;
    size_t n = (size_t)(old + added);
    const char **name = gal_arena_alloc(&set->arena, n, sizeof *name);
    const char **value = gal_arena_alloc(&set->arena, set->count, n * sizeof *value);
    if (!name || !value) return gal_fail_memory(err, "attributes", set->count * n * sizeof *value);
    for (int a = 0; a < old + added; a++) name[a] = a < old ? set->attribute_name[a] : tag_name[fresh[a - old]];
    for (size_t i = 0; i < set->count; i++, value += n) {
        for (int a = 0; a < old + added; a++)
            value[a] = a < old ? sample[i].attribute[a] : tag[i * TAGS + (size_t)fresh[a - old]];
        sample[i].attribute = value;
    }
    set->attribute_name = name;
    set->attributes = old + added;
    return GALEN_OK;
}

/* ---- headers ---- */

typedef struct headers {
    gal_texts patients, values;
    const char **tag; /* [count][TAGS] */
} headers;

static galen_status ask_one(gal_dataset_build *build, headers *h, size_t i, galen_error *err) {
    gal_sample *sample = (gal_sample *)(void *)build->sample.data + i;
    gal_dicom_counts *counts = &build->set->dicom;
    gal_dicom_identity who;
    bool dicom = false;
    if (!sample->path || !may_be_dicom(sample->path)) return GALEN_OK;
    galen_status status = read_header(sample->path, &who, &dicom, err);
    if (status != GALEN_OK) return build->options.keep_unreadable && status != GALEN_ERR_MEMORY ? GALEN_OK : status;
    if (!dicom) return GALEN_OK;
    counts->files++;
    counts->several += who.frames > 1;
    if (!build->own_groups && !build->options.group_rule) GAL_TRY(set_group(build, &h->patients, &who, sample, err));
    return keep_tags(&h->values, &who, h->tag + i * TAGS, err);
}

static galen_status ask(gal_dataset_build *build, headers *h, galen_error *err) {
    gal_dataset *set = build->set;
    h->tag = gal_calloc(set->count, TAGS * sizeof *h->tag);
    if (!h->tag) return gal_fail_memory(err, "attributes", set->count * TAGS * sizeof *h->tag);
    for (size_t i = 0; i < set->count * TAGS; i++) h->tag[i] = "";
    for (size_t i = 0; i < set->count; i++) GAL_TRY(ask_one(build, h, i, err));
    set->dicom.patients = h->patients.count;
    if (set->dicom.files == 0) return GALEN_OK;
    return append_attributes(set, (gal_sample *)(void *)build->sample.data, h->tag, err);
}

galen_status gal_dataset_ask_headers(gal_dataset_build *build, galen_error *err) {
    headers h = {.tag = NULL};
    gal_arena names; /* of patients: they do not outlive this function */
    gal_arena_init(&names, PTRDIFF_MAX);
    gal_texts_init(&h.patients, &names);
    gal_texts_init(&h.values, &build->set->arena);
    galen_status status = ask(build, &h, err);
    gal_free(h.tag);
    gal_texts_free(&h.values);
    gal_texts_free(&h.patients);
    gal_arena_free(&names);
    return status;
}
