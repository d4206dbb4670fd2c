/* The table through which the archive plug-in (libzip) is called. */
#ifndef GAL_BASE_ARCHIVE_PLUGIN_H
#define GAL_BASE_ARCHIVE_PLUGIN_H

#include "base/archive.h"

typedef struct gal_archive_plugin {
    galen_status (*open)(const void *bytes, size_t size, size_t max_entries, void **out, galen_error *err);
    void (*close)(void *zip);
    size_t (*count)(void *zip);
    galen_status (*entry)(void *zip, size_t index, const char **name, uint64_t *size, galen_error *err);
    galen_status (*read)(void *zip, size_t index, void *out, size_t size, galen_error *err);
} gal_archive_plugin;

extern GALEN_API const gal_archive_plugin galen_archive_plugin;

#endif
