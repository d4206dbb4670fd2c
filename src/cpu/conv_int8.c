/*
 * The int8 rows of convolution and matrix product: conv_f32_run.c over words of four channels. A panel holds, for each
 * column, the four weights of a word.
 */
#if defined(__x86_64__) || defined(__aarch64__)
#include "base/whole.h"
#include "cpu/qconv.h"
#include "cpu/rows.h"

#include <string.h>

enum { LINE = 64, WORDS = LINE / 4, TABLE = 256 };

/* Decodes and decides where the parts of packed lie: gal_qconv, zero row, bias, factors, table or f32 bias, panels. */
static const char *decode(const gal_node *node, const gal_gemm_f32 *gemm, gal_qconv *qc) {
    const char *why = gal_qconv_decode(node, qc);
    if (why != NULL) return why;
    qc->less = gemm->less;
    gal_conv *conv = &qc->conv;
    if (conv->cg % 4 != 0 && conv->group != 1) return "the channels of a group are not fours";
    qc->twice = qc->w_zero != 0;
    if (qc->twice && conv->group != 1) return "the weights of groups have a zero point";
    if (qc->twice) conv->c *= 2, conv->cg *= 2;
    qc->copy = qc->flip || qc->twice || conv->c % 4 != 0;
    conv->c = (conv->c + 3) / 4, conv->cg = (conv->cg + 3) / 4;
    conv->merged = gal_conv_wants_merging(conv);
    size_t seg = (size_t)(conv->merged ? conv->s * conv->cg : conv->cg);
    conv->columns = gal_round_up((size_t)conv->kg, (size_t)gemm->vec);
    conv->zero = gal_round_up(sizeof *qc, LINE) / 4;
    conv->bias = conv->zero + gal_round_up(seg, WORDS);
    conv->scale = conv->bias + gal_round_up(conv->columns * (size_t)conv->group, WORDS);
    conv->panels = conv->scale + gal_round_up(conv->columns * (size_t)conv->group, WORDS);
    if (node->n_in <= 5 || node->in[5] == NULL) return NULL;
    if (qc->dynamic) {
        qc->shift = conv->panels - conv->bias;
        conv->panels += conv->panels - conv->scale;
        return NULL;
    }
    qc->table = conv->panels * 4;
    conv->panels += TABLE / 4;
    return NULL;
}

static const gal_gemm_f32 *tile_for(const gal_node *node, const gal_gemm_f32 *bytes, const gal_gemm_f32 *floats) {
    galen_dtype y = node->out[0]->dtype;
    return y == GALEN_F32 || y == GALEN_I32 ? floats : bytes;
}

/* What a call of a dynamic op fills in with its own zero point and scale: packed up to the panels. */
static size_t terms_bytes(const gal_qconv *qc) {
    return qc->dynamic ? qc->conv.panels * sizeof(float) : 0;
}

static void needs(const gal_node *node, const gal_gemm_f32 *gemm, int64_t max_batch, gal_kernel_needs *out) {
    gal_qconv qc;
    *out = (gal_kernel_needs){0};
    if (decode(node, gemm, &qc) != NULL) return;
    out->packed_bytes = gal_conv_f32_packed_bytes(&qc.conv);
    out->scratch_bytes = gal_qconv_copy_bytes(&qc, max_batch) + terms_bytes(&qc);
}

/* Channel c of a column at w: with a zero point the first half of the channels holds what fits, the second the rest. */
static int8_t weight_of(const gal_qconv *qc, const int8_t *w, int64_t c, int64_t r, int64_t s) {
    int64_t channel = qc->twice ? c % qc->bytes : c;
    int32_t v = w[channel * qc->w_step[1] + r * qc->w_step[2] + s * qc->w_step[3]] - qc->w_zero;
    int32_t first = v < -128 ? -128 : v > 127 ? 127 : v;
    return (int8_t)(c == channel ? first : v - first);
}

/* All weights less their zero point are sums of two s8: all but 255. */
static const char *check_weights(const gal_node *node, const char *why) {
    const galen_tensor *w = node->in[1]->constant;
    if (why != NULL || gal_attr_int(node, "w_zero", 0) != -128) return why;
    for (int64_t i = 0, n = galen_tensor_elements(w); i < n; i++)
        if (((const int8_t *)w->data)[i] == 127) return "a weight less its zero point is 255";
    return NULL;
}

/* Column `j` of a group into its panel. */
static void pack_column(const gal_qconv *qc, const gal_gemm_f32 *gemm, const int8_t *w, size_t j, int8_t *group) {
    const gal_conv *conv = &qc->conv;
    size_t depth = (size_t)(conv->r * conv->s * conv->cg), first = j / (size_t)gemm->nr * (size_t)gemm->nr;
    size_t width = conv->columns - first < (size_t)gemm->nr ? conv->columns - first : (size_t)gemm->nr;
    int64_t channels = (qc->twice ? 2 : 1) * qc->bytes / conv->group;
    int8_t *out = group + 4 * (first * depth + (j - first));
    for (int64_t r = 0; r < conv->r; r++)
        for (int64_t s = 0; s < conv->s; s++)
            for (int64_t word = 0; word < conv->cg; word++, out += 4 * width)
                for (int64_t c = 4 * word; c < 4 * word + 4 && c < channels; c++)
                    out[c - 4 * word] = weight_of(qc, w, c, r, s);
}

static void pack(const gal_node *node, const gal_gemm_f32 *gemm, void *packed) {
    gal_qconv qc;
    if (decode(node, gemm, &qc) != NULL) return;
    const gal_conv *conv = &qc.conv;
    size_t depth = (size_t)(conv->r * conv->s * conv->cg);
    float *words = packed;
    int32_t *bias = (int32_t *)packed + conv->bias;
    memcpy(packed, &qc, sizeof qc);
    for (size_t i = conv->zero; i < conv->bias; i++) memcpy(words + i, &conv->pad, sizeof conv->pad);
    if (qc.table != 0) memcpy((char *)packed + qc.table, node->in[5]->constant->data, TABLE);
    gal_qconv_terms(node, &qc, bias, words + conv->scale);
    for (int64_t k = conv->k - 1; k >= 0; k--) { /* from the back: columns of a group are padded */
        size_t group = (size_t)(k / conv->kg), j = (size_t)(k % conv->kg), column = group * conv->columns + j;
        bias[column] = bias[k];
        words[conv->scale + column] = words[conv->scale + (size_t)k];
        if (qc.shift != 0) words[conv->bias + qc.shift + column] = (float)gal_scale_at(node->in[5]->constant, k);
        pack_column(&qc, gemm, (const int8_t *)node->in[1]->constant->data + k * qc.w_step[0], j,
                    (int8_t *)(words + conv->panels + group * depth * conv->columns));
    }
}

/* Packed for the zero point and scale that this call brings. */
static void fill_terms(const gal_call *call, const gal_qconv *packed, float *terms) {
    const gal_node *node = call->node;
    gal_qconv *qc = (gal_qconv *)terms;
    gal_conv *conv = &qc->conv;
    memcpy(terms, packed, terms_bytes(packed));
    float x_scale = node->n_in > 3 && call->in[3] != NULL ? *(const float *)call->in[3]->data : 1;
    qc->x_zero += gal_zero_at(node->n_in > 2 ? call->in[2] : NULL, 0);
    conv->pad = 0x01010101u * (uint32_t)qc->x_zero;
    for (size_t i = conv->zero; i < conv->bias; i++) memcpy(terms + i, &conv->pad, sizeof conv->pad);
    int32_t *bias = (int32_t *)terms + conv->bias;
    for (size_t i = 0; i < conv->columns * (size_t)conv->group; i++) {
        bias[i] = (int32_t)(0 - (uint32_t)(qc->x_zero - qc->less) * (uint32_t)bias[i]);
        terms[conv->scale + i] = x_scale * terms[conv->scale + i];
    }
}

static galen_status run(const gal_call *call, const gal_gemm_f32 *gemm) {
    const gal_qconv *qc = call->packed;
    const galen_tensor *in[4] = {call->in[0], NULL, NULL, call->in[3]};
    galen_tensor x = *call->in[0];
    gal_call mine = *call;
    char *copy = (char *)call->scratch + terms_bytes(qc);
    if (qc->copy) {
        gal_qconv_copy(qc, call, copy);
        x.data = copy;
        in[0] = &x;
        mine.in = in;
        mine.in_pitch = 4 * qc->conv.c;
    }
    if (!qc->dynamic) {
        gal_conv_f32_run(gemm, &mine);
        return GALEN_OK;
    }
    fill_terms(call, qc, call->scratch);
    gal_conv_f32_run_terms(gemm, &mine, call->scratch);
    return GALEN_OK;
}

#define ROWS(level)                                                                                                    \
    static const gal_gemm_f32 *tile_##level(const gal_node *node) {                                                    \
        return tile_for(node, &gal_tile_int8_##level, &gal_tile_int8_f32_##level);                                     \
    }                                                                                                                  \
    const char *gal_conv_int8_##level##_reject(const gal_node *node) {                                                 \
        gal_qconv qc;                                                                                                  \
        return check_weights(node, decode(node, tile_##level(node), &qc));                                             \
    }                                                                                                                  \
    void gal_conv_int8_##level##_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *out) {  \
        (void)threads;                                                                                                 \
        needs(node, tile_##level(node), max_batch, out);                                                               \
    }                                                                                                                  \
    void gal_conv_int8_##level##_pack(const gal_node *node, gal_columns part, void *packed) {                          \
        (void)part;                                                                                                    \
        pack(node, tile_##level(node), packed);                                                                        \
    }                                                                                                                  \
    galen_status gal_conv_int8_##level##_run(const gal_call *call, galen_error *err) {                                 \
        (void)err;                                                                                                     \
        return run(call, tile_##level(call->node));                                                                    \
    }

#if defined(__x86_64__)
ROWS(avx2)
ROWS(avxvnni)
ROWS(avx512vnni)
#else
ROWS(neondot)
ROWS(neoni8mm)
#endif
#endif
