/* Which cases something was chosen on: enough to notice when it is about to be reported on the same ones. */
#ifndef GAL_CLINIC_DATA_MARK_H
#define GAL_CLINIC_DATA_MARK_H

#include "base/sha256.h"

#include <jansson.h>
#include <stdint.h>

enum { GAL_MARK_SAMPLES = 1024 };

/*
 * The digest of a set and those of some of its samples, cut to 64 bits: all of them, or of a set of more than
 * GAL_MARK_SAMPLES the smallest ones. Digests being as good as random, the smallest of a set are in whichever part of
 * it they fall into: another set that shares a share f of its samples goes unnoticed with probability (1 - f)^1024.
 */
typedef struct gal_data_mark {
    char digest[GAL_SHA256_HEX]; /* "": nothing is marked */
    size_t cases, samples;
    uint64_t *sample; /* [samples] rising; owned */
} gal_data_mark;

/*
 * Marks a set. `sample`: one digest of 64 hex digits a case, in any order, or NULL where samples have none.
 * GALEN_ERR_ARGUMENT for what is no digest. The caller frees *out (gal_data_mark_free).
 */
galen_status gal_data_mark_make(const char *digest, const char *const *sample, size_t cases, gal_data_mark *out,
                                galen_error *err);
void gal_data_mark_free(gal_data_mark *mark);

/*
 * GALEN_ERR_ARGUMENT where the set of `digest` and `sample` (as above) is the marked one or has samples of it: `what`
 * ("the threshold") was chosen on them, and says nothing about itself there. A mark of nothing refuses nothing.
 */
galen_status gal_data_mark_refuse(const gal_data_mark *mark, const char *what, const char *digest,
                                  const char *const *sample, size_t cases, galen_error *err);

/* {"digest", "cases", "samples": [16 hex digits, ...]}, the last only where there are any. A new reference, NULL
 * without memory. */
json_t *gal_data_mark_json(const gal_data_mark *mark);
/* The same read back; GALEN_ERR_FORMAT naming the key otherwise, `what` in front of it. The caller frees *out, also
 * after an error. */
galen_status gal_data_mark_read(const json_t *object, const char *what, gal_data_mark *out, galen_error *err);

#endif
