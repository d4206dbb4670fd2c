/* What the files of the ONNX reader share. */
#ifndef GAL_MODEL_ONNX_PROTO_H
#define GAL_MODEL_ONNX_PROTO_H

#include "model/onnx.h"
#include "model/onnx_wire.h"

enum {
    GAL_ONNX_OPSET_MIN = 6,
    GAL_ONNX_OPSET_MAX = 17,
    GAL_ONNX_MAX_TEXT = 4096, /* bytes of a name */
    GAL_ONNX_MAX_META = 1024, /* metadata_props entries */
    GAL_ONNX_MAX_META_TEXT = 1 << 24,
    GAL_ONNX_MAX_INPUTS = 4096,     /* of a graph */
    GAL_ONNX_MAX_EXTERNAL = 4096,   /* external data files */
    GAL_ONNX_MAX_NODE_EDGES = 65536 /* inputs, outputs or attributes of a node */
};

/* Who gives a name its value. */
typedef enum gal_name_kind { GAL_NAME_UNKNOWN, GAL_NAME_INPUT, GAL_NAME_CONSTANT, GAL_NAME_NODE } gal_name_kind;

typedef struct gal_onnx_name {
    const char *text;
    size_t size;
    gal_name_kind kind;
    uint32_t node;    /* index of the producing node (GAL_NAME_NODE) */
    gal_value *value; /* once it is in the graph */
} gal_onnx_name;

/* Names to ids; id 0 is the empty name. */
typedef struct gal_onnx_names {
    gal_onnx_name *entry;
    uint32_t *slot;
    size_t n_entry, max_entry, n_slot;
} gal_onnx_names;

typedef struct gal_onnx_node {
    const char *name, *op, *domain; /* name: of its first output when the file gives none */
    gal_wire body;
    uint32_t n_in, n_out, n_attr;
    uint32_t *in, *out; /* name ids */
} gal_onnx_node;

typedef struct gal_onnx_reader {
    gal_model *model;
    gal_graph *graph; /* the model's */
    const gal_onnx_options *options;
    gal_arena scratch;
    char *folder;    /* resolved folder of the model; NULL when read from memory */
    char **external; /* resolved paths of model->file[1...] */
    gal_onnx_names names;
    gal_onnx_node *node;
    gal_wire *initializer, *input, *output;
    uint32_t n_node, n_initializer, n_input, n_output;
} gal_onnx_reader;

/*
 * A NUL-terminated copy of a text field in `arena`. Control characters, invalid UTF-8 and more than `max` bytes are
 * refused, saying `what` it is.
 */
galen_status gal_onnx_text(gal_wire body, size_t max, gal_arena *arena, const char *what, const char **out,
                           galen_error *err);

galen_status gal_onnx_names_init(gal_onnx_names *names, size_t max, gal_arena *arena, galen_error *err);
/* The id of a name, made if new. */
galen_status gal_onnx_name_id(gal_onnx_reader *reader, gal_wire text, uint32_t *id, galen_error *err);

/*
 * Decodes a TensorProto. Data points into the message, into external data or into `arena`. `reader` NULL: external data
 * is refused. *name is "" when absent.
 */
galen_status gal_onnx_read_tensor(gal_wire body, gal_onnx_reader *reader, gal_arena *arena, galen_tensor *out,
                                  const char **name, galen_error *err);

/* Where the data of a tensor lies outside the model: the entries of TensorProto.external_data, in order. */
galen_status gal_onnx_external(gal_onnx_reader *reader, gal_wire tensor, const char *name, size_t bytes, gal_wire *out,
                               galen_error *err);

/* GraphProto: fills the reader's tables, then the graph. */
galen_status gal_onnx_read_graph(gal_onnx_reader *reader, gal_wire body, galen_error *err);
/* Adds inputs to the graph. */
galen_status gal_onnx_read_inputs(gal_onnx_reader *reader, galen_error *err);
/* Name of a ValueInfoProto. */
galen_status gal_onnx_value_name(gal_onnx_reader *reader, gal_wire body, uint32_t *id, galen_error *err);
/* An order of the nodes in which every name is produced before it is read; the file's own order when that is one. */
galen_status gal_onnx_sort(gal_onnx_reader *reader, uint32_t **order, galen_error *err);
/* Adds node `index` to the graph. */
galen_status gal_onnx_add_node(gal_onnx_reader *reader, uint32_t index, galen_error *err);

#endif
