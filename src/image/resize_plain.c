/* The passes of an 8-bit resize for any machine. */
#include "image/resize_kernels.h"

const gal_resize_kernels gal_resize_plain = {tile, column};
