/* Activations of galen.Conv and galen.Gemm as the fast rows apply them. */
#ifndef GAL_CPU_ACTIVATION_H
#define GAL_CPU_ACTIVATION_H

#include "graph/graph.h"

typedef enum gal_cpu_act {
    GAL_CPU_NONE,
    GAL_CPU_CLAMP, /* Relu and Clip: min(max(x, low), high), in registers */
    GAL_CPU_LEAKY, /* the others are a second walk over the tile while it is in L1 */
    GAL_CPU_SIGMOID,
    GAL_CPU_HARD_SIGMOID,
    GAL_CPU_HARD_SWISH,
    GAL_CPU_SILU,
    GAL_CPU_TANH,
} gal_cpu_act;

typedef struct gal_cpu_activation {
    gal_cpu_act kind;
    float alpha, beta;
    float low, high; /* (-inf, inf) unless kind is GAL_CPU_CLAMP */
} gal_cpu_activation;

/* The node's "activation", "act_alpha" and "act_beta". NULL, or why the fast rows cannot do it. */
const char *gal_cpu_activation_of(const gal_node *node, gal_cpu_activation *out);

#endif
