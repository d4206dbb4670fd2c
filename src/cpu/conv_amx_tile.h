/* Shared by the element types' files around conv_amx_body.h. */
#ifndef GAL_CPU_CONV_AMX_TILE_H
#define GAL_CPU_CONV_AMX_TILE_H

#include "cpu/conv_amx.h"

#include <immintrin.h>

/* What is constant in a copy of the code: each combination that matters is compiled for itself. */
typedef struct variant {
    size_t element, residual; /* bytes of an output, of a residual */
    bool add;                 /* there is a residual */
    bool full;                /* all columns of all panels are real */
    bool plain;               /* of 8-bit types: the common case */
    gal_activation how;       /* of bf16: what is known of the activation */
    bool is_f32;              /* outputs are f32 */
    bool is_signed;           /* left operands have a sign */
} variant;

static inline __mmask16 columns_mask(int64_t columns) {
    return columns <= 0 ? 0 : columns >= 16 ? (__mmask16)-1 : (__mmask16)((1u << columns) - 1);
}

#endif
