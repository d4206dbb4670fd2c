/* Copying pixels into the layout of conv_amx.h. */
#include "cpu/conv_amx.h"

#include <immintrin.h>

enum { WORDS = GAL_AMX_STEP / 4 };

void gal_amx_copy_pixels(uint32_t *to, int64_t to_step, const uint32_t *from, int64_t from_step, int64_t words,
                         int64_t pixels) {
    int64_t whole = words / WORDS;
    __mmask16 rest = (__mmask16)((1u << words % WORDS) - 1);
    for (int64_t p = 0; p < pixels; p++, to += to_step, from += from_step) {
        for (int64_t i = 0; i < whole; i++) _mm512_storeu_si512(to + i * WORDS, _mm512_loadu_si512(from + i * WORDS));
        if (rest) _mm512_storeu_si512(to + whole * WORDS, _mm512_maskz_loadu_epi32(rest, from + whole * WORDS));
    }
}
