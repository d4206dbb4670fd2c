/* Writing a grey picture as a Computed Radiography image: PS3.3 A.2, every type 1 and 2 attribute of its mandatory
 * modules. */
#include "base/error.h"
#include "base/mem.h"
#include "dicom/emit.h"

#include <galen/dicom.h>
#include <galen/version.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
#define WRITER     "GALEN_" TEXT(GALEN_VERSION_MAJOR) "_" TEXT(GALEN_VERSION_MINOR) "_" TEXT(GALEN_VERSION_PATCH)

static const char cr_storage[] = "1.2.840.10008.5.1.4.1.1.1";
static const char explicit_little[] = "1.2.840.10008.1.2.1";
/* A version 4 UUID drawn once for this writer. */
static const char implementation[] = "2.25.118927400615573398452038164713290146735";

typedef struct uids {
    char study[GAL_UID_MAX], series[GAL_UID_MAX], instance[GAL_UID_MAX];
} uids;

static galen_status check_text(const char *name, const char *text, size_t most, galen_error *err) {
    if (gal_text_valid(text, most)) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT,
                    "label \"%s\" cannot be written: at most %zu printable ASCII characters without a backslash", name,
                    most);
}

/* Exactly n digits, or empty. */
static galen_status check_digits(const char *name, const char *text, size_t n, galen_error *err) {
    if (!text || !*text || (strlen(text) == n && strspn(text, "0123456789") == n)) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT, "label \"%s\" must be %zu digits", name, n);
}

/* The characters of a code string, PS3.5 6.2. */
static galen_status check_code(const char *name, const char *text, galen_error *err) {
    if (!text || (strlen(text) <= 16 && text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ")] == 0))
        return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT, "label \"%s\" must be at most 16 of A-Z, 0-9, _ and space", name);
}

static galen_status check_labels(const galen_dicom_labels *labels, galen_error *err) {
    GAL_TRY(check_text("patient_name", labels->patient_name, 64, err));
    GAL_TRY(check_text("patient_id", labels->patient_id, 64, err));
    GAL_TRY(check_text("study_description", labels->study_description, 64, err));
    GAL_TRY(check_text("series_description", labels->series_description, 64, err));
    GAL_TRY(check_text("comment", labels->comment, 64, err));
    GAL_TRY(check_code("patient_sex", labels->patient_sex, err));
    GAL_TRY(check_code("body_part", labels->body_part, err));
    GAL_TRY(check_code("view", labels->view, err));
    GAL_TRY(check_digits("study_date", labels->study_date, 8, err));
    GAL_TRY(check_digits("study_time", labels->study_time, 6, err));
    if (labels->series_number < 0 || labels->instance_number < 0)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "series and instance numbers must not be negative");
    for (int i = 0; i < 2; i++)
        if (!(labels->pixel_spacing[i] >= 0 && labels->pixel_spacing[i] < 1000))
            return gal_fail(err, GALEN_ERR_ARGUMENT, "pixel spacing must be from 0 to 1000 mm");
    return GALEN_OK;
}

static galen_status check_image(const galen_image *image, galen_error *err) {
    if (!image || !image->data || image->channels != 1 || image->sample != GALEN_SAMPLE_U8)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "only 8-bit grey pictures are written as DICOM");
    if (image->width < 1 || image->height < 1 || image->width > 65535 || image->height > 65535)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a DICOM picture has 1 to 65535 pixels a side, not %d by %d",
                        image->width, image->height);
    return GALEN_OK;
}

/* PS3.10 section 7.1; the group length is known only after the rest. */
static void emit_meta(gal_buf *out, const uids *ids) {
    gal_buf group;
    gal_buf_init(&group, 1024);
    gal_emit(&group, 0x00020001, "OB", "\0\1", 2);
    gal_emit_text(&group, 0x00020002, "UI", cr_storage);
    gal_emit_text(&group, 0x00020003, "UI", ids->instance);
    gal_emit_text(&group, 0x00020010, "UI", explicit_little);
    gal_emit_text(&group, 0x00020012, "UI", implementation);
    gal_emit_text(&group, 0x00020013, "SH", WRITER);
    gal_buf_extend(out, 128);
    gal_buf_text(out, "DICM");
    gal_emit_u32(out, 0x00020000, (uint32_t)group.size);
    gal_buf_put(out, group.data, group.size);
    out->failed = out->failed || group.failed;
    gal_buf_free(&group);
}

static void emit_identity(gal_buf *out, const galen_dicom_labels *labels, const uids *ids) {
    gal_emit_text(out, 0x00080008, "CS", "DERIVED\\SECONDARY");
    gal_emit_text(out, 0x00080016, "UI", cr_storage);
    gal_emit_text(out, 0x00080018, "UI", ids->instance);
    gal_emit_text(out, 0x00080020, "DA", labels->study_date);
    gal_emit_text(out, 0x00080030, "TM", labels->study_time);
    gal_emit_text(out, 0x00080050, "SH", NULL); /* accession number */
    gal_emit_text(out, 0x00080060, "CS", "CR");
    gal_emit_text(out, 0x00080070, "LO", "Galen"); /* manufacturer */
    gal_emit_text(out, 0x00080090, "PN", NULL);    /* referring physician */
    if (labels->study_description) gal_emit_text(out, 0x00081030, "LO", labels->study_description);
    if (labels->series_description) gal_emit_text(out, 0x0008103E, "LO", labels->series_description);
    gal_emit_text(out, 0x00100010, "PN", labels->patient_name);
    gal_emit_text(out, 0x00100020, "LO", labels->patient_id);
    gal_emit_text(out, 0x00100030, "DA", NULL); /* birth date */
    gal_emit_text(out, 0x00100040, "CS", labels->patient_sex);
}

/* Thousandths of a micrometre are plenty, and integers print alike in every locale. */
static void emit_spacing(gal_buf *out, const double spacing[2]) {
    char text[48];
    long part[2] = {lround(spacing[0] * 1e6), lround(spacing[1] * 1e6)};
    if (part[0] <= 0 || part[1] <= 0) return;
    snprintf(text, sizeof text, "%ld.%06ld\\%ld.%06ld", part[0] / 1000000, part[0] % 1000000, part[1] / 1000000,
             part[1] % 1000000);
    gal_emit_text(out, 0x00181164, "DS", text);
}

/* Patient orientation is known for the two frontal views only: rows run to the left, columns to the feet. */
static const char *orientation(const char *view) {
    return view && (strcmp(view, "PA") == 0 || strcmp(view, "AP") == 0) ? "L\\F" : NULL;
}

static void emit_acquisition(gal_buf *out, const galen_dicom_labels *labels, const uids *ids) {
    gal_emit_text(out, 0x00180015, "CS", labels->body_part);
    emit_spacing(out, labels->pixel_spacing);
    gal_emit_text(out, 0x00185101, "CS", labels->view);
    gal_emit_text(out, 0x0020000D, "UI", ids->study);
    gal_emit_text(out, 0x0020000E, "UI", ids->series);
    gal_emit_text(out, 0x00200010, "SH", NULL); /* study ID */
    gal_emit_integer(out, 0x00200011, labels->series_number);
    gal_emit_integer(out, 0x00200013, labels->instance_number);
    gal_emit_text(out, 0x00200020, "CS", orientation(labels->view));
    /* Laterality is for paired parts; of other parts than the chest it is left open which side it was. */
    if (!labels->body_part || strcmp(labels->body_part, "CHEST") != 0) gal_emit_text(out, 0x00200060, "CS", NULL);
    if (labels->comment) gal_emit_text(out, 0x00204000, "LT", labels->comment);
}

static void emit_pixels(gal_buf *out, const galen_image *image) {
    gal_emit_u16(out, 0x00280002, 1);
    gal_emit_text(out, 0x00280004, "CS", "MONOCHROME2");
    gal_emit_u16(out, 0x00280010, (unsigned)image->height);
    gal_emit_u16(out, 0x00280011, (unsigned)image->width);
    gal_emit_u16(out, 0x00280100, 8);
    gal_emit_u16(out, 0x00280101, 8);
    gal_emit_u16(out, 0x00280102, 7);
    gal_emit_u16(out, 0x00280103, 0);
    gal_emit_text(out, 0x00280301, "CS", "NO");  /* burned-in annotation */
    gal_emit_text(out, 0x00281050, "DS", "128"); /* a window that leaves 0..255 as it is */
    gal_emit_text(out, 0x00281051, "DS", "256");
    gal_emit(out, 0x7FE00010, "OB", image->data, (size_t)image->width * (size_t)image->height);
}

galen_status galen_dicom_write_grey(const galen_image *image, const galen_dicom_labels *labels, void **bytes,
                                    size_t *size, galen_error *err) {
    if (!labels || !bytes || !size)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "labels and a place for the bytes are needed");
    *bytes = NULL;
    *size = 0;
    GAL_TRY(check_image(image, err));
    GAL_TRY(check_labels(labels, err));
    if (memcmp(labels->study_seed, labels->series_seed, 16) == 0 ||
        memcmp(labels->study_seed, labels->instance_seed, 16) == 0 ||
        memcmp(labels->series_seed, labels->instance_seed, 16) == 0)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "the seeds of study, series and instance must differ");
    uids ids;
    gal_uid_from_seed(labels->study_seed, ids.study);
    gal_uid_from_seed(labels->series_seed, ids.series);
    gal_uid_from_seed(labels->instance_seed, ids.instance);
    size_t pixels = (size_t)image->width * (size_t)image->height;
    if (pixels > 0xFFFFFF00u)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a picture of more than 4 GiB cannot be written");
    gal_buf out;
    gal_buf_init(&out, pixels + 8192);
    emit_meta(&out, &ids);
    emit_identity(&out, labels, &ids);
    emit_acquisition(&out, labels, &ids);
    emit_pixels(&out, image);
    if (out.failed) {
        gal_buf_free(&out);
        return gal_fail_memory(err, "the DICOM file", pixels + 8192);
    }
    *bytes = out.data;
    *size = out.size;
    return GALEN_OK;
}
