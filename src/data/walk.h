/* Which files a user means by the files and folders on a command line. */
#ifndef GAL_DATA_WALK_H
#define GAL_DATA_WALK_H

#include <galen/status.h>
#include <stddef.h>

enum { GAL_WALK_MAX_FILES = 10 * 1000 * 1000 };

typedef struct gal_walk_entry {
    char *path;
    char *error; /* why nothing can be read there; NULL for a file */
} gal_walk_entry;

typedef struct gal_walk_list {
    gal_walk_entry *entry;
    size_t n, capacity;
} gal_walk_list;

/*
 * Adds `operand`: a file as it is, a folder with all JPEG, PNG and DICOM files below it (by name, or by the DICOM mark
 * for other names), sorted, symbolic links followed but no loop twice, hidden files and DICOMDIR left out. What cannot
 * be read is an entry with an error. Fails only when out of memory or beyond GAL_WALK_MAX_FILES.
 */
galen_status gal_walk_add(gal_walk_list *list, const char *operand, galen_error *err);
void gal_walk_free(gal_walk_list *list);

#endif
