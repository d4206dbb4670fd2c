/* Attributes of sliding windows. */
#include "graph/ops/window.h"

#include "base/error.h"
#include "graph/op.h"

#include <string.h>

/* Far above any real model, and products of two still fit comfortably. */
static const int64_t most = (int64_t)1 << 30;

typedef enum padding { NOTSET, SAME_UPPER, SAME_LOWER, VALID } padding;

static galen_status read_padding(const gal_node *node, padding *out, galen_error *err) {
    static const char *const names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
    const char *name = gal_attr_string(node, "auto_pad", "NOTSET");
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *out = (padding)i;
        return GALEN_OK;
    }
    return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute auto_pad is '%s'", name);
}

/* One number a spatial dimension into the last entries of `out`, within [least, most]. Absent: `otherwise`. */
static galen_status read_ints(const gal_node *node, const char *name, int rank, int64_t least, int64_t otherwise,
                              int64_t *out, galen_error *err) {
    size_t count;
    const int64_t *v = gal_attr_ints(node, name, &count);
    for (int i = 0; i < 3; i++) out[i] = otherwise;
    if (count == 0) return GALEN_OK;
    if (count != (size_t)rank)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                             "attribute %s has %zu numbers, the input has %d spatial dimensions", name, count, rank);
    for (int i = 0; i < rank; i++) {
        if (v[i] < least || v[i] > most)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute %s has %lld, outside [%lld, %lld]", name,
                                 (long long)v[i], (long long)least, (long long)most);
        out[3 - rank + i] = v[i];
    }
    return GALEN_OK;
}

static galen_status read_pads(const gal_node *node, gal_window *w, galen_error *err) {
    size_t count;
    const int64_t *v = gal_attr_ints(node, "pads", &count);
    if (count == 0) return GALEN_OK;
    if (count != 2 * (size_t)w->rank)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                             "attribute pads has %zu numbers, %d spatial dimensions need %d", count, w->rank,
                             2 * w->rank);
    for (size_t i = 0; i < count; i++)
        if (v[i] < 0 || v[i] > most)
            return gal_node_fail(node, err, v[i] < 0 ? GALEN_ERR_UNSUPPORTED : GALEN_ERR_FORMAT,
                                 "attribute pads has %lld, outside [0, %lld]", (long long)v[i], (long long)most);
    for (int i = 0; i < w->rank; i++) {
        w->before[3 - w->rank + i] = v[i];
        w->after[3 - w->rank + i] = v[w->rank + i];
    }
    return GALEN_OK;
}

/* The kernel is the weights' when there are any; kernel_shape must not contradict them. */
static galen_status read_kernel(const gal_node *node, const gal_window_spec *spec, gal_window *w, galen_error *err) {
    GAL_TRY(read_ints(node, "kernel_shape", w->rank, 1, 0, w->kernel, err));
    bool given = w->kernel[2] != 0;
    if (!spec->kernel && !given) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute kernel_shape is missing");
    for (int i = 0; i < 3; i++) {
        int from = i - (3 - w->rank);
        if (from < 0) {
            w->kernel[i] = 1;
        } else if (spec->kernel) {
            gal_dim k = spec->kernel[from];
            if (k.batch || k.size < 1 || k.size > most)
                return gal_node_fail(node, err, GALEN_ERR_FORMAT, "the weights' spatial dimension %d is %lld", from,
                                     (long long)k.size);
            if (given && w->kernel[i] != k.size)
                return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                                     "attribute kernel_shape says %lld where the weights have %lld",
                                     (long long)w->kernel[i], (long long)k.size);
            w->kernel[i] = k.size;
        }
    }
    return GALEN_OK;
}

static void share(int64_t total, bool more_after, int64_t *before, int64_t *after) {
    if (total < 0) total = 0;
    *before = more_after ? total / 2 : total - total / 2;
    *after = total - *before;
}

/* Output size of dimension d of a convolution or pool. */
static galen_status size_forward(const gal_node *node, const gal_window_spec *spec, padding pad, int d, gal_window *w,
                                 galen_error *err) {
    int64_t span = (w->kernel[d] - 1) * w->dilation[d] + 1;
    if (pad == SAME_UPPER || pad == SAME_LOWER) {
        w->out[d] = (w->in[d] + w->stride[d] - 1) / w->stride[d];
        share((w->out[d] - 1) * w->stride[d] + span - w->in[d], pad == SAME_UPPER, &w->before[d], &w->after[d]);
    } else {
        int64_t room = w->in[d] + w->before[d] + w->after[d] - span;
        if (room < 0)
            return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                                 "a window of %lld does not fit into the padded input of %lld", (long long)span,
                                 (long long)(room + span));
        bool up = spec->ceil && pad != VALID;
        w->out[d] = (up ? room + w->stride[d] - 1 : room) / w->stride[d] + 1;
        if (up && (w->out[d] - 1) * w->stride[d] >= w->in[d] + w->before[d]) w->out[d]--;
    }
    if (spec->pool && (w->before[d] >= span || w->after[d] >= span))
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute pads must be smaller than the window of %lld",
                             (long long)span);
    return GALEN_OK;
}

/* Output size and padding of dimension d of ConvTranspose; `wanted` is output_shape or 0, `extra` output_padding. */
static galen_status size_transposed(const gal_node *node, padding pad, int d, int64_t extra, int64_t wanted,
                                    gal_window *w, galen_error *err) {
    int64_t span = (w->kernel[d] - 1) * w->dilation[d] + 1, full;
    if (w->in[d] < 1) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "a spatial dimension of the input is 0");
    if (extra >= w->stride[d] && extra >= w->dilation[d])
        return gal_node_fail(node, err, GALEN_ERR_FORMAT,
                             "attribute output_padding has %lld, must be below the stride or the dilation",
                             (long long)extra);
    full = (w->in[d] - 1) * w->stride[d] + span + extra;
    bool same = pad == SAME_UPPER || pad == SAME_LOWER;
    if (wanted == 0 && same) wanted = w->in[d] * w->stride[d];
    if (wanted != 0) {
        share(full - wanted, pad == SAME_UPPER, &w->before[d], &w->after[d]);
        w->out[d] = wanted;
        return GALEN_OK;
    }
    w->out[d] = full - w->before[d] - w->after[d];
    if (w->out[d] < 1)
        return gal_node_fail(node, err, GALEN_ERR_FORMAT, "attribute pads leaves an output of %lld",
                             (long long)w->out[d]);
    return GALEN_OK;
}

static galen_status read_transposed(const gal_node *node, padding pad, gal_window *w, galen_error *err) {
    int64_t extra[3], wanted[3];
    GAL_TRY(read_ints(node, "output_padding", w->rank, 0, 0, extra, err));
    GAL_TRY(read_ints(node, "output_shape", w->rank, 1, 0, wanted, err));
    for (int d = 3 - w->rank; d < 3; d++) GAL_TRY(size_transposed(node, pad, d, extra[d], wanted[d], w, err));
    return GALEN_OK;
}

galen_status gal_window_make(const gal_node *node, const gal_window_spec *spec, gal_window *out, galen_error *err) {
    gal_window w = {.rank = spec->rank, .in = {1, 1, 1}, .out = {1, 1, 1}};
    padding pad = NOTSET;
    if (spec->rank < 1 || spec->rank > 3)
        return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "%d spatial dimensions are not supported, only 1 to 3",
                             spec->rank);
    GAL_TRY(read_padding(node, &pad, err));
    for (int i = 0; i < spec->rank; i++) {
        gal_dim d = spec->spatial[i];
        if (d.batch)
            return gal_node_fail(node, err, GALEN_ERR_UNSUPPORTED, "spatial dimension %d depends on the batch size", i);
        if (d.size < 0 || d.size > most)
            return gal_node_fail(node, err, GALEN_ERR_LIMIT, "spatial dimension %d is %lld", i, (long long)d.size);
        w.in[3 - spec->rank + i] = d.size;
    }
    GAL_TRY(read_kernel(node, spec, &w, err));
    GAL_TRY(read_ints(node, "strides", w.rank, 1, 1, w.stride, err));
    GAL_TRY(read_ints(node, "dilations", w.rank, 1, 1, w.dilation, err));
    if (pad == NOTSET) GAL_TRY(read_pads(node, &w, err));
    if (spec->transposed) {
        GAL_TRY(read_transposed(node, pad, &w, err));
    } else {
        for (int d = 3 - w.rank; d < 3; d++) GAL_TRY(size_forward(node, spec, pad, d, &w, err));
    }
    *out = w;
    return GALEN_OK;
}

void gal_window_shape(const gal_window *window, gal_dim *out) {
    for (int i = 0; i < window->rank; i++) out[i] = gal_dim_fixed(window->out[3 - window->rank + i]);
}

int64_t gal_window_size(const int64_t v[3]) {
    return v[0] * v[1] * v[2];
}
