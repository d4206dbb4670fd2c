/* A look over a data set before any parser sees it: lengths inside their parents, nesting not deep, where the pixels
 * end. */
#ifndef GAL_DICOM_GUARD_H
#define GAL_DICOM_GUARD_H

#include "dicom/element.h"
#include "dicom/syntax.h"

/*
 * Walks the elements of a data set up to its Pixel Data and sets *end to where that element ends: what follows is not
 * needed. A length that leaves its parent, nesting deeper than 32 or missing Pixel Data is an error. The parser behind
 * recurses and allocates what a header says, so nothing may reach it that did not pass here.
 */
galen_status gal_dicom_guard(const uint8_t *dataset, size_t size, const gal_syntax *syntax, size_t *end,
                             galen_error *err);

/*
 * Steps over the value of the element that was read at `at`: *next is where the one behind it starts. The same checks
 * of lengths and nesting.
 */
galen_status gal_dicom_skip(const uint8_t *dataset, size_t size, const gal_syntax *syntax, const gal_element *element,
                            size_t at, size_t *next, galen_error *err);

#endif
