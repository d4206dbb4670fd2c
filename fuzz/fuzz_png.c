/* Fuzz target: PNG decoding as is and with its checksums put right, then encoding again. Links image. */
#include <galen/image.h>

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was decoded must survive being written and read. */
static void round_trip(const galen_image *image) {
    galen_image back;
    galen_error err;
    void *bytes = NULL;
    size_t size = 0;
    if (galen_image_encode_png(image, &bytes, &size, &err) != GALEN_OK) abort();
    if (galen_image_decode(bytes, size, NULL, &back, &err) != GALEN_OK) abort();
    size_t n = (size_t)image->width * (size_t)image->height * (size_t)image->channels *
               (image->sample == GALEN_SAMPLE_U16 ? 2 : 1);
    if (back.channels != image->channels || back.sample != image->sample || memcmp(back.data, image->data, n) != 0)
        abort();
    galen_image_free(&back);
    galen_free(bytes);
}

static void decode(const uint8_t *data, size_t size) {
    const galen_image_limits limits = {.max_side = 2048, .max_pixels = 1 << 16, .max_file_bytes = 1 << 20};
    galen_image image;
    galen_error err;
    if (galen_image_decode(data, size, &limits, &image, &err) == GALEN_OK) round_trip(&image);
    galen_image_free(&image);
}

/* Without this the fuzzer would never get past the first checksum. */
static void put_checksums_right(uint8_t *data, size_t size) {
    for (size_t at = 8; size >= 12 && at <= size - 12;) {
        size_t n = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 | (size_t)data[at + 2] << 8 | data[at + 3];
        if (n > size - 12 - at) return;
        unsigned long crc = crc32(0, data + at + 4, (unsigned)n + 4);
        for (size_t i = 0; i < 4; i++) data[at + 8 + n + i] = (uint8_t)(crc >> (24 - 8 * i));
        at += n + 12;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || data[0] != 0x89) return 0; /* other formats have their own targets */
    decode(data, size);
    uint8_t *fixed = malloc(size);
    if (!fixed) return 0;
    memcpy(fixed, data, size);
    put_checksums_right(fixed, size);
    decode(fixed, size);
    free(fixed);
    return 0;
}
