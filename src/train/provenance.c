/* Provenance of runs. */
#include "train/provenance.h"

#include "base/build.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "cpu/features.h"
#include "train/folder.h"

#include <galen/version.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const size_t LIST_MAX = (size_t)4 << 30, FILE_MAX = SIZE_MAX / 2;

static galen_status hash_file(const char *path, char out[GAL_SHA256_HEX], galen_error *err) {
    gal_file file;
    GAL_TRY(gal_file_map(path, FILE_MAX, &file, err));
    galen_status status = gal_sha256_hex(file.data, file.size, out, err);
    gal_file_unmap(&file);
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}

/* ---- data ---- */

typedef struct entry {
    const char *path, *name;
    char sha256[GAL_SHA256_HEX];
    galen_status status;
} entry;

typedef struct listing {
    entry *entry;
    size_t count;
    const gal_train_hooks *hooks;
    atomic_size_t done;
} listing;

/* Paths of samples begin with the data's folder. */
static const char *below(const char *path, const char *folder, size_t length) {
    if (strncmp(path, folder, length) != 0) return path;
    const char *name = path + length;
    while (*name == '/') name++;
    return *name != '\0' ? name : path;
}

/* The table or array itself, and each picture's file once where several samples are of one. */
static galen_status list_files(const char *data, const gal_dataset *set, listing *out, galen_error *err) {
    struct stat st;
    const char *slash = strrchr(data, '/');
    bool folder = stat(data, &st) == 0 && S_ISDIR(st.st_mode);
    size_t length = folder ? strlen(data) : slash != NULL ? (size_t)(slash - data) + 1 : 0;
    out->entry = gal_calloc(set->count + 1, sizeof *out->entry);
    if (out->entry == NULL) return gal_fail_memory(err, "digests of the data", set->count * sizeof *out->entry);
    if (!folder) out->entry[out->count++] = (entry){.path = data, .name = data + length};
    for (size_t i = 0; i < set->count; i++) {
        const char *path = set->sample[i].path;
        if (path == NULL || (out->count > 0 && strcmp(out->entry[out->count - 1].path, path) == 0)) continue;
        out->entry[out->count++] = (entry){.path = path, .name = below(path, data, length)};
    }
    return GALEN_OK;
}

static void hash_entry(void *context, size_t i) {
    listing *l = context;
    entry *e = &l->entry[i];
    e->status = hash_file(e->path, e->sha256, NULL);
    size_t done = atomic_fetch_add_explicit(&l->done, 1, memory_order_relaxed) + 1;
    if (gal_pool_self() == 0 && l->hooks->count != NULL)
        l->hooks->count(l->hooks->context, "computing digests of files", done, l->count);
}

static galen_status write_list(const listing *l, gal_buf *out, galen_error *err) {
    for (size_t i = 0; i < l->count; i++) {
        const entry *e = &l->entry[i];
        char again[GAL_SHA256_HEX];
        if (e->status != GALEN_OK) { /* once more, for the message */
            galen_status status = hash_file(e->path, again, err);
            return status != GALEN_OK ? status : gal_fail(err, e->status, "%s: cannot be read", e->path);
        }
        gal_buf_printf(out, "%s  %s\n", e->sha256, e->name);
    }
    return out->failed ? gal_fail_memory(err, "digests of the data", out->size) : GALEN_OK;
}

static galen_status hash_data(const gal_train_job *job, const gal_job_data *data, const gal_train_hooks *hooks,
                              gal_pool *pool, gal_run_inputs *out, galen_error *err) {
    listing l = {.hooks = hooks};
    galen_status status = list_files(job->data, data->set, &l, err);
    if (status == GALEN_OK) {
        gal_pool_run(pool, hash_entry, &l, l.count);
        status = write_list(&l, &out->data, err);
    }
    gal_free(l.entry);
    return status == GALEN_OK ? gal_sha256_hex(out->data.data, out->data.size, out->data_sha256, err) : status;
}

galen_status gal_run_inputs_read(const gal_train_job *job, const gal_job_data *data, const gal_train_hooks *hooks,
                                 gal_pool *pool, gal_run_inputs *out, galen_error *err) {
    *out = (gal_run_inputs){.start = job->weights};
    gal_buf_init(&out->data, LIST_MAX);
    if (strncmp(job->model, "zoo:", 4) != 0) out->start = job->model;
    if (out->start != NULL) GAL_TRY(hash_file(out->start, out->start_sha256, err));
    return hash_data(job, data, hooks, pool, out, err);
}

void gal_run_inputs_free(gal_run_inputs *inputs) {
    gal_buf_free(&inputs->data);
}

/* ---- environment.json ---- */

static json_t *start_of(const gal_train_job *job, const gal_run_inputs *in) {
    if (in->start != NULL) return json_pack("{s:s, s:s}", "file", in->start, "sha256", in->start_sha256);
    return json_pack("{s:I}", "seed", (json_int_t)job->seed);
}

static json_t *galen_of(void) {
    char id[GAL_BUILD_ID_HEX] = "", program[GAL_SHA256_HEX] = "";
    if (!gal_build_id(id)) id[0] = '\0';
    if (hash_file("/proc/self/exe", program, NULL) != GALEN_OK) program[0] = '\0';
    return json_pack("{s:s, s:s, s:s, s:s}", "version", galen_version(), "build", id, "program_sha256", program,
                     "compiler", __VERSION__);
}

static void now(char *out, size_t size) {
    struct tm utc;
    time_t seconds = time(NULL);
    if (gmtime_r(&seconds, &utc) == NULL || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) out[0] = '\0';
}

galen_status gal_run_write_start(const char *folder, const gal_train_job *job, const gal_run_inputs *in,
                                 const char *machine, gal_isa isa, int threads, galen_error *err) {
    char date[32];
    json_t *facts = NULL;
    now(date, sizeof date);
    GAL_TRY(gal_run_write(folder, "data.sha256", in->data.data, in->data.size, err));
    if (machine != NULL) GAL_TRY(gal_json_parse(machine, strlen(machine), "the machine", &facts, err));
    json_t *o =
        json_pack("{s:s, s:o, s:s, s:I, s:s, s:i, s:o, s:{s:s, s:s}}", "started", date, "galen", galen_of(), "level",
                  gal_isa_name(isa), "features", (json_int_t)gal_features(), "precision", job->precision, "threads",
                  threads, "start", start_of(job, in), "data", "path", job->data, "sha256", in->data_sha256);
    if (o != NULL && facts != NULL) json_object_set(o, "machine", facts);
    json_decref(facts);
    return gal_run_write_json(folder, "environment.json", o, err);
}

/* ---- comparing ---- */

static galen_status map_in(const char *folder, const char *name, char path[GAL_RUN_PATH], gal_file *out,
                           galen_error *err) {
    GAL_TRY(gal_run_path(folder, name, path, err));
    return gal_file_map(path, LIST_MAX, out, err);
}

static size_t line_length(const char *text, size_t size) {
    const char *end = memchr(text, '\n', size);
    return end != NULL ? (size_t)(end - text) : size;
}

/* The name in a line of digests, cut to what a message holds. */
static void name_in(const char *line, size_t length, char out[128]) {
    size_t skip = GAL_SHA256_HEX - 1 + 2;
    snprintf(out, 128, "%.*s", length > skip ? (int)(length - skip < 120 ? length - skip : 120) : 0,
             length > skip ? line + skip : "");
}

static galen_status differs(const char *path, const char *a, size_t n, const char *b, size_t m, galen_error *err) {
    char was[128], is[128];
    name_in(a, n, was), name_in(b, m, is);
    if (strcmp(was, is) == 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "%s: is not the file that %s says the run was trained on", is, path);
    return gal_fail(err, GALEN_ERR_FORMAT, "%s: the data was trained on with '%s' where '%s' is now", path,
                    was[0] != '\0' ? was : "nothing more", is[0] != '\0' ? is : "nothing more");
}

static galen_status compare_data(const char *folder, const gal_run_inputs *in, galen_error *err) {
    char path[GAL_RUN_PATH];
    gal_file file;
    galen_status status = GALEN_OK;
    GAL_TRY(map_in(folder, "data.sha256", path, &file, err));
    const char *a = (const char *)file.data, *b = (const char *)in->data.data;
    for (size_t i = 0, k = 0; status == GALEN_OK && (i < file.size || k < in->data.size);) {
        size_t n = line_length(a + i, file.size - i), m = line_length(b + k, in->data.size - k);
        if (n != m || memcmp(a + i, b + k, n) != 0) status = differs(path, a + i, n, b + k, m, err);
        i += n + (i + n < file.size), k += m + (k + m < in->data.size);
    }
    gal_file_unmap(&file);
    return status;
}

static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void find_other(const json_t *was, gal_isa isa, char other[GAL_RUN_OTHER]) {
    char id[GAL_BUILD_ID_HEX] = "";
    const char *level = text_at(was, "level"), *build = text_at(json_object_get(was, "galen"), "build");
    bool features = json_integer_value(json_object_get(was, "features")) == (json_int_t)gal_features();
    other[0] = '\0';
    if (!gal_build_id(id)) id[0] = '\0';
    if (strcmp(level, gal_isa_name(isa)) != 0)
        snprintf(other, GAL_RUN_OTHER, "the run was made at the level %.20s, this is %s", level, gal_isa_name(isa));
    else if (!features && isa != GAL_ISA_REFERENCE)
        snprintf(other, GAL_RUN_OTHER, "the run was made on a processor with other instructions");
    else if (strcmp(build, id) != 0)
        snprintf(other, GAL_RUN_OTHER, "the run was made by another build of Galen");
}

galen_status gal_run_compare(const char *folder, const gal_run_inputs *in, gal_isa isa, char other[GAL_RUN_OTHER],
                             galen_error *err) {
    char path[GAL_RUN_PATH];
    gal_file file;
    json_t *was;
    other[0] = '\0';
    GAL_TRY(map_in(folder, "environment.json", path, &file, err));
    galen_status status = gal_json_parse((const char *)file.data, file.size, path, &was, err);
    gal_file_unmap(&file);
    if (status != GALEN_OK) return status;
    const char *start = text_at(json_object_get(was, "start"), "sha256");
    if (strcmp(start, in->start_sha256) != 0)
        status = gal_fail(err, GALEN_ERR_FORMAT, "%s: is not the file that the run started from (%s)",
                          in->start != NULL ? in->start : "the first weights", path);
    if (status == GALEN_OK) find_other(was, isa, other);
    json_decref(was);
    return status == GALEN_OK ? compare_data(folder, in, err) : status;
}

/* ---- hashes.txt ---- */

static const char *const kept[] = {"config.json", "environment.json", "data.sha256", "log.jsonl",
                                   "curves.svg",  "metrics.json",     "best.onnx",   "last.safetensors"};

enum { KEPT = sizeof kept / sizeof *kept };

galen_status gal_run_write_hashes(const char *folder, galen_error *err) {
    char path[GAL_RUN_PATH], digest[GAL_SHA256_HEX];
    gal_buf text;
    galen_status status = GALEN_OK;
    gal_buf_init(&text, LIST_MAX);
    for (size_t i = 0; i < KEPT && status == GALEN_OK; i++) {
        status = gal_run_path(folder, kept[i], path, err);
        if (status == GALEN_OK) status = hash_file(path, digest, err);
        if (status == GALEN_OK) gal_buf_printf(&text, "%s  %s\n", digest, kept[i]);
    }
    if (status == GALEN_OK && text.failed) status = gal_fail_memory(err, "hashes.txt", text.size);
    if (status == GALEN_OK) status = gal_run_write(folder, "hashes.txt", text.data, text.size, err);
    gal_buf_free(&text);
    return status;
}

galen_status gal_run_check_hashes(const char *folder, galen_error *err) {
    char list[GAL_RUN_PATH], path[GAL_RUN_PATH], digest[GAL_SHA256_HEX];
    gal_file file;
    GAL_TRY(map_in(folder, "hashes.txt", list, &file, err));
    const char *text = (const char *)file.data;
    galen_status status = GALEN_OK;
    size_t at = 0;
    for (size_t i = 0; i < KEPT && status == GALEN_OK; i++) {
        size_t left = file.size - at, n = left > 0 ? line_length(text + at, left) : 0, name = strlen(kept[i]);
        bool fits = n == GAL_SHA256_HEX - 1 + 2 + name && memcmp(text + at + n - name, kept[i], name) == 0;
        status = !fits ? gal_fail(err, GALEN_ERR_FORMAT, "%s: line %zu is not of %s", list, i + 1, kept[i])
                       : gal_run_path(folder, kept[i], path, err);
        if (status == GALEN_OK) status = hash_file(path, digest, err);
        if (status == GALEN_OK && memcmp(text + at, digest, GAL_SHA256_HEX - 1) != 0)
            status = gal_fail(err, GALEN_ERR_FORMAT, "%s: is not the file that hashes.txt tells of", path);
        at += n < left ? n + 1 : n;
    }
    gal_file_unmap(&file);
    return status;
}
