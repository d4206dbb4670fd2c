/* ModelProto: opsets, metadata and the life of a model. Format: onnx.proto of ONNX 1.12 (opset 17). */
#include "base/error.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "model/onnx_proto.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ModelProto: ir_version 1, producer_name 2, producer_version 3, graph 7, opset_import 8, metadata_props 14,
 * training_info 20, functions 25. */
static const char model_schema[] = ".vbb...bb.....b.....b....b";

static const size_t default_max_bytes = (size_t)8 << 30;
static const size_t scratch_max_bytes = (size_t)2 << 30;

void gal_model_destroy(gal_model *model) {
    if (!model) return;
    gal_sha256_end(model->hash); /* it reads the file */
    gal_graph_destroy(model->graph);
    for (size_t i = 0; i < model->n_file; i++) gal_file_unmap(&model->file[i]);
    gal_free(model->file);
    gal_free(model->path);
    gal_free(model);
}

const char *gal_model_sha256(const gal_model *model) {
    return model->hash ? gal_sha256_wait(model->hash) : "";
}

const char *gal_model_meta(const gal_model *model, const char *key) {
    for (size_t i = 0; i < model->n_meta; i++)
        if (strcmp(model->meta_key[i], key) == 0) return model->meta_value[i];
    return NULL;
}

galen_status gal_model_set_meta(gal_model *model, const char *key, const char *value, galen_error *err) {
    gal_arena *a = &model->graph->arena;
    char *text = gal_arena_text(a, value, strlen(value));
    if (!text) return gal_fail_memory(err, "metadata", strlen(value));
    for (size_t i = 0; i < model->n_meta; i++) {
        if (strcmp(model->meta_key[i], key) != 0) continue;
        model->meta_value[i] = text;
        return GALEN_OK;
    }
    if (model->n_meta == GAL_ONNX_MAX_META)
        return gal_fail(err, GALEN_ERR_LIMIT, "the model has %d entries of metadata already", GAL_ONNX_MAX_META);
    /* Rarely changed and few: the arrays are simply made anew. */
    const char **keys = gal_arena_alloc(a, model->n_meta + 1, sizeof *keys);
    const char **values = gal_arena_alloc(a, model->n_meta + 1, sizeof *values);
    char *name = gal_arena_text(a, key, strlen(key));
    if (!keys || !values || !name) return gal_fail_memory(err, "metadata", (model->n_meta + 1) * sizeof *keys);
    if (model->n_meta) memcpy(keys, model->meta_key, model->n_meta * sizeof *keys);
    if (model->n_meta) memcpy(values, model->meta_value, model->n_meta * sizeof *values);
    keys[model->n_meta] = name;
    values[model->n_meta++] = text;
    model->meta_key = keys;
    model->meta_value = values;
    return GALEN_OK;
}

/* Metadata may hold any UTF-8, newlines included, but no NUL. */
static galen_status read_meta_text(gal_arena *arena, gal_wire body, const char **out, galen_error *err) {
    size_t size = gal_wire_left(body);
    if (size > GAL_ONNX_MAX_META_TEXT)
        return gal_fail(err, GALEN_ERR_LIMIT, "an entry of metadata has %zu bytes", size);
    if (size && (memchr(body.at, 0, size) || !gal_utf8_valid_bytes(body.at, size)))
        return gal_fail(err, GALEN_ERR_FORMAT, "an entry of metadata is not UTF-8 text");
    *out = gal_arena_text(arena, size ? (const char *)body.at : "", size);
    return *out ? GALEN_OK : gal_fail_memory(err, "metadata", size);
}

static galen_status read_meta(gal_model *model, gal_wire body, galen_error *err) {
    gal_field field;
    gal_wire_step step;
    const char *key = "", *value = "";
    while ((step = gal_wire_next(&body, ".bb", &field)) == GAL_WIRE_FIELD)
        GAL_TRY(read_meta_text(&model->graph->arena, field.body, field.number == 1 ? &key : &value, err));
    if (step == GAL_WIRE_BAD) return gal_fail(err, GALEN_ERR_FORMAT, "an entry of metadata is damaged");
    return gal_model_set_meta(model, key, value, err);
}

/* OperatorSetIdProto: domain 1, version 2. Domains other than ONNX's matter only when a node uses one. */
static galen_status read_opset(gal_onnx_reader *reader, gal_wire body, galen_error *err) {
    gal_field field;
    gal_wire_step step;
    const char *domain = "";
    int64_t version = 0;
    while ((step = gal_wire_next(&body, ".bv", &field)) == GAL_WIRE_FIELD) {
        if (field.number == 1)
            GAL_TRY(
                gal_onnx_text(field.body, GAL_ONNX_MAX_TEXT, &reader->scratch, "the domain of an opset", &domain, err));
        if (field.number == 2) version = (int64_t)field.value;
    }
    if (step == GAL_WIRE_BAD) return gal_fail(err, GALEN_ERR_FORMAT, "an opset is damaged");
    if (!*domain || strcmp(domain, "ai.onnx") == 0) reader->model->opset = version;
    return GALEN_OK;
}

static galen_status read_header_field(gal_onnx_reader *reader, const gal_field *field, gal_wire *graph,
                                      galen_error *err) {
    gal_model *model = reader->model;
    switch (field->number) {
    case 1: model->ir_version = (int64_t)field->value; return GALEN_OK;
    case 2:
        return gal_onnx_text(field->body, GAL_ONNX_MAX_TEXT, &model->graph->arena, "the producer's name",
                             &model->producer, err);
    case 7:
        if (graph->at) return gal_fail(err, GALEN_ERR_FORMAT, "the file holds more than one graph");
        *graph = field->body;
        return GALEN_OK;
    case 8: return read_opset(reader, field->body, err);
    case 14: return read_meta(model, field->body, err);
    case 20:
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "the file holds training_info, which Galen does not run: export the model for inference");
    case 25:
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "the file holds functions, which Galen does not support: export it with functions inlined");
    default: return GALEN_OK;
    }
}

static galen_status read_model(gal_onnx_reader *reader, gal_wire body, galen_error *err) {
    gal_field field;
    gal_wire_step step;
    gal_wire graph = {0};
    while ((step = gal_wire_next(&body, model_schema, &field)) == GAL_WIRE_FIELD)
        GAL_TRY(read_header_field(reader, &field, &graph, err));
    if (step == GAL_WIRE_BAD) return gal_fail(err, GALEN_ERR_FORMAT, "not an ONNX model, or cut off or damaged");
    if (!graph.at) return gal_fail(err, GALEN_ERR_FORMAT, "not an ONNX model: it holds no graph");
    int64_t opset = reader->model->opset;
    if (opset < GAL_ONNX_OPSET_MIN || opset > GAL_ONNX_OPSET_MAX)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "opset %lld is not supported: Galen reads opset %d to %d; convert or export it again",
                        (long long)opset, GAL_ONNX_OPSET_MIN, GAL_ONNX_OPSET_MAX);
    return gal_onnx_read_graph(reader, graph, err);
}

static galen_status read_bytes(gal_model *model, const char *folder, const void *bytes, size_t size,
                               const gal_onnx_options *options, galen_error *err) {
    gal_onnx_options chosen = options ? *options : (gal_onnx_options){0};
    if (!chosen.max_file_bytes) chosen.max_file_bytes = default_max_bytes;
    gal_onnx_reader reader = {
        .model = model, .graph = model->graph, .options = &chosen, .folder = (char *)(uintptr_t)folder};
    gal_arena_init(&reader.scratch, scratch_max_bytes);
    galen_status status = gal_sha256_start(&(gal_file){bytes, size}, folder != NULL, &model->hash, err);
    if (status == GALEN_OK) status = read_model(&reader, gal_wire_of(bytes, size), err);
    for (size_t i = 1; i < model->n_file; i++) gal_free(reader.external[i]);
    gal_free(reader.external);
    gal_arena_free(&reader.scratch);
    return status;
}

static galen_status new_model(gal_model **out, galen_error *err) {
    gal_model *model = gal_calloc(1, sizeof *model);
    if (!model) return gal_fail_memory(err, "a model", sizeof *model);
    galen_status status = gal_graph_create("", &model->graph, err);
    model->producer = "";
    if (status != GALEN_OK)
        gal_free(model);
    else
        *out = model;
    return status;
}

galen_status gal_onnx_parse(const void *bytes, size_t size, const gal_onnx_options *options, gal_model **out,
                            galen_error *err) {
    gal_model *model = NULL;
    *out = NULL;
    GAL_TRY(new_model(&model, err));
    galen_status status = read_bytes(model, NULL, bytes, size, options, err);
    if (status == GALEN_OK)
        *out = model;
    else
        gal_model_destroy(model);
    return status;
}

/* The folder of `path` after all links, which external data must not leave. */
static galen_status folder_of(const char *path, char out[PATH_MAX], galen_error *err) {
    char text[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    if (n >= sizeof text) return gal_fail(err, GALEN_ERR_ARGUMENT, "the path is too long");
    memcpy(text, path, n);
    text[n] = '\0';
    const char *folder = n ? text : slash ? "/" : ".";
    if (!realpath(folder, out)) return gal_fail(err, GALEN_ERR_IO, "its folder cannot be read");
    return GALEN_OK;
}

static galen_status load(gal_model *model, const char *path, const gal_onnx_options *options, galen_error *err) {
    char folder[PATH_MAX];
    size_t max = options && options->max_file_bytes ? options->max_file_bytes : default_max_bytes;
    model->path = gal_strdup(path);
    model->file = gal_calloc(1, sizeof *model->file);
    if (!model->path || !model->file) return gal_fail_memory(err, "a model", strlen(path));
    GAL_TRY(gal_file_map(path, max, &model->file[0], err));
    model->n_file = 1;
    galen_status status = folder_of(path, folder, err);
    if (status == GALEN_OK) status = read_bytes(model, folder, model->file[0].data, model->file[0].size, options, err);
    model->graph->file = model->file;
    model->graph->n_file = model->n_file;
    for (size_t i = 0; i < model->n_file; i++) gal_file_release_pages(&model->file[i]); /* what had to be copied */
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}

galen_status gal_onnx_load(const char *path, const gal_onnx_options *options, gal_model **out, galen_error *err) {
    gal_model *model = NULL;
    *out = NULL;
    GAL_TRY(new_model(&model, err));
    galen_status status = load(model, path, options, err);
    if (status == GALEN_OK)
        *out = model;
    else
        gal_model_destroy(model);
    return status;
}
