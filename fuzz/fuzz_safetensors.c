/* Fuzzes the safetensors reader; every byte of an accepted tensor must be readable. Links galen_model. */
#include "model/weights.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gal_weights *weights = NULL;
    galen_error err = {0};
    unsigned sum = 0;
    if (size >= 4 && memcmp(data, "PK", 2) == 0) return 0; /* a zip: fuzz_pth's business */
    if (gal_weights_parse(data, size, &weights, &err) != GALEN_OK) {
        if (!err.message[0]) abort();
        return 0;
    }
    for (size_t i = 0; i < weights->n; i++) {
        const galen_tensor *t = &weights->entry[i].tensor;
        for (int64_t b = 0; b < galen_tensor_bytes(t); b++) sum += ((const unsigned char *)t->data)[b];
        if (gal_weights_find(weights, weights->entry[i].name) != t) abort();
    }
    gal_weights_destroy(weights);
    return sum == 0xffffffffu ? -1 : 0; /* the sum is used, so that the reads are not optimised away */
}
