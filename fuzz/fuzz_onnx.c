/* Fuzzes the ONNX reader and, for what it accepts, verifier, card and writer. Links galen_model. */
#include "model/card.h"
#include "model/onnx.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A model that was read must be sound, and what is written of it must read again. */
static void check(gal_model *model) {
    galen_error err = {0};
    gal_card card;
    gal_buf out;
    gal_model *again = NULL;
    if (gal_graph_verify(model->graph, &err) != GALEN_OK) abort();
    if (gal_card_read(gal_model_meta(model, "galen.card"), model->graph, &card, &err) == GALEN_OK) gal_card_free(&card);
    gal_buf_init(&out, (size_t)1 << 28);
    if (gal_onnx_write(model, &out, &err) == GALEN_OK &&
        gal_onnx_parse(out.data, out.size, NULL, &again, &err) == GALEN_OK)
        gal_model_destroy(again);
    gal_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gal_model *model = NULL;
    galen_error err = {0};
    if (gal_onnx_parse(data, size, NULL, &model, &err) != GALEN_OK) {
        if (!err.message[0]) abort();
        return 0;
    }
    check(model);
    gal_model_destroy(model);
    return 0;
}
