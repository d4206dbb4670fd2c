/* ONNX files: our own wire reader (mapped, zero copy, limited) and writer. */
#ifndef GAL_MODEL_ONNX_H
#define GAL_MODEL_ONNX_H

#include "base/file.h"
#include "graph/graph.h"

/* A model: graph, metadata and the mapped files its constants point into. */
typedef struct gal_model {
    gal_graph *graph;
    struct gal_sha256_job *hash; /* of the file's bytes; NULL for a model that was built. See gal_model_sha256 */
    char *path;                  /* as given; NULL if built */
    int64_t opset;               /* as written in the file */
    int64_t ir_version;
    const char *producer;                /* "" when absent; in the graph's arena, as all text here */
    const char **meta_key, **meta_value; /* metadata_props */
    size_t n_meta;
    gal_file *file; /* the model and its external data */
    size_t n_file;
} gal_model;

/* A dimension of an input given by the caller, for models whose file leaves it open ("image.2" = 224). */
typedef struct gal_dim_binding {
    const char *input;
    int axis;
    int64_t size;
} gal_dim_binding;

/* Values for inputs that must be known at load (shape operands); keyed by input name. */
typedef struct gal_input_binding {
    const char *input;
    galen_tensor tensor; /* data must outlive the model */
} gal_input_binding;

typedef struct gal_onnx_options {
    size_t max_file_bytes; /* of the file and of each external data file; 0: 8 GiB */
    const gal_dim_binding *dim;
    size_t n_dim;
    const gal_input_binding *input;
    size_t n_input;
} gal_onnx_options;

/*
 * Reads an ONNX model of opset 6 to 17 and rewrites it to the IR. A leading dimension that the file leaves open is the
 * batch. External data must lie in the model's own folder or below. options NULL: defaults. On success the caller owns
 * *out.
 */
galen_status gal_onnx_load(const char *path, const gal_onnx_options *options, gal_model **out, galen_error *err);
/* The same from memory, which must outlive the model; no external data. */
galen_status gal_onnx_parse(const void *bytes, size_t size, const gal_onnx_options *options, gal_model **out,
                            galen_error *err);
void gal_model_destroy(gal_model *model);
/* 64 hex digits of the file's bytes, "" for a model that was built. Hashing goes on while a model is used; this waits
 * for its end. The text lives as long as the model. */
const char *gal_model_sha256(const gal_model *model);
const char *gal_model_meta(const gal_model *model, const char *key); /* or NULL */
galen_status gal_model_set_meta(gal_model *model, const char *key, const char *value, galen_error *err);

/* Serialises graph and metadata as opset 17, ir_version 8. Fails by name on an op made by a pass. */
galen_status gal_onnx_write(const gal_model *model, gal_buf *out, galen_error *err);
/* One TensorProto (node-test data files). Data points into `bytes` or `arena`. */
galen_status gal_onnx_tensor(const void *bytes, size_t size, gal_arena *arena, galen_tensor *out, const char **name,
                             galen_error *err);

#endif
