/* Who and what a DICOM file is of: read from its first elements, without the plug-in and without the pixels. */
#ifndef GAL_DICOM_IDENTITY_H
#define GAL_DICOM_IDENTITY_H

#include <galen/status.h>
#include <stddef.h>

/*
 * Texts without the blanks around them; empty when absent. `patient` and `study` name a person: they may be compared,
 * and must not reach a log, a message or a file.
 */
typedef struct gal_dicom_identity {
    char patient[257]; /* Patient ID (0010,0020), in the file's own character set; at most 64 characters */
    char study[65];    /* Study Instance UID (0020,000D) */
    int frames;        /* Number of Frames (0028,0008); 1 when absent */
    /* What groups patients and pictures; these name nobody and may be kept. */
    char sex[17];          /* Patient's Sex (0010,0040) */
    char age[5];           /* Patient's Age (0010,1010), "045Y" */
    char institution[65];  /* (0008,0080) */
    char manufacturer[65]; /* (0008,0070) */
    char scanner[65];      /* Manufacturer's Model Name (0008,1090) */
    char modality[17];     /* (0008,0060), "DX" */
    char body_part[17];    /* (0018,0015) */
    char view[17];         /* View Position (0018,5101) */
} gal_dicom_identity;

/* Reads a file held in memory up to its description of the picture. Errors as of galen_dicom_read. */
galen_status gal_dicom_identify(const void *bytes, size_t size, gal_dicom_identity *out, galen_error *err);

#endif
