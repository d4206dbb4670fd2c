/* Inflating a deflated data set with zlib. */
#include "dicom/inflate.h"

#include "base/error.h"
#include "base/mem.h"

#include <limits.h>
#include <zlib.h>

enum { CHUNK = 65536 };

/* zlib's memory comes from our allocator, so that running out of it is an error like any other. */
static void *take(void *user, unsigned count, unsigned size) {
    (void)user;
    return gal_calloc(count, size);
}

static void give(void *user, void *p) {
    (void)user;
    gal_free(p);
}

static galen_status run(z_stream *z, gal_buf *out, galen_error *err) {
    int code = Z_OK;
    while (code == Z_OK) {
        if (out->max - out->size < CHUNK)
            return gal_fail(err, GALEN_ERR_LIMIT,
                            "the deflated data set grows beyond %zu bytes: raise the limit if the file is trusted",
                            out->max);
        z->next_out = gal_buf_extend(out, CHUNK);
        if (!z->next_out) return gal_fail_memory(err, "the inflated data set", CHUNK);
        z->avail_out = CHUNK;
        code = inflate(z, Z_NO_FLUSH);
        out->size -= z->avail_out;
    }
    if (code == Z_MEM_ERROR) return gal_fail_memory(err, "inflating the data set", CHUNK);
    if (code != Z_STREAM_END)
        return gal_fail(err, GALEN_ERR_FORMAT, "the deflated data set is cut short or damaged (zlib: %s)",
                        z->msg ? z->msg : "stream ends early");
    return GALEN_OK;
}

galen_status gal_dicom_inflate(const uint8_t *bytes, size_t size, gal_buf *out, galen_error *err) {
    if (size > UINT_MAX)
        return gal_fail(err, GALEN_ERR_LIMIT, "the deflated data set has %zu bytes, more than 4 GiB", size);
    z_stream z = {.zalloc = take, .zfree = give, .next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)size};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return gal_fail_memory(err, "the inflater", sizeof z);
    galen_status status = run(&z, out, err);
    inflateEnd(&z);
    return status;
}
