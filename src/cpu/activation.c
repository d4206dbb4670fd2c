/* Which activation a node asks for. */
#include "cpu/activation.h"

#include <math.h>

gal_cpu_activation gal_cpu_activation_make(gal_activation kind, float alpha, float beta) {
    gal_cpu_activation act = {.kind = kind, .alpha = alpha, .beta = beta, .low = -INFINITY, .high = INFINITY};
    if (kind == GAL_ACT_RELU) act.low = 0;
    if (kind == GAL_ACT_CLIP) act.low = alpha, act.high = beta;
    return act;
}

const char *gal_cpu_activation_of(const gal_node *node, gal_cpu_activation *out) {
    gal_activation kind;
    if (!gal_activation_of(node, &kind)) return "the activation has no fast form";
    *out = gal_cpu_activation_make(kind, gal_attr_float(node, "act_alpha", 0), gal_attr_float(node, "act_beta", 0));
    return NULL;
}
