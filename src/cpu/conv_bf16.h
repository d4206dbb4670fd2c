/* Convolution and matrix product of 16-bit floats as pairs of channels, for the rows that compute them. */
#ifndef GAL_CPU_CONV_BF16_H
#define GAL_CPU_CONV_BF16_H

#include "cpu/conv_f32.h"

/* Reads node (galen.Conv, galen.Gemm; bf16) into *conv, channels in pairs. NULL, or why the fast rows cannot do it. */
const char *gal_conv_bf16_decode(const gal_node *node, gal_conv *conv);
const char *gal_gemm_bf16_decode(const gal_node *node, gal_conv *conv);

/* No NaN or infinity, bf16 or f16: see gal_conv_f32_finite. Weights that a session has packed and let go of were looked
 * at then. */
bool gal_conv_half_finite(const galen_tensor *weights);

#endif
