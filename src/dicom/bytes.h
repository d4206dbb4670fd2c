/* Reading numbers from bytes that the caller has already found to be there. */
#ifndef GAL_DICOM_BYTES_H
#define GAL_DICOM_BYTES_H

#include <stdbool.h>
#include <stdint.h>

static inline uint16_t gal_get16(const uint8_t *p, bool big) {
    return big ? (uint16_t)(p[0] << 8 | p[1]) : (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t gal_get32(const uint8_t *p, bool big) {
    uint32_t first = gal_get16(p, big), second = gal_get16(p + 2, big);
    return big ? first << 16 | second : second << 16 | first;
}

/* A tag as group << 16 | element. */
static inline uint32_t gal_get_tag(const uint8_t *p, bool big) {
    return (uint32_t)gal_get16(p, big) << 16 | gal_get16(p + 2, big);
}

#endif
