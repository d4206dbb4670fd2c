/* The convolutions of the networks that count, for benchmarks. */
#ifndef GAL_KERNELS_NETWORKS_H
#define GAL_KERNELS_NETWORKS_H

#include <stdint.h>

typedef struct network_conv {
    const char *network;
    int64_t side, in, out, window, stride, group; /* a square image, padded by half a window */
} network_conv;

/* Convolution `index` of all networks together, each shape once; NULL behind the last. */
const network_conv *network_conv_at(int index);

#endif
