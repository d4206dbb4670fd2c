/* Run folders. */
#include "train/folder.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const size_t TEXT_MAX = (size_t)64 << 20;

galen_status gal_run_path(const char *folder, const char *name, char out[GAL_RUN_PATH], galen_error *err) {
    int n = snprintf(out, GAL_RUN_PATH, "%s/%s", folder, name);
    return n > 0 && n < GAL_RUN_PATH
               ? GALEN_OK
               : gal_fail(err, GALEN_ERR_ARGUMENT, "the run folder's name is too long; name a shorter one");
}

galen_status gal_run_write(const char *folder, const char *name, const void *data, size_t size, galen_error *err) {
    char path[GAL_RUN_PATH];
    GAL_TRY(gal_run_path(folder, name, path, err));
    return gal_file_write(path, data, size, err);
}

galen_status gal_run_write_json(const char *folder, const char *name, json_t *object, galen_error *err) {
    char *text = object != NULL ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    gal_buf lines;
    json_decref(object);
    gal_buf_init(&lines, TEXT_MAX);
    if (text != NULL) gal_buf_printf(&lines, "%s\n", text);
    galen_status status = text == NULL || lines.failed ? gal_fail_memory(err, name, 4096)
                                                       : gal_run_write(folder, name, lines.data, lines.size, err);
    free(text);
    gal_buf_free(&lines);
    return status;
}

/* ---- one at a time ---- */

/* "last.safetensors.x1Y2z3": how gal_file_write calls what it has not renamed yet. */
static bool is_unfinished(const char *name) {
    static const char *const ours[] = {".json.", ".jsonl.", ".safetensors.", ".onnx.", ".svg.", ".sha256.", ".txt."};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        size_t n = strlen(ours[i]);
        if (length > n + 6 && memcmp(name + length - 6 - n, ours[i], n) == 0) return true;
    }
    return false;
}

/* What cannot be removed does no harm: it is never read. */
static void remove_unfinished(int folder) {
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    if (list == NULL) {
        if (copy >= 0) close(copy);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;)
        if (is_unfinished(entry->d_name)) unlinkat(folder, entry->d_name, 0);
    closedir(list);
}

galen_status gal_run_lock(const char *folder, int *lock, galen_error *err) {
    *lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return gal_fail(err, GALEN_ERR_IO, "%s: cannot be opened: %s; name a folder", folder, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0) {
        remove_unfinished(*lock);
        return GALEN_OK;
    }
    int code = errno;
    close(*lock);
    *lock = -1;
    /* A file system without locks: as good as nobody else there. */
    if (code != EWOULDBLOCK) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT,
                    "%s: another training is writing there; wait for it, or name another folder", folder);
}

void gal_run_unlock(int lock) {
    if (lock >= 0) close(lock);
}
