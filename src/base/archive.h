/* Zip archives (.pth, .npz), by the archive plug-in (libzip). */
#ifndef GAL_BASE_ARCHIVE_H
#define GAL_BASE_ARCHIVE_H

#include <galen/status.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gal_archive gal_archive;

/* Opens a zip held in memory (must outlive the archive). At most `max_entries` entries. */
galen_status gal_archive_open(const void *bytes, size_t size, size_t max_entries, gal_archive **out, galen_error *err);
void gal_archive_close(gal_archive *archive);
size_t gal_archive_count(const gal_archive *archive);
/* Name and unpacked size of entry i; the name lives as long as the archive. */
galen_status gal_archive_entry(gal_archive *archive, size_t index, const char **name, uint64_t *size, galen_error *err);
/*
 * Unpacks an entry into `out`, which holds exactly its unpacked size. A bomb (more bytes than declared, or more than
 * 1,100 times its packed size) and a wrong CRC are errors.
 */
galen_status gal_archive_read(gal_archive *archive, size_t index, void *out, size_t size, galen_error *err);

#endif
