/* 1x1 convolution of pixels in a row: what chains of layers call on the part that they hold in L2. */
#include "cpu/conv_f32.h"

/* Tiles within one row of each other in size. */
static void run_panel(const gal_pixels *p, gal_tile_f32 *tile, const float **row, int64_t j) {
    const gal_gemm_f32 *gemm = p->gemm;
    const gal_cpu_activation *act = &p->conv->act;
    int64_t tiles = (p->count + gemm->mr - 1) / gemm->mr;
    for (int64_t t = 0; t < tiles; t++) {
        int64_t first = t * p->count / tiles;
        size_t at = (size_t)(first * p->out_pitch + j) * gemm->element;
        tile->rows = (int)((t + 1) * p->count / tiles - first);
        for (int i = 0; i < tile->rows; i++) row[i] = (const float *)p->x + (first + i) * p->conv->c;
        tile->out = (char *)p->out + at;
        tile->residual = p->residual == NULL ? NULL : (const char *)p->residual + at;
        gemm->tile(tile);
        if (act->kind > GAL_ACT_CLIP && gemm->activate != NULL)
            gemm->activate(tile->out, (size_t)tile->rows, (size_t)tile->cols, tile->stride, act);
    }
}

void gal_conv_pixels(const gal_pixels *p) {
    static const uint32_t tap = 0;
    const gal_conv *cv = p->conv;
    const float *packed = (const float *)cv, *row[GAL_TILE_ROWS];
    gal_tile_f32 tile = {.row = row, .tap = &tap, .taps = 1, .seg = (size_t)cv->c, .act = &cv->act};
    tile.low = cv->act.low, tile.high = cv->act.high, tile.element = p->gemm->element;
    tile.stride = tile.residual_stride = (size_t)p->out_pitch;
    for (int64_t j = 0; j < p->columns; j += p->gemm->nr) {
        int64_t left = p->columns - j;
        tile.b = packed + cv->panels + (p->from + j) * cv->c;
        tile.bias = packed + cv->bias + p->from + j;
        tile.cols = (int)(left < p->gemm->nr ? left : p->gemm->nr);
        run_panel(p, &tile, row, j);
    }
}
