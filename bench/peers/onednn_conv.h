/* One convolution on oneDNN, in the layouts it chooses itself; hides the differences of its versions 2 and 3. */
#ifndef PEERS_ONEDNN_CONV_H
#define PEERS_ONEDNN_CONV_H

#include <stddef.h>
#include <stdint.h>

typedef enum conv_type { CONV_F32, CONV_BF16, CONV_INT8 } conv_type; /* CONV_INT8: u8 activations, s8 weights */

typedef struct conv_shape {
    int64_t batch, in_channels, out_channels, groups;
    int64_t in[2], out[2], kernel[2], stride[2], dilation[2], before[2], after[2]; /* height, width */
} conv_shape;

typedef struct conv conv;

/* With bias and ReLU. Weights are made up; their gain is below one, so that values neither grow nor vanish from layer
 * to layer. Ends the process with a message on an error of oneDNN, as all functions here do. */
conv *conv_create(const conv_shape *shape, conv_type type, uint64_t seed);
size_t conv_source_bytes(const conv *c);
size_t conv_target_bytes(const conv *c);
const char *conv_implementation(const conv *c); /* e.g. "brgconv:avx512_core_amx" */
/* Where it reads and writes; both in whatever layout oneDNN chose. */
void conv_place(conv *c, void *source, void *target);
void conv_run(const conv *c);
void conv_destroy(conv *c);

void conv_wait(void);           /* until all runs are done */
const char *conv_version(void); /* "2.6.3, OpenMP, AVX-512 with AMX" */

#endif
