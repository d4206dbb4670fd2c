/* The C face of libgalen-dicom.so: DCMTK reads the data set and decodes JPEG and JPEG-LS, OpenJPEG decodes JPEG 2000.
 */
#ifndef GAL_DICOM_PLUGIN_H
#define GAL_DICOM_PLUGIN_H

#include "dicom/picture.h"
#include "dicom/syntax.h"

enum { GAL_DICOM_PLUGIN_VERSION = 1 };

/* A data set without preamble and meta header, already inflated and checked by gal_dicom_guard. */
typedef struct gal_dicom_request {
    const uint8_t *dataset;
    size_t size;
    const gal_syntax *syntax;
    int frame;
    galen_image_limits limits;
    void *(*alloc)(size_t count, size_t size); /* the caller's: zeroed, NULL when out of memory */
} gal_dicom_request;

typedef struct gal_dicom_plugin {
    int version; /* GAL_DICOM_PLUGIN_VERSION of the header it was built with */
    /*
     * Fills *picture, which the caller has zeroed. Its pointers come from request->alloc and are the caller's, also
     * after a failure. Safe from many threads at once.
     */
    galen_status (*read)(const gal_dicom_request *request, gal_dicom_picture *picture, galen_error *err);
} gal_dicom_plugin;

/* The one symbol of the plug-in. */
GALEN_API extern const gal_dicom_plugin galen_dicom_plugin;

#endif
