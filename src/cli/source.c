/* Cases for the verbs that judge. */
#include "cli/source.h"

#include "analyze/integrity.h"
#include "analyze/robustness.h"
#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"
#include "cli/machine.h"
#include "clinic/evidence/cases_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

cli_exit source_real(const cli_args *args, const char *option, double low, double high, double unset, double *out) {
    const cli_value *value = cli_get(args, option);
    char *end;
    *out = unset;
    if (!value->set) return CLI_DONE;
    *out = strtod(value->text, &end);
    if (end != value->text && !*end && *out >= low && *out <= high) return CLI_DONE;
    return cli_fail(args, CLI_USAGE, "--%s wants a number from %g to %g, not '%.60s'", option, low, high, value->text);
}

json_t *source_machine(void) {
    machine_facts m;
    machine_look(&m);
    json_t *out = json_pack("{s:s, s:i, s:I, s:s}", "cpu", m.cpu, "cpus", m.cpus_allowed, "memory_bytes",
                            (json_int_t)m.memory, "system", m.kernel);
    if (out && m.cgroup_cpus > 0) json_object_set_new(out, "cgroup_cpus", json_real(m.cgroup_cpus));
    if (out && m.cgroup_memory > 0)
        json_object_set_new(out, "cgroup_memory_bytes", json_integer((json_int_t)m.cgroup_memory));
    return out;
}

void source_free(cli_source *source) {
    gal_case_set_free(&source->cases);
    gal_scored_free(&source->scored);
    json_decref(source->model);
    json_decref(source->data);
    *source = (cli_source){.has_model = false};
}

enum { NAME_MAX_BYTES = 256, MAX_COLUMNS = 16, MAX_LIST = 1024 };

/* The last part of a path, as text that JSON can hold: folders above it may name a person. */
static const char *base_name(const char *path, char out[NAME_MAX_BYTES]) {
    const char *slash = strrchr(path, '/');
    gal_utf8_clean(slash && slash[1] ? slash + 1 : path, out, NAME_MAX_BYTES);
    return out;
}

static void show_progress(void *context, size_t done, size_t all) {
    const cli_args *args = context;
    if (!args->progress || (done % 16 != 0 && done != all)) return;
    fprintf(stderr, "\r%zu of %zu pictures%s", done, all, done == all ? "\r\033[K" : "");
    fflush(stderr);
}

/* The head's ids of pictures that could not be read. */
static json_t *unreadable_ids(const gal_scored *scored, bool hash) {
    json_t *out = json_array();
    for (size_t i = 0; out && i < scored->unreadables; i++) {
        char hex[GAL_SHA256_HEX];
        const char *id = scored->unreadable[i].id;
        if (hash && gal_sha256_hex(id, strlen(id), hex, NULL) == GALEN_OK) id = hex;
        json_array_append_new(out, json_string(id));
    }
    return out;
}

static galen_status describe(const cli_args *args, cli_source *out, galen_error *err) {
    const gal_scored *s = &out->scored;
    const cli_value *split = cli_get(args, "split");
    char model[NAME_MAX_BYTES], data[NAME_MAX_BYTES];
    out->model = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s?, s:o?}", "file", base_name(s->model, model), "sha256",
                           s->model_sha256, "precision", s->precision, "isa", s->isa, "threshold",
                           s->has_threshold ? json_real(s->threshold) : json_null(), "chosen", s->chosen, "card",
                           s->card ? json_loads(s->card, 0, NULL) : NULL);
    out->data = json_pack("{s:s, s:s, s:s?, s:I, s:o}", "file", base_name(s->data, data), "sha256", s->data_sha256,
                          "split", split->text, "pictures", (json_int_t)s->pictures, "unreadable",
                          unreadable_ids(s, cli_get(args, "hash-ids")->set));
    return out->model && out->data ? GALEN_OK : gal_fail_memory(err, "evidence", 1024);
}

enum { NEAR_BITS = 3 }; /* pictures of two patients, framed alike, begin to be near above that */

static galen_status check_set(const cli_args *args, const gal_dataset *set, json_t *data, galen_error *err) {
    const gal_integrity_options how = {.distance = NEAR_BITS, .hash_ids = cli_get(args, "hash-ids")->set};
    gal_pool *pool;
    json_t *found = NULL;
    GAL_TRY(gal_pool_create((int)cli_number(args, "threads", 0), &pool, err));
    galen_status status = gal_integrity_check(set, &how, pool, &found, err);
    gal_pool_destroy(pool);
    if (status != GALEN_OK) return status;
    return json_object_set_new(data, "integrity", found) == 0 ? GALEN_OK : gal_fail_memory(err, "evidence", 1024);
}

/* Of the data as a whole: a leak is between the split that is measured and another one. */
static galen_status check_data(const cli_args *args, const char *path, json_t *data, galen_error *err) {
    const gal_dataset_options o = {.group_rule = cli_get(args, "groups")->text};
    gal_dataset *set;
    if (!cli_get(args, "integrity")->set) return GALEN_OK;
    GAL_TRY(gal_dataset_open(path, &o, &set, err));
    galen_status status = check_set(args, set, data, err);
    gal_dataset_free(set);
    return status;
}

static gal_split split_of(const cli_args *args) {
    gal_split split = GAL_SPLIT_NONE;
    const cli_value *value = cli_get(args, "split");
    if (value->set) (void)gal_split_parse(value->text, &split);
    return split;
}

static gal_score_options score_options(const cli_args *args) {
    gal_score_options o = gal_score_defaults();
    o.predictor.batch = (int)cli_number(args, "batch", o.predictor.batch);
    o.predictor.threads = (int)cli_number(args, "threads", 0);
    o.predictor.frame = (int)cli_number(args, "frame", 0);
    o.predictor.precision = cli_get(args, "precision")->text;
    o.predictor.isa = gal_isa_name(args->isa);
    o.split = split_of(args);
    o.group_rule = cli_get(args, "groups")->text;
    o.patient = cli_get(args, "patient")->text;
    o.skip_unreadable = cli_get(args, "skip-unreadable")->set;
    o.choosing = cli_get(args, "freeze")->set || cli_get(args, "calibrate")->set;
    o.progress = show_progress;
    o.progress_context = (void *)(uintptr_t)args;
    return o;
}

static galen_status score(const cli_args *args, const char *name, const char *data, cli_source *out, galen_error *err) {
    const char *model;
    gal_score_options o = score_options(args);
    GAL_TRY(cli_model_path(name, &model, err));
    GAL_TRY(gal_score_cases(model, data, &o, &out->scored, err));
    out->cases = out->scored.cases;
    out->scored.cases = (gal_case_set){.count = 0};
    out->has_model = true;
    GAL_TRY(describe(args, out, err));
    return check_data(args, data, out->data, err);
}

galen_status source_worse(const cli_args *args, const gal_case_set *cases, json_t **runs, galen_error *err) {
    const char *model;
    gal_score_options o = score_options(args);
    GAL_TRY(cli_model_path(args->operand[0], &model, err));
    return gal_robustness_runs(model, args->operand[1], &o, cases, runs, err);
}

static galen_status read_predictions(const cli_args *args, const char *path, cli_source *out, galen_error *err) {
    const gal_case_options o = {.positive = cli_get(args, "positive")->text,
                                .patient = cli_get(args, "patient")->text,
                                .split = split_of(args)};
    char digest[GAL_SHA256_HEX], name[NAME_MAX_BYTES];
    gal_file file;
    GAL_TRY(gal_cases_read(path, &o, &out->cases, err));
    GAL_TRY(gal_file_map(path, SIZE_MAX, &file, err));
    galen_status status = gal_sha256_hex(file.data, file.size, digest, err);
    gal_file_unmap(&file);
    if (status != GALEN_OK) return status;
    out->data = json_pack("{s:s, s:s, s:s?}", "file", base_name(path, name), "sha256", digest, "split",
                          cli_get(args, "split")->text);
    return out->data ? GALEN_OK : gal_fail_memory(err, "evidence", 1024);
}

cli_exit source_read(const cli_args *args, const char *model, const char *data, cli_source *out) {
    static const char *const of_models[] = {"groups",    "integrity", "skip-unreadable", "batch", "frame",
                                            "precision", NULL};
    galen_error err;
    *out = (cli_source){.has_model = false};
    for (const char *const *name = of_models; !model && *name; name++)
        if (cli_get(args, *name)->set)
            return cli_fail(args, CLI_USAGE, "--%s is about running a model: leave it out with predictions", *name);
    if (model && cli_get(args, "positive")->set)
        return cli_fail(args, CLI_USAGE, "--positive is for predictions: a model's card says what it finds");
    galen_status status = model ? score(args, model, data, out, &err) : read_predictions(args, data, out, &err);
    if (status == GALEN_OK && cli_get(args, "hash-ids")->set) status = gal_case_set_hash_ids(&out->cases, &err);
    return status == GALEN_OK ? CLI_DONE : cli_fail_error(args, &err);
}

galen_status source_keep_columns(const cli_args *args, gal_case_set *cases, galen_error *err) {
    const cli_value *list = cli_get(args, "subgroup");
    const char *name[MAX_COLUMNS];
    char copy[MAX_LIST];
    int names = 0;
    if (!list->set) return gal_case_set_keep_attributes(cases, NULL, 0, err);
    if (!cli_join(list, copy, sizeof copy))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "--subgroup is too long: name fewer");
    for (char *at = copy, *next = copy; next; at = next + 1) {
        next = strchr(at, ',');
        if (next) *next = 0;
        if (names == MAX_COLUMNS)
            return gal_fail(err, GALEN_ERR_ARGUMENT, "--subgroup names more than %d columns: name fewer", MAX_COLUMNS);
        name[names++] = at;
    }
    return gal_case_set_keep_attributes(cases, name, names, err);
}
