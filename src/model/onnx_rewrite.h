/* Rewrites of single nodes from old opsets; see onnx_upgrade.c for the table. */
#ifndef GAL_MODEL_ONNX_REWRITE_H
#define GAL_MODEL_ONNX_REWRITE_H

#include "graph/graph.h"

/* One node on its way into the graph. */
typedef struct gal_rewrite {
    gal_graph *graph;
    int64_t opset;
    const gal_node_spec *spec;
    gal_node *last; /* the last node added */
} gal_rewrite;

typedef galen_status (*gal_rewrite_fn)(gal_rewrite *r, galen_error *err);

/* ---- tools (onnx_rewrite.c) ---- */

enum { GAL_REWRITE_MAX_IN = 8 };

/* "node 'x' (Op): message". */
__attribute__((format(printf, 4, 5))) galen_status gal_rewrite_fail(const gal_rewrite *r, galen_error *err,
                                                                    galen_status status, const char *format, ...);
const gal_attr *gal_rewrite_attr(const gal_rewrite *r, const char *name);
int64_t gal_rewrite_int(const gal_rewrite *r, const char *name, int64_t otherwise);
/* The node's attributes but those named in `drop` (separated by spaces), in the graph's arena, with room for `extra`
 * more. */
galen_status gal_rewrite_keep(gal_rewrite *r, const char *drop, uint32_t extra, gal_attr **out, uint32_t *n,
                              galen_error *err);
/*
 * Adds `op` with these inputs and attributes. `final`: it makes the node's outputs and carries its name; else it has
 * one made-up output, returned in *out (may be NULL).
 */
galen_status gal_rewrite_emit(gal_rewrite *r, const char *op, gal_value *const *in, uint32_t n_in, const gal_attr *attr,
                              uint32_t n_attr, bool final, gal_value **out, galen_error *err);
/* An i64 constant from an INTS attribute; *out is NULL when it is absent. */
galen_status gal_rewrite_ints(gal_rewrite *r, const char *name, gal_value **out, galen_error *err);
/* A constant scalar (rank 0) of a float type. */
galen_status gal_rewrite_scalar(gal_rewrite *r, galen_dtype dtype, double v, gal_value **out, galen_error *err);
/* The node as it is, without the attributes in `drop` and with `more` inputs behind its own (trailing NULLs are left
 * out). */
galen_status gal_rewrite_same(gal_rewrite *r, const char *drop, gal_value *const *more, uint32_t n_more,
                              galen_error *err);

/* Turns the last node into a constant when it is small and its inputs are known (onnx_settle.c). */
galen_status gal_rewrite_settle(gal_rewrite *r, galen_error *err);

/* ---- rewrites ---- */

galen_status gal_rewrite_axes(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_batch_norm(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_broadcast(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_clip(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_conv_transpose(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_dropout(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_gemm(gal_rewrite *r, galen_error *err);
/* Every op of com.microsoft (onnx_microsoft.c). */
galen_status gal_rewrite_microsoft(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_pad(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_prelu(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_resize(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_slice(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_softmax(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_split(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_sum(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_topk(gal_rewrite *r, galen_error *err);
galen_status gal_rewrite_upsample(gal_rewrite *r, galen_error *err);

#endif
