/* bf16 and f16 in training (mixed precision). */
#ifndef GAL_TRAIN_NARROW_H
#define GAL_TRAIN_NARROW_H

#include "train/network.h"

/*
 * Rewrites an f32 network for activations of `type`, GALEN_BF16 or GALEN_F16. `narrow` of a parameter is the constant
 * of that type that the graph reads in its place: whoever changes the parameter rounds it into that.
 */
galen_status gal_train_narrow(gal_train_network *net, galen_dtype type, galen_error *err);

#endif
