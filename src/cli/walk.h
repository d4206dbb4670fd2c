/* Which files a user means by the files and folders on a command line. */
#ifndef GAL_CLI_WALK_H
#define GAL_CLI_WALK_H

#include <galen/status.h>
#include <stddef.h>

enum { WALK_MAX_FILES = 10 * 1000 * 1000 };

typedef struct walk_entry {
    char *path;
    char *error; /* why nothing can be read there; NULL for a file */
} walk_entry;

typedef struct walk_list {
    walk_entry *entry;
    size_t n, capacity;
} walk_list;

/*
 * Adds `operand`: a file as it is, a folder with all JPEG, PNG and DICOM files below it (by name, or by the DICOM mark
 * for other names), sorted, symbolic links followed but no loop twice, hidden files and DICOMDIR left out. What cannot
 * be read is an entry with an error. Fails only when out of memory or beyond WALK_MAX_FILES.
 */
galen_status walk_add(walk_list *list, const char *operand, galen_error *err);
void walk_free(walk_list *list);

#endif
