/* Transfer syntaxes: how a data set is written down and how its pixels are packed. */
#ifndef GAL_DICOM_SYNTAX_H
#define GAL_DICOM_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

typedef enum gal_packing {
    GAL_PACK_NONE,
    GAL_PACK_RLE,
    GAL_PACK_JPEG,    /* DCT or lossless, ISO 10918-1 */
    GAL_PACK_JPEG_LS, /* ISO 14495-1 */
    GAL_PACK_JPEG2000 /* ISO 15444-1 */
} gal_packing;

typedef struct gal_syntax {
    const char *uid, *name;
    gal_packing packing;
    bool explicit_vr, big_endian, deflated;
} gal_syntax;

/* The syntax of a UID, NULL when Galen does not read it. */
const gal_syntax *gal_syntax_find(const char *uid);
#endif
