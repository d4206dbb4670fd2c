/* What is asked of a data set, whatever it was read from. */
#include "data/dataset.h"

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "dicom/open.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const char *const split_names[GAL_SPLITS][5] = {
    {"none"},
    {"train", "training"},
    {"val", "valid", "validation", "dev"},
    {"test", "testing"},
};

const char *gal_split_name(gal_split split) {
    return split_names[split][0];
}

bool gal_split_parse(const char *name, gal_split *out) {
    for (int s = GAL_SPLIT_TRAIN; s < GAL_SPLITS; s++)
        for (int i = 0; split_names[s][i]; i++)
            if (!strcasecmp(name, split_names[s][i])) {
                *out = (gal_split)s;
                return true;
            }
    return false;
}

/* An .npz is a zip archive. */
static bool is_archive(const char *path) {
    gal_file file;
    if (gal_file_map(path, SIZE_MAX, &file, NULL) != GALEN_OK) return false; /* the table reader says why */
    bool zip = file.size >= 4 && !memcmp(file.data, "PK\3\4", 4);
    gal_file_unmap(&file);
    return zip;
}

galen_status gal_dataset_open(const char *path, const gal_dataset_options *options, gal_dataset **out,
                              galen_error *err) {
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return gal_dataset_read_folder(path, options, out, err);
    if (is_archive(path)) return gal_dataset_read_npz(path, options, out, err);
    return gal_dataset_read_csv(path, options, out, err);
}

void gal_dataset_free(gal_dataset *dataset) {
    if (!dataset) return;
    gal_free(dataset->sample);
    gal_npz_free(dataset->arrays);
    gal_arena_free(&dataset->arena);
    gal_free(dataset);
}

void gal_dataset_class_counts(const gal_dataset *dataset, gal_split split, size_t *count) {
    memset(count, 0, (size_t)dataset->classes * sizeof *count);
    for (size_t i = 0; i < dataset->count; i++) {
        const gal_sample *sample = &dataset->sample[i];
        for (int l = 0; sample->split == split && l < sample->labels; l++) count[sample->label[l]]++;
    }
}

size_t gal_dataset_split_count(const gal_dataset *dataset, gal_split split) {
    size_t count = 0;
    for (size_t i = 0; i < dataset->count; i++) count += dataset->sample[i].split == split;
    return count;
}

/* Every class must be in some pictures of the split and missing in others, or its metric does not exist; of a set with
 * one label a picture it is enough that two classes occur. */
static galen_status check_split(const gal_dataset *set, gal_split split, size_t *count, galen_error *err) {
    const char *name = gal_split_name(split);
    size_t pictures = gal_dataset_split_count(set, split);
    if (pictures == 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "no picture belongs to '%s': name some, or let them be split", name);
    gal_dataset_class_counts(set, split, count);
    int present = 0;
    for (int c = 0; c < set->classes; c++) {
        present += count[c] > 0;
        if (set->multi_label && (count[c] == 0 || count[c] == pictures))
            return gal_fail(err, GALEN_ERR_FORMAT, "'%.100s' is in %s of the %zu pictures of '%s': it needs both kinds",
                            set->class_name[c], count[c] ? "all" : "none", pictures, name);
    }
    if (!set->multi_label && present < 2)
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "'%s' holds pictures of only one class: at least two are needed; move some of another there",
                        name);
    return GALEN_OK;
}

static galen_status check_classes(const gal_dataset *set, size_t *count, size_t *all, galen_error *err) {
    for (int s = GAL_SPLIT_NONE; s < GAL_SPLITS; s++) {
        gal_dataset_class_counts(set, (gal_split)s, count);
        for (int c = 0; c < set->classes; c++) all[c] += count[c];
    }
    for (int c = 0; c < set->classes; c++)
        if (all[c] == 0)
            return gal_fail(err, GALEN_ERR_FORMAT, "the class '%.100s' has no picture: leave it out or add some",
                            set->class_name[c]);
    int least = set->multi_label ? 1 : 2;
    if (set->classes >= least) return GALEN_OK;
    if (set->classes == 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "there are no classes: at least %d are needed to tell them apart",
                        least);
    return gal_fail(
        err, GALEN_ERR_FORMAT,
        "there is only one class, '%.100s': at least %d are needed to tell them apart; add pictures of another",
        set->class_name[0], least);
}

galen_status gal_dataset_check(const gal_dataset *dataset, unsigned needed, galen_error *err) {
    size_t n = (size_t)dataset->classes, *count = gal_calloc(2 * n + 1, sizeof *count);
    if (!count) return gal_fail_memory(err, "counts of classes", 2 * n * sizeof *count);
    galen_status status = check_classes(dataset, count, count + n, err);
    for (int s = GAL_SPLIT_NONE; status == GALEN_OK && s < GAL_SPLITS; s++)
        if (needed >> s & 1) status = check_split(dataset, (gal_split)s, count, err);
    gal_free(count);
    return status;
}

galen_status gal_sample_picture(const gal_sample *sample, const galen_image_limits *limits, galen_image *made,
                                const galen_image **view, galen_error *err) {
    galen_image_limits used = limits ? *limits : galen_image_default_limits();
    memset(made, 0, sizeof *made);
    *view = sample->path ? made : &sample->memory;
    return sample->path ? gal_picture_open(sample->path, 0, &used, made, err) : GALEN_OK;
}
