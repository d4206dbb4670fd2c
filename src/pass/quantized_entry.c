/*
 * What can be done once channels are last: a picture enters as bytes in pixels of four channels, which kernels take
 * four at a time, and a table that only follows a product becomes part of it.
 */
#include "pass/quantized.h"

#include "base/error.h"

#include <string.h>

static bool has_perm(const gal_node *node, const int64_t perm[4]) {
    size_t n;
    const int64_t *own = gal_attr_ints(node, "perm", &n);
    return n == 4 && memcmp(own, perm, 4 * sizeof *perm) == 0;
}

/* Transpose(QuantizeLinear(x)) to channels last is one step, also where x had its channels last already. */
static galen_status enter(gal_quantized *q, gal_node *transpose, galen_error *err) {
    static const int64_t to_last[4] = {0, 2, 3, 1}, to_first[4] = {0, 3, 1, 2};
    gal_node *node = gal_sole_producer(transpose->in[0]), *made;
    gal_wanted wanted = {.last = transpose};
    if (!has_perm(transpose, to_last) || !gal_read_quantize(node, &wanted.quant)) return GALEN_OK;
    const gal_node *above = node->in[0]->producer;
    bool planes = !gal_is_op(above, "", "Transpose") || !has_perm(above, to_first);
    gal_attr more[4];
    uint32_t n = gal_wanted_attrs(&wanted, more);
    more[n++] = gal_attr_of_int("planes", planes);
    const gal_remake spec = {.like = node,
                             .domain = "galen",
                             .op = "Quantize",
                             .n_in = 1,
                             .in = planes ? node->in : above->in,
                             .more = more,
                             .n_more = n,
                             .drop = "axis",
                             .stands_for = "QuantizeLinear",
                             .before = transpose};
    GAL_TRY(gal_remake_node(q->graph, &spec, &made, err));
    gal_stand_in(q, &wanted, made->out[0]);
    gal_graph_remove(q->graph, node);
    return GALEN_OK;
}

/* Weights [K, C, R, S] with C grown by zeros. */
static galen_status grow_weights(gal_quantized *q, const gal_value *w, int64_t channels, gal_value **out,
                                 galen_error *err) {
    const galen_tensor *t = w->constant;
    int64_t dim[4] = {t->dim[0], channels, t->dim[2], t->dim[3]}, area = t->dim[2] * t->dim[3];
    GAL_TRY(gal_graph_new_constant(q->graph, NULL, GALEN_I8, 4, dim, out, err));
    for (int64_t k = 0; k < dim[0]; k++)
        memcpy((int8_t *)(*out)->constant->data + k * channels * area, (const int8_t *)t->data + k * t->dim[1] * area,
               (size_t)(t->dim[1] * area));
    return GALEN_OK;
}

/* A convolution of a picture of one to three channels, whose weights have no zero point: a fourth of zeros. */
static galen_status grow(gal_quantized *q, gal_node *conv, galen_error *err) {
    gal_node *entry = gal_sole_producer(conv->in[0]), *made;
    int64_t channels = conv->in[0]->shape.dim[3].size, to = (channels + 3) / 4 * 4;
    if (!gal_is_op(entry, "galen", "Quantize") || to == channels || gal_attr_int(conv, "group", 1) != 1 ||
        gal_attr_int(conv, "w_zero", 0) != 0 || conv->in[1]->constant == NULL)
        return GALEN_OK;
    const gal_attr more = gal_attr_of_int("channels", to);
    gal_value *in[6] = {NULL};
    gal_node *grown;
    memcpy(in, conv->in, conv->n_in * sizeof *in);
    const gal_remake wider = {.like = entry,
                              .domain = "galen",
                              .op = "Quantize",
                              .n_in = 1,
                              .in = entry->in,
                              .more = &more,
                              .n_more = 1,
                              .stands_for = entry->stands_for,
                              .before = entry};
    GAL_TRY(gal_remake_node(q->graph, &wider, &made, err));
    in[0] = made->out[0];
    GAL_TRY(grow_weights(q, conv->in[1], to, &in[1], err));
    const gal_remake spec = {.like = conv,
                             .domain = "galen",
                             .op = "QConv",
                             .n_in = conv->n_in,
                             .in = in,
                             .stands_for = conv->stands_for,
                             .before = conv};
    GAL_TRY(gal_remake_node(q->graph, &spec, &grown, err));
    gal_stand_in(q, &(gal_wanted){.last = conv}, grown->out[0]);
    gal_graph_remove(q->graph, entry);
    return GALEN_OK;
}

/* A table behind a product that only it reads. */
static galen_status take_table(gal_quantized *q, gal_node *map, galen_error *err) {
    gal_node *product = gal_sole_producer(map->in[0]), *made;
    bool conv = gal_is_op(product, "galen", "QConv"), gemm = gal_is_op(product, "galen", "QGemm");
    if ((!conv && !gemm) || (product->n_in > 5 && product->in[5] != NULL)) return GALEN_OK;
    gal_value *in[6] = {product->in[0], product->in[1], product->in[2], product->in[3], product->in[4], map->in[1]};
    if (map->out[0]->dtype != product->out[0]->dtype) return GALEN_OK;
    const gal_remake spec = {.like = product,
                             .domain = "galen",
                             .op = product->op->name,
                             .n_in = 6,
                             .in = in,
                             .stands_for = gal_merged_name(q->graph, product, gal_name_of(map)),
                             .before = map};
    GAL_TRY(gal_remake_node(q->graph, &spec, &made, err));
    gal_stand_in(q, &(gal_wanted){.last = map}, made->out[0]);
    gal_graph_remove(q->graph, product);
    return GALEN_OK;
}

galen_status gal_quantized_entry(gal_quantized *q, gal_node *node, galen_error *err) {
    if (gal_is_op(node, "", "Transpose")) return enter(q, node, err);
    if (gal_is_op(node, "galen", "QConv")) return grow(q, node, err);
    if (gal_is_op(node, "galen", "QMap")) return take_table(q, node, err);
    return GALEN_OK;
}
