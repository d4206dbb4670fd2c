/* The table of transfer syntaxes Galen reads (PS3.5 section 10 and annex A, retired JPEG processes included). */
#include "dicom/syntax.h"

#include <string.h>

static const gal_syntax table[] = {
    {"1.2.840.10008.1.2", "Implicit VR Little Endian", GAL_PACK_NONE, false, false, false},
    {"1.2.840.10008.1.2.1", "Explicit VR Little Endian", GAL_PACK_NONE, true, false, false},
    {"1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian", GAL_PACK_NONE, true, false, true},
    {"1.2.840.10008.1.2.2", "Explicit VR Big Endian", GAL_PACK_NONE, true, true, false},
    {"1.2.840.10008.1.2.4.50", "JPEG Baseline (Process 1)", GAL_PACK_JPEG, true, false, false},
    {"1.2.840.10008.1.2.4.51", "JPEG Extended (Process 2 and 4)", GAL_PACK_JPEG, true, false, false},
    {"1.2.840.10008.1.2.4.53", "JPEG Spectral Selection (Process 6 and 8)", GAL_PACK_JPEG, true, false, false},
    {"1.2.840.10008.1.2.4.55", "JPEG Full Progression (Process 10 and 12)", GAL_PACK_JPEG, true, false, false},
    {"1.2.840.10008.1.2.4.57", "JPEG Lossless (Process 14)", GAL_PACK_JPEG, true, false, false},
    {"1.2.840.10008.1.2.4.70", "JPEG Lossless (Process 14, Selection Value 1)", GAL_PACK_JPEG, true, false, false},
    {"1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", GAL_PACK_JPEG_LS, true, false, false},
    {"1.2.840.10008.1.2.4.81", "JPEG-LS Near-lossless", GAL_PACK_JPEG_LS, true, false, false},
    {"1.2.840.10008.1.2.4.90", "JPEG 2000 Lossless", GAL_PACK_JPEG2000, true, false, false},
    {"1.2.840.10008.1.2.4.91", "JPEG 2000", GAL_PACK_JPEG2000, true, false, false},
    {"1.2.840.10008.1.2.5", "RLE Lossless", GAL_PACK_RLE, true, false, false},
};

const gal_syntax *gal_syntax_find(const char *uid) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(uid, table[i].uid) == 0) return &table[i];
    return NULL;
}
