/* Rewrites of a graph. Each lives in its own file, and each keeps what the graph computes. */
#ifndef GAL_PASS_H
#define GAL_PASS_H

#include "graph/graph.h"

/* *changed is set to true when anything was rewritten, else left alone. The graph is valid afterwards, also on failure.
 */
typedef galen_status (*gal_pass_fn)(gal_graph *graph, bool *changed, galen_error *err);

galen_status gal_pass_fold_constants(gal_graph *graph, bool *changed,
                                     galen_error *err); /* nodes whose inputs are all constant */
galen_status gal_pass_remove_dead(gal_graph *graph, bool *changed, galen_error *err); /* nodes nobody reads */
galen_status gal_pass_simplify(gal_graph *graph, bool *changed,
                               galen_error *err); /* Identity, Dropout, no-op Reshape ... */
galen_status gal_pass_fold_bn(gal_graph *graph, bool *changed,
                              galen_error *err); /* BatchNormalization (or Mul/Add) into Conv and Gemm */
galen_status gal_pass_quantized(gal_graph *graph, bool *changed,
                                galen_error *err); /* QDQ and QLinear ops into galen.QConv and friends */
galen_status gal_pass_gelu(gal_graph *graph, bool *changed,
                           galen_error *err); /* Erf and what is around it into galen.Gelu */
galen_status gal_pass_layout_nhwc(gal_graph *graph, bool *changed,
                                  galen_error *err); /* galen.Conv and friends, channels last */
galen_status gal_pass_fuse(gal_graph *graph, bool *changed,
                           galen_error *err); /* bias, activation and residual add into galen.Conv/Gemm */

/* `to`, bf16 or f16, in place of f32 (precision.c). Changes what is computed, so it is no row of the table: it runs
 * once, after them, when that precision was asked for. */
galen_status gal_pass_narrow(gal_graph *graph, galen_dtype to, bool *changed, galen_error *err);

/* Whether `made`, which takes the place of `first` and `last` (and of what lies between and behind), is better. */
typedef struct gal_chain_choice {
    bool (*takes)(void *context, const gal_node *made, const gal_node *first, const gal_node *last);
    void *context;
} gal_chain_choice;
/* Layers of an inverted bottleneck in f32, bf16 or f16 into galen.ExpandDepthwise and galen.GatedConv (chain.c), all
 * that can be or (choice not NULL) those it takes. Runs once, when precisions are settled: other passes do not know
 * these ops. */
galen_status gal_pass_chain(gal_graph *graph, const gal_chain_choice *choice, bool *changed, galen_error *err);

/*
 * From here on the only input, f32 planes [N, C, H, W], is fed as pixels: u8 [N, H, W, C], which `table` (256 rows of C
 * numbers, copied) turns into what the model takes (pixels.c). Not for graphs to be written. After a failure the graph
 * can only be destroyed.
 */
galen_status gal_pass_take_pixels(gal_graph *graph, const float *table, galen_error *err);

/* Rounding to 16 bits and quantisation behind galen.Pixels become part of its table. Runs once, after gal_pass_narrow.
 */
galen_status gal_pass_fold_pixels(gal_graph *graph, bool *changed, galen_error *err);

/* The work of gal_pass_widen, which says more, but for inputs: what follows from a wider type. `to` is f64 or f32. */
galen_status gal_pass_widen_to(gal_graph *graph, galen_dtype to, galen_error *err);

/* Computes one node whose inputs are constants now, as gal_pass_fold_constants does; others are left alone. */
galen_status gal_pass_fold_node(gal_graph *graph, gal_node *node, bool *changed, galen_error *err);

/*
 * The type of the convolutions and products of a graph of ONNX ops: f16 or bf16; f32 when some are in 16 bits and
 * others are not, or in the other; GALEN_DTYPE_NONE when none is in 16 bits.
 */
galen_dtype gal_graph_half_type(const gal_graph *graph);
/* Everything in f16 or bf16 in f32, which changes no number that the file holds; inputs and outputs keep their types
 * (half_file.c). After a failure the graph can only be destroyed. */
galen_status gal_pass_raise_half(gal_graph *graph, galen_error *err);
/* Inputs and outputs in f16 or bf16 become f32, for callers that have pictures and want scores. */
galen_status gal_pass_float_ports(gal_graph *graph, galen_error *err);

/* Everything that is floating point in f64 (widen.c): what the model computes before any rounding. For references, on
 * graphs of ONNX ops only; graph inputs and outputs become f64 too. */
galen_status gal_pass_widen(gal_graph *graph, bool *changed, galen_error *err);

typedef struct gal_pass_row {
    const char *name;
    gal_pass_fn run;
    bool portable; /* the result can still be written as ONNX */
} gal_pass_row;

/* All passes in the order they run. */
const gal_pass_row *gal_pass_table(size_t *count);

/* Runs the table (only portable rows if asked), verifying after each pass in debug builds. */
galen_status gal_pass_run_all(gal_graph *graph, bool portable_only, galen_error *err);

#endif
