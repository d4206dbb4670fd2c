/* The few names a pickle of tensors may call, and what they make. */
#ifndef GAL_MODEL_PICKLE_CALL_H
#define GAL_MODEL_PICKLE_CALL_H

#include "model/pickle.h"

/* Fills a GLOBAL value; any name outside the whitelist is refused by name. */
galen_status gal_pickle_find_global(const char *module, const char *name, gal_pickle_value *out, galen_error *err);
/* callee(*args): *result is an empty value to fill, or is replaced by an argument. */
galen_status gal_pickle_call(gal_arena *arena, const gal_pickle_value *callee, gal_pickle_value *args,
                             gal_pickle_value **result, galen_error *err);
/* A persistent id ("storage", type, key, location, elements[, view]) into a STORAGE value; views are refused. */
galen_status gal_pickle_storage(const gal_pickle_value *id, gal_pickle_value *out, galen_error *err);

#endif
