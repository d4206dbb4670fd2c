/* Where a sample lies in the frame and which of its bits count (PS3.5 section 8.1.1). */
#include "dicom/chain.h"

#include "base/error.h"
#include "dicom/bytes.h"

uint64_t gal_dicom_frame_bits(int rows, int columns, int samples, int bits_allocated, bool subsampled) {
    if (rows < 1 || columns < 1 || samples < 1 || rows > 65535 || columns > 65535 || samples > 4) return 0;
    uint64_t pixels = (uint64_t)rows * (uint64_t)columns;
    if (subsampled) return pixels * 2 * (uint64_t)bits_allocated; /* two chroma samples for each two pixels */
    return pixels * (uint64_t)samples * (uint64_t)bits_allocated;
}

static galen_status bad(galen_error *err, const char *what, int value) {
    return gal_fail(err, GALEN_ERR_FORMAT, "%s is %d, which does not fit the picture: the file is damaged", what,
                    value);
}

galen_status gal_dicom_check_layout(const gal_dicom_picture *picture, galen_error *err) {
    const galen_dicom_info *info = &picture->info;
    bool colour = picture->photometric >= GAL_PHOTO_RGB, half = picture->photometric == GAL_PHOTO_YBR_FULL_422;
    int bits = picture->bits_allocated;
    if (bits != 1 && bits != 8 && bits != 16 && bits != 32)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "Bits Allocated (0028,0100) is %d; Galen reads 1, 8, 16 and 32",
                        bits);
    if (info->samples_per_pixel != (colour ? 3 : 1))
        return bad(err, "Samples per Pixel (0028,0002)", info->samples_per_pixel);
    if (picture->bits_stored < 1 || picture->bits_stored > bits)
        return bad(err, "Bits Stored (0028,0101)", picture->bits_stored);
    if (picture->high_bit >= bits || picture->high_bit < picture->bits_stored - 1)
        return bad(err, "High Bit (0028,0102)", picture->high_bit);
    if (colour && bits == 1) return bad(err, "Bits Allocated (0028,0100)", bits);
    if (half && (bits != 8 || info->columns % 2))
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "YBR_FULL_422 with %d bits and %d columns: Galen reads 8 bits and even columns", bits,
                        info->columns);
    uint64_t need = gal_dicom_frame_bits(info->rows, info->columns, info->samples_per_pixel, bits, half);
    if (need == 0 || (need + picture->bit_offset + 7) / 8 > picture->size)
        return gal_fail(err, GALEN_ERR_FORMAT, "Pixel Data has %zu bytes for a frame of %llu: the file was cut short",
                        picture->size, (unsigned long long)((need + 7) / 8));
    return GALEN_OK;
}

static uint32_t raw_sample(const gal_dicom_picture *picture, size_t i) {
    const uint8_t *p = picture->pixels;
    switch (picture->bits_allocated) {
    case 1: return p[(i + picture->bit_offset) / 8] >> ((i + picture->bit_offset) % 8) & 1u;
    case 8: return p[i];
    case 16: return gal_get16(p + 2 * i, false);
    default: return gal_get32(p + 4 * i, false);
    }
}

int64_t gal_stored_sample(const gal_dicom_picture *picture, size_t i) {
    int bits = picture->bits_stored;
    uint64_t value = (uint64_t)raw_sample(picture, i) >> (picture->high_bit + 1 - bits);
    value &= (UINT64_C(1) << bits) - 1;
    bool negative = picture->is_signed && (value >> (bits - 1) & 1);
    return negative ? (int64_t)value - (INT64_C(1) << bits) : (int64_t)value;
}
