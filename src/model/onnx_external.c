/* External data of tensors: files in the model's own folder or below, mapped once each. */
#include "base/error.h"
#include "base/mem.h"
#include "model/onnx_proto.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct place {
    const char *location;
    uint64_t offset, length;
    bool has_length;
} place;

/* A decimal number, nothing else. */
static bool read_number(const char *text, uint64_t *out) {
    uint64_t value = 0;
    if (!*text) return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || value > (UINT64_MAX - 9) / 10) return false;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *out = value;
    return true;
}

/* One StringStringEntryProto: key 1, value 2. */
static galen_status read_entry(gal_onnx_reader *reader, gal_wire body, const char *name, place *out, galen_error *err) {
    gal_field field;
    gal_wire_step step;
    const char *key = "", *value = "";
    while ((step = gal_wire_next(&body, ".bb", &field)) == GAL_WIRE_FIELD)
        GAL_TRY(gal_onnx_text(field.body, PATH_MAX, &reader->scratch, "an entry of external data",
                              field.number == 1 ? &key : &value, err));
    if (step == GAL_WIRE_BAD)
        return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s': its external data entry is damaged", name);
    bool good = true;
    if (strcmp(key, "location") == 0) out->location = value;
    if (strcmp(key, "offset") == 0) good = read_number(value, &out->offset);
    if (strcmp(key, "length") == 0) good = out->has_length = read_number(value, &out->length);
    if (!good)
        return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s': external data has %s '%s', which is not a number", name,
                        key, value);
    return GALEN_OK;
}

static galen_status read_place(gal_onnx_reader *reader, gal_wire tensor, const char *name, place *out,
                               galen_error *err) {
    gal_field field;
    while (gal_wire_next(&tensor, ".............b", &field) == GAL_WIRE_FIELD)
        GAL_TRY(read_entry(reader, field.body, name, out, err));
    if (!out->location) return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s': external data without a location", name);
    return GALEN_OK;
}

/* True when some component of the path is "..". */
static bool goes_up(const char *path) {
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/\\");
        if (n == 2 && p[0] == '.' && p[1] == '.') return true;
        p += n;
        if (*p) p++;
    }
    return false;
}

static bool lies_below(const char *path, const char *folder) {
    size_t n = strlen(folder);
    if (strcmp(folder, "/") == 0) return true;
    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* The file's path after all links, which must still lie in the model's folder. */
static galen_status resolve(const gal_onnx_reader *reader, const char *name, const char *location, char **out,
                            galen_error *err) {
    if (location[0] == '/' || location[0] == '\\' || !*location || goes_up(location))
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "tensor '%s': external data '%s' must be a path inside the model's folder", name, location);
    char joined[PATH_MAX], real[PATH_MAX];
    int n = snprintf(joined, sizeof joined, "%s/%s", reader->folder, location);
    if (n < 0 || (size_t)n >= sizeof joined)
        return gal_fail(err, GALEN_ERR_LIMIT, "tensor '%s': the path of its external data is too long", name);
    if (!realpath(joined, real))
        return gal_fail(err, GALEN_ERR_IO,
                        "tensor '%s': external data '%s' cannot be found beside the model: put it there", name,
                        location);
    if (!lies_below(real, reader->folder))
        return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s': external data '%s' leads out of the model's folder", name,
                        location);
    *out = gal_strdup(real);
    return *out ? GALEN_OK : gal_fail_memory(err, "a path", strlen(real));
}

/* Maps `path` as a further file of the model and takes the path over. */
static galen_status add_file(gal_onnx_reader *reader, char *path, size_t *index, galen_error *err) {
    gal_model *model = reader->model;
    if (model->n_file > GAL_ONNX_MAX_EXTERNAL)
        return gal_fail(err, GALEN_ERR_LIMIT, "the model has more than %d files of external data",
                        GAL_ONNX_MAX_EXTERNAL);
    gal_file *file = gal_realloc(model->file, model->n_file + 1, sizeof *file);
    if (!file) return gal_fail_memory(err, "the list of files", sizeof *file);
    model->file = file;
    char **external = gal_realloc(reader->external, model->n_file + 1, sizeof *external);
    if (!external) return gal_fail_memory(err, "the list of files", sizeof *external);
    reader->external = external;
    GAL_TRY(gal_file_map(path, reader->options->max_file_bytes, &file[model->n_file], err));
    external[model->n_file] = path;
    *index = model->n_file++;
    return GALEN_OK;
}

static galen_status find_file(gal_onnx_reader *reader, const char *name, const char *location, size_t *index,
                              galen_error *err) {
    char *path = NULL;
    GAL_TRY(resolve(reader, name, location, &path, err));
    for (size_t i = 1; i < reader->model->n_file; i++) {
        if (strcmp(reader->external[i], path) != 0) continue;
        gal_free(path);
        *index = i;
        return GALEN_OK;
    }
    galen_status status = add_file(reader, path, index, err);
    if (status != GALEN_OK) gal_free(path);
    return status;
}

galen_status gal_onnx_external(gal_onnx_reader *reader, gal_wire tensor, const char *name, size_t bytes, gal_wire *out,
                               galen_error *err) {
    if (!reader || !reader->folder)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "tensor '%s' has external data: load the model from its file, not from memory", name);
    place where = {0};
    size_t index = 0;
    GAL_TRY(read_place(reader, tensor, name, &where, err));
    GAL_TRY(find_file(reader, name, where.location, &index, err));
    const gal_file *file = &reader->model->file[index];
    if (where.has_length && where.length != bytes)
        return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s': external data has %llu bytes where its shape needs %zu",
                        name, (unsigned long long)where.length, bytes);
    if (where.offset > file->size || bytes > file->size - where.offset)
        return gal_fail(err, GALEN_ERR_FORMAT, "tensor '%s': external data '%s' ends after %zu bytes, too early", name,
                        where.location, file->size);
    *out = gal_wire_of(file->data ? file->data + where.offset : NULL, bytes);
    return GALEN_OK;
}
