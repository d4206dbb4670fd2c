/* Copying pixels into the layout of conv_amx.h. */
#include "cpu/conv_amx.h"

#include <immintrin.h>

void gal_amx_copy_pixels(uint8_t *to, int64_t to_step, const uint8_t *from, int64_t from_step, int64_t bytes,
                         int64_t pixels) {
    int64_t whole = bytes / GAL_AMX_STEP * GAL_AMX_STEP;
    __mmask64 rest = ((__mmask64)1 << bytes % GAL_AMX_STEP) - 1;
    for (int64_t p = 0; p < pixels; p++, to += to_step, from += from_step) {
        for (int64_t i = 0; i < whole; i += GAL_AMX_STEP) _mm512_storeu_si512(to + i, _mm512_loadu_si512(from + i));
        if (rest) _mm512_storeu_si512(to + whole, _mm512_maskz_loadu_epi8(rest, from + whole));
    }
}
