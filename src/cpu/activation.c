/* Which activation a fused node asks for. */
#include "cpu/activation.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    gal_cpu_act kind;
} names[] = {
    {"", GAL_CPU_NONE},
    {"None", GAL_CPU_NONE},
    {"Relu", GAL_CPU_CLAMP},
    {"Clip", GAL_CPU_CLAMP},
    {"LeakyRelu", GAL_CPU_LEAKY},
    {"Sigmoid", GAL_CPU_SIGMOID},
    {"HardSigmoid", GAL_CPU_HARD_SIGMOID},
    {"HardSwish", GAL_CPU_HARD_SWISH},
    {"SiLU", GAL_CPU_SILU},
    {"Tanh", GAL_CPU_TANH},
};

const char *gal_cpu_activation_of(const gal_node *node, gal_cpu_activation *out) {
    const char *name = gal_attr_string(node, "activation", "");
    *out = (gal_cpu_activation){.low = -INFINITY, .high = INFINITY};
    out->alpha = gal_attr_float(node, "act_alpha", 0);
    out->beta = gal_attr_float(node, "act_beta", 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i].name) != 0) continue;
        out->kind = names[i].kind;
        if (strcmp(name, "Relu") == 0) out->low = 0;
        if (strcmp(name, "Clip") == 0) out->low = out->alpha, out->high = out->beta;
        return NULL;
    }
    return "the activation has no fast form";
}
