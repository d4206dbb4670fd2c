/* Can a data set be trusted: pictures and patients in two splits, repeats, conflicting labels. */
#ifndef GAL_ANALYZE_INTEGRITY_H
#define GAL_ANALYZE_INTEGRITY_H

#include "base/pool.h"
#include "data/dataset.h"

#include <jansson.h>

enum { GAL_INTEGRITY_PAIRS = 200 };

typedef struct gal_integrity_options {
    int distance;  /* of near pictures: gal_duplicate_options */
    bool hash_ids; /* write the SHA-256 of ids in their place */
} gal_integrity_options;

/*
 * Reads every picture of the set, of all its splits, and makes {pictures, distance, exact_leaks, near_leaks,
 * patient_leaks, repeats, label_conflicts, pairs: [{a, a_split, b, b_split, how}, ...]}:
 *
 *   exact_leaks      pictures whose pixels are also in another split
 *   near_leaks       pairs that are nearly alike (gal_difference_hash), in two splits
 *   patient_leaks    groups with pictures in two splits; null where no picture has a group
 *   repeats          pictures whose pixels are in the same split already
 *   label_conflicts  pairs of the same pixels with different labels
 *
 * `pairs` are the first GAL_INTEGRITY_PAIRS of them, leaks and conflicts first. The same for any pool. Errors as
 * gal_duplicates_find. The caller owns *out.
 */
galen_status gal_integrity_check(const gal_dataset *dataset, const gal_integrity_options *options, gal_pool *pool,
                                 json_t **out, galen_error *err);

#endif
