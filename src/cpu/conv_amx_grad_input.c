/*
 * Input gradient of convolution, bf16 on AMX: with a stride of one it is the convolution of dY with the taps in reverse
 * order and channels for outputs (conv_grad_input.c, which also has the other strides).
 */
#include "cpu/conv_amx.h"
#include "cpu/conv_bf16.h"
#include "cpu/conv_grad_input.h"
#include "cpu/rows.h"

#include <string.h>

enum { MAX_TAPS = 256, ELEMENT = 2 /* bytes of bf16 */ };

static const char *decode(const gal_node *node, gal_amx_conv *amx) {
    gal_conv_grad g;
    gal_shape shape;
    memset(amx, 0, sizeof *amx);
    if (gal_conv_grad_input_shape(node, &g, &shape, NULL) != GALEN_OK) return "the window is not understood";
    const gal_window *w = &g.window;
    if (node->in[1]->constant == NULL) return "the weights are not constant";
    if (w->stride[1] != 1 || w->stride[2] != 1) return "the stride is not one";
    if (w->kernel[1] > MAX_TAPS || w->kernel[2] > MAX_TAPS || w->kernel[1] * w->kernel[2] > MAX_TAPS)
        return "the window has more than 256 taps";
    if (g.channels < 1 || g.outputs < 1 || w->in[1] < 1 || w->in[2] < 1 || w->out[1] < 1 || w->out[2] < 1)
        return "there is nothing to compute";
    gal_grad_axis rows = gal_grad_axis_of(w, 1, 0), columns = gal_grad_axis_of(w, 2, 0);
    if (rows.pad < 0 || columns.pad < 0) return "the padding is wider than the window";
    gal_conv *cv = &amx->cv;
    cv->h = w->out[1], cv->w = w->out[2], cv->c = g.outputs * ELEMENT, cv->oh = w->in[1], cv->ow = w->in[2];
    cv->k = g.channels, cv->r = w->kernel[1], cv->s = w->kernel[2];
    cv->sh = cv->sw = 1, cv->dh = w->dilation[1], cv->dw = w->dilation[2], cv->top = rows.pad, cv->left = columns.pad;
    cv->group = g.group, cv->cg = cv->c / g.group, cv->kg = cv->k / g.group;
    cv->act = gal_cpu_activation_make(GAL_ACT_NONE, 0, 0);
    return gal_amx_conv_make(amx, 0, 1, 0);
}

const char *gal_conv_grad_input_bf16_amx_reject(const gal_node *node) {
    gal_amx_conv amx;
    const char *why = decode(node, &amx);
    if (why != NULL) return why;
    return gal_conv_half_finite(node->in[1]->constant) ? NULL : "the weights hold NaN or infinity";
}

void gal_conv_grad_input_bf16_amx_needs(const gal_node *node, int64_t max_batch, int threads, gal_kernel_needs *needs) {
    gal_amx_conv amx;
    *needs = (gal_kernel_needs){0};
    if (decode(node, &amx) != NULL) return;
    needs->packed_bytes = amx.size;
    needs->scratch_bytes = gal_amx_scratch_bytes(&amx, max_batch, threads);
}

/* Weights are [outputs][channels of a group][window]; a column is a channel of dX, the last tap of the window its
 * first. */
void gal_conv_grad_input_bf16_amx_pack(const gal_node *node, gal_columns part, void *packed) {
    gal_amx_conv amx;
    (void)part;
    if (decode(node, &amx) != NULL) return;
    const gal_conv *cv = &amx.cv;
    const uint16_t *w = node->in[1]->constant->data;
    int64_t window = cv->r * cv->s, outputs = cv->cg / ELEMENT;
    const int64_t stride[3] = {cv->kg * window, -cv->s, -1};
    memcpy(packed, &amx, sizeof amx);
    for (int64_t k = 0; k < cv->k; k++) {
        int64_t first = k / cv->kg * outputs * cv->kg + k % cv->kg;
        gal_amx_bf16_pack_column(&amx, k, w + first * window + window - 1, stride, packed);
    }
}

galen_status gal_conv_grad_input_bf16_amx_run(const gal_call *call, galen_error *err) {
    (void)err;
    const gal_amx_call amx_call = {.kind = &gal_amx_bf16,
                                   .packed = call->packed,
                                   .x = call->in[0]->data,
                                   .y = call->out[0]->data,
                                   .scratch = call->scratch,
                                   .n = call->in[0]->dim[0],
                                   .x_pitch = ELEMENT * call->in_pitch,
                                   .y_pitch = call->out_pitch,
                                   .pool = call->pool};
    gal_amx_conv_run(&amx_call);
    return GALEN_OK;
}
