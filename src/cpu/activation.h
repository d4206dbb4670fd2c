/* Activations as the fast rows apply them. */
#ifndef GAL_CPU_ACTIVATION_H
#define GAL_CPU_ACTIVATION_H

#include "graph/ops/activation.h"

/* Relu and Clip are the clamp [low, high], done in registers; kinds above GAL_ACT_CLIP are a second walk while the tile
 * is in L1. */
typedef struct gal_cpu_activation {
    gal_activation kind;
    float alpha, beta;
    float low, high; /* (-inf, inf) for all other kinds */
} gal_cpu_activation;

gal_cpu_activation gal_cpu_activation_make(gal_activation kind, float alpha, float beta);
/* The node's "activation", "act_alpha" and "act_beta". NULL, or why the fast rows cannot do it. */
const char *gal_cpu_activation_of(const gal_node *node, gal_cpu_activation *out);

#endif
