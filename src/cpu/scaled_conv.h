/* What the rows of galen.ScaledConv share. */
#ifndef GAL_CPU_SCALED_CONV_H
#define GAL_CPU_SCALED_CONV_H

#include "cpu/conv_f32.h"

typedef void gal_scale_fn(const void *x, size_t x_pitch, const float *scale, const float *shift, void *y,
                          size_t y_pitch, size_t pixels, size_t c, const gal_cpu_activation *act);

/* NULL, or why no row can scale this node's pixels. */
const char *gal_scaled_conv_reject(const gal_node *node);
/* What happens to the pixels of this call, done by `fn`. */
gal_conv_scale gal_scaled_conv_scale(const gal_call *call, gal_scale_fn *fn);

#endif
