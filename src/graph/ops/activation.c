/* Activations merged into convolutions and matrix products. */
#include "graph/ops/activation.h"

#include "base/refmath.h"

#include <math.h>
#include <strings.h>

static const char *const names[] = {[GAL_ACT_NONE] = "none",
                                    [GAL_ACT_RELU] = "relu",
                                    [GAL_ACT_CLIP] = "clip",
                                    [GAL_ACT_SIGMOID] = "sigmoid",
                                    [GAL_ACT_SILU] = "silu",
                                    [GAL_ACT_TANH] = "tanh",
                                    [GAL_ACT_HARD_SIGMOID] = "hardsigmoid",
                                    [GAL_ACT_HARD_SWISH] = "hardswish",
                                    [GAL_ACT_LEAKY_RELU] = "leakyrelu"};

bool gal_activation_of(const gal_node *node, gal_activation *kind) {
    const char *name = gal_attr_string(node, "activation", "");
    *kind = GAL_ACT_NONE;
    if (!name[0]) return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(name, names[i]) != 0) continue;
        *kind = (gal_activation)i;
        return true;
    }
    return false;
}

static double limit(double x, double lo, double hi) {
    return x < lo ? lo : x > hi ? hi : x;
}

/* The division of Sigmoid's own reference, so that the bits agree. */
static float sigmoid(float x) {
    return (float)(1 / (1 + gal_ref_exp(-(double)x)));
}

float gal_activate(gal_activation kind, float alpha, float beta, float x) {
    switch (kind) {
    case GAL_ACT_NONE: break;
    case GAL_ACT_RELU: return x < 0 ? 0 : x;
    case GAL_ACT_CLIP:
        if (x < alpha) x = alpha;
        return x > beta ? beta : x;
    case GAL_ACT_SIGMOID: return sigmoid(x);
    case GAL_ACT_SILU: return x * sigmoid(x);
    case GAL_ACT_TANH: return (float)gal_ref_tanh(x);
    case GAL_ACT_HARD_SIGMOID: return (float)limit((double)alpha * x + beta, 0, 1);
    case GAL_ACT_HARD_SWISH: return (float)(x * limit((double)x / 6 + 0.5, 0, 1));
    case GAL_ACT_LEAKY_RELU: return x < 0 ? (float)((double)alpha * x) : x;
    case GAL_ACT_GELU: return (float)(0.5 * (double)x * (1 + gal_ref_erf((double)x * M_SQRT1_2)));
    }
    return x;
}
