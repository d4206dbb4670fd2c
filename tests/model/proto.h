/* Writes protocol buffer messages by hand: what no sane exporter would ever write. */
#ifndef GAL_TEST_MODEL_PROTO_H
#define GAL_TEST_MODEL_PROTO_H

#include "base/buf.h"

#include <stdint.h>
#include <string.h>

static inline gal_buf pb_new(void) {
    gal_buf b;
    gal_buf_init(&b, (size_t)1 << 26);
    return b;
}

static inline void pb_varint(gal_buf *b, uint64_t v) {
    do {
        unsigned char byte = (unsigned char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        gal_buf_put(b, &byte, 1);
        v >>= 7;
    } while (v);
}

static inline void pb_int(gal_buf *b, uint32_t field, int64_t v) {
    pb_varint(b, field << 3);
    pb_varint(b, (uint64_t)v);
}

static inline void pb_bytes(gal_buf *b, uint32_t field, const void *p, size_t n) {
    pb_varint(b, field << 3 | 2);
    pb_varint(b, n);
    gal_buf_put(b, p, n);
}

static inline void pb_text(gal_buf *b, uint32_t field, const char *s) {
    pb_bytes(b, field, s, strlen(s));
}

/* Nests `inner` and frees it. */
static inline void pb_nest(gal_buf *b, uint32_t field, gal_buf inner) {
    pb_bytes(b, field, inner.data ? inner.data : (const void *)"", inner.size);
    gal_buf_free(&inner);
}

/* ValueInfoProto of an f32 tensor; a dimension of -1 is open and named `param` (NULL: has no name). */
static inline gal_buf pb_value(const char *name, int rank, const int64_t *dim, const char *param) {
    gal_buf info = pb_new(), type = pb_new(), tensor = pb_new(), shape = pb_new();
    for (int i = 0; i < rank; i++) {
        gal_buf d = pb_new();
        if (dim[i] >= 0) pb_int(&d, 1, dim[i]);
        if (dim[i] < 0 && param) pb_text(&d, 2, param);
        pb_nest(&shape, 1, d);
    }
    pb_int(&tensor, 1, 1);
    pb_nest(&tensor, 2, shape);
    pb_nest(&type, 1, tensor);
    pb_text(&info, 1, name);
    pb_nest(&info, 2, type);
    return info;
}

/* A node with up to two inputs ("" or NULL: none) and one output. */
static inline gal_buf pb_node(const char *op, const char *name, const char *a, const char *b, const char *out) {
    gal_buf n = pb_new();
    if (a) pb_text(&n, 1, a);
    if (b) pb_text(&n, 1, b);
    pb_text(&n, 2, out);
    pb_text(&n, 3, name);
    pb_text(&n, 4, op);
    return n;
}

/* ModelProto around a graph. */
static inline gal_buf pb_model(gal_buf graph, int64_t opset) {
    gal_buf m = pb_new(), set = pb_new();
    pb_int(&m, 1, 8);
    pb_nest(&m, 7, graph);
    pb_int(&set, 2, opset);
    pb_nest(&m, 8, set);
    return m;
}

/* A graph with input "x" [N, 4] and output "y"; nodes are to be added. */
static inline gal_buf pb_graph(void) {
    gal_buf g = pb_new();
    const int64_t dim[] = {-1, 4};
    pb_text(&g, 2, "test");
    pb_nest(&g, 11, pb_value("x", 2, dim, "batch"));
    pb_nest(&g, 12, pb_value("y", 2, dim, "batch"));
    return g;
}

/* A TensorProto of one dimension without data. */
static inline gal_buf pb_tensor(const char *name, int64_t n, int64_t type) {
    gal_buf t = pb_new();
    pb_int(&t, 1, n);
    pb_int(&t, 2, type);
    pb_text(&t, 8, name);
    return t;
}

/* y = x + w, with `t` as the initializer w. */
static inline gal_buf pb_with_initializer(gal_buf t) {
    gal_buf g = pb_graph();
    pb_nest(&g, 5, t);
    pb_nest(&g, 1, pb_node("Add", "n", "x", "w", "y"));
    return pb_model(g, 17);
}

#endif
