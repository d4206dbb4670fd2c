/* The passes of an 8-bit resize where AVX2 is there. */
#if defined(__x86_64__)
#include "image/resize_kernels.h"

const gal_resize_kernels gal_resize_avx2 = {tile, column};
#endif
