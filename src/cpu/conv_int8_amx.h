/* What integer convolution on AMX keeps beside its weights (conv_amx.h). */
#ifndef GAL_CPU_CONV_INT8_AMX_H
#define GAL_CPU_CONV_INT8_AMX_H

#include "cpu/conv_amx.h"
#include "graph/ops/quantized.h"

/* The extra part of packed. The columns' parameters are the bias (i32, zero points of x and padding included) and the
 * factor (f32). */
typedef struct gal_amx_int8 {
    gal_requant q;
    bool has_table;
    uint8_t table[256];
} gal_amx_int8;

/* For left operands with or without a sign and outputs of `element` bytes. */
gal_amx_kind gal_amx_kind_int8(bool is_signed, size_t element);

#endif
