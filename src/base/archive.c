/* Zip archives: loads the plug-in on first use and calls it. */
#include "base/archive.h"

#include "base/archive_plugin.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/plugin.h"

struct gal_archive {
    const gal_archive_plugin *plugin;
    void *zip;
};

galen_status gal_archive_open(const void *bytes, size_t size, size_t max_entries, gal_archive **out, galen_error *err) {
    const void *symbol = NULL;
    *out = NULL;
    GAL_TRY(gal_plugin_load("archive", &symbol, err));
    gal_archive *archive = gal_calloc(1, sizeof *archive);
    if (!archive) return gal_fail_memory(err, "an archive", sizeof *archive);
    archive->plugin = symbol;
    galen_status status = archive->plugin->open(bytes, size, max_entries, &archive->zip, err);
    if (status == GALEN_OK)
        *out = archive;
    else
        gal_free(archive);
    return status;
}

void gal_archive_close(gal_archive *archive) {
    if (!archive) return;
    archive->plugin->close(archive->zip);
    gal_free(archive);
}

size_t gal_archive_count(const gal_archive *archive) {
    return archive->plugin->count(archive->zip);
}

galen_status gal_archive_entry(gal_archive *archive, size_t index, const char **name, uint64_t *size,
                               galen_error *err) {
    return archive->plugin->entry(archive->zip, index, name, size, err);
}

galen_status gal_archive_read(gal_archive *archive, size_t index, void *out, size_t size, galen_error *err) {
    return archive->plugin->read(archive->zip, index, out, size, err);
}
