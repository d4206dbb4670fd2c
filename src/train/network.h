/* A model's graph made ready for training: channels last, normalisation that learns, and a list of what is trained. */
#ifndef GAL_TRAIN_NETWORK_H
#define GAL_TRAIN_NETWORK_H

#include "graph/graph.h"

/* A constant of the model that training changes. */
typedef struct gal_train_weight {
    gal_value *value;  /* its name is the model's own */
    gal_value *next;   /* of a running statistic: the value after a step; of a parameter NULL */
    gal_value *narrow; /* of a parameter: what the graph reads in its place (narrow.h), or NULL */
} gal_train_weight;

typedef struct gal_train_network {
    gal_graph *graph;  /* the caller's */
    gal_value *image;  /* the only input */
    gal_value *logits; /* [N, K], what the loss reads: an output's Softmax or Sigmoid is left behind */
    gal_value *seed;   /* input of dropout, i64 [1]; NULL without */
    bool drops_softmax, drops_sigmoid;
    gal_train_weight *parameter, *statistic; /* in the graph's arena, in the order of its nodes */
    size_t n_parameter, n_statistic;
} gal_train_network;

typedef struct gal_train_network_options {
    const char *const *frozen; /* parameters whose names begin with one of these stay as they are, and so does the
                                  normalisation they belong to */
    size_t n_frozen;
    float dropout; /* share of the last layer's inputs that is dropped; 0: none */
} gal_train_network_options;

/*
 * Rewrites `graph` (one image input, one output [N, K]; weights in convolutions, products and normalisations) for
 * training. Parameters are constants still: gal_graph_make_variable is the caller's. GALEN_ERR_UNSUPPORTED says what
 * cannot be trained.
 */
galen_status gal_train_network_make(gal_graph *graph, const gal_train_network_options *options, gal_train_network *out,
                                    galen_error *err);

#endif
