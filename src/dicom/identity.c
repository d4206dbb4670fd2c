/* The few elements that say who and what a picture is of. */
#include "dicom/identity.h"

#include "base/buf.h"
#include "base/error.h"
#include "dicom/guard.h"
#include "dicom/inflate.h"
#include "dicom/meta.h"

#include <galen/image.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    MODALITY = 0x00080060,
    MANUFACTURER = 0x00080070,
    INSTITUTION = 0x00080080,
    SCANNER = 0x00081090,
    PATIENT = 0x00100020,
    SEX = 0x00100040,
    AGE = 0x00101010,
    BODY_PART = 0x00180015,
    VIEW = 0x00185101,
    STUDY = 0x0020000D,
    FRAMES = 0x00280008
};

static const struct {
    uint32_t tag;
    size_t at, room;
} texts[] = {
    {MODALITY, offsetof(gal_dicom_identity, modality), 17},
    {MANUFACTURER, offsetof(gal_dicom_identity, manufacturer), 65},
    {INSTITUTION, offsetof(gal_dicom_identity, institution), 65},
    {SCANNER, offsetof(gal_dicom_identity, scanner), 65},
    {PATIENT, offsetof(gal_dicom_identity, patient), 257},
    {SEX, offsetof(gal_dicom_identity, sex), 17},
    {AGE, offsetof(gal_dicom_identity, age), 5},
    {BODY_PART, offsetof(gal_dicom_identity, body_part), 17},
    {VIEW, offsetof(gal_dicom_identity, view), 17},
    {STUDY, offsetof(gal_dicom_identity, study), 65},
};

/* PS3.5 6.2: blanks around such texts, and the byte that makes their length even, say nothing. */
static void take_text(const uint8_t *value, size_t n, char *out, size_t room) {
    while (n > 0 && (*value == ' ' || *value == 0)) value++, n--;
    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == 0)) n--;
    if (n > room - 1) n = room - 1;
    memcpy(out, value, n);
    out[n] = 0;
}

static void take(const gal_element *e, const uint8_t *value, gal_dicom_identity *out) {
    char digits[16];
    if (e->length == GAL_LENGTH_UNDEFINED) return;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (e->tag == texts[i].tag) take_text(value, e->length, (char *)out + texts[i].at, texts[i].room);
    if (e->tag != FRAMES) return;
    take_text(value, e->length, digits, sizeof digits);
    long frames = strtol(digits, NULL, 10);
    out->frames = frames < 1 ? 1 : frames > INT_MAX ? INT_MAX : (int)frames;
}

static galen_status find(const uint8_t *dataset, size_t size, const gal_syntax *syntax, gal_dicom_identity *out,
                         galen_error *err) {
    for (size_t at = 0, next = 0; at < size; at = next) {
        gal_element e;
        GAL_TRY(gal_element_read(dataset + at, size - at, syntax->explicit_vr, syntax->big_endian, &e, err));
        if (e.tag > FRAMES) break;
        GAL_TRY(gal_dicom_skip(dataset, size, syntax, &e, at, &next, err));
        take(&e, dataset + at + e.header, out);
    }
    return GALEN_OK;
}

galen_status gal_dicom_identify(const void *bytes, size_t size, gal_dicom_identity *out, galen_error *err) {
    size_t offset = 0;
    const gal_syntax *syntax = NULL;
    gal_buf inflated;
    *out = (gal_dicom_identity){.frames = 1};
    GAL_TRY(gal_dicom_find_dataset(bytes, size, &offset, &syntax, err));
    const uint8_t *dataset = (const uint8_t *)bytes + offset;
    size -= offset;
    if (!syntax->deflated) return find(dataset, size, syntax, out, err);
    gal_buf_init(&inflated, (size_t)galen_image_default_limits().max_file_bytes);
    galen_status status = gal_dicom_inflate(dataset, size, &inflated, err);
    if (status == GALEN_OK) status = find(inflated.data, inflated.size, syntax, out, err);
    gal_buf_free(&inflated);
    return status;
}
