/* Dimensions and shapes: numbers and multiples of the batch size. */
#include "graph/graph.h"

#include <string.h>

gal_dim gal_dim_fixed(int64_t size) {
    return (gal_dim){.size = size};
}

bool gal_dim_equal(gal_dim a, gal_dim b) {
    return a.size == b.size && (a.batch == b.batch || a.size == 0);
}

int64_t gal_dim_at(gal_dim dim, int64_t batch) {
    return dim.batch ? dim.size * batch : dim.size;
}

bool gal_shape_equal(const gal_shape *a, const gal_shape *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (!gal_dim_equal(a->dim[i], b->dim[i])) return false;
    return true;
}

bool gal_shape_is_fixed(const gal_shape *shape) {
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i].batch) return false;
    return true;
}

gal_shape gal_shape_of_tensor(const galen_tensor *tensor) {
    gal_shape shape = {.rank = tensor->rank};
    for (int i = 0; i < tensor->rank; i++) shape.dim[i] = gal_dim_fixed(tensor->dim[i]);
    return shape;
}

void gal_shape_at(const gal_shape *shape, galen_dtype dtype, int64_t batch, galen_tensor *out) {
    *out = (galen_tensor){.dtype = dtype, .rank = shape->rank};
    for (int i = 0; i < shape->rank; i++) out->dim[i] = gal_dim_at(shape->dim[i], batch);
}

bool gal_shape_product(const gal_shape *shape, int from, int to, gal_dim *out) {
    gal_dim product = gal_dim_fixed(1);
    for (int i = from; i < to; i++) {
        gal_dim d = shape->dim[i];
        if (d.batch && product.batch) return false;
        if (__builtin_mul_overflow(product.size, d.size, &product.size)) return false;
        product.batch |= d.batch;
    }
    *out = product;
    return true;
}

void gal_shape_text(const gal_shape *shape, gal_buf *out) {
    gal_buf_text(out, "[");
    for (int i = 0; i < shape->rank; i++) {
        gal_dim d = shape->dim[i];
        const char *comma = i ? ", " : "";
        if (!d.batch)
            gal_buf_printf(out, "%s%lld", comma, (long long)d.size);
        else if (d.size == 1)
            gal_buf_printf(out, "%sN", comma);
        else
            gal_buf_printf(out, "%s%lldN", comma, (long long)d.size);
    }
    gal_buf_text(out, "]");
}
