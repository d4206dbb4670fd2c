/* Random and fixed problems for each op that has a fast row. */
#ifndef GAL_KERNELS_CASES_H
#define GAL_KERNELS_CASES_H

#include "base/rng.h"
#include "cpu/kernel.h"
#include "graph/graph.h"

typedef struct kernel_case {
    gal_graph *graph; /* one node */
    gal_node *node;
    int64_t batch;
    double depth;          /* terms summed into an output, for the tolerance */
    double magnitude;      /* about how large an output is; 0: a few units */
    double more_magnitude; /* of outputs behind the first */
    double between;        /* about how far an output moves as what is rounded inside the node doubles; 0: nothing is */
    char text[200];        /* what it is, for people */
} kernel_case;

/* A random problem for the op, from layers of real networks scaled down and from odd sizes. False: no generator for
 * this op. */
bool case_random(const char *domain, const char *op, gal_rng *rng, kernel_case *out);
/* Problem `index` of the op's benchmark; false when there are no more. */
bool case_bench(const char *domain, const char *op, int index, int64_t batch, kernel_case *out);
/* The same for a row's op and element type. */
bool case_random_for(const gal_kernel *kernel, gal_rng *rng, kernel_case *out);
bool case_bench_for(const gal_kernel *kernel, int index, int64_t batch, kernel_case *out);
/* Rows of galen.QConv, QGemm, DynConv and DynGemm (cases_int8.c). */
bool case_is_product8(const gal_kernel *kernel);
void case_random_product8(const gal_kernel *kernel, gal_rng *rng, kernel_case *out);
bool case_bench_product8(const gal_kernel *kernel, int index, int64_t batch, kernel_case *out);
/* Other rows on bytes (cases_bytes.c). */
bool case_is_bytes(const gal_kernel *kernel);
bool case_random_bytes(const gal_kernel *kernel, gal_rng *rng, kernel_case *out);
bool case_bench_bytes(const gal_kernel *kernel, int index, int64_t batch, kernel_case *out);
/* Gradients of convolution (cases_grad.c); out->batch is set. */
bool case_is_grad(const char *op);
void case_random_grad(const char *op, gal_rng *rng, kernel_case *out);
bool case_bench_grad(const char *op, int index, kernel_case *out);
/* Chains of an inverted bottleneck (cases_chain.c). */
bool case_is_chain(const char *op);
void case_random_chain(const char *op, gal_rng *rng, kernel_case *out);
bool case_bench_chain(const char *op, int index, kernel_case *out);
/* Rows of training between convolutions (cases_train.c). */
bool case_is_train(const gal_kernel *kernel);
void case_random_train(const gal_kernel *kernel, gal_rng *rng, kernel_case *out);
bool case_bench_train(const gal_kernel *kernel, int index, int64_t batch, kernel_case *out);
/* Rows of optimiser steps (cases_optimizer.c). */
bool case_is_optimizer(const char *op);
void case_random_optimizer(const char *op, gal_rng *rng, kernel_case *out);
bool case_bench_optimizer(const char *op, int index, kernel_case *out);
void case_free(kernel_case *c);

/* Uniform in [from, to], both ends included. */
int64_t case_pick(gal_rng *rng, int64_t from, int64_t to);
/* n floats in [-1, 1) times `scale`. */
void case_fill(gal_rng *rng, float *x, size_t n, float scale);

#endif
