/* Case sets to and from JSON. Written by hand: a million cases as a tree would be a gigabyte. */
#include "clinic/cases/cases_json.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

void gal_json_put_number(gal_buf *out, double value) {
    char text[32];
    int n = 0;
    if (!isfinite(value)) {
        gal_buf_put(out, "null", 4);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(text, sizeof text, "%.*g", digits, value);
        if (digits == 17 || strtod(text, NULL) == value) break;
    }
    gal_buf_put(out, text, (size_t)n);
}

void gal_json_put_text(gal_buf *out, const char *text) {
    gal_buf_put(out, "\"", 1);
    while (*text) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\') plain++;
        gal_buf_put(out, text, plain);
        text += plain;
        if (*text == '"' || *text == '\\')
            gal_buf_put(out, (const char[]){'\\', *text}, 2);
        else if (*text)
            gal_buf_printf(out, "\\u%04x", (unsigned)*text);
        text += *text != 0;
    }
    gal_buf_put(out, "\"", 1);
}

static void put_text_or_null(gal_buf *out, const char *text) {
    if (text)
        gal_json_put_text(out, text);
    else
        gal_buf_put(out, "null", 4);
}

static void put_texts(gal_buf *out, const char *key, const char *const *text, size_t n) {
    gal_buf_printf(out, ",\n\"%s\":", key);
    for (size_t k = 0; text && k < n; k++) {
        gal_buf_put(out, k ? "," : "[", 1);
        put_text_or_null(out, text[k]);
    }
    gal_buf_text(out, text ? n ? "]" : "[]" : "null");
}

/* Whole numbers from -1 to 2^32 - 2; UINT32_MAX is -1. */
static void put_index(gal_buf *out, size_t k, uint32_t value) {
    char digits[12];
    size_t at = sizeof digits;
    if (value == UINT32_MAX) {
        gal_buf_put(out, k ? ",-1" : "[-1", 3);
        return;
    }
    do digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    digits[--at] = k ? ',' : '[';
    gal_buf_put(out, digits + at, sizeof digits - at);
}

static void put_indices(gal_buf *out, const char *key, const uint32_t *value, size_t n) {
    gal_buf_printf(out, ",\n\"%s\":", key);
    for (size_t k = 0; value && k < n; k++) put_index(out, k, value[k]);
    gal_buf_text(out, value ? "]" : "null");
}

static void put_attributes(const gal_case_set *cases, gal_buf *out) {
    gal_buf_text(out, ",\n\"attributes\":[");
    for (int a = 0; a < cases->attributes; a++) {
        const gal_attribute *of = &cases->attribute[a];
        gal_buf_text(out, a ? ",\n{\"name\":" : "\n{\"name\":");
        gal_json_put_text(out, of->name);
        put_texts(out, "levels", of->level, of->levels);
        put_indices(out, "of", of->of, cases->count);
        gal_buf_text(out, "}");
    }
    gal_buf_text(out, "]");
}

void gal_case_set_write(const gal_case_set *cases, gal_buf *out) {
    size_t classes = (size_t)cases->classes, cells = cases->count * classes;
    gal_buf_printf(out, "{\"kind\":\"%s\",\"count\":%zu", gal_case_kind_name(cases->kind), cases->count);
    put_texts(out, "classes", cases->class_name, classes);
    gal_buf_text(out, ",\n\"negative\":");
    put_text_or_null(out, cases->negative);
    gal_buf_text(out, cases->logits ? ",\n\"logits\":true" : ",\n\"logits\":false");
    put_texts(out, "ids", cases->id, cases->count);
    put_texts(out, "paths", cases->path, cases->count);
    if (cases->label) put_indices(out, "labels", cases->label, cases->count);
    if (!cases->label) gal_buf_text(out, ",\n\"labels\":");
    for (size_t k = 0; !cases->label && k < cells; k++) put_index(out, k, cases->positive[k]);
    gal_buf_text(out, cases->label ? ",\n\"scores\":[" : "],\n\"scores\":[");
    for (size_t k = 0; k < cells; k++) {
        if (k) gal_buf_put(out, ",", 1);
        gal_json_put_number(out, cases->score[k]);
    }
    gal_buf_text(out, "]");
    put_indices(out, "patients", cases->patient, cases->count);
    put_attributes(cases, out);
    gal_buf_text(out, "}");
}

/* ---- reading ---- */

static galen_status bad(galen_error *err, const char *key, const char *wanted) {
    return gal_fail(err, GALEN_ERR_FORMAT, "cases: %s must be %s: the file is damaged or another program's", key,
                    wanted);
}

static galen_status array_of(const json_t *json, const char *key, size_t n, const json_t **out, galen_error *err) {
    *out = json_object_get(json, key);
    if (json_is_array(*out) && json_array_size(*out) == n) return GALEN_OK;
    return bad(err, key, "an array of one entry for each case");
}

static galen_status keep(gal_case_set *set, const json_t *text, const char **out, galen_error *err) {
    *out = gal_arena_text(&set->arena, json_string_value(text), json_string_length(text));
    return *out ? GALEN_OK : gal_fail_memory(err, "a name", json_string_length(text));
}

static galen_status read_names(const json_t *json, gal_case_set *set, galen_error *err) {
    const json_t *names = json_object_get(json, "classes"), *negative = json_object_get(json, "negative"), *id, *path;
    for (int c = 0; c < set->classes; c++) {
        const json_t *name = json_array_get(names, (size_t)c);
        if (!json_is_string(name) && !json_is_null(name)) return bad(err, "classes", "names");
        if (json_is_string(name)) GAL_TRY(keep(set, name, &set->class_name[c], err));
    }
    if (json_is_string(negative)) GAL_TRY(keep(set, negative, &set->negative, err));
    GAL_TRY(array_of(json, "ids", set->count, &id, err));
    path = json_object_get(json, "paths");
    if (!json_is_null(path)) {
        GAL_TRY(array_of(json, "paths", set->count, &path, err));
        set->path = gal_arena_alloc(&set->arena, set->count, sizeof *set->path);
        if (!set->path) return gal_fail_memory(err, "paths", set->count);
    }
    for (size_t k = 0; k < set->count; k++) {
        const json_t *text = json_array_get(id, k), *where = set->path ? json_array_get(path, k) : NULL;
        if (!json_is_string(text)) return bad(err, "ids", "texts");
        GAL_TRY(keep(set, text, &set->id[k], err));
        if (where && !json_is_string(where) && !json_is_null(where)) return bad(err, "paths", "texts");
        if (json_is_string(where)) GAL_TRY(keep(set, where, &set->path[k], err));
    }
    return GALEN_OK;
}

static galen_status read_numbers(const json_t *json, gal_case_set *set, galen_error *err) {
    size_t cells = set->count * (size_t)set->classes;
    const json_t *label, *score, *patient = json_object_get(json, "patients");
    GAL_TRY(array_of(json, "labels", set->label ? set->count : cells, &label, err));
    GAL_TRY(array_of(json, "scores", cells, &score, err));
    for (size_t k = 0; k < json_array_size(label); k++) {
        const json_t *value = json_array_get(label, k);
        json_int_t limit = set->label ? set->classes : 2, number = json_integer_value(value);
        if (!json_is_integer(value) || number < 0 || number >= limit) return bad(err, "labels", "indices of classes");
        if (set->label)
            set->label[k] = (uint32_t)number;
        else
            set->positive[k] = number == 1;
    }
    for (size_t k = 0; k < cells; k++) {
        const json_t *value = json_array_get(score, k);
        if (!json_is_number(value)) return bad(err, "scores", "numbers");
        set->score[k] = json_number_value(value);
    }
    if (json_is_null(patient)) return GALEN_OK;
    GAL_TRY(array_of(json, "patients", set->count, &patient, err));
    set->patient = gal_arena_alloc(&set->arena, set->count, sizeof *set->patient);
    if (!set->patient) return gal_fail_memory(err, "patients", set->count);
    for (size_t k = 0; k < set->count; k++) {
        const json_t *value = json_array_get(patient, k);
        json_int_t number = json_integer_value(value);
        /* numbered as they come, so each is at most one more than those before it */
        if (!json_is_integer(value) || number < 0 || number > (json_int_t)set->count)
            return bad(err, "patients", "numbers");
        set->patient[k] = (uint32_t)number;
        if ((size_t)number >= set->patients) set->patients = (size_t)number + 1;
    }
    return GALEN_OK;
}

static galen_status read_attribute(const json_t *json, gal_case_set *set, const char **value, galen_error *err) {
    const json_t *levels = json_object_get(json, "levels"), *of;
    const char *name = json_string_value(json_object_get(json, "name"));
    if (!name || !json_is_array(levels)) return bad(err, "attributes", "objects with name, levels and of");
    GAL_TRY(array_of(json, "of", set->count, &of, err));
    for (size_t k = 0; k < set->count; k++) {
        const json_t *at = json_array_get(of, k);
        json_int_t index = json_integer_value(at);
        if (!json_is_integer(at) || index < -1 || index >= (json_int_t)json_array_size(levels))
            return bad(err, "attributes", "indices of their levels");
        value[k] = index < 0 ? NULL : json_string_value(json_array_get(levels, (size_t)index));
        if (index >= 0 && !value[k]) return bad(err, "levels", "texts");
    }
    return gal_case_set_attribute(set, name, value, err);
}

static galen_status read_attributes(const json_t *json, gal_case_set *set, galen_error *err) {
    const json_t *list = json_object_get(json, "attributes");
    if (!json_is_array(list)) return bad(err, "attributes", "a list");
    const char **value = gal_calloc(set->count, sizeof *value);
    galen_status status = value ? GALEN_OK : gal_fail_memory(err, "attributes", set->count * sizeof *value);
    for (size_t a = 0; status == GALEN_OK && a < json_array_size(list); a++)
        status = read_attribute(json_array_get(list, a), set, value, err);
    gal_free(value);
    return status;
}

static galen_status kind_of(const json_t *json, gal_case_kind *out, galen_error *err) {
    const char *name = json_string_value(json_object_get(json, "kind"));
    for (gal_case_kind kind = GAL_CASE_BINARY; name && kind <= GAL_CASE_MULTILABEL; kind++) {
        *out = kind;
        if (!strcmp(gal_case_kind_name(kind), name)) return GALEN_OK;
    }
    return bad(err, "kind", "binary, multiclass or multilabel");
}

static galen_status parse(const json_t *json, gal_case_set *out, galen_error *err) {
    gal_case_kind kind = GAL_CASE_BINARY;
    GAL_TRY(kind_of(json, &kind, err));
    /* counted by what is there: a number alone could ask for any amount of memory */
    size_t classes = json_array_size(json_object_get(json, "classes")),
           count = json_array_size(json_object_get(json, "ids"));
    if (classes > GAL_CASE_CLASSES_MAX || (kind == GAL_CASE_BINARY && classes != 1))
        return bad(err, "classes", "a list");
    if (count == 0 || json_integer_value(json_object_get(json, "count")) != (json_int_t)count)
        return bad(err, "count", "how many ids there are");
    if (json_array_size(json_object_get(json, "scores")) != count * classes) return bad(err, "scores", "complete");
    GAL_TRY(gal_case_set_make(kind, count, (int)classes, out, err));
    out->logits = json_is_true(json_object_get(json, "logits"));
    GAL_TRY(read_names(json, out, err));
    GAL_TRY(read_numbers(json, out, err));
    GAL_TRY(read_attributes(json, out, err));
    return gal_case_set_finish(out, NULL, err);
}

galen_status gal_case_set_parse(const json_t *json, gal_case_set *out, galen_error *err) {
    *out = (gal_case_set){.count = 0};
    galen_status status = parse(json, out, err);
    if (status != GALEN_OK) gal_case_set_free(out);
    return status;
}
