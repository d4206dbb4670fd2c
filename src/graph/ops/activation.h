/* Activations that passes merge into galen.Conv and galen.Gemm, with the bits of the ONNX ops they stand for. */
#ifndef GAL_GRAPH_OPS_ACTIVATION_H
#define GAL_GRAPH_OPS_ACTIVATION_H

#include "graph/graph.h"

typedef enum gal_activation {
    GAL_ACT_NONE,
    GAL_ACT_RELU,
    GAL_ACT_CLIP, /* to [alpha, beta] */
    GAL_ACT_SIGMOID,
    GAL_ACT_SILU, /* Mul(x, Sigmoid(x)): both results rounded */
    GAL_ACT_TANH,
    GAL_ACT_HARD_SIGMOID, /* slope alpha, offset beta */
    GAL_ACT_HARD_SWISH,
    GAL_ACT_LEAKY_RELU, /* slope alpha */
    GAL_ACT_GELU,       /* of galen.Gelu: x / 2 * (1 + erf(x / sqrt 2)); merged into nothing */
} gal_activation;

/* The kind named in attribute "activation" ("none", "relu", ... in any case; absent or empty is none); false when
 * unknown. */
bool gal_activation_of(const gal_node *node, gal_activation *kind);

/* Applies it to an f32 value; alpha and beta are the node's "act_alpha" and "act_beta". */
float gal_activate(gal_activation kind, float alpha, float beta, float x);

#endif
