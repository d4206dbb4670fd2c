/* The inputs of an ONNX graph: types, the batch dimension, and what the caller binds. */
#include "base/error.h"
#include "base/mem.h"
#include "model/onnx_proto.h"

#include <string.h>

typedef struct declared {
    const char *name;
    galen_dtype dtype;
    bool has_shape;
    int rank;
    int64_t dim[GALEN_MAX_RANK]; /* -1: open */
    const char *param[GALEN_MAX_RANK];
} declared;

static galen_status damaged(galen_error *err, const char *name) {
    return gal_fail(err, GALEN_ERR_FORMAT, "the type of value '%s' is damaged", name);
}

galen_status gal_onnx_value_name(gal_onnx_reader *reader, gal_wire body, uint32_t *id, galen_error *err) {
    gal_field field;
    gal_wire_step step;
    *id = 0;
    while ((step = gal_wire_next(&body, ".bb", &field)) == GAL_WIRE_FIELD)
        if (field.number == 1) GAL_TRY(gal_onnx_name_id(reader, field.body, id, err));
    if (step == GAL_WIRE_BAD) return damaged(err, "");
    return *id ? GALEN_OK : gal_fail(err, GALEN_ERR_FORMAT, "an input or output has no name");
}

/* TensorShapeProto.Dimension: dim_value 1, dim_param 2. */
static galen_status read_dim(gal_onnx_reader *reader, gal_wire body, declared *out, galen_error *err) {
    gal_field field;
    gal_wire_step step;
    if (out->rank == GALEN_MAX_RANK)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "input '%s' has more than %d dimensions", out->name,
                        GALEN_MAX_RANK);
    int axis = out->rank++;
    out->dim[axis] = -1;
    out->param[axis] = "";
    while ((step = gal_wire_next(&body, ".vb", &field)) == GAL_WIRE_FIELD) {
        if (field.number == 1) out->dim[axis] = (int64_t)field.value < 0 ? -1 : (int64_t)field.value;
        if (field.number == 2)
            GAL_TRY(gal_onnx_text(field.body, GAL_ONNX_MAX_TEXT, &reader->scratch, "the name of a dimension",
                                  &out->param[axis], err));
    }
    return step == GAL_WIRE_BAD ? damaged(err, out->name) : GALEN_OK;
}

static galen_status read_shape(gal_onnx_reader *reader, gal_wire body, declared *out, galen_error *err) {
    gal_field field;
    gal_wire_step step;
    out->has_shape = true;
    while ((step = gal_wire_next(&body, ".b", &field)) == GAL_WIRE_FIELD)
        GAL_TRY(read_dim(reader, field.body, out, err));
    return step == GAL_WIRE_BAD ? damaged(err, out->name) : GALEN_OK;
}

/* TypeProto.Tensor: elem_type 1, shape 2. */
static galen_status read_tensor_type(gal_onnx_reader *reader, gal_wire body, declared *out, galen_error *err) {
    gal_field field;
    gal_wire_step step;
    while ((step = gal_wire_next(&body, ".vb", &field)) == GAL_WIRE_FIELD) {
        if (field.number == 1) out->dtype = field.value < 64 ? (galen_dtype)field.value : GALEN_DTYPE_NONE;
        if (field.number == 2) GAL_TRY(read_shape(reader, field.body, out, err));
    }
    if (step == GAL_WIRE_BAD) return damaged(err, out->name);
    if ((int)out->dtype == 8)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "input '%s' holds strings, which Galen does not support",
                        out->name);
    return GALEN_OK;
}

/* TypeProto: tensor 1, sequence 4, map 5, sparse tensor 8, optional 9. */
static galen_status read_type(gal_onnx_reader *reader, gal_wire body, declared *out, galen_error *err) {
    static const char *const other[] = {[4] = "sequence", [5] = "map", [8] = "sparse tensor", [9] = "optional"};
    gal_field field;
    gal_wire_step step;
    while ((step = gal_wire_next(&body, ".b..bb..bb", &field)) == GAL_WIRE_FIELD) {
        if (field.number != 1)
            return gal_fail(err, GALEN_ERR_UNSUPPORTED, "input '%s' is of type %s, and Galen takes tensors only",
                            out->name, other[field.number]);
        GAL_TRY(read_tensor_type(reader, field.body, out, err));
    }
    return step == GAL_WIRE_BAD ? damaged(err, out->name) : GALEN_OK;
}

/* ValueInfoProto: name 1, type 2. */
static galen_status read_declared(gal_onnx_reader *reader, gal_wire body, declared *out, galen_error *err) {
    gal_field field;
    while (gal_wire_next(&body, ".bb", &field) == GAL_WIRE_FIELD)
        if (field.number == 2) GAL_TRY(read_type(reader, field.body, out, err));
    if (galen_dtype_size(out->dtype) == 0)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "input '%s' has data type %d, which Galen does not support",
                        out->name, (int)out->dtype);
    if (!out->has_shape)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "input '%s' has no shape: export the model with input shapes",
                        out->name);
    return GALEN_OK;
}

static const gal_dim_binding *find_dim(const gal_onnx_options *options, const char *input, int axis) {
    for (size_t i = 0; i < options->n_dim; i++)
        if (options->dim[i].axis == axis && strcmp(options->dim[i].input, input) == 0) return &options->dim[i];
    return NULL;
}

static galen_status choose_dim(const gal_onnx_reader *reader, const declared *in, int axis, gal_dim *out,
                               galen_error *err) {
    const gal_dim_binding *given = find_dim(reader->options, in->name, axis);
    if (given && (given->size < 1 || given->size > INT32_MAX))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "input '%s': %lld is no size for dimension %d", in->name,
                        (long long)given->size, axis);
    if (given && in->dim[axis] >= 0 && in->dim[axis] != given->size)
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "input '%s': dimension %d is %lld in the file and cannot be set to %lld", in->name, axis,
                        (long long)in->dim[axis], (long long)given->size);
    *out = gal_dim_fixed(given ? given->size : in->dim[axis]);
    if (out->size >= 0) return GALEN_OK;
    *out = (gal_dim){.size = 1, .batch = true};
    if (axis == 0) return GALEN_OK;
    const char *param = in->param[axis];
    return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                    "input '%s': dimension %d%s%s%s has no size in the file: give it, as in %s.%d=224", in->name, axis,
                    *param ? " ('" : "", param, *param ? "')" : "", in->name, axis);
}

static const gal_input_binding *find_input(const gal_onnx_options *options, const char *name) {
    for (size_t i = 0; i < options->n_input; i++)
        if (strcmp(options->input[i].input, name) == 0) return &options->input[i];
    return NULL;
}

/* An input whose value the caller gives is a constant; it must be what the file declares. */
static galen_status bind_input(gal_onnx_reader *reader, const declared *in, const galen_tensor *given,
                               gal_onnx_name *name, galen_error *err) {
    bool same = given->dtype == in->dtype && given->rank == in->rank;
    for (int i = 0; same && i < in->rank; i++) same = in->dim[i] < 0 || in->dim[i] == given->dim[i];
    if (!same)
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "input '%s': the value given has another type or shape than the model declares", in->name);
    name->kind = GAL_NAME_CONSTANT;
    return gal_graph_constant(reader->graph, in->name, given, &name->value, err);
}

static galen_status add_input(gal_onnx_reader *reader, gal_wire body, galen_error *err) {
    uint32_t id;
    GAL_TRY(gal_onnx_value_name(reader, body, &id, err));
    gal_onnx_name *name = &reader->names.entry[id];
    if (name->kind == GAL_NAME_INPUT) return gal_fail(err, GALEN_ERR_FORMAT, "input '%s' is listed twice", name->text);
    const gal_input_binding *given = find_input(reader->options, name->text);
    if (name->kind == GAL_NAME_CONSTANT && given)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "input '%s' has its value in the file and cannot be set", name->text);
    if (name->kind == GAL_NAME_CONSTANT)
        return GALEN_OK; /* up to IR version 3, initializers are listed as inputs too */
    declared in = {.name = name->text};
    GAL_TRY(read_declared(reader, body, &in, err));
    if (given) return bind_input(reader, &in, &given->tensor, name, err);
    if (reader->graph->n_input == GAL_ONNX_MAX_INPUTS)
        return gal_fail(err, GALEN_ERR_LIMIT, "the graph has more than %d inputs", GAL_ONNX_MAX_INPUTS);
    gal_shape shape = {.rank = in.rank};
    for (int i = 0; i < in.rank; i++) GAL_TRY(choose_dim(reader, &in, i, &shape.dim[i], err));
    name->kind = GAL_NAME_INPUT;
    return gal_graph_input(reader->graph, in.name, in.dtype, &shape, &name->value, err);
}

/* A binding that names no input is a slip of the caller's. */
static galen_status check_bindings(const gal_onnx_reader *reader, galen_error *err) {
    const gal_onnx_options *options = reader->options;
    for (size_t i = 0; i < options->n_dim + options->n_input; i++) {
        const char *name = i < options->n_dim ? options->dim[i].input : options->input[i - options->n_dim].input;
        const gal_value *value = gal_graph_find(reader->graph, name);
        bool known = value && (value->is_input || (i >= options->n_dim && value->constant));
        if (!known) return gal_fail(err, GALEN_ERR_ARGUMENT, "the model has no input '%s' to set", name);
        if (i < options->n_dim && (options->dim[i].axis < 0 || options->dim[i].axis >= value->shape.rank))
            return gal_fail(err, GALEN_ERR_ARGUMENT, "input '%s' has no dimension %d", name, options->dim[i].axis);
    }
    return GALEN_OK;
}

galen_status gal_onnx_read_inputs(gal_onnx_reader *reader, galen_error *err) {
    for (uint32_t i = 0; i < reader->n_input; i++) GAL_TRY(add_input(reader, reader->input[i], err));
    return check_bindings(reader, err);
}
