/* Checkpoint files. */
#include "train/checkpoint.h"

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "model/json.h"
#include "model/weights.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 512, LENGTH_BYTES = 8 };

static const size_t FILE_MAX = (size_t)64 << 30;
static const char format[] = "galen-checkpoint-2";

static void key_of(gal_train_state state, char out[NAME_MAX_BYTES]) {
    snprintf(out, NAME_MAX_BYTES, "%s/%s", state.kind, state.name);
}

/* ---- writing ---- */

static json_t *entry_of(const galen_tensor *t, size_t from, size_t bytes) {
    json_t *shape = json_array(), *entry;
    for (int i = 0; i < t->rank; i++) json_array_append_new(shape, json_integer(t->dim[i]));
    entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", t->dtype == GALEN_F64 ? "F64" : "F32", "shape", shape,
                      "data_offsets", (json_int_t)from, (json_int_t)(from + bytes));
    return entry;
}

/* The data of all states end to end, and where each lies in `header`. */
static galen_status gather(const gal_trainer *t, json_t *header, gal_buf *data, galen_error *err) {
    for (size_t i = 0; i < gal_trainer_states(t); i++) {
        gal_train_state state = gal_trainer_state(t, i);
        size_t bytes = (size_t)galen_tensor_bytes(&state.tensor), from = data->size;
        char key[NAME_MAX_BYTES];
        key_of(state, key);
        gal_buf_put(data, state.tensor.data, bytes);
        if (json_object_set_new(header, key, entry_of(&state.tensor, from, bytes)) != 0)
            return gal_fail_memory(err, "a checkpoint's header", NAME_MAX_BYTES);
    }
    return data->failed ? gal_fail_memory(err, "a checkpoint", data->size) : GALEN_OK;
}

/* The data's digest says nothing of what stands in the header: this covers both. */
static galen_status seal(const char *steps, const char *notes, const char *digest, char out[GAL_SHA256_HEX],
                         galen_error *err) {
    gal_buf text;
    gal_buf_init(&text, FILE_MAX);
    gal_buf_printf(&text, "%s\n%s\n%s\n", format, steps, digest);
    gal_buf_text(&text, notes);
    galen_status status = text.failed ? gal_fail_memory(err, "a checkpoint's notes", strlen(notes))
                                      : gal_sha256_hex(text.data, text.size, out, err);
    gal_buf_free(&text);
    return status;
}

static galen_status add_notes(const gal_trainer *t, json_t *header, const gal_buf *data, const char *notes,
                              galen_error *err) {
    char digest[GAL_SHA256_HEX], sealed[GAL_SHA256_HEX], steps[32];
    GAL_TRY(gal_sha256_hex(data->data, data->size, digest, err));
    snprintf(steps, sizeof steps, "%" PRId64, gal_trainer_steps(t));
    GAL_TRY(seal(steps, notes, digest, sealed, err));
    json_t *meta = json_pack("{s:s, s:s, s:s, s:s, s:s}", "format", format, "sha256", digest, "seal", sealed, "steps",
                             steps, "notes", notes);
    if (meta == NULL || json_object_set_new(header, "__metadata__", meta) != 0)
        return gal_fail_memory(err, "a checkpoint's header", strlen(notes));
    return GALEN_OK;
}

static galen_status put_together(const json_t *header, const gal_buf *data, gal_buf *file, galen_error *err) {
    char *text = json_dumps(header, JSON_COMPACT);
    if (text == NULL) return gal_fail_memory(err, "a checkpoint's header", NAME_MAX_BYTES);
    size_t length = strlen(text),
           padded = (length + GAL_ALIGN - 1 + LENGTH_BYTES) / GAL_ALIGN * GAL_ALIGN - LENGTH_BYTES;
    if (padded < length) padded += GAL_ALIGN;
    uint8_t prefix[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++) prefix[i] = (uint8_t)((uint64_t)padded >> 8 * i);
    gal_buf_put(file, prefix, sizeof prefix);
    gal_buf_put(file, text, length);
    for (size_t i = length; i < padded; i++) gal_buf_put(file, " ", 1);
    gal_buf_put(file, data->data, data->size);
    free(text);
    return file->failed ? gal_fail_memory(err, "a checkpoint", data->size) : GALEN_OK;
}

galen_status gal_checkpoint_write(const gal_trainer *t, const char *path, const char *notes, galen_error *err) {
    gal_buf data, file;
    json_t *header = json_object();
    gal_buf_init(&data, FILE_MAX);
    gal_buf_init(&file, FILE_MAX);
    galen_status status =
        header != NULL ? gather(t, header, &data, err) : gal_fail_memory(err, "a checkpoint's header", 64);
    if (status == GALEN_OK) status = add_notes(t, header, &data, notes, err);
    if (status == GALEN_OK) status = put_together(header, &data, &file, err);
    gal_buf_free(&data);
    if (status == GALEN_OK) status = gal_file_write(path, file.data, file.size, err);
    gal_buf_free(&file);
    json_decref(header);
    return status;
}

/* ---- reading ---- */

/* The tensor of each state; nothing is written before all of them fit. */
static galen_status match(gal_trainer *t, const gal_weights *weights, const char *path, galen_error *err) {
    size_t n = gal_trainer_states(t);
    for (size_t i = 0; i < n; i++) {
        gal_train_state state = gal_trainer_state(t, i);
        char key[NAME_MAX_BYTES];
        key_of(state, key);
        const galen_tensor *got = gal_weights_find(weights, key);
        bool fits = got != NULL && got->dtype == state.tensor.dtype && got->rank == state.tensor.rank &&
                    memcmp(got->dim, state.tensor.dim, (size_t)got->rank * sizeof *got->dim) == 0;
        if (!fits)
            return gal_fail(err, GALEN_ERR_FORMAT,
                            "%s: %s '%s' is %s; the checkpoint is of another network or optimiser", path, state.kind,
                            state.name, got == NULL ? "missing" : "of another shape");
    }
    if (weights->n == n) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT, "%s: %zu tensors, %zu are expected; the checkpoint is of another network",
                    path, weights->n, n);
}

typedef struct said {
    const char *format, *digest, *seal, *steps, *text;
} said;

/* What was written, bit for bit. */
static galen_status check(const gal_weights *weights, const gal_file *file, const said *n, const char *path,
                          galen_error *err) {
    char found[GAL_SHA256_HEX], sealed[GAL_SHA256_HEX];
    size_t bytes = 0;
    for (size_t i = 0; i < weights->n; i++) bytes += (size_t)galen_tensor_bytes(&weights->entry[i].tensor);
    GAL_TRY(gal_sha256_hex(file->data + (file->size - bytes), bytes, found, err));
    GAL_TRY(seal(n->steps, n->text, found, sealed, err));
    if (strcmp(found, n->digest) == 0 && strcmp(sealed, n->seal) == 0) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT, "%s: damaged: it does not hold what was written; train anew", path);
}

static galen_status keep(const said *n, const char *path, int64_t *steps, char **text, galen_error *err) {
    char *end;
    *steps = strtoll(n->steps, &end, 10);
    if (*end != '\0' || *steps < 0) return gal_fail(err, GALEN_ERR_FORMAT, "%s: the step count is no number", path);
    *text = gal_strdup(n->text);
    return *text != NULL ? GALEN_OK : gal_fail_memory(err, path, strlen(n->text));
}

static galen_status read_notes(const gal_weights *weights, const gal_file *file, const char *path, int64_t *steps,
                               char **text, galen_error *err) {
    said n;
    json_t *meta = NULL;
    if (weights->metadata != NULL)
        GAL_TRY(gal_json_parse(weights->metadata, strlen(weights->metadata), path, &meta, err));
    galen_status status = GALEN_OK;
    if (meta == NULL || json_unpack(meta, "{s:s, s:s, s:s, s:s, s:s}", "format", &n.format, "sha256", &n.digest, "seal",
                                    &n.seal, "steps", &n.steps, "notes", &n.text) != 0)
        status = gal_fail(err, GALEN_ERR_FORMAT,
                          "%s: weights, but no checkpoint of a training; start from them with --weights", path);
    else if (strcmp(n.format, format) != 0)
        status = gal_fail(err, GALEN_ERR_FORMAT, "%s: a checkpoint of another Galen (%.40s, %s is read); train anew",
                          path, n.format, format);
    if (status == GALEN_OK) status = check(weights, file, &n, path, err);
    if (status == GALEN_OK) status = keep(&n, path, steps, text, err);
    json_decref(meta);
    return status;
}

static galen_status take(gal_trainer *t, const gal_weights *weights, const gal_file *file, const char *path,
                         char **notes, galen_error *err) {
    int64_t steps = 0;
    GAL_TRY(read_notes(weights, file, path, &steps, notes, err));
    galen_status status = match(t, weights, path, err);
    if (status != GALEN_OK) {
        gal_free(*notes);
        *notes = NULL;
        return status;
    }
    for (size_t i = 0; i < gal_trainer_states(t); i++) {
        gal_train_state state = gal_trainer_state(t, i);
        char key[NAME_MAX_BYTES];
        key_of(state, key);
        memcpy(state.tensor.data, gal_weights_find(weights, key)->data, (size_t)galen_tensor_bytes(&state.tensor));
    }
    gal_trainer_restored(t, steps);
    return GALEN_OK;
}

galen_status gal_checkpoint_read(gal_trainer *t, const char *path, char **notes, galen_error *err) {
    gal_file file;
    gal_weights *weights;
    *notes = NULL;
    GAL_TRY(gal_file_map(path, FILE_MAX, &file, err));
    galen_status status = gal_weights_parse(file.data, file.size, &weights, err);
    if (status != GALEN_OK) status = gal_fail_in(err, status, path);
    if (status == GALEN_OK) {
        status = take(t, weights, &file, path, notes, err);
        gal_weights_destroy(weights);
    }
    gal_file_unmap(&file);
    return status;
}
