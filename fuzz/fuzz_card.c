/* Fuzzes the model card. Links galen_model. */
#include "model/card.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A graph that takes 3x8x8 pictures; the card must agree with it. */
static gal_graph *make_graph(void) {
    gal_graph *graph = NULL;
    gal_value *image = NULL;
    const gal_shape shape = {.rank = 4, .dim = {{1, true}, {3, false}, {8, false}, {8, false}}};
    galen_error err;
    if (gal_graph_create("card", &graph, &err) != GALEN_OK) return NULL;
    if (gal_graph_input(graph, "image", GALEN_F32, &shape, &image, &err) != GALEN_OK) abort();
    return graph;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gal_graph *graph = make_graph();
    char *json = malloc(size + 1);
    if (graph && json) {
        gal_card card;
        galen_error err = {0};
        memcpy(json, data, size);
        json[size] = '\0';
        if (gal_card_read(json, graph, &card, &err) == GALEN_OK)
            gal_card_free(&card);
        else if (!err.message[0])
            abort();
    }
    free(json);
    gal_graph_destroy(graph);
    return 0;
}
