/* One NodeProto into the graph: attributes, then the op in the meaning of its opset. */
#include "base/error.h"
#include "base/mem.h"
#include "model/onnx_proto.h"
#include "model/onnx_upgrade.h"

#include <string.h>

/* AttributeProto: name 1, f 2, i 3, s 4, t 5, g 6, floats 7, ints 8, strings 9, tensors 10, graphs 11, type 20,
 * ref_attr_name 21, sparse 22. */
static const char attr_schema[] = ".bfvbbbFVbbb........vbb";

typedef struct counts {
    size_t floats, ints;
    uint64_t type;
    const char *refused; /* what it holds that Galen does not take */
} counts;

static galen_status fail(const gal_onnx_reader *reader, const gal_onnx_node *node, const char *attr, const char *why,
                         galen_error *err) {
    return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                    "node '%s': op '%s' (opset %lld) is not supported: its attribute '%s' holds %s", node->name,
                    node->op, (long long)reader->model->opset, attr, why);
}

static galen_status damaged(const gal_onnx_node *node, galen_error *err) {
    return gal_fail(err, GALEN_ERR_FORMAT, "node '%s' (%s): an attribute is damaged", node->name, node->op);
}

static const char *refused_field(uint32_t number) {
    switch (number) {
    case 6:
    case 11: return "a subgraph";
    case 9: return "strings";
    case 10: return "several tensors";
    case 21: return "a reference to a function's attribute";
    case 22: return "a sparse tensor";
    default: return NULL;
    }
}

static galen_status read_attr_tensor(gal_onnx_reader *reader, gal_wire body, gal_attr *out, galen_error *err) {
    const char *name;
    galen_tensor *tensor = gal_arena_alloc(&reader->graph->arena, 1, sizeof *tensor);
    if (!tensor) return gal_fail_memory(err, "a tensor", sizeof *tensor);
    GAL_TRY(gal_onnx_read_tensor(body, reader, &reader->graph->arena, tensor, &name, err));
    out->tensor = tensor;
    return GALEN_OK;
}

/* First walk: everything but the elements of lists, which are counted. */
static galen_status read_single(gal_onnx_reader *reader, const gal_onnx_node *node, const gal_field *field,
                                gal_attr *out, counts *n, galen_error *err) {
    size_t more = 0;
    switch (field->number) {
    case 1:
        return gal_onnx_text(field->body, GAL_ONNX_MAX_TEXT, &reader->scratch, "the name of an attribute", &out->name,
                             err);
    case 2: memcpy(&out->f, field->body.at, sizeof out->f); return GALEN_OK;
    case 3: out->i = (int64_t)field->value; return GALEN_OK;
    case 4:
        return gal_onnx_text(field->body, GAL_ONNX_MAX_TEXT, &reader->scratch, "the text of an attribute", &out->s,
                             err);
    case 5: return read_attr_tensor(reader, field->body, out, err);
    case 7: n->floats += gal_wire_left(field->body) / sizeof(float); return GALEN_OK;
    case 8:
        if (!gal_wire_count(field->body, &more)) return damaged(node, err);
        n->ints += more;
        return GALEN_OK;
    case 20: n->type = field->value; return GALEN_OK;
    default: n->refused = refused_field(field->number); return GALEN_OK;
    }
}

/* Files older than AttributeProto.type: the one field that is there says it. */
static gal_attr_type guess_type(const gal_attr *attr, const counts *n) {
    if (attr->tensor) return GAL_ATTR_TENSOR;
    if (attr->s) return GAL_ATTR_STRING;
    if (n->ints) return GAL_ATTR_INTS;
    if (n->floats) return GAL_ATTR_FLOATS;
    return attr->f != 0 ? GAL_ATTR_FLOAT : GAL_ATTR_INT;
}

/* Second walk: the elements of lists. */
static galen_status read_lists(gal_onnx_reader *reader, const gal_onnx_node *node, gal_wire body, const counts *n,
                               gal_attr *out, galen_error *err) {
    gal_field field;
    float *floats = gal_arena_alloc(&reader->scratch, n->floats, sizeof *floats);
    int64_t *ints = gal_arena_alloc(&reader->scratch, n->ints, sizeof *ints);
    if (!floats || !ints) return gal_fail_memory(err, "an attribute", (n->floats + n->ints) * sizeof *ints);
    size_t f = 0, i = 0;
    while (gal_wire_next(&body, attr_schema, &field) == GAL_WIRE_FIELD) {
        if (field.number == 7 && field.body.at != field.body.end) {
            memcpy(floats + f, field.body.at, gal_wire_left(field.body));
            f += gal_wire_left(field.body) / sizeof *floats;
        }
        while (field.number == 8 && field.body.at != field.body.end) {
            uint64_t value;
            if (!gal_wire_varint(&field.body, &value)) return damaged(node, err);
            ints[i++] = (int64_t)value;
        }
    }
    out->floats = floats;
    out->ints = ints;
    out->count = out->type == GAL_ATTR_FLOATS ? f : out->type == GAL_ATTR_INTS ? i : 0;
    return GALEN_OK;
}

static galen_status read_attr(gal_onnx_reader *reader, const gal_onnx_node *node, gal_wire body, gal_attr *out,
                              galen_error *err) {
    counts n = {0};
    gal_field field;
    gal_wire_step step;
    gal_wire walk = body;
    out->name = "";
    while ((step = gal_wire_next(&walk, attr_schema, &field)) == GAL_WIRE_FIELD)
        GAL_TRY(read_single(reader, node, &field, out, &n, err));
    if (step == GAL_WIRE_BAD) return damaged(node, err);
    if (n.refused) return fail(reader, node, out->name, n.refused, err);
    switch (n.type) {
    case 0: out->type = guess_type(out, &n); break;
    case GAL_ATTR_FLOAT:
    case GAL_ATTR_INT:
    case GAL_ATTR_FLOATS:
    case GAL_ATTR_INTS: out->type = (gal_attr_type)n.type; break;
    case GAL_ATTR_STRING:
        out->type = GAL_ATTR_STRING;
        if (!out->s) out->s = "";
        break;
    case GAL_ATTR_TENSOR:
        out->type = GAL_ATTR_TENSOR;
        if (!out->tensor) return damaged(node, err);
        break;
    case 8: return fail(reader, node, out->name, "strings", err);
    default: return fail(reader, node, out->name, "a type of value that Galen does not take", err);
    }
    return read_lists(reader, node, body, &n, out, err);
}

static galen_status read_attrs(gal_onnx_reader *reader, const gal_onnx_node *node, gal_attr **out, galen_error *err) {
    gal_attr *attr = gal_arena_alloc(&reader->scratch, node->n_attr, sizeof *attr);
    if (!attr) return gal_fail_memory(err, "the attributes of a node", node->n_attr * sizeof *attr);
    *out = attr;
    gal_wire body = node->body;
    gal_field field;
    while (gal_wire_next(&body, ".....b", &field) == GAL_WIRE_FIELD)
        GAL_TRY(read_attr(reader, node, field.body, attr++, err));
    return GALEN_OK;
}

/* A Constant node holds its value in one attribute: it becomes a constant of the graph. */
static galen_status constant_tensor(gal_onnx_reader *reader, const gal_onnx_node *node, const gal_attr *attr,
                                    galen_tensor *out, galen_error *err) {
    const void *from = NULL;
    *out = (galen_tensor){.rank = attr->type == GAL_ATTR_INTS || attr->type == GAL_ATTR_FLOATS};
    switch (attr->type) {
    case GAL_ATTR_TENSOR: *out = *attr->tensor; return GALEN_OK;
    case GAL_ATTR_FLOAT:
    case GAL_ATTR_FLOATS:
        out->dtype = GALEN_F32;
        from = attr->type == GAL_ATTR_FLOAT ? &attr->f : attr->floats;
        break;
    case GAL_ATTR_INT:
    case GAL_ATTR_INTS:
        out->dtype = GALEN_I64;
        from = attr->type == GAL_ATTR_INT ? &attr->i : attr->ints;
        break;
    default: return fail(reader, node, attr->name, "a text", err);
    }
    if (out->rank) out->dim[0] = (int64_t)attr->count;
    size_t bytes = (size_t)galen_tensor_bytes(out);
    out->data = gal_arena_alloc_aligned(&reader->graph->arena, bytes);
    if (!out->data) return gal_fail_memory(err, node->name, bytes);
    memcpy(out->data, from, bytes);
    return GALEN_OK;
}

static galen_status add_constant(gal_onnx_reader *reader, const gal_onnx_node *node, const gal_attr *attr,
                                 galen_error *err) {
    galen_tensor tensor;
    if (node->n_attr != 1 || node->n_in != 0 || node->n_out != 1 || node->out[0] == 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "node '%s' (Constant): needs one attribute, one output and no input",
                        node->name);
    GAL_TRY(constant_tensor(reader, node, attr, &tensor, err));
    gal_onnx_name *name = &reader->names.entry[node->out[0]];
    return gal_graph_constant(reader->graph, name->text, &tensor, &name->value, err);
}

static galen_status add_op(gal_onnx_reader *reader, const gal_onnx_node *node, const gal_attr *attr, galen_error *err) {
    gal_value **in = gal_arena_alloc(&reader->scratch, node->n_in, sizeof *in);
    const char **out = gal_arena_alloc(&reader->scratch, node->n_out, sizeof *out);
    if (!in || !out) return gal_fail_memory(err, "a node", node->n_in * sizeof *in);
    for (uint32_t i = 0; i < node->n_in; i++) in[i] = reader->names.entry[node->in[i]].value;
    for (uint32_t i = 0; i < node->n_out; i++) out[i] = reader->names.entry[node->out[i]].text;
    gal_node_spec spec = {.domain = strcmp(node->domain, "com.microsoft") == 0 ? node->domain : NULL,
                          .op = node->op,
                          .name = *node->name ? node->name : NULL,
                          .n_in = node->n_in,
                          .n_out = node->n_out,
                          .n_attr = node->n_attr,
                          .in = in,
                          .out_name = out,
                          .attr = attr};
    GAL_TRY(gal_upgrade_node(reader->graph, reader->model->opset, &spec, NULL, err));
    for (uint32_t i = 0; i < node->n_out; i++) {
        if (node->out[i]) reader->names.entry[node->out[i]].value = gal_graph_find(reader->graph, out[i]);
        if (node->out[i] && !reader->names.entry[node->out[i]].value)
            return gal_fail(err, GALEN_ERR_INTERNAL, "node '%s' (%s): output '%s' was lost", node->name, node->op,
                            out[i]);
    }
    return GALEN_OK;
}

galen_status gal_onnx_add_node(gal_onnx_reader *reader, uint32_t index, galen_error *err) {
    const gal_onnx_node *node = &reader->node[index];
    bool standard = !*node->domain || strcmp(node->domain, "ai.onnx") == 0;
    bool microsoft = strcmp(node->domain, "com.microsoft") == 0;
    if ((!standard && !microsoft) || !*node->op)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "node '%s': op '%s%s%s' (opset %lld) is not supported", node->name,
                        node->domain, standard ? "" : ".", node->op, (long long)reader->model->opset);
    gal_attr *attr = NULL;
    GAL_TRY(read_attrs(reader, node, &attr, err));
    if (standard && strcmp(node->op, "Constant") == 0) return add_constant(reader, node, attr, err);
    return add_op(reader, node, attr, err);
}
