/* Finding the data set behind preamble and meta group, and telling whether a file is DICOM at all. */
#include "dicom/meta.h"

#include "base/error.h"
#include "dicom/bytes.h"
#include "dicom/element.h"

#include <galen/dicom.h>
#include <string.h>

enum { PREAMBLE = 128, UID_MAX = 65 };

static const char implicit_little[] = "1.2.840.10008.1.2", explicit_little[] = "1.2.840.10008.1.2.1",
                  explicit_big[] = "1.2.840.10008.1.2.2";

/* Groups a data set or meta group can begin with: command-like and private ones are left out on purpose. */
static bool plausible_group(unsigned group) {
    return group == 0x0002 || group == 0x0008 || group == 0x0009 || group == 0x0010;
}

/* Guesses the syntax from the first element; NULL when it does not look like one. */
static const char *guess(const uint8_t *p, size_t size) {
    if (size < 8) return NULL;
    char vr[3] = {(char)p[4], (char)p[5], 0};
    bool known = gal_vr_known(vr);
    if (plausible_group(gal_get16(p, false))) {
        if (known) return explicit_little;
        return gal_get32(p + 4, false) <= size - 8 ? implicit_little : NULL;
    }
    return plausible_group(gal_get16(p, true)) && known ? explicit_big : NULL;
}

int galen_dicom_probe(const void *bytes, size_t size) {
    const uint8_t *p = bytes;
    if (!p) return 0;
    if (size >= PREAMBLE + 4 && memcmp(p + PREAMBLE, "DICM", 4) == 0) return 1;
    if (size >= 4 && memcmp(p, "DICM", 4) == 0) return 1;
    if (size < 16 || !guess(p, size)) return 0;
    /* Without "DICM" one plausible element is not enough: a second one must follow in ascending order. */
    bool big = guess(p, size) == explicit_big, explicit_vr = guess(p, size) != implicit_little;
    gal_element first, second;
    if (gal_element_read(p, size, explicit_vr, big, &first, NULL) != GALEN_OK) return 0;
    if (first.length > size - first.header) return 0;
    size_t next = first.header + first.length;
    if (gal_element_read(p + next, size - next, explicit_vr, big, &second, NULL) != GALEN_OK)
        return gal_element_read(p + next, size - next, false, false, &second, NULL) == GALEN_OK &&
               first.tag >> 16 == 2 && plausible_group(second.tag >> 16);
    return second.tag > first.tag;
}

/* Reads group 0002 from *at on; fills uid when the Transfer Syntax UID is among it. */
static galen_status read_group(const uint8_t *bytes, size_t size, size_t *at, char uid[UID_MAX], galen_error *err) {
    while (size - *at >= 8 && gal_get16(bytes + *at, false) == 0x0002) {
        gal_element e;
        GAL_TRY(gal_element_read(bytes + *at, size - *at, true, false, &e, err));
        if (e.length > size - *at - e.header)
            return gal_fail(err, GALEN_ERR_FORMAT,
                            "meta element (0002,%04X) leaves the file: it was cut short or is damaged",
                            (unsigned)(e.tag & 0xFFFF));
        if (e.tag == 0x00020010u && e.length < UID_MAX) {
            memcpy(uid, bytes + *at + e.header, e.length);
            size_t n = e.length;
            while (n > 0 && (uid[n - 1] == 0 || uid[n - 1] == ' ')) n--;
            uid[n] = 0;
        }
        *at += e.header + e.length;
    }
    return GALEN_OK;
}

static bool is_uid(const char *uid) {
    return *uid && uid[strspn(uid, "0123456789.")] == 0;
}

galen_status gal_dicom_find_dataset(const uint8_t *bytes, size_t size, size_t *offset, const gal_syntax **syntax,
                                    galen_error *err) {
    if (!galen_dicom_probe(bytes, size))
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "not a DICOM file: neither \"DICM\" at byte 128 nor a data element at the start");
    size_t at = 0;
    if (size >= PREAMBLE + 4 && memcmp(bytes + PREAMBLE, "DICM", 4) == 0)
        at = PREAMBLE + 4;
    else if (memcmp(bytes, "DICM", 4) == 0)
        at = 4;
    char uid[UID_MAX] = "";
    GAL_TRY(read_group(bytes, size, &at, uid, err));
    *offset = at;
    if (*uid == 0) {
        const char *guessed = guess(bytes + at, size - at);
        if (!guessed)
            return gal_fail(err, GALEN_ERR_FORMAT,
                            "no Transfer Syntax UID (0002,0010) and no data set that could be guessed behind it");
        memcpy(uid, guessed, strlen(guessed) + 1);
    }
    if (!is_uid(uid))
        return gal_fail(err, GALEN_ERR_FORMAT, "Transfer Syntax UID (0002,0010) is not a UID: the file is damaged");
    *syntax = gal_syntax_find(uid);
    if (!*syntax)
        return gal_fail(
            err, GALEN_ERR_UNSUPPORTED,
            "transfer syntax %s is not supported: convert to Explicit VR Little Endian (dcmdjpeg, gdcmconv)", uid);
    return GALEN_OK;
}
