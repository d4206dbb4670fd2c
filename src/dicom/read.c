/* The public readers: find the data set, check it, let the plug-in fetch a frame, take the frame through the pixel
 * chain. */
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/plugin.h"
#include "dicom/chain.h"
#include "dicom/guard.h"
#include "dicom/inflate.h"
#include "dicom/meta.h"
#include "dicom/plugin.h"

#include <string.h>

galen_dicom_options galen_dicom_default_options(void) {
    return (galen_dicom_options){.frame = 0, .use_window = 1, .limits = galen_image_default_limits()};
}

static void free_picture(gal_dicom_picture *picture) {
    gal_free(picture->pixels);
    gal_free(picture->modality.data);
    gal_free(picture->voi.data);
    for (int c = 0; c < 3; c++) gal_free(picture->palette[c].data);
    memset(picture, 0, sizeof *picture);
}

static galen_status call_plugin(const gal_dicom_request *request, gal_dicom_picture *picture, galen_error *err) {
    const void *symbol = NULL;
    GAL_TRY(gal_plugin_load("dicom", &symbol, err));
    const gal_dicom_plugin *plugin = symbol;
    if (plugin->version != GAL_DICOM_PLUGIN_VERSION)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "the DICOM plug-in has version %d where %d is needed: reinstall Galen", plugin->version,
                        GAL_DICOM_PLUGIN_VERSION);
    GAL_TRY(plugin->read(request, picture, err));
    return gal_dicom_check_layout(picture, err);
}

/* Checks the data set and fetches the frame; `request` holds everything but where the data set ends. */
static galen_status fetch(gal_dicom_request *request, gal_dicom_picture *picture, galen_error *err) {
    gal_buf inflated;
    gal_buf_init(&inflated, (size_t)request->limits.max_file_bytes);
    galen_status status = GALEN_OK;
    if (request->syntax->deflated) {
        status = gal_dicom_inflate(request->dataset, request->size, &inflated, err);
        request->dataset = inflated.data;
        request->size = inflated.size;
    }
    if (status == GALEN_OK)
        status = gal_dicom_guard(request->dataset, request->size, request->syntax, &request->size, err);
    if (status == GALEN_OK) status = call_plugin(request, picture, err);
    gal_buf_free(&inflated);
    return status;
}

static galen_status load(const void *bytes, size_t size, int frame, galen_image_limits limits,
                         gal_dicom_picture *picture, galen_error *err) {
    memset(picture, 0, sizeof *picture);
    if (!bytes && size > 0) return gal_fail(err, GALEN_ERR_ARGUMENT, "no bytes given");
    if (frame < 0) return gal_fail(err, GALEN_ERR_ARGUMENT, "frame %d asked for; the first is 0", frame);
    if (limits.max_file_bytes < 0 || size > (uint64_t)limits.max_file_bytes)
        return gal_fail(err, GALEN_ERR_LIMIT, "the file has %zu bytes, more than the limit of %lld", size,
                        (long long)limits.max_file_bytes);
    if (!bytes) bytes = "";
    size_t offset = 0;
    gal_dicom_request request = {.frame = frame, .limits = limits, .alloc = gal_calloc};
    GAL_TRY(gal_dicom_find_dataset(bytes, size, &offset, &request.syntax, err));
    request.dataset = (const uint8_t *)bytes + offset;
    request.size = size - offset;
    galen_status status = fetch(&request, picture, err);
    if (status != GALEN_OK) free_picture(picture);
    return status;
}

static galen_status render(const gal_dicom_picture *picture, bool use_window, galen_image *out, galen_error *err) {
    int channels = picture->photometric >= GAL_PHOTO_PALETTE ? 3 : 1;
    GAL_TRY(galen_image_create(picture->info.columns, picture->info.rows, channels, GALEN_SAMPLE_U8, out, err));
    galen_status status;
    if (channels == 1)
        status = gal_render_grey(picture, use_window, out->data, err);
    else if (picture->photometric == GAL_PHOTO_PALETTE)
        status = gal_render_palette(picture, out->data, err);
    else
        status = gal_render_colour(picture, out->data, err);
    if (status != GALEN_OK) galen_image_free(out);
    return status;
}

galen_status galen_dicom_read(const void *bytes, size_t size, const galen_dicom_options *options, galen_image *out,
                              galen_dicom_info *info, galen_error *err) {
    if (!out) return gal_fail(err, GALEN_ERR_ARGUMENT, "no image to decode into");
    memset(out, 0, sizeof *out);
    galen_dicom_options chosen = options ? *options : galen_dicom_default_options();
    gal_dicom_picture picture;
    GAL_TRY(load(bytes, size, chosen.frame, chosen.limits, &picture, err));
    galen_status status = render(&picture, chosen.use_window != 0, out, err);
    if (status == GALEN_OK && info) {
        *info = picture.info;
        if (!chosen.use_window || picture.voi.data || !picture.has_window || picture.photometric >= GAL_PHOTO_PALETTE)
            info->window_width = info->window_center = 0;
    }
    free_picture(&picture);
    return status;
}

static galen_status values_of(const gal_dicom_picture *picture, double **values, galen_error *err) {
    if (picture->photometric > GAL_PHOTO_MONOCHROME2)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the picture is %s: only grey pictures have modality values",
                        picture->info.photometric);
    size_t count = gal_dicom_pixels(picture);
    double *made = gal_calloc(count, sizeof *made);
    if (!made) return gal_fail_memory(err, "the modality values", count * sizeof *made);
    for (size_t i = 0; i < count; i++) made[i] = gal_modality_value(picture, gal_stored_sample(picture, i));
    *values = made;
    return GALEN_OK;
}

galen_status galen_dicom_read_values(const void *bytes, size_t size, int frame, double **values, galen_dicom_info *info,
                                     galen_error *err) {
    if (!values) return gal_fail(err, GALEN_ERR_ARGUMENT, "nowhere to put the values");
    *values = NULL;
    gal_dicom_picture picture;
    GAL_TRY(load(bytes, size, frame, galen_image_default_limits(), &picture, err));
    galen_status status = values_of(&picture, values, err);
    if (status == GALEN_OK && info) {
        *info = picture.info;
        info->window_width = info->window_center = 0;
    }
    free_picture(&picture);
    return status;
}
