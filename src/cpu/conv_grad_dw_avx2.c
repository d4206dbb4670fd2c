/* Gradients of depthwise convolution, f32, AVX2. */
#include "cpu/vec_avx2.h"

#include <stdbool.h>

typedef float element;

#define dg_load       vf_load
#define dg_load_part  vf_load_part
#define dg_store      vf_store
#define dg_store_part vf_store_part
#include "cpu/conv_grad_dw_body.h"

const gal_dw_grad_level gal_dw_grad_f32_avx2 = {.input = input, .weight = weight};
