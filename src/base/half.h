/* bfloat16 and IEEE binary16 conversion, round to nearest even, NaN kept quiet. */
#ifndef GAL_BASE_HALF_H
#define GAL_BASE_HALF_H

#include <stddef.h>
#include <stdint.h>

uint16_t gal_f32_to_bf16(float x);
/* _row: n numbers, the same bits. */
void gal_f32_to_bf16_row(const float *x, uint16_t *y, size_t n);
float gal_bf16_to_f32(uint16_t x);
void gal_bf16_to_f32_row(const uint16_t *x, float *y, size_t n);
uint16_t gal_f32_to_f16(float x);
void gal_f32_to_f16_row(const float *x, uint16_t *y, size_t n);
float gal_f16_to_f32(uint16_t x);
void gal_f16_to_f32_row(const uint16_t *x, float *y, size_t n);

#endif
