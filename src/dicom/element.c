/* Headers of data elements, PS3.5 section 7.1. */
#include "dicom/element.h"

#include "base/error.h"
#include "dicom/bytes.h"

#include <string.h>

static const char short_vrs[] = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US ";
static const char long_vrs[] = "OB OD OF OL OV OW SQ SV UC UN UR UT UV ";

static bool listed(const char *list, const char *vr) {
    for (; *list; list += 3)
        if (list[0] == vr[0] && list[1] == vr[1]) return true;
    return false;
}

bool gal_vr_known(const char *vr) {
    return listed(short_vrs, vr) || listed(long_vrs, vr);
}

static galen_status cut(uint32_t tag, galen_error *err) {
    return gal_fail(err, GALEN_ERR_FORMAT,
                    "the file ends inside the header of element (%04X,%04X): it was cut short, copy it again",
                    (unsigned)(tag >> 16), (unsigned)(tag & 0xFFFF));
}

galen_status gal_element_read(const uint8_t *bytes, size_t size, bool explicit_vr, bool big, gal_element *out,
                              galen_error *err) {
    if (size < 8) return cut(size < 4 ? 0 : gal_get_tag(bytes, big), err);
    *out = (gal_element){.tag = gal_get_tag(bytes, big), .header = 8};
    if (!explicit_vr || out->tag >> 16 == 0xFFFE) {
        out->length = gal_get32(bytes + 4, big);
        return GALEN_OK;
    }
    memcpy(out->vr, bytes + 4, 2);
    if (listed(short_vrs, out->vr)) {
        out->length = gal_get16(bytes + 6, big);
        return GALEN_OK;
    }
    if (!listed(long_vrs, out->vr))
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "element (%04X,%04X) has an unknown value representation: the file is damaged or not DICOM",
                        (unsigned)(out->tag >> 16), (unsigned)(out->tag & 0xFFFF));
    if (size < 12) return cut(out->tag, err);
    out->length = gal_get32(bytes + 8, big);
    out->header = 12;
    return GALEN_OK;
}
