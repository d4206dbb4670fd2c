/* Data sets that are arrays, as MedMNIST has them. */
#include "base/error.h"
#include "base/file.h"
#include "data/dataset_build.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The two arrays of one split; NULL when there are none. */
typedef struct part {
    const galen_tensor *images, *labels;
} part;

static int64_t integer(const galen_tensor *t, int64_t i) {
    switch (t->dtype) {
    case GALEN_BOOL:
    case GALEN_U8: return ((const uint8_t *)t->data)[i];
    case GALEN_I8: return ((const int8_t *)t->data)[i];
    case GALEN_U16: return ((const uint16_t *)t->data)[i];
    case GALEN_I16: return ((const int16_t *)t->data)[i];
    case GALEN_U32: return ((const uint32_t *)t->data)[i];
    case GALEN_I32: return ((const int32_t *)t->data)[i];
    default: return ((const int64_t *)t->data)[i];
    }
}

static bool holds_integers(const galen_tensor *t) {
    return galen_dtype_size(t->dtype) > 0 && t->dtype != GALEN_F16 && t->dtype != GALEN_BF16 && t->dtype != GALEN_F32 &&
           t->dtype != GALEN_F64 && t->dtype != GALEN_U64;
}

static galen_status find_part(const gal_npz *npz, const char *split, part *out, galen_error *err) {
    char name[32];
    (void)snprintf(name, sizeof name, "%s_images", split);
    bool images = gal_npz_find(npz, name, &out->images, NULL) == GALEN_OK;
    (void)snprintf(name, sizeof name, "%s_labels", split);
    bool labels = gal_npz_find(npz, name, &out->labels, NULL) == GALEN_OK;
    if (images == labels) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_FORMAT, "there is %s_%s and no %s_%s: an image needs a label and a label an image",
                    split, images ? "images" : "labels", split, images ? "labels" : "images");
}

static galen_status check_part(const char *split, part p, galen_error *err) {
    const galen_tensor *x = p.images, *y = p.labels;
    galen_image_limits limits = galen_image_default_limits();
    if (x->dtype != GALEN_U8 || (x->rank != 3 && !(x->rank == 4 && x->dim[3] == 3)))
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "%s_images is %s of %d dimensions: u8 [n, height, width] or [n, height, width, 3] is needed; "
                        "save levels of 0 to 255 as bytes",
                        split, galen_dtype_name(x->dtype), x->rank);
    for (int d = 1; d < 3; d++)
        if (x->dim[d] < 1 || x->dim[d] > limits.max_side)
            return gal_fail(err, GALEN_ERR_LIMIT, "%s_images has a side of %lld pixels; 1 to %d are possible", split,
                            (long long)x->dim[d], limits.max_side);
    if (x->dim[1] * x->dim[2] > limits.max_pixels)
        return gal_fail(err, GALEN_ERR_LIMIT, "%s_images has pictures of more than %lld pixels", split,
                        (long long)limits.max_pixels);
    if (!holds_integers(y) || y->rank < 1 || y->rank > 2 || (y->rank == 2 && y->dim[1] < 1))
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "%s_labels is %s of %d dimensions: integers [n], [n, 1] or [n, classes] are needed", split,
                        galen_dtype_name(y->dtype), y->rank);
    if (y->rank == 2 && y->dim[1] > GAL_MAX_CLASSES)
        return gal_fail(err, GALEN_ERR_LIMIT, "%s_labels has %lld classes; %d are possible", split,
                        (long long)y->dim[1], GAL_MAX_CLASSES);
    if (x->dim[0] != y->dim[0])
        return gal_fail(err, GALEN_ERR_FORMAT, "%s_images holds %lld pictures, %s_labels %lld labels", split,
                        (long long)x->dim[0], split, (long long)y->dim[0]);
    return GALEN_OK;
}

static int64_t columns(part p) {
    return p.labels->rank == 2 ? p.labels->dim[1] : 1;
}

/* A class by number, also one that no picture shows. */
static galen_status add_class(gal_dataset_build *build, int64_t value, int32_t *label, galen_error *err) {
    char name[24];
    int n = snprintf(name, sizeof name, "%lld", (long long)value);
    if (value < 0)
        return gal_fail(err, GALEN_ERR_FORMAT, "the label %s is negative: classes are numbered from 0", name);
    return gal_dataset_class(build, name, (size_t)n, label, err);
}

static galen_status labels_of(gal_dataset_build *build, part p, int64_t i, int32_t *label, int *count,
                              galen_error *err) {
    int64_t n = columns(p);
    *count = 0;
    if (n == 1) return *count = 1, add_class(build, integer(p.labels, i), label, err);
    for (int64_t c = 0; c < n; c++) {
        int64_t value = integer(p.labels, i * n + c);
        if (value != 0 && value != 1)
            return gal_fail(err, GALEN_ERR_FORMAT, "the label of class %lld is %lld: 0 or 1 is needed", (long long)c,
                            (long long)value);
        if (value) GAL_TRY(add_class(build, c, &label[(*count)++], err));
    }
    return GALEN_OK;
}

static galen_status read_part(gal_dataset_build *build, gal_split split, part p, galen_error *err) {
    const galen_tensor *x = p.images;
    int32_t label[GAL_MAX_CLASSES], unused;
    int channels = x->rank == 4 ? 3 : 1;
    size_t bytes = (size_t)(x->dim[1] * x->dim[2]) * (size_t)channels;
    for (int64_t c = 0; columns(p) > 1 && c < columns(p); c++) GAL_TRY(add_class(build, c, &unused, err));
    for (int64_t i = 0; i < x->dim[0]; i++) {
        char id[40];
        (void)snprintf(id, sizeof id, "%s:%lld", gal_split_name(split), (long long)i);
        gal_sample sample = {
            .id = id,
            .split = split,
            .label = label,
            .memory = {.width = (int)x->dim[2],
                       .height = (int)x->dim[1],
                       .channels = channels,
                       .data = (uint8_t *)x->data + (size_t)i * bytes},
        };
        galen_status status = labels_of(build, p, i, label, &sample.labels, err);
        if (status != GALEN_OK) return gal_fail_in(err, status, id);
        GAL_TRY(gal_dataset_add(build, &sample, err));
    }
    return GALEN_OK;
}

static galen_status read_arrays(gal_dataset_build *build, galen_error *err) {
    part p[GAL_SPLITS] = {{0}};
    int64_t width = 0;
    for (int s = GAL_SPLIT_TRAIN; s < GAL_SPLITS; s++) {
        const char *name = gal_split_name((gal_split)s);
        GAL_TRY(find_part(build->set->arrays, name, &p[s], err));
        if (!p[s].images) continue;
        GAL_TRY(check_part(name, p[s], err));
        if (width && columns(p[s]) != width)
            return gal_fail(err, GALEN_ERR_FORMAT, "%s_labels has %lld columns, those before it %lld", name,
                            (long long)columns(p[s]), (long long)width);
        width = columns(p[s]);
    }
    if (width == 0)
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "there is no array train_images, val_images or test_images: use the "
                        "right file");
    build->set->multi_label = width > 1;
    for (int s = GAL_SPLIT_TRAIN; s < GAL_SPLITS; s++)
        if (p[s].images) GAL_TRY(read_part(build, (gal_split)s, p[s], err));
    return GALEN_OK;
}

static galen_status read_file(gal_dataset_build *build, const char *path, galen_error *err) {
    gal_file file;
    if (build->options.group_rule)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%s: pictures in an array have no names that a group rule could use",
                        path);
    GAL_TRY(gal_file_map(path, SIZE_MAX, &file, err));
    galen_status status = gal_npz_read(file.data, file.size, NULL, &build->set->arrays, err);
    gal_file_unmap(&file);
    if (status == GALEN_OK) status = read_arrays(build, err);
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}

galen_status gal_dataset_read_npz(const char *path, const gal_dataset_options *options, gal_dataset **out,
                                  galen_error *err) {
    gal_dataset_build build;
    galen_status status = gal_dataset_begin(&build, options, err);
    if (status == GALEN_OK) status = read_file(&build, path, err);
    return gal_dataset_end(&build, status, false, out, err);
}
