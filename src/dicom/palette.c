/* PALETTE COLOR: three tables turn an index into red, green and blue (PS3.3 C.7.9). */
#include "dicom/chain.h"

#include "base/error.h"

/* The high byte of an entry; tables that declare 16 bits but fill only 8 are common and are taken at their values. */
static int shift_of(const gal_dicom_lut *lut) {
    uint16_t largest = 0;
    for (uint32_t i = 0; i < lut->entries; i++) largest = lut->data[i] > largest ? lut->data[i] : largest;
    return largest > 255 ? lut->bits - 8 : 0;
}

galen_status gal_render_palette(const gal_dicom_picture *picture, uint8_t *out, galen_error *err) {
    int shift[3];
    for (int c = 0; c < 3; c++) {
        if (!picture->palette[c].data)
            return gal_fail(
                err, GALEN_ERR_FORMAT,
                "PALETTE COLOR without %s Palette Color Lookup Table Data (0028,120%d): the file is incomplete",
                c == 0   ? "Red"
                : c == 1 ? "Green"
                         : "Blue",
                c + 1);
        shift[c] = shift_of(&picture->palette[c]);
    }
    for (size_t i = 0; i < gal_dicom_pixels(picture); i++) {
        int64_t index = gal_stored_sample(picture, i);
        for (int c = 0; c < 3; c++)
            out[3 * i + (size_t)c] = (uint8_t)(gal_lut_entry(&picture->palette[c], index) >> shift[c]);
    }
    return GALEN_OK;
}
