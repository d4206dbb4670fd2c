/*
 * Packed weights in a file, so that sessions and processes share one copy of them in memory. The file is named after
 * all that its bytes depend on: the model, this build of Galen, and each step's kernel and shapes.
 */
#ifndef GAL_SESSION_CACHE_H
#define GAL_SESSION_CACHE_H

#include "session/internal.h"

typedef struct gal_cache {
    char *path;               /* NULL: nothing can be kept */
    char key[GAL_SHA256_HEX]; /* what the file's header must say */
} gal_cache;

/*
 * The place of `session`'s packed weights (laid out, not yet packed) in the options' folder. Whatever stands in the way
 * of keeping them there is said in the log, and `path` is NULL; only lack of memory is an error. Waits for the model's
 * hash.
 */
galen_status gal_cache_find(const gal_session *session, const gal_session_options *options, gal_cache *out,
                            galen_error *err);
void gal_cache_free(gal_cache *cache);

/*
 * Maps the file's session->packed_bytes of weights, read only and shared, or returns NULL. A file that is missing says
 * nothing; one that belongs to somebody else, that others may write, or whose size, key or check sum is not right is
 * named in the log and not used. The memory lies in *map, which the caller unmaps.
 */
const uint8_t *gal_cache_map(const gal_cache *cache, const gal_session *session, gal_file *map);

/* Writes session->packed, readable by this user only; what fails is said in the log. */
void gal_cache_write(const gal_cache *cache, const gal_session *session);

#endif
