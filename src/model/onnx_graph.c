/* GraphProto: collects what the file lists, then builds the graph in a valid order. */
#include "base/error.h"
#include "base/mem.h"
#include "model/onnx_proto.h"

#include <string.h>

/* GraphProto: node 1, name 2, initializer 5, input 11, output 12, sparse_initializer 15. */
static const char graph_schema[] = ".bb..b.....bb..b";
/* NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, domain 7. */
static const char node_schema[] = ".bbbbb.b";

enum { FIELD_NODE = 1, FIELD_NAME = 2, FIELD_INITIALIZER = 5, FIELD_INPUT = 11, FIELD_OUTPUT = 12, FIELD_SPARSE = 15 };

static galen_status damaged(galen_error *err, const char *what) {
    return gal_fail(err, GALEN_ERR_FORMAT, "%s is damaged or cut off", what);
}

static galen_status limit_count(galen_error *err, const char *what, size_t count, size_t max) {
    if (count <= max) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_LIMIT, "the graph has more than %zu %s", max, what);
}

static galen_status count_fields(gal_onnx_reader *reader, gal_wire body, galen_error *err) {
    gal_field field;
    gal_wire_step step;
    while ((step = gal_wire_next(&body, graph_schema, &field)) == GAL_WIRE_FIELD) {
        reader->n_node += field.number == FIELD_NODE;
        reader->n_initializer += field.number == FIELD_INITIALIZER;
        reader->n_input += field.number == FIELD_INPUT;
        reader->n_output += field.number == FIELD_OUTPUT;
        if (field.number == FIELD_SPARSE)
            return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                            "the graph has a sparse initializer, which Galen does not support: store it dense");
        GAL_TRY(limit_count(err, "nodes", reader->n_node, GAL_GRAPH_MAX_NODES));
        GAL_TRY(limit_count(err, "initializers", reader->n_initializer, GAL_GRAPH_MAX_VALUES));
        GAL_TRY(limit_count(err, "inputs", reader->n_input, GAL_GRAPH_MAX_VALUES));
        GAL_TRY(limit_count(err, "outputs", reader->n_output, GAL_ONNX_MAX_INPUTS));
    }
    return step == GAL_WIRE_BAD ? damaged(err, "the graph") : GALEN_OK;
}

static galen_status count_edges(gal_wire body, size_t *total, galen_error *err) {
    gal_field field;
    gal_wire_step step;
    size_t edges = 0;
    while ((step = gal_wire_next(&body, node_schema, &field)) == GAL_WIRE_FIELD) edges += field.number <= 2;
    if (step == GAL_WIRE_BAD) return damaged(err, "a node");
    *total += edges;
    return limit_count(err, "values", *total, GAL_GRAPH_MAX_VALUES);
}

static galen_status make_tables(gal_onnx_reader *reader, galen_error *err) {
    gal_arena *a = &reader->scratch;
    reader->node = gal_arena_alloc(a, reader->n_node, sizeof *reader->node);
    reader->initializer = gal_arena_alloc(a, reader->n_initializer, sizeof *reader->initializer);
    reader->input = gal_arena_alloc(a, reader->n_input, sizeof *reader->input);
    reader->output = gal_arena_alloc(a, reader->n_output, sizeof *reader->output);
    if (!reader->node || !reader->initializer || !reader->input || !reader->output)
        return gal_fail_memory(err, "the tables of the graph",
                               (unsigned long long)reader->n_node * sizeof *reader->node);
    return GALEN_OK;
}

/* Second walk over the graph: remembers where each part lies and counts the names it may bring. */
static galen_status collect(gal_onnx_reader *reader, gal_wire body, size_t *names, galen_error *err) {
    gal_field field;
    uint32_t node = 0, initializer = 0, input = 0, output = 0;
    while (gal_wire_next(&body, graph_schema, &field) == GAL_WIRE_FIELD) {
        switch (field.number) {
        case FIELD_NODE:
            GAL_TRY(count_edges(field.body, names, err));
            reader->node[node++].body = field.body;
            break;
        case FIELD_NAME:
            GAL_TRY(gal_onnx_text(field.body, GAL_ONNX_MAX_TEXT, &reader->graph->arena, "the graph's name",
                                  &reader->graph->name, err));
            break;
        case FIELD_INITIALIZER: reader->initializer[initializer++] = field.body; break;
        case FIELD_INPUT: reader->input[input++] = field.body; break;
        default: reader->output[output++] = field.body; break;
        }
    }
    *names += (size_t)initializer + input + output;
    return GALEN_OK;
}

static galen_status give_name(gal_onnx_reader *reader, uint32_t id, gal_name_kind kind, uint32_t node,
                              galen_error *err) {
    gal_onnx_name *name = &reader->names.entry[id];
    if (name->kind != GAL_NAME_UNKNOWN)
        return gal_fail(err, GALEN_ERR_FORMAT, "value '%s' is given twice: every name must be produced once",
                        name->text);
    name->kind = kind;
    name->node = node;
    return GALEN_OK;
}

static galen_status add_initializers(gal_onnx_reader *reader, galen_error *err) {
    for (uint32_t i = 0; i < reader->n_initializer; i++) {
        galen_tensor tensor;
        const char *text;
        uint32_t id;
        GAL_TRY(gal_onnx_read_tensor(reader->initializer[i], reader, &reader->graph->arena, &tensor, &text, err));
        if (!*text) return gal_fail(err, GALEN_ERR_FORMAT, "an initializer has no name");
        GAL_TRY(gal_onnx_name_id(reader, gal_wire_of(text, strlen(text)), &id, err));
        GAL_TRY(give_name(reader, id, GAL_NAME_CONSTANT, 0, err));
        GAL_TRY(gal_graph_constant(reader->graph, text, &tensor, &reader->names.entry[id].value, err));
    }
    return GALEN_OK;
}

/* Fields of a node that are single texts. */
static galen_status read_node_text(gal_onnx_reader *reader, gal_onnx_node *node, const gal_field *field,
                                   galen_error *err) {
    gal_arena *a = &reader->scratch;
    switch (field->number) {
    case 3: return gal_onnx_text(field->body, GAL_ONNX_MAX_TEXT, a, "the name of a node", &node->name, err);
    case 4: return gal_onnx_text(field->body, GAL_ONNX_MAX_TEXT, a, "the op of a node", &node->op, err);
    default: return gal_onnx_text(field->body, GAL_ONNX_MAX_TEXT, a, "the domain of a node", &node->domain, err);
    }
}

static galen_status count_node(gal_onnx_reader *reader, gal_onnx_node *node, galen_error *err) {
    gal_wire body = node->body;
    gal_field field;
    while (gal_wire_next(&body, node_schema, &field) == GAL_WIRE_FIELD) {
        uint32_t *count = field.number == 1   ? &node->n_in
                          : field.number == 2 ? &node->n_out
                          : field.number == 5 ? &node->n_attr
                                              : NULL;
        if (!count) GAL_TRY(read_node_text(reader, node, &field, err));
        if (count && ++*count > GAL_ONNX_MAX_NODE_EDGES)
            return gal_fail(err, GALEN_ERR_LIMIT, "a node has more than %d inputs, outputs or attributes",
                            GAL_ONNX_MAX_NODE_EDGES);
    }
    node->in = gal_arena_alloc(&reader->scratch, node->n_in, sizeof *node->in);
    node->out = gal_arena_alloc(&reader->scratch, node->n_out, sizeof *node->out);
    return node->in && node->out ? GALEN_OK : gal_fail_memory(err, "a node", node->n_in + node->n_out);
}

static galen_status read_node(gal_onnx_reader *reader, uint32_t index, galen_error *err) {
    gal_onnx_node *node = &reader->node[index];
    node->name = node->op = node->domain = "";
    GAL_TRY(count_node(reader, node, err));
    gal_wire body = node->body;
    gal_field field;
    uint32_t in = 0, out = 0;
    while (gal_wire_next(&body, node_schema, &field) == GAL_WIRE_FIELD) {
        if (field.number == 1) GAL_TRY(gal_onnx_name_id(reader, field.body, &node->in[in++], err));
        if (field.number == 2) GAL_TRY(gal_onnx_name_id(reader, field.body, &node->out[out++], err));
    }
    for (uint32_t i = 0; i < node->n_out; i++) {
        if (!*node->name) node->name = reader->names.entry[node->out[i]].text;
        if (node->out[i]) GAL_TRY(give_name(reader, node->out[i], GAL_NAME_NODE, index, err));
    }
    return GALEN_OK;
}

/* Every name that is read must come from somewhere. */
static galen_status check_inputs(const gal_onnx_reader *reader, galen_error *err) {
    for (uint32_t n = 0; n < reader->n_node; n++) {
        const gal_onnx_node *node = &reader->node[n];
        for (uint32_t i = 0; i < node->n_in; i++) {
            const gal_onnx_name *name = &reader->names.entry[node->in[i]];
            if (node->in[i] && name->kind == GAL_NAME_UNKNOWN)
                return gal_fail(
                    err, GALEN_ERR_FORMAT,
                    "node '%s' (%s): input '%s' is missing: no node makes it and it is neither an input nor an initializer",
                    node->name, node->op, name->text);
        }
    }
    return GALEN_OK;
}

static galen_status mark_outputs(gal_onnx_reader *reader, galen_error *err) {
    if (reader->n_output == 0) return gal_fail(err, GALEN_ERR_FORMAT, "the graph has no output");
    for (uint32_t i = 0; i < reader->n_output; i++) {
        uint32_t id;
        GAL_TRY(gal_onnx_value_name(reader, reader->output[i], &id, err));
        gal_onnx_name *name = &reader->names.entry[id];
        if (!name->value)
            return gal_fail(err, GALEN_ERR_FORMAT, "output '%s' is missing: no node makes it", name->text);
        GAL_TRY(gal_graph_mark_output(reader->graph, name->value, err));
    }
    return GALEN_OK;
}

galen_status gal_onnx_read_graph(gal_onnx_reader *reader, gal_wire body, galen_error *err) {
    size_t names = 0;
    uint32_t *order;
    GAL_TRY(count_fields(reader, body, err));
    GAL_TRY(make_tables(reader, err));
    GAL_TRY(collect(reader, body, &names, err));
    GAL_TRY(limit_count(err, "values", names, GAL_GRAPH_MAX_VALUES));
    GAL_TRY(gal_onnx_names_init(&reader->names, names, &reader->scratch, err));
    GAL_TRY(add_initializers(reader, err));
    GAL_TRY(gal_onnx_read_inputs(reader, err));
    for (uint32_t i = 0; i < reader->n_node; i++) GAL_TRY(read_node(reader, i, err));
    GAL_TRY(check_inputs(reader, err));
    GAL_TRY(gal_onnx_sort(reader, &order, err));
    for (uint32_t i = 0; i < reader->n_node; i++) GAL_TRY(gal_onnx_add_node(reader, order[i], err));
    return mark_outputs(reader, err);
}
