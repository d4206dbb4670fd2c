/* Writes a graph as an ONNX file of opset 17: initializers as raw data, the batch dimension by name. */
#include "base/error.h"
#include "base/mem.h"
#include "graph/op.h"
#include "model/onnx_proto.h"

#include <galen/version.h>
#include <stdio.h>
#include <string.h>

enum { WRITE_OPSET = 17, WRITE_IR = 8, TYPE_VARINT = 0, TYPE_BYTES = 2, TYPE_FIXED32 = 5 };

static void put_varint(gal_buf *out, uint64_t value) {
    uint8_t bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (uint8_t)(value & 0x7f) | (value > 0x7f ? 0x80 : 0);
        value >>= 7;
    } while (value);
    gal_buf_put(out, bytes, n);
}

static void put_key(gal_buf *out, uint32_t number, uint32_t type) {
    put_varint(out, number << 3 | type);
}

static void put_int(gal_buf *out, uint32_t number, int64_t value) {
    put_key(out, number, TYPE_VARINT);
    put_varint(out, (uint64_t)value);
}

static void put_bytes(gal_buf *out, uint32_t number, const void *bytes, size_t size) {
    put_key(out, number, TYPE_BYTES);
    put_varint(out, size);
    if (size) gal_buf_put(out, bytes, size);
}

static void put_text(gal_buf *out, uint32_t number, const char *text) {
    put_bytes(out, number, text, strlen(text));
}

static void put_float(gal_buf *out, uint32_t number, float value) {
    put_key(out, number, TYPE_FIXED32);
    gal_buf_put(out, &value, sizeof value);
}

/* A message to be nested: filled on its own, because its length comes first. */
static gal_buf begin(const gal_buf *out) {
    gal_buf inner;
    gal_buf_init(&inner, out->max);
    return inner;
}

static void end(gal_buf *out, uint32_t number, gal_buf *inner) {
    if (inner->failed) out->failed = true;
    put_bytes(out, number, inner->data, inner->size);
    gal_buf_free(inner);
}

/* TensorProto. */
static void put_tensor(gal_buf *out, uint32_t number, const char *name, const galen_tensor *tensor) {
    gal_buf t = begin(out);
    for (int i = 0; i < tensor->rank; i++) put_int(&t, 1, tensor->dim[i]);
    put_int(&t, 2, tensor->dtype);
    if (name) put_text(&t, 8, name);
    put_bytes(&t, 9, tensor->data, (size_t)galen_tensor_bytes(tensor));
    end(out, number, &t);
}

/* AttributeProto. */
static void put_attr(gal_buf *out, const gal_attr *attr) {
    gal_buf a = begin(out);
    put_text(&a, 1, attr->name);
    switch (attr->type) {
    case GAL_ATTR_FLOAT: put_float(&a, 2, attr->f); break;
    case GAL_ATTR_INT: put_int(&a, 3, attr->i); break;
    case GAL_ATTR_STRING: put_text(&a, 4, attr->s); break;
    case GAL_ATTR_TENSOR: put_tensor(&a, 5, NULL, attr->tensor); break;
    case GAL_ATTR_FLOATS:
        for (size_t i = 0; i < attr->count; i++) put_float(&a, 7, attr->floats[i]);
        break;
    case GAL_ATTR_INTS:
        for (size_t i = 0; i < attr->count; i++) put_int(&a, 8, attr->ints[i]);
        break;
    }
    put_int(&a, 20, attr->type);
    end(out, 5, &a);
}

static galen_status put_node(gal_buf *out, const gal_node *node, galen_error *err) {
    if (*node->op->domain || (node->op->flags & GAL_OP_PRIVATE))
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "node '%s': op '%s.%s' was made by a pass and cannot be written as ONNX", node->name,
                        node->op->domain, node->op->name);
    gal_buf n = begin(out);
    for (uint32_t i = 0; i < node->n_in; i++) put_text(&n, 1, node->in[i] ? node->in[i]->name : "");
    for (uint32_t i = 0; i < node->n_out; i++) put_text(&n, 2, node->out[i] ? node->out[i]->name : "");
    put_text(&n, 3, node->name);
    put_text(&n, 4, node->op->name);
    for (uint32_t i = 0; i < node->n_attr; i++) put_attr(&n, &node->attr[i]);
    end(out, 1, &n);
    return GALEN_OK;
}

/* TensorShapeProto.Dimension: a number, "batch", or a multiple such as "49*batch". */
static void put_dim(gal_buf *out, gal_dim dim) {
    gal_buf d = begin(out);
    char text[48];
    if (!dim.batch) {
        put_int(&d, 1, dim.size);
    } else if (dim.size == 1) {
        put_text(&d, 2, "batch");
    } else {
        snprintf(text, sizeof text, "%lld*batch", (long long)dim.size);
        put_text(&d, 2, text);
    }
    end(out, 1, &d);
}

/* ValueInfoProto. */
static void put_value(gal_buf *out, uint32_t number, const gal_value *value) {
    gal_buf info = begin(out), type = begin(out), tensor = begin(out), shape = begin(out);
    for (int i = 0; i < value->shape.rank; i++) put_dim(&shape, value->shape.dim[i]);
    put_int(&tensor, 1, value->dtype);
    end(&tensor, 2, &shape);
    end(&type, 1, &tensor);
    put_text(&info, 1, value->name);
    end(&info, 2, &type);
    end(out, number, &info);
}

static galen_status put_graph(gal_buf *out, const gal_graph *graph, galen_error *err) {
    gal_buf g = begin(out);
    galen_status status = GALEN_OK;
    for (const gal_node *node = graph->first; node && status == GALEN_OK; node = node->next)
        status = put_node(&g, node, err);
    put_text(&g, 2, graph->name && *graph->name ? graph->name : "galen");
    for (uint32_t i = 0; i < graph->n_value; i++) {
        const gal_value *value = graph->value[i];
        bool needed = value && value->constant && !value->producer && (value->uses || value->is_output);
        if (needed) put_tensor(&g, 5, value->name, value->constant);
    }
    for (uint32_t i = 0; i < graph->n_input; i++) put_value(&g, 11, graph->input[i]);
    for (uint32_t i = 0; i < graph->n_output; i++) put_value(&g, 12, graph->output[i]);
    end(out, 7, &g);
    return status;
}

galen_status gal_onnx_write(const gal_model *model, gal_buf *out, galen_error *err) {
    char version[32];
    put_int(out, 1, WRITE_IR);
    put_text(out, 2, "galen");
    snprintf(version, sizeof version, "%d.%d.%d", GALEN_VERSION_MAJOR, GALEN_VERSION_MINOR, GALEN_VERSION_PATCH);
    put_text(out, 3, version);
    GAL_TRY(put_graph(out, model->graph, err));
    gal_buf opset = begin(out);
    put_text(&opset, 1, "");
    put_int(&opset, 2, WRITE_OPSET);
    end(out, 8, &opset);
    for (size_t i = 0; i < model->n_meta; i++) {
        gal_buf entry = begin(out);
        put_text(&entry, 1, model->meta_key[i]);
        put_text(&entry, 2, model->meta_value[i]);
        end(out, 14, &entry);
    }
    if (out->failed)
        return gal_fail(err, GALEN_ERR_MEMORY, "the ONNX file does not fit: out of memory, or more than %zu bytes",
                        out->max);
    return GALEN_OK;
}
