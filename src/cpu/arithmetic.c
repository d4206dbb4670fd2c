/* From a kernel row to the unit it computes with. */
#include "cpu/arithmetic.h"
#include "cpu/features.h"

#include <string.h>

const char *gal_arithmetic_name(gal_arithmetic arithmetic) {
    static const char *const name[GAL_ARITHMETIC_COUNT] = {"none",        "fma-avx2", "fma-avx512",  "fp16-avx512",
                                                           "bf16-avx512", "vnni-avx", "vnni-avx512", "bf16-amx",
                                                           "int8-amx",    "fma-neon", "bf16-neon",   "dot-neon"};
    return (unsigned)arithmetic < GAL_ARITHMETIC_COUNT ? name[arithmetic] : "unknown";
}

/* The unit of each feature, the fastest first: a row that asks for two computes with the first. */
static const struct {
    uint32_t feature;
    gal_isa isa; /* the level it belongs to */
    gal_arithmetic arithmetic;
} units[] = {
    {GAL_HAS_AMX_INT8, GAL_ISA_AMX, GAL_ARITHMETIC_INT8_AMX},
    {GAL_HAS_AMX_BF16, GAL_ISA_AMX, GAL_ARITHMETIC_BF16_AMX},
    {GAL_HAS_AVX512_VNNI, GAL_ISA_AVX512, GAL_ARITHMETIC_VNNI_AVX512},
    {GAL_HAS_AVX_VNNI, GAL_ISA_AVX2, GAL_ARITHMETIC_VNNI_AVX},
    {GAL_HAS_AVX512_FP16, GAL_ISA_AVX512, GAL_ARITHMETIC_FP16_AVX512},
    {GAL_HAS_AVX512_BF16, GAL_ISA_AVX512, GAL_ARITHMETIC_BF16_AVX512},
    {GAL_HAS_NEON_DOT, GAL_ISA_NEON, GAL_ARITHMETIC_DOT_NEON},
    {GAL_HAS_NEON_BF16, GAL_ISA_NEON, GAL_ARITHMETIC_BF16_NEON},
};
enum { UNITS = sizeof units / sizeof *units };

static gal_arithmetic plain_unit(gal_isa isa) {
    if (isa == GAL_ISA_REFERENCE) return GAL_ARITHMETIC_NONE;
    if (isa == GAL_ISA_NEON) return GAL_ARITHMETIC_FMA_NEON;
    return isa == GAL_ISA_AVX2 ? GAL_ARITHMETIC_FMA_AVX2 : GAL_ARITHMETIC_FMA_AVX512;
}

uint32_t gal_arithmetics_here(gal_isa isa) {
    uint32_t here = 0;
    for (gal_isa level = GAL_ISA_AVX2; level <= isa; level++)
        if (gal_isa_here(level)) here |= 1u << plain_unit(level);
    for (size_t i = 0; i < UNITS; i++)
        if (units[i].isa <= isa && (gal_features() & units[i].feature)) here |= 1u << units[i].arithmetic;
    return here;
}

/* Each output sums products over several channels. */
static bool sums_products(const gal_node *node) {
    gal_cost cost;
    gal_node_cost(node, 1, &cost);
    if (cost.mac == 0) return false;
    int64_t group = gal_attr_int(node, "group", 1);
    if (group == 1) return true;
    const gal_shape *x = &node->in[0]->shape;
    bool channels_last = strcmp(node->op->domain, "galen") == 0;
    return x->rank < 3 || x->dim[channels_last ? x->rank - 1 : 1].size != group;
}

static bool is_byte(galen_dtype dtype) {
    return dtype == GALEN_U8 || dtype == GALEN_I8;
}

gal_arithmetic gal_arithmetic_of(const gal_kernel *kernel, const gal_node *node, gal_isa isa) {
    if (kernel == NULL) return plain_unit(isa);
    if (!sums_products(node)) return plain_unit(kernel->isa);
    for (size_t i = 0; i < UNITS; i++)
        if (kernel->features & units[i].feature) return units[i].arithmetic;
    if (kernel->isa != GAL_ISA_AMX) return plain_unit(kernel->isa);
    return is_byte(kernel->dtype)        ? GAL_ARITHMETIC_INT8_AMX
           : kernel->dtype == GALEN_BF16 ? GAL_ARITHMETIC_BF16_AMX
                                         : GAL_ARITHMETIC_FMA_AVX512;
}
