/* The archive plug-in: zip files through libzip, which nothing else links. */
#include "base/archive_plugin.h"
#include "base/error.h"

#include <stdbool.h>
#include <zip.h>

/* Deflate packs at most 1,032 to 1: anything beyond this ratio is no honest file. */
static const uint64_t max_ratio = 1100;

static galen_status open_zip(const void *bytes, size_t size, size_t max_entries, void **out, galen_error *err) {
    zip_error_t why;
    zip_error_init(&why);
    zip_source_t *source = zip_source_buffer_create(bytes, size, 0, &why);
    zip_t *zip = source ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &why) : NULL;
    if (!zip) {
        gal_fail(err, GALEN_ERR_FORMAT, "not a zip archive, or damaged: %s", zip_error_strerror(&why));
        galen_status status = zip_error_code_zip(&why) == ZIP_ER_MEMORY ? GALEN_ERR_MEMORY : GALEN_ERR_FORMAT;
        if (err) err->status = status;
        if (source) zip_source_free(source);
        zip_error_fini(&why);
        return status;
    }
    zip_error_fini(&why);
    zip_int64_t count = zip_get_num_entries(zip, 0);
    if (count < 0 || (uint64_t)count > max_entries) {
        zip_discard(zip);
        return gal_fail(err, GALEN_ERR_LIMIT, "the zip archive has %lld entries, more than %zu", (long long)count,
                        max_entries);
    }
    *out = zip;
    return GALEN_OK;
}

static void close_zip(void *zip) {
    zip_discard(zip);
}

static size_t count_entries(void *zip) {
    zip_int64_t count = zip_get_num_entries(zip, 0);
    return count < 0 ? 0 : (size_t)count;
}

static galen_status stat_entry(void *zip, size_t index, zip_stat_t *st, galen_error *err) {
    const zip_uint64_t need = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
    zip_stat_init(st);
    if (zip_stat_index(zip, index, 0, st) != 0 || (st->valid & need) != need)
        return gal_fail(err, GALEN_ERR_FORMAT, "entry %zu of the zip archive is damaged: %s", index, zip_strerror(zip));
    return GALEN_OK;
}

static galen_status describe(void *zip, size_t index, const char **name, uint64_t *size, galen_error *err) {
    zip_stat_t st;
    GAL_TRY(stat_entry(zip, index, &st, err));
    *name = st.name;
    *size = st.size;
    return GALEN_OK;
}

/* Reads exactly `size` bytes and then the end, where libzip compares the CRC. */
static bool read_all(zip_file_t *file, uint8_t *out, size_t size) {
    size_t done = 0;
    uint8_t beyond;
    while (done < size) {
        zip_int64_t n = zip_fread(file, out + done, size - done);
        if (n <= 0) return false;
        done += (size_t)n;
    }
    return zip_fread(file, &beyond, 1) == 0;
}

static galen_status read_entry(void *zip, size_t index, void *out, size_t size, galen_error *err) {
    zip_stat_t st;
    GAL_TRY(stat_entry(zip, index, &st, err));
    if (st.size != size)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "zip entry '%s' has %llu bytes, not %zu", st.name,
                        (unsigned long long)st.size, size);
    if (st.size / max_ratio > st.comp_size)
        return gal_fail(err, GALEN_ERR_LIMIT,
                        "zip entry '%s' claims to unpack %llu bytes to %llu: refused as a zip bomb", st.name,
                        (unsigned long long)st.comp_size, (unsigned long long)st.size);
    zip_file_t *file = zip_fopen_index(zip, index, 0);
    if (!file) return gal_fail(err, GALEN_ERR_FORMAT, "zip entry '%s' cannot be read: %s", st.name, zip_strerror(zip));
    bool good = read_all(file, out, size);
    zip_fclose(file);
    if (!good)
        return gal_fail(err, GALEN_ERR_FORMAT, "zip entry '%s' is damaged: its size or checksum is wrong", st.name);
    return GALEN_OK;
}

const gal_archive_plugin galen_archive_plugin = {open_zip, close_zip, count_entries, describe, read_entry};
