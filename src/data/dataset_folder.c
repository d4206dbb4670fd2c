/* Data sets that are folders of pictures: what a picture shows is the name of the folder it lies in. */
#include "base/error.h"
#include "data/dataset_build.h"
#include "data/walk.h"

#include <string.h>

/* One folder of a path. */
typedef struct part {
    const char *text;
    size_t n; /* 0: there is none; what `text` points to is the file's name */
} part;

/* The folder at the start of a relative path. */
static part first_part(const char *path) {
    const char *slash = strchr(path, '/');
    return (part){path, slash ? (size_t)(slash - path) : 0};
}

static part next_part(part p) {
    return first_part(p.n ? p.text + p.n + 1 : p.text);
}

static bool part_is_split(part p, gal_split *split) {
    char name[16];
    if (p.n == 0 || p.n >= sizeof name) return false;
    memcpy(name, p.text, p.n);
    name[p.n] = 0;
    return gal_split_parse(name, split);
}

typedef struct layout {
    size_t skip; /* bytes of all paths, up to the folders that mean something */
    bool splits; /* those are splits, and classes below them */
} layout;

static bool part_is_class(part p, const gal_dataset_options *options) {
    for (int c = 0; c < options->classes; c++)
        if (strlen(options->class_names[c]) == p.n && !strncmp(options->class_names[c], p.text, p.n)) return true;
    return false;
}

/* Whether all pictures lie below folders of the one folder, as archives of data sets often have it. */
static bool one_folder_deeper(const gal_walk_list *files, size_t root, const gal_dataset_options *options) {
    gal_split split;
    part all = first_part(files->entry[0].path + root);
    if (all.n == 0 || part_is_split(all, &split) || part_is_class(all, options)) return false;
    for (size_t i = 0; i < files->n; i++) {
        part p = first_part(files->entry[i].path + root);
        if (p.n != all.n || strncmp(p.text, all.text, p.n) || next_part(p).n == 0) return false;
    }
    return true;
}

static bool below_a_split(const char *path) {
    gal_split split;
    part p = first_part(path);
    return part_is_split(p, &split) && next_part(p).n > 0;
}

static galen_status find_layout(const gal_walk_list *files, size_t root, const gal_dataset_options *options,
                                layout *out, galen_error *err) {
    out->skip = root;
    if (one_folder_deeper(files, root, options)) out->skip += first_part(files->entry[0].path + root).n + 1;
    const char *first = files->entry[0].path + out->skip;
    out->splits = below_a_split(first);
    for (size_t i = 1; i < files->n; i++) {
        const char *path = files->entry[i].path + out->skip;
        if (below_a_split(path) == out->splits) continue;
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "'%.150s' and '%.150s': one lies in a split (train, val, test) and one does not; sort all or "
                        "none into splits",
                        first, path);
    }
    return GALEN_OK;
}

static galen_status add_file(gal_dataset_build *build, const char *path, size_t root, const layout *l,
                             galen_error *err) {
    gal_sample sample = {.id = path + root, .path = path, .labels = 1};
    int32_t label;
    part p = first_part(path + l->skip);
    if (l->splits) {
        (void)part_is_split(p, &sample.split);
        p = next_part(p);
    }
    if (p.n == 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "'%.300s' lies in no folder that names its class: move it into one",
                        path + root);
    GAL_TRY(gal_dataset_class(build, p.text, p.n, &label, err));
    sample.label = &label;
    return gal_dataset_add(build, &sample, err);
}

static galen_status read_files(gal_dataset_build *build, const char *folder, const gal_walk_list *files,
                               galen_error *err) {
    size_t root = strlen(folder);
    layout l;
    for (size_t i = 0; i < files->n; i++)
        if (files->entry[i].error) return gal_fail(err, GALEN_ERR_IO, "%s", files->entry[i].error);
    root += files->entry[0].path[root] == '/';
    GAL_TRY(find_layout(files, root, &build->options, &l, err));
    for (size_t i = 0; i < files->n; i++) {
        galen_status status = add_file(build, files->entry[i].path, root, &l, err);
        if (status != GALEN_OK) return gal_fail_in(err, status, folder);
    }
    return GALEN_OK;
}

galen_status gal_dataset_read_folder(const char *folder, const gal_dataset_options *options, gal_dataset **out,
                                     galen_error *err) {
    gal_walk_list files = {0};
    gal_dataset_build build;
    galen_status status = gal_dataset_begin(&build, options, err);
    if (status == GALEN_OK) status = gal_walk_add(&files, folder, err);
    if (status == GALEN_OK) status = read_files(&build, folder, &files, err);
    if (status == GALEN_OK) status = gal_dataset_ask_headers(&build, err);
    gal_walk_free(&files);
    return gal_dataset_end(&build, status, true, out, err);
}
