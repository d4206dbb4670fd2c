/* 1x1 convolution of pixels in a row: what chains of layers call on the part that they hold in L2. */
#include "cpu/conv_f32.h"

/* Tiles within one row of each other in size. */
static void run_panel(const gal_pixels_f32 *p, gal_tile_f32 *tile, const float **row, int64_t j) {
    const gal_gemm_f32 *gemm = p->gemm;
    const gal_cpu_activation *act = &p->conv->act;
    int64_t tiles = (p->count + gemm->mr - 1) / gemm->mr;
    for (int64_t t = 0; t < tiles; t++) {
        int64_t first = t * p->count / tiles;
        tile->rows = (int)((t + 1) * p->count / tiles - first);
        for (int i = 0; i < tile->rows; i++) row[i] = p->x + (first + i) * p->conv->c;
        float *out = p->out + first * p->out_pitch + j;
        tile->out = out;
        tile->residual = p->residual == NULL ? NULL : p->residual + first * p->out_pitch + j;
        gemm->tile(tile);
        if (act->kind > GAL_ACT_CLIP) gemm->activate(out, (size_t)tile->rows, (size_t)tile->cols, tile->stride, act);
    }
}

void gal_conv_f32_pixels(const gal_pixels_f32 *p) {
    static const uint32_t tap = 0;
    const gal_conv *cv = p->conv;
    const float *packed = (const float *)cv, *row[GAL_TILE_ROWS];
    gal_tile_f32 tile = {.row = row, .tap = &tap, .taps = 1, .seg = (size_t)cv->c, .act = &cv->act};
    tile.low = cv->act.low, tile.high = cv->act.high, tile.element = sizeof(float);
    tile.stride = tile.residual_stride = (size_t)p->out_pitch;
    for (int64_t j = 0; j < p->columns; j += p->gemm->nr) {
        int64_t left = p->columns - j;
        tile.b = packed + cv->panels + (p->from + j) * cv->c;
        tile.bias = packed + cv->bias + p->from + j;
        tile.cols = (int)(left < p->gemm->nr ? left : p->gemm->nr);
        run_panel(p, &tile, row, j);
    }
}
