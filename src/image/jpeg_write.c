/* JPEG out, by libjpeg-turbo: for pictures made worse on purpose. */
#include "image/codec.h"

#include "base/error.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

typedef struct encoder {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf stop;
    unsigned char *bytes;
    unsigned long size;
} encoder;

_Noreturn static void stop(j_common_ptr jpeg) {
    longjmp(((encoder *)jpeg->client_data)->stop, 1);
}

static void say_nothing(j_common_ptr jpeg, int level) {
    (void)jpeg, (void)level;
}

static void encode(encoder *e, const galen_image *image, int quality) {
    size_t row = (size_t)image->width * (size_t)image->channels;
    jpeg_create_compress(&e->jpeg);
    e->jpeg.client_data = e;
    jpeg_mem_dest(&e->jpeg, &e->bytes, &e->size);
    e->jpeg.image_width = (JDIMENSION)image->width;
    e->jpeg.image_height = (JDIMENSION)image->height;
    e->jpeg.input_components = image->channels;
    e->jpeg.in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&e->jpeg);
    jpeg_set_quality(&e->jpeg, quality, TRUE);
    jpeg_start_compress(&e->jpeg, TRUE);
    while (e->jpeg.next_scanline < e->jpeg.image_height) {
        JSAMPROW at = (JSAMPROW)image->data + e->jpeg.next_scanline * row;
        (void)jpeg_write_scanlines(&e->jpeg, &at, 1);
    }
    jpeg_finish_compress(&e->jpeg);
}

galen_status gal_jpeg_encode(const galen_image *image, int quality, void **bytes, size_t *size, galen_error *err) {
    char text[JMSG_LENGTH_MAX];
    *bytes = NULL, *size = 0;
    if (image->sample != GALEN_SAMPLE_U8 || (image->channels != 1 && image->channels != 3))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a JPEG holds grey or RGB of 8 bits: convert the picture first");
    encoder *e = gal_calloc(1, sizeof *e);
    if (e == NULL) return gal_fail_memory(err, "a JPEG", sizeof *e);
    e->jpeg.err = jpeg_std_error(&e->errors);
    e->errors.error_exit = stop;
    e->errors.emit_message = say_nothing;
    e->jpeg.client_data = e;
    galen_status status = GALEN_OK;
    if (setjmp(e->stop) == 0) {
        encode(e, image, quality);
    } else {
        e->errors.format_message((j_common_ptr)&e->jpeg, text);
        status =
            gal_fail(err, GALEN_ERR_MEMORY, "a JPEG of %dx%d cannot be made (%s)", image->width, image->height, text);
    }
    jpeg_destroy_compress(&e->jpeg);
    if (status == GALEN_OK)
        *bytes = e->bytes, *size = e->size;
    else
        gal_free(e->bytes);
    gal_free(e);
    return status;
}
