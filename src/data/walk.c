/* Walks folders for images. */
#include "data/walk.h"

#include "base/error.h"
#include "base/mem.h"

#include <errno.h>
#include <fts.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static galen_status add(gal_walk_list *list, const char *path, const char *error, galen_error *err) {
    if (list->n == GAL_WALK_MAX_FILES)
        return gal_fail(err, GALEN_ERR_LIMIT, "%s: more than %d files; name fewer at once", path, GAL_WALK_MAX_FILES);
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        gal_walk_entry *grown = gal_realloc(list->entry, capacity, sizeof *grown);
        if (!grown) return gal_fail_memory(err, "the list of files", capacity * sizeof *grown);
        list->entry = grown;
        list->capacity = capacity;
    }
    gal_walk_entry entry = {gal_strdup(path), error ? gal_strdup(error) : NULL};
    if (!entry.path || (error && !entry.error)) {
        gal_free(entry.path);
        return gal_fail_memory(err, "the list of files", strlen(path));
    }
    list->entry[list->n++] = entry;
    return GALEN_OK;
}

__attribute__((format(printf, 4, 5))) static galen_status add_error(gal_walk_list *list, const char *path,
                                                                    galen_error *err, const char *format, ...) {
    char message[GALEN_ERROR_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return add(list, path, message, err);
}

static bool has_dicom_mark(const char *path) {
    char head[132];
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    bool mark = fread(head, 1, sizeof head, f) == sizeof head && memcmp(head + 128, "DICM", 4) == 0;
    fclose(f);
    return mark;
}

static bool is_image(const FTSENT *at) {
    static const char *const known[] = {".jpg", ".jpeg", ".png", ".dcm", ".dicom"};
    const char *dot = strrchr(at->fts_name, '.');
    for (size_t i = 0; dot && i < sizeof known / sizeof *known; i++)
        if (!strcasecmp(dot, known[i])) return true;
    return strcmp(at->fts_name, "DICOMDIR") != 0 && has_dicom_mark(at->fts_path);
}

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static galen_status visit(gal_walk_list *list, FTS *fts, FTSENT *at, galen_error *err) {
    bool hidden = at->fts_level > 0 && at->fts_name[0] == '.';
    switch (at->fts_info) {
    case FTS_D:
        if (hidden) fts_set(fts, at, FTS_SKIP);
        return GALEN_OK;
    case FTS_F:
        if (!hidden && is_image(at)) return add(list, at->fts_path, NULL, err);
        return GALEN_OK;
    case FTS_DNR:
        return add_error(list, at->fts_path, err, "%s: the folder cannot be read: %s; check its permissions",
                         at->fts_path, strerror(at->fts_errno));
    case FTS_NS:
    case FTS_SLNONE: /* a link to nothing is left out inside folders, as a missing file is not there */ return GALEN_OK;
    case FTS_ERR: return add_error(list, at->fts_path, err, "%s: %s", at->fts_path, strerror(at->fts_errno));
    default: return GALEN_OK; /* FTS_DP; FTS_DC: a link back up, already being walked; sockets and the like */
    }
}

static galen_status walk_folder(gal_walk_list *list, const char *folder, galen_error *err) {
    char *roots[] = {(char *)(uintptr_t)folder, NULL};
    size_t before = list->n;
    FTS *fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!fts) return gal_fail_memory(err, folder, 0);
    galen_status status = GALEN_OK;
    for (FTSENT *at; status == GALEN_OK && (errno = 0, at = fts_read(fts));) status = visit(list, fts, at, err);
    int failed = errno;
    fts_close(fts);
    if (status == GALEN_OK && failed == ENOMEM) return gal_fail_memory(err, folder, 0);
    if (status == GALEN_OK && list->n == before)
        return add_error(list, folder, err,
                         "%s: no JPEG, PNG or DICOM file in this folder; name a folder that holds images", folder);
    return status;
}

galen_status gal_walk_add(gal_walk_list *list, const char *operand, galen_error *err) {
    struct stat st;
    if (stat(operand, &st) == 0 && S_ISDIR(st.st_mode)) return walk_folder(list, operand, err);
    return add(list, operand, NULL, err);
}

void gal_walk_free(gal_walk_list *list) {
    for (size_t i = 0; i < list->n; i++) {
        gal_free(list->entry[i].path);
        gal_free(list->entry[i].error);
    }
    gal_free(list->entry);
    *list = (gal_walk_list){0};
}
