/*
 * Old ONNX opsets in the terms of opset 17: the reader hands each node over exactly as the file has it, and one or
 * several nodes of today's meaning come out, so that nothing behind the reader knows more than one opset.
 */
#ifndef GAL_MODEL_ONNX_UPGRADE_H
#define GAL_MODEL_ONNX_UPGRADE_H

#include "graph/graph.h"

/*
 * Adds the node `spec` of a model of `opset` (6 to 17) to `graph` in place of gal_graph_node. The outputs carry the
 * names in spec->out_name, whichever nodes make them: look them up with gal_graph_find. Nodes and constants a rewrite
 * needs besides get made-up names. *out (the pointer may be NULL) is the last node added, or NULL when its result was
 * known already and became a constant. Everything is allocated from graph->arena; spec is not changed.
 * GALEN_ERR_UNSUPPORTED or GALEN_ERR_FORMAT names node, op and opset.
 */
galen_status gal_upgrade_node(gal_graph *graph, int64_t opset, const gal_node_spec *spec, gal_node **out,
                              galen_error *err);

#endif
