/* Fuzz target: JPEG decoding, then the steps a picture takes to a model. Links image. */
#include "image/prepare.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static float out[3 * 32 * 32];
    const galen_image_limits limits = {.max_side = 2048, .max_pixels = 1 << 18, .max_file_bytes = 1 << 20};
    const gal_recipe recipe = {.channels = 3,
                               .width = 32,
                               .height = 32,
                               .filter = GALEN_FILTER_BILINEAR,
                               .rule = GAL_RESIZE_STRETCH,
                               .high = 1,
                               .std = {1, 1, 1}};
    if (size < 2 || data[0] != 0xff || data[1] != 0xd8) return 0; /* other formats have their own targets */
    galen_image image;
    galen_error err;
    if (galen_image_decode(data, size, &limits, &image, &err) == GALEN_OK)
        (void)gal_prepare(&image, &recipe, out, &err);
    galen_image_free(&image);
    return 0;
}
