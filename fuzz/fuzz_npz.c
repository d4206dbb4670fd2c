/* Fuzz target: one .npy, or an .npz through the archive plug-in. Links data. */
#include "base/mem.h"
#include "data/npz.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const gal_npz_limits limits = {.max_arrays = 16, .max_bytes = 1 << 20};
    galen_error err;
    if (size > 0 && data[0] == 'P') {
        gal_npz *npz = NULL;
        (void)gal_npz_read(data, size, &limits, &npz, &err);
        gal_npz_free(npz);
        return 0;
    }
    galen_tensor tensor;
    (void)gal_npy_read(data, size, limits.max_bytes, &tensor, &err);
    gal_free(tensor.data);
    gal_arena arena;
    const char **text;
    size_t texts;
    gal_arena_init(&arena, (size_t)limits.max_bytes);
    (void)gal_npy_texts(data, size, &arena, &text, &texts, &err);
    gal_arena_free(&arena);
    return 0;
}
