/* Files: mapped for reading, written atomically. */
#ifndef GAL_BASE_FILE_H
#define GAL_BASE_FILE_H

#include <galen/status.h>
#include <stddef.h>
#include <stdint.h>

/* A read-only view of a whole file. data is NULL when size is 0. */
typedef struct gal_file {
    const uint8_t *data;
    size_t size;
} gal_file;

/* Maps `path`. A directory, a missing file, no permission or more than `max` bytes is an error that names the path. */
galen_status gal_file_map(const char *path, size_t max, gal_file *out, galen_error *err);
struct stat;
/* The same for memory shared with every process that maps the file; *st is what the file was when it was opened. A link
 * is not followed. Where nothing has that name all is well and st->st_nlink is 0: asking first would be a race. */
galen_status gal_file_map_shared(const char *path, size_t max, struct stat *st, gal_file *out, galen_error *err);
void gal_file_unmap(gal_file *file);
/* Gives the pages read so far back to the system; they are read again when touched. For weights that were packed
 * elsewhere. */
void gal_file_release_pages(const gal_file *file);
/* The same for the whole pages within [data, data + bytes); nothing when that does not lie in the file. */
void gal_file_release_range(const gal_file *file, const void *data, size_t bytes);

/* Writes to a temporary name in the same folder, syncs, then renames: a reader sees the old file or the whole new one.
 */
galen_status gal_file_write(const char *path, const void *data, size_t size, galen_error *err);

/* The same for n pieces one after the other, with these permissions. */
galen_status gal_file_write_parts(const char *path, const gal_file *part, size_t n, unsigned mode, galen_error *err);

#endif
