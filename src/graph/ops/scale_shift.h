/* The reference of galen.ScaleShift, for ops that begin with it. */
#ifndef GAL_GRAPH_OPS_SCALE_SHIFT_H
#define GAL_GRAPH_OPS_SCALE_SHIFT_H

#include "graph/op.h"

/* y = x * scale + shift for each channel (x's last dimension), or at least 0 with `relu`. y is x's type and dense; it
 * may be x. */
void gal_scale_shift_ref(const galen_tensor *x, const float *scale, const float *shift, bool relu, void *y,
                         gal_pool *pool);

#endif
