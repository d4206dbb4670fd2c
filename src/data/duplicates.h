/* Pictures that are there twice, where one of the two would give the other away. */
#ifndef GAL_DATA_DUPLICATES_H
#define GAL_DATA_DUPLICATES_H

#include "base/pool.h"
#include "data/dataset.h"

typedef struct gal_duplicate {
    size_t a, b;  /* indices of samples, a < b, in different splits unless repeats were asked for */
    bool exact;   /* the same pixels, size and depth */
    int distance; /* bits in which the two difference hashes differ; 0 when exact */
} gal_duplicate;

typedef struct gal_duplicates {
    size_t count;
    gal_duplicate *pair; /* exact ones first, then by distance, a and b */
    size_t exact;        /* how many of them are */
    bool all;            /* false: there are more than were asked for */
} gal_duplicates;

/* Which pairs are looked for. */
typedef struct gal_duplicate_options {
    int distance;                     /* largest that counts as near; 0 to 7 of the 128 bits; -1: exact ones only */
    size_t max_pairs;                 /* 0: 100,000 */
    bool repeats;                     /* exact pairs within a split too */
    const galen_image_limits *limits; /* NULL: the default */
    /* Pictures read so far, on the thread of the caller; NULL */
    void (*progress)(void *context, size_t done, size_t all);
    void *context;
} gal_duplicate_options;

/*
 * The difference hash of a picture: grey, resized to 9 x 8 and to 8 x 9 (bilinear), and for each pixel whether the next
 * to the right, and below, is brighter: 64 bits each. Small changes of size, contrast and compression turn few bits.
 * hash[0] is the one across. (D. Krawetz, "Kind of like that", 2013, in both directions.)
 */
galen_status gal_difference_hash(const galen_image *image, uint64_t hash[2], galen_error *err);

/*
 * Reads every picture and finds pairs that lie in different splits: exact ones by SHA-256 of size, channels, depth and
 * pixels, near ones by their difference hashes. Finds all pairs within the distance: of eight bands of 16 bits, two
 * hashes that differ in at most 7 bits have one in common. Similar pictures of two patients may be near; a person has
 * to look. Hashes of zeros, which pictures of one grey level have, are near to nothing. The same result for any pool
 * (NULL: none). The caller frees *out with gal_duplicates_free; it is empty on failure. A picture that cannot be read
 * is an error that names it.
 */
galen_status gal_duplicates_find(const gal_dataset *dataset, const gal_duplicate_options *options, gal_pool *pool,
                                 gal_duplicates *out, galen_error *err);
void gal_duplicates_free(gal_duplicates *duplicates);

#endif
