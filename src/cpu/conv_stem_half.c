/*
 * Convolution of pictures in bf16 and f16: an odd number of channels, which are no pairs, under an even stride.
 *
 * A stride's worth of pixels, `stride` times the channels, is pairs. So a picture is copied with its left padding in
 * front of each line, after which every window begins at a word, and `stride` pixels side by side are taken for one:
 * that is a convolution of stride 1 across, by a window of fewer and wider pixels, for the code of conv_f32_run.c. What
 * the wider window covers too much has weights of zero; NaN or infinity in such a pixel reaches the output it touches.
 */
#if defined(__x86_64__) || defined(__aarch64__)
#include "cpu/conv_bf16.h"
#include "cpu/rows.h"

#include <string.h>

enum { FEW_CHANNELS = 16, LINE = 64 /* bytes */ };

/* A type at one level. */
typedef struct stem_level {
    const gal_gemm_f32 *gemm;
    bool woven; /* the weights of a pair are one word; else the columns of one channel are followed by the other's */
} stem_level;

/* What the node asks for, and the convolution that is computed. */
typedef struct stem {
    gal_conv asked; /* channels, not pairs */
    gal_conv wide;
    int64_t line; /* elements of a copied line */
} stem;

static const char *decode(const gal_node *node, const stem_level *level, stem *to) {
    const char *why = gal_conv_geometry(node, &to->asked);
    if (why != NULL) return why;
    const gal_conv *asked = &to->asked;
    if (asked->group != 1 || asked->c % 2 == 0 || asked->c >= FEW_CHANNELS)
        return "is for few channels, an odd number, in one group";
    if (asked->sw % 2 != 0 || asked->dw != 1 || asked->left < 0) return "is for an even stride across";
    gal_conv *wide = &to->wide;
    *wide = *asked;
    wide->c = wide->cg = asked->sw * asked->c / 2;
    wide->s = (asked->s + asked->sw - 1) / asked->sw;
    wide->w = asked->ow + wide->s - 1;
    wide->sw = 1, wide->left = 0;
    wide->merged = gal_conv_wants_merging(wide);
    to->line = wide->w * wide->c * 2;
    gal_conv_f32_place(wide, level->gemm->vec);
    return NULL;
}

static const char *reject(const gal_node *node, const stem_level *level) {
    stem s;
    const char *why = decode(node, level, &s);
    if (why != NULL) return why;
    return gal_conv_half_finite(node->in[1]->constant) ? NULL : "the weights hold NaN or infinity";
}

static void find_needs(const gal_node *node, const stem_level *level, int64_t batch, gal_kernel_needs *needs) {
    stem s;
    *needs = (gal_kernel_needs){0};
    if (decode(node, level, &s) != NULL) return;
    size_t copy = (size_t)(batch * s.asked.h * s.line) * sizeof(uint16_t);
    needs->packed_bytes = gal_conv_f32_packed_bytes(&s.wide);
    needs->scratch_bytes = (copy + LINE - 1) / LINE * LINE;
}

/* ---- weights ---- */

/* Column k: element e of a window row is channel e % c of tap e / c. */
static void pack_column(const stem *s, const stem_level *level, const uint16_t *w, int64_t k, uint16_t *panels) {
    const gal_conv *asked = &s->asked, *wide = &s->wide;
    int64_t nr = level->gemm->nr, first = k / nr * nr, columns = (int64_t)wide->columns;
    int64_t width = columns - first < nr ? columns - first : nr, words = wide->s * wide->c;
    uint16_t *panel = panels + 2 * first * wide->r * words;
    for (int64_t r = 0; r < asked->r; r++) {
        for (int64_t e = 0; e < asked->s * asked->c; e++) {
            uint16_t *row = panel + 2 * (r * words + e / 2) * width;
            int64_t at = level->woven ? 2 * (k - first) + e % 2 : e % 2 * width + k - first;
            row[at] = w[((k * asked->c + e % asked->c) * asked->r + r) * asked->s + e / asked->c];
        }
    }
}

static void pack(const gal_node *node, const stem_level *level, void *packed) {
    stem s;
    if (decode(node, level, &s) != NULL) return;
    const gal_value *bias = node->n_in > 2 ? node->in[2] : NULL;
    float *words = packed;
    memcpy(packed, &s.wide, sizeof s.wide);
    if (bias != NULL) memcpy(words + s.wide.bias, bias->constant->data, (size_t)s.wide.k * sizeof(float));
    for (int64_t k = 0; k < s.wide.k; k++)
        pack_column(&s, level, node->in[1]->constant->data, k, (uint16_t *)(void *)(words + s.wide.panels));
}

/* ---- run ---- */

typedef struct copy_job {
    const stem *s;
    const uint16_t *x;
    uint16_t *to;
} copy_job;

/* The lines of one image, zeros for the padding at their sides. */
static void copy_image(void *context, size_t image) {
    const copy_job *job = context;
    const gal_conv *asked = &job->s->asked;
    size_t line = (size_t)job->s->line, pixels = (size_t)(asked->w * asked->c), left = (size_t)(asked->left * asked->c);
    if (left > line) left = line;
    size_t inside = line - left < pixels ? line - left : pixels;
    const uint16_t *x = job->x + image * (size_t)asked->h * pixels;
    uint16_t *to = job->to + image * (size_t)asked->h * line;
    for (int64_t h = 0; h < asked->h; h++, x += pixels, to += line) {
        memset(to, 0, left * sizeof *to);
        memcpy(to + left, x, inside * sizeof *to);
        memset(to + left + inside, 0, (line - left - inside) * sizeof *to);
    }
}

static void run(const gal_call *call, const stem_level *level) {
    stem s;
    if (decode(call->node, level, &s) != NULL) return;
    const copy_job job = {.s = &s, .x = call->in[0]->data, .to = call->scratch};
    gal_pool_run(call->pool, copy_image, (void *)(uintptr_t)&job, (size_t)call->in[0]->dim[0]);
    galen_tensor copy = *call->in[0];
    copy.dim[2] = s.wide.w, copy.dim[3] = 2 * s.wide.c, copy.data = call->scratch;
    const galen_tensor *in[] = {&copy, NULL, NULL, call->node->n_in > 3 ? call->in[3] : NULL};
    gal_call inner = *call;
    inner.in = in;
    inner.in_pitch = 2 * s.wide.c;
    gal_conv_f32_run(level->gemm, &inner);
}

/* ---- the rows of each level ---- */

#define ROW(level)                                                                                                     \
    const char *gal_conv_stem_##level##_reject(const gal_node *node) {                                                 \
        return reject(node, &level);                                                                                   \
    }                                                                                                                  \
    void gal_conv_stem_##level##_needs(const gal_node *node, int64_t max_batch, int threads,                           \
                                       gal_kernel_needs *needs) {                                                      \
        (void)threads;                                                                                                 \
        find_needs(node, &level, max_batch, needs);                                                                    \
    }                                                                                                                  \
    void gal_conv_stem_##level##_pack(const gal_node *node, gal_columns part, void *packed) {                          \
        (void)part;                                                                                                    \
        pack(node, &level, packed);                                                                                    \
    }                                                                                                                  \
    galen_status gal_conv_stem_##level##_run(const gal_call *call, galen_error *err) {                                 \
        (void)err;                                                                                                     \
        run(call, &level);                                                                                             \
        return GALEN_OK;                                                                                               \
    }

#if defined(__x86_64__)
static const stem_level bf16_avx512bf16 = {&gal_tile_bf16_avx512bf16, true}, f16_avx512 = {&gal_tile_f16_avx512, false},
                        f16_avx2 = {&gal_tile_f16_avx2, false};
ROW(bf16_avx512bf16)
ROW(f16_avx512)
ROW(f16_avx2)
#else
static const stem_level bf16_neonbf16 = {&gal_tile_bf16_neonbf16, true}, f16_neon = {&gal_tile_f16_neon, false};
ROW(bf16_neonbf16)
ROW(f16_neon)
#endif
#endif
