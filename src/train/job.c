/* Settings of a training: one table says their names, types, places and defaults. */
#include "train/job.h"

#include "base/error.h"
#include "model/json.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const size_t TEXT_MAX = 1 << 20;

typedef enum kind { TEXT, WHOLE, REAL, SWITCH, BYTES, PARTS } kind;

typedef struct field {
    kind kind;
    size_t offset;
    double low, high;    /* of numbers */
    const char *initial; /* as text; NULL: not set */
} field;

static const gal_train_setting settings[] = {
    {"data", "PATH", "pictures with labels", NULL},
#define GAL_SETTING(name, kind, member, low, high, initial, metavar, choices, help) {name, metavar, help, choices},
#include "train/settings.def"
#undef GAL_SETTING
};

static const field fields[] = {
    {TEXT, offsetof(gal_train_job, data), 0, 0, NULL},
#define GAL_SETTING(name, kind, member, low, high, initial, metavar, choices, help)                                    \
    {kind, offsetof(gal_train_job, member), low, high, initial},
#include "train/settings.def"
#undef GAL_SETTING
};

enum { SETTINGS = sizeof settings / sizeof *settings };

const gal_train_setting *gal_train_job_settings(size_t *count) {
    *count = SETTINGS;
    return settings;
}

static bool is_choice(const char *choices, const char *text) {
    size_t length = strlen(text);
    for (const char *at = choices; *at != '\0';) {
        size_t n = strcspn(at, " ");
        if (n == length && memcmp(at, text, n) == 0) return true;
        at += n + (at[n] == ' ');
    }
    return false;
}

static galen_status set_text(gal_train_job *job, size_t i, const char *text, galen_error *err) {
    if (settings[i].choices != NULL && !is_choice(settings[i].choices, text))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%s '%.40s': use one of %s", settings[i].name, text,
                        settings[i].choices);
    const char *copy = gal_arena_text(&job->arena, text, strlen(text));
    if (copy == NULL) return gal_fail_memory(err, settings[i].name, strlen(text));
    *(const char **)((char *)job + fields[i].offset) = copy;
    return GALEN_OK;
}

static galen_status set_number(gal_train_job *job, size_t i, const char *text, galen_error *err) {
    const field *f = &fields[i];
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    bool whole = f->kind != REAL;
    if (end == text || *end != '\0' || errno != 0 || !(v >= f->low && v <= f->high) || (whole && v != floor(v)))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%s '%.40s': needs a %snumber from %g to %g", settings[i].name, text,
                        whole ? "whole " : "", f->low, f->high);
    if (whole)
        *(int64_t *)((char *)job + f->offset) = (int64_t)v;
    else
        *(double *)((char *)job + f->offset) = v;
    return GALEN_OK;
}

/* A number with K, M, G or T for powers of 1024 behind it. */
static galen_status set_bytes(gal_train_job *job, size_t i, const char *text, galen_error *err) {
    static const char units[] = "KMGT";
    char *end;
    double v = strtod(text, &end);
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
    bool good = end != text && (*end == '\0' || (unit != NULL && end[1] == '\0'));
    for (const char *at = units; good && unit != NULL && at <= unit; at++) v *= 1024;
    if (!good || !(v >= fields[i].low && v <= fields[i].high))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%s '%.40s': needs bytes, such as 2G or 500M", settings[i].name, text);
    *(int64_t *)((char *)job + fields[i].offset) = (int64_t)v;
    return GALEN_OK;
}

static galen_status set_parts(gal_train_job *job, size_t i, const char *text, galen_error *err) {
    int64_t *parts = (int64_t *)((char *)job + fields[i].offset);
    bool is_auto = strcmp(text, "auto") == 0, is_none = strcmp(text, "none") == 0;
    if (is_auto || is_none) {
        *parts = is_auto ? GAL_SEGMENTS_AUTO : 0;
        return GALEN_OK;
    }
    if (text[0] >= '0' && text[0] <= '9') return set_number(job, i, text, err);
    return gal_fail(err, GALEN_ERR_ARGUMENT, "%s '%.40s': use auto, none or a number", settings[i].name, text);
}

static galen_status set_at(gal_train_job *job, size_t i, const char *text, galen_error *err) {
    switch (fields[i].kind) {
    case TEXT: return set_text(job, i, text, err);
    case BYTES: return set_bytes(job, i, text, err);
    case PARTS: return set_parts(job, i, text, err);
    case WHOLE:
    case REAL: return set_number(job, i, text, err);
    case SWITCH: break;
    }
    bool on = strcmp(text, "on") == 0;
    if (!on && strcmp(text, "off") != 0)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%s '%.40s': use on or off", settings[i].name, text);
    *(bool *)((char *)job + fields[i].offset) = on;
    return GALEN_OK;
}

galen_status gal_train_job_set(gal_train_job *job, const char *name, const char *text, galen_error *err) {
    for (size_t i = 0; i < SETTINGS; i++)
        if (strcmp(settings[i].name, name) == 0) return set_at(job, i, text, err);
    return gal_fail(err, GALEN_ERR_ARGUMENT, "there is no setting '%.40s'", name);
}

/* Initial texts are literals of the table: they fit, and their memory outlives the job. */
void gal_train_job_init(gal_train_job *job) {
    *job = (gal_train_job){.data = NULL};
    gal_arena_init(&job->arena, TEXT_MAX);
    for (size_t i = 0; i < SETTINGS; i++) {
        if (fields[i].initial == NULL) continue;
        if (fields[i].kind == TEXT)
            *(const char **)((char *)job + fields[i].offset) = fields[i].initial;
        else
            set_at(job, i, fields[i].initial, NULL);
    }
}

void gal_train_job_free(gal_train_job *job) {
    gal_arena_free(&job->arena);
}

/* ---- config.json ---- */

static json_t *parts_of(int64_t parts) {
    return parts > 0 ? json_integer(parts) : json_string(parts == 0 ? "none" : "auto");
}

static json_t *value_of(const gal_train_job *job, size_t i) {
    const char *at = (const char *)job + fields[i].offset;
    switch (fields[i].kind) {
    case TEXT: return *(const char *const *)at != NULL ? json_string(*(const char *const *)at) : json_null();
    case WHOLE:
    case BYTES: return json_integer(*(const int64_t *)at);
    case PARTS: return parts_of(*(const int64_t *)at);
    case REAL: return json_real(*(const double *)at);
    case SWITCH: break;
    }
    return json_boolean(*(const bool *)at);
}

galen_status gal_train_job_write(const gal_train_job *job, gal_buf *out, galen_error *err) {
    json_t *object = json_object();
    for (size_t i = 0; i < SETTINGS; i++) json_object_set_new(object, settings[i].name, value_of(job, i));
    char *text = json_dumps(object, JSON_INDENT(2));
    json_decref(object);
    if (text != NULL) gal_buf_text(out, text);
    gal_buf_text(out, "\n");
    free(text);
    return text != NULL && !out->failed ? GALEN_OK : gal_fail_memory(err, "the settings", TEXT_MAX);
}

static galen_status read_value(gal_train_job *job, const char *name, const json_t *value, galen_error *err) {
    if (json_is_null(value)) return GALEN_OK;
    if (json_is_string(value)) return gal_train_job_set(job, name, json_string_value(value), err);
    if (json_is_boolean(value)) return gal_train_job_set(job, name, json_is_true(value) ? "on" : "off", err);
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    if (text == NULL) return gal_fail_memory(err, name, 64);
    galen_status status = gal_train_job_set(job, name, text, err);
    free(text);
    return status;
}

galen_status gal_train_job_read(gal_train_job *job, const char *json, const char *what, galen_error *err) {
    json_t *object, *value;
    const char *key;
    GAL_TRY(gal_json_parse(json, strlen(json), what, &object, err));
    galen_status status =
        json_is_object(object) ? GALEN_OK : gal_fail(err, GALEN_ERR_FORMAT, "settings must be a JSON object");
    if (json_object_get(object, "guard") == NULL) job->guard = "no"; /* of a time before there were limits */
    json_object_foreach(object, key, value) {
        if (status == GALEN_OK) status = read_value(job, key, value, err);
    }
    json_decref(object);
    job->settled = true;
    return status == GALEN_OK ? status : gal_fail_in(err, status, what);
}
