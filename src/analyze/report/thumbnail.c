/* Thumbnails. */
#include "analyze/report/thumbnail.h"

#include "base/error.h"
#include "dicom/open.h"

#include <galen/image.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 96, MAX_PATH = 4096 };

/* Where the picture is; false: outside the folder. */
static bool place(const char *folder, const char *path, char *out, size_t size) {
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/') n--;
    for (const char *part = path; part != NULL; part = strchr(part, '/')) {
        part += *part == '/';
        if (!strncmp(part, "..", 2) && (part[2] == '/' || part[2] == '\0')) return false;
    }
    bool below = !strncmp(path, folder, n) && path[n] == '/';
    if (path[0] == '/' && !below) return false;
    int length = below ? snprintf(out, size, "%s", path) : snprintf(out, size, "%.*s/%s", (int)n, folder, path);
    return length > 0 && (size_t)length < size;
}

static galen_status small_png(const galen_image *image, void **png, size_t *size, galen_error *err) {
    int most = image->width > image->height ? image->width : image->height;
    double scale = most > SIDE ? (double)SIDE / most : 1;
    int width = (int)(image->width * scale + 0.5), height = (int)(image->height * scale + 0.5);
    galen_image bytes, small;
    GAL_TRY(galen_image_to_u8(image, &bytes, err));
    galen_status status =
        galen_image_resize(&bytes, width > 0 ? width : 1, height > 0 ? height : 1, GALEN_FILTER_BILINEAR, &small, err);
    galen_image_free(&bytes);
    GAL_TRY(status);
    status = galen_image_encode_png(&small, png, size, err);
    galen_image_free(&small);
    return status;
}

galen_status gal_thumbnail(gal_document *d, const char *folder, const char *path, gal_table *t, galen_error *err) {
    char file[MAX_PATH];
    galen_image image;
    galen_image_limits limits = galen_image_default_limits();
    void *png = NULL;
    size_t size = 0;
    if (t->cells == 0 || !place(folder, path, file, sizeof file)) return GALEN_OK;
    galen_status status = gal_picture_open(file, 0, &limits, &image, err);
    if (status != GALEN_OK) return status == GALEN_ERR_MEMORY ? status : GALEN_OK;
    status = small_png(&image, &png, &size, err);
    galen_image_free(&image);
    if (status == GALEN_OK) {
        unsigned char *copy = gal_document_room(d, size, 1);
        if (copy != NULL) {
            memcpy(copy, png, size);
            t->cell[t->cells - 1].png = copy, t->cell[t->cells - 1].png_size = size;
        }
    }
    galen_free(png);
    return status == GALEN_ERR_MEMORY ? status : GALEN_OK;
}
