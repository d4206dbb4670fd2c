/* Ranges of activations, seen while a copy of the model runs. */
#ifndef GAL_OPTIMIZE_OBSERVE_H
#define GAL_OPTIMIZE_OBSERVE_H

#include "optimize/quantize.h"

/* Includes 0, so that padding and ReLU are exact. */
typedef struct gal_range {
    float low, high;
} gal_range;

/* range[i] of the f32 values watch[i] of model's graph, over all samples. The graph is not changed. */
galen_status gal_optimize_observe(const gal_model *model, const gal_range_calibration *how, gal_value *const *watch,
                                  size_t n, gal_range *range, galen_error *err);

#endif
