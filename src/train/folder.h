/* The run folder: names in it, files that appear whole, and one training at a time. */
#ifndef GAL_TRAIN_FOLDER_H
#define GAL_TRAIN_FOLDER_H

#include "model/json.h"

#include <stddef.h>

/* "<folder>/<name>" into a buffer of the caller's. */
enum { GAL_RUN_PATH = 4096 };
galen_status gal_run_path(const char *folder, const char *name, char out[GAL_RUN_PATH], galen_error *err);

/* Both replace the file as a whole (gal_file_write). The JSON is indented; `object` is released also after a failure,
 * and NULL is a lack of memory. */
galen_status gal_run_write(const char *folder, const char *name, const void *data, size_t size, galen_error *err);
galen_status gal_run_write_json(const char *folder, const char *name, json_t *object, galen_error *err);

/*
 * Takes the folder for this process until gal_run_unlock or its end, however that comes; GALEN_ERR_ARGUMENT when
 * another process has it. Then nobody else is writing there, and unfinished files of a process that was killed are
 * removed.
 */
galen_status gal_run_lock(const char *folder, int *lock, galen_error *err);
void gal_run_unlock(int lock); /* -1 is fine */

#endif
