/* Phases of an input gradient: see conv_grad_input.c. */
#ifndef GAL_CPU_CONV_GRAD_INPUT_H
#define GAL_CPU_CONV_GRAD_INPUT_H

#include "graph/ops/conv_grad.h"

/* One dimension of a phase: pixel i of it, which is pixel phase + i * stride of dX, meets dY at i + t * dilation - pad
 * by its tap t; that is tap last - t * step of the window. */
typedef struct gal_grad_axis {
    int64_t outputs; /* pixels of dX; may be negative for none */
    int64_t taps, last, step;
    int64_t dilation, pad; /* pad may be negative */
} gal_grad_axis;

gal_grad_axis gal_grad_axis_of(const gal_window *w, int d, int64_t phase);

#endif
