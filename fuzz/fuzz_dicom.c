/* Fuzzes the DICOM reader from the file up. Links galen_dicom, galen_image and galen_base, and loads libgalen-dicom.so.
 */
#include "dicom/codestream.h"
#include "dicom/identity.h"

#include <galen/dicom.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    galen_dicom_options options = galen_dicom_default_options();
    options.limits.max_side = 2048; /* small pictures find the same bugs sooner */
    options.limits.max_pixels = 1 << 20;
    options.limits.max_file_bytes = 1 << 22;
    options.frame = size > 0 ? data[size - 1] & 1 : 0;
    options.use_window = size > 0 ? data[size - 1] >> 1 & 1 : 0;
    galen_image image;
    galen_error err;
    gal_codestream stream;
    (void)gal_jpeg_header(data, size, &stream, &err);
    (void)gal_jpeg2000_header(data, size, &stream, &err);
    (void)galen_dicom_probe(data, size);
    gal_dicom_identity who;
    (void)gal_dicom_identify(data, size, &who, &err);
    if (galen_dicom_read(data, size, &options, &image, NULL, &err) == GALEN_OK)
        galen_image_free(&image);
    else if (strncmp(err.message, "the plug-in", 11) == 0)
        abort(); /* without it nothing is fuzzed, and nobody would notice */
    return 0;
}
