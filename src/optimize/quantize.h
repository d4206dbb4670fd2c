/*
 * A model in 8 bits, as QDQ ONNX that ONNX Runtime runs fast too: QuantizeLinear and DequantizeLinear around every
 * tensor between quantisable ops. Activations are u8 with a zero point, from the ranges a set of inputs shows; weights
 * are s8 without one, a scale an output channel; biases are i32. Outputs of the graph stay f32.
 *
 * The result is another model: what it costs in accuracy is for a clinical comparison to say before anyone uses it.
 */
#ifndef GAL_OPTIMIZE_QUANTIZE_H
#define GAL_OPTIMIZE_QUANTIZE_H

#include "model/onnx.h"

typedef enum gal_range_rule {
    GAL_RANGE_MINMAX,     /* everything seen */
    GAL_RANGE_PERCENTILE, /* all but a share of the values at either end */
    GAL_RANGE_MSE,        /* where the mean squared rounding and clipping error is least */
} gal_range_rule;

/* Inputs to observe ranges on. */
typedef struct gal_range_calibration {
    gal_range_rule rule;
    double percentile; /* kept at either end by GAL_RANGE_PERCENTILE, e.g. 99.99 */
    size_t count;      /* samples, at least 1; each may be asked for twice */
    /* Writes sample `index` of the model's only input for N = 1. */
    galen_status (*sample)(void *context, size_t index, float *input, galen_error *err);
    void *context;
    int threads; /* 0: all this process may use */
} gal_range_calibration;

/*
 * Folds what can be folded beforehand (the portable passes), observes, and rewrites model->graph to QDQ form. The model
 * must have one f32 input. On failure the graph is valid but may be half rewritten.
 */
galen_status gal_optimize_quantize(gal_model *model, const gal_range_calibration *how, galen_error *err);

#endif
