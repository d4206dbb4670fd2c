/* What both formats of PyTorch checkpoints have in common: a pickle that names storages, and a state dict in it. */
#ifndef GAL_MODEL_PTH_STATE_H
#define GAL_MODEL_PTH_STATE_H

#include "model/pickle.h"
#include "model/weights.h"

/* Gives the bytes of a storage of the tensor `name`: aligned for its type, as long as the storage says, and alive as
 * long as the weights. */
typedef galen_status (*gal_pth_storage)(void *context, const gal_pickle_value *storage, const char *name, void **out,
                                        galen_error *err);

/* Fills entry and n of empty weights with the tensors of the state dict in `root`, found as gal_weights_load says. */
galen_status gal_pth_take_state(const gal_pickle_value *root, gal_pth_storage storage, void *context,
                                gal_weights *weights, galen_error *err);

#endif
