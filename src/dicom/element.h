/* The header of one data element: the part of the format that must be right before anything else is believed. */
#ifndef GAL_DICOM_ELEMENT_H
#define GAL_DICOM_ELEMENT_H

#include <galen/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GAL_TAG_ITEM         0xFFFEE000u
#define GAL_TAG_ITEM_END     0xFFFEE00Du
#define GAL_TAG_SEQUENCE_END 0xFFFEE0DDu
#define GAL_TAG_PIXELS       0x7FE00010u
#define GAL_LENGTH_UNDEFINED 0xFFFFFFFFu

typedef struct gal_element {
    uint32_t tag;    /* group << 16 | element */
    char vr[3];      /* empty for implicit VR and for items */
    uint32_t length; /* of the value, or GAL_LENGTH_UNDEFINED */
    size_t header;   /* bytes before the value */
} gal_element;

/* True for the two letters of a VR of PS3.5 section 6.2. */
bool gal_vr_known(const char *vr);

/* Reads the header at the start of size bytes. Only headers are checked here, not whether the value is there. */
galen_status gal_element_read(const uint8_t *bytes, size_t size, bool explicit_vr, bool big, gal_element *out,
                              galen_error *err);

#endif
