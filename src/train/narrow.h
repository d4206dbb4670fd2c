/* bf16 in training (mixed precision). */
#ifndef GAL_TRAIN_NARROW_H
#define GAL_TRAIN_NARROW_H

#include "train/network.h"

/*
 * Rewrites an f32 network for bf16 activations. `narrow` of a parameter is the bf16 constant that the graph reads in
 * its place: whoever changes the parameter rounds it into that.
 */
galen_status gal_train_narrow(gal_train_network *net, galen_error *err);

#endif
