/* Transfer: another question for a network that has learned to see. */
#ifndef GAL_TRAIN_HEAD_H
#define GAL_TRAIN_HEAD_H

#include "model/onnx.h"

/*
 * Gives the model's last layer (Gemm, or MatMul with Add, with constant weights) `classes` outputs with weights drawn
 * anew from `seed`: He-uniform, bias zero, as gal_zoo_build does. An activation behind it stays. The model must have
 * one output. GALEN_ERR_UNSUPPORTED says what stands in the way; the model is unchanged then.
 */
galen_status gal_train_replace_head(gal_model *model, int64_t classes, uint64_t seed, galen_error *err);

#endif
