/* Reads the appearance model. */
#include "data/phantom.h"

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "data/npz.h"

#include <math.h>
#include <stdio.h>

enum { SIDE = GAL_APPEARANCE_SIDE, PARTS = GAL_APPEARANCE_PARTS, BANDS = GAL_APPEARANCE_BANDS, NAME = 64 };
enum { FILE_MAX = 64 << 20 };

static galen_status array(const gal_npz *npz, const char *folder, const char *name, galen_dtype dtype, int rank,
                          const int64_t *dim, const void **data, galen_error *err) {
    char path[NAME];
    const galen_tensor *t = NULL;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    GAL_TRY(gal_npz_expect(npz, path, dtype, rank, dim, &t, err));
    *data = t->data;
    int64_t n = dtype == GALEN_F32 ? galen_tensor_elements(t) : 0;
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(((const float *)t->data)[i]))
            return gal_fail(err, GALEN_ERR_NUMERIC,
                            "the array '%s' holds a value that is not finite: use the right file", path);
    return GALEN_OK;
}

static galen_status fill(const gal_npz *npz, const char *folder, gal_appearance *a, galen_error *err) {
    const void *mean, *parts, *scale, *sd, *power;
    GAL_TRY(array(npz, folder, "mean", GALEN_F32, 2, (int64_t[]){SIDE, SIDE}, &mean, err));
    GAL_TRY(array(npz, folder, "components_i8", GALEN_I8, 3, (int64_t[]){PARTS, SIDE, SIDE}, &parts, err));
    GAL_TRY(array(npz, folder, "scale", GALEN_F32, 1, (int64_t[]){PARTS}, &scale, err));
    GAL_TRY(array(npz, folder, "sd", GALEN_F32, 1, (int64_t[]){PARTS}, &sd, err));
    GAL_TRY(array(npz, folder, "residual_power", GALEN_F32, 1, (int64_t[]){BANDS}, &power, err));
    const int8_t *part = parts;
    for (int i = 0; i < SIDE * SIDE; i++) a->mean[i] = ((const float *)mean)[i];
    for (int k = 0; k < PARTS; k++) {
        a->sd[k] = ((const float *)sd)[k];
        for (int i = 0; i < SIDE * SIDE; i++) a->part[k][i] = (float)*part++ * ((const float *)scale)[k];
    }
    for (int r = 0; r < BANDS; r++) {
        float p = ((const float *)power)[r];
        a->band[r] = p > 0 ? sqrt((double)p) : 0;
    }
    return GALEN_OK;
}

galen_status galen_phantom_model_read(const void *bytes, size_t size, galen_phantom_model **out, galen_error *err) {
    gal_npz *npz = NULL;
    gal_npz_limits limits = {.max_arrays = 64, .max_bytes = FILE_MAX};
    *out = NULL;
    GAL_TRY(gal_npz_read(bytes, size, &limits, &npz, err));
    galen_phantom_model *model = gal_calloc(1, sizeof *model);
    galen_status status = model ? GALEN_OK : gal_fail_memory(err, "the appearance model", sizeof *model);
    if (status == GALEN_OK) status = fill(npz, "NORMAL", &model->of[0], err);
    if (status == GALEN_OK) status = fill(npz, "PNEUMONIA", &model->of[1], err);
    gal_npz_free(npz);
    if (status == GALEN_OK)
        *out = model;
    else
        gal_free(model);
    return status;
}

galen_status galen_phantom_model_load(const char *path, galen_phantom_model **out, galen_error *err) {
    gal_file file;
    *out = NULL;
    GAL_TRY(gal_file_map(path, FILE_MAX, &file, err));
    galen_status status = galen_phantom_model_read(file.data, file.size, out, err);
    gal_file_unmap(&file);
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}

void galen_phantom_model_free(galen_phantom_model *model) {
    gal_free(model);
}
