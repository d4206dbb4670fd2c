/* Preamble and File Meta Information (PS3.10 section 7), and what to do when they are missing. */
#ifndef GAL_DICOM_META_H
#define GAL_DICOM_META_H

#include "dicom/syntax.h"

#include <galen/status.h>
#include <stdint.h>

/*
 * Finds the data set in a file: *offset is where it starts and *syntax how it is written. Files without preamble,
 * without meta group or without a Transfer Syntax UID are read by the look of their first element.
 */
galen_status gal_dicom_find_dataset(const uint8_t *bytes, size_t size, size_t *offset, const gal_syntax **syntax,
                                    galen_error *err);

#endif
