/* Which fragments of encapsulated Pixel Data make up a frame (PS3.5 A.4). */
#ifndef GAL_DICOM_FRAGMENTS_H
#define GAL_DICOM_FRAGMENTS_H

#include <galen/status.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gal_fragment {
    const uint8_t *data; /* NULL only when size is 0 */
    size_t size;
} gal_fragment;

/*
 * Sets *first and *count to the fragments of `frame`. One fragment a frame, all fragments for a single frame, the basic
 * offset table, and last the start codes inside the fragments are tried in this order. `table` is the first item, often
 * empty.
 */
galen_status gal_dicom_frame_fragments(const gal_fragment *fragments, size_t total, gal_fragment table, int frames,
                                       int frame, size_t *first, size_t *count, galen_error *err);

#endif
