/* Declares every rule named in grads.def. */
#ifndef GAL_GRAPH_OPS_GRADS_H
#define GAL_GRAPH_OPS_GRADS_H

#include "graph/grad.h"

#define GAL_GRADIENT(domain, op, rule) galen_status rule(const gal_gradient *g, galen_error *err);
#include "graph/ops/grads.def"
#undef GAL_GRADIENT

#endif
