/* Fuzzes the unpickler of PyTorch checkpoints; files that are whole checkpoints, zip or old, are read as such. Links
 * galen_model. */
#include "model/pickle.h"
#include "model/weights.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_file(const uint8_t *data, size_t size) {
    gal_weights *weights = NULL;
    galen_error err = {0};
    if (gal_weights_parse(data, size, &weights, &err) != GALEN_OK && !err.message[0]) abort();
    gal_weights_destroy(weights);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gal_arena arena;
    galen_error err = {0};
    gal_pickle pickle = {0};
    if ((size >= 4 && memcmp(data, "PK\3\4", 4) == 0) || gal_pth_is_old(data, size)) {
        read_file(data, size);
        return 0;
    }
    gal_arena_init(&arena, (size_t)1 << 28);
    galen_status status = gal_pickle_read(data, size, &arena, &pickle, &err);
    if (status == GALEN_OK && (!pickle.value || pickle.value->kind == GAL_PICKLE_MARK || pickle.bytes > size)) abort();
    if (status != GALEN_OK && !err.message[0]) abort();
    gal_arena_free(&arena);
    return 0;
}
