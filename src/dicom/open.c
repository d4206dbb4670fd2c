/* Tells DICOM from the other formats and hands the file on. */
#include "dicom/open.h"

#include "base/error.h"
#include "base/file.h"

#include <galen/dicom.h>
#include <string.h>

galen_status gal_picture_open(const char *path, int frame, const galen_image_limits *limits, galen_image *out,
                              galen_error *err) {
    gal_file file;
    memset(out, 0, sizeof *out);
    GAL_TRY(gal_file_map(path, (size_t)limits->max_file_bytes, &file, err));
    galen_status status;
    if (file.size == 0) {
        status = gal_fail(err, GALEN_ERR_FORMAT, "is empty; name a JPEG, PNG or DICOM file");
    } else if (galen_dicom_probe(file.data, file.size)) {
        galen_dicom_options o = galen_dicom_default_options();
        o.frame = frame;
        o.limits = *limits;
        status = galen_dicom_read(file.data, file.size, &o, out, NULL, err);
    } else {
        status = galen_image_decode(file.data, file.size, limits, out, err);
    }
    gal_file_unmap(&file);
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}
