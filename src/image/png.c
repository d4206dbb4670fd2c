/* PNG in and out, by libpng. */
#include "image/codec.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

/* Deflate shrinks nothing by more than 1032 to 1 (zlib's technical details). */
enum { DEFLATE_MOST = 1032, TEXT = 200 };

typedef struct coder {
    png_structp png;
    png_infop info;
    png_bytepp rows;
    const unsigned char *from; /* reading */
    size_t left;
    gal_buf to; /* writing */
    int truncated, out_of_memory;
    char text[TEXT];
    jmp_buf stop;
} coder;

_Noreturn static void on_error(png_structp png, png_const_charp text) {
    coder *c = png_get_error_ptr(png);
    if (!c->truncated && !c->out_of_memory) (void)snprintf(c->text, sizeof c->text, "%s", text);
    longjmp(c->stop, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static png_voidp take(png_structp png, png_alloc_size_t size) {
    coder *c = png_get_mem_ptr(png);
    void *p = gal_calloc(size, 1);
    if (!p) c->out_of_memory = 1;
    return p;
}

static void give(png_structp png, png_voidp p) {
    (void)png;
    gal_free(p);
}

static void on_read(png_structp png, png_bytep to, size_t n) {
    coder *c = png_get_io_ptr(png);
    if (n > c->left) {
        c->truncated = 1;
        png_error(png, "truncated");
    }
    memcpy(to, c->from, n);
    c->from += n;
    c->left -= n;
}

static void on_write(png_structp png, png_bytep bytes, size_t n) {
    coder *c = png_get_io_ptr(png);
    gal_buf_put(&c->to, bytes, n);
    if (!c->to.failed) return;
    c->out_of_memory = 1;
    png_error(png, "out of memory");
}

static void on_flush(png_structp png) {
    (void)png;
}

static galen_status failed(const coder *c, const char *doing, galen_error *err) {
    if (c->out_of_memory) return gal_fail(err, GALEN_ERR_MEMORY, "out of memory while %s a PNG", doing);
    if (c->truncated)
        return gal_fail(err, GALEN_ERR_FORMAT, "the PNG ends too early: it is truncated, get the whole file");
    return gal_fail(err, GALEN_ERR_FORMAT, "the PNG is damaged (%s): get a fresh copy", c->text);
}

static void reader_set_up(coder *c) {
    png_structp png = c->png;
    c->info = png_create_info_struct(png);
    if (!c->info) {
        c->out_of_memory = 1;
        png_error(png, "out of memory");
    }
    png_set_read_fn(png, c, on_read);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff); /* ours are checked after IHDR, with a better message */
    png_set_chunk_malloc_max(png, (png_alloc_size_t)1 << 20);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    /* Only IHDR, PLTE, tRNS, IDAT and IEND matter to the pixels; profiles and texts are not even unpacked. */
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
}

/* From any of the 15 kinds of PNG to 8 or 16 bits of grey, grey+alpha, RGB or RGBA. */
static void ask_for_samples(coder *c) {
    png_structp png = c->png;
    int color = png_get_color_type(png, c->info), depth = png_get_bit_depth(png, c->info);
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_packing(png); /* looked up afterwards, by look_up */
    if (color == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (color != PNG_COLOR_TYPE_PALETTE && png_get_valid(png, c->info, PNG_INFO_tRNS)) png_set_tRNS_to_alpha(png);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (depth == 16) png_set_swap(png);
#endif
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, c->info);
}

static galen_status check_room(const coder *c, uint64_t pixels, uint64_t size, galen_error *err) {
    uint64_t bits = (uint64_t)png_get_bit_depth(c->png, c->info) * png_get_channels(c->png, c->info);
    if (pixels * bits / 8 / DEFLATE_MOST <= size) return GALEN_OK;
    return gal_fail(
        err, GALEN_ERR_FORMAT,
        "the PNG says %ux%u pixels but has %llu bytes, too few for them: it is truncated, get the whole file",
        png_get_image_width(c->png, c->info), png_get_image_height(c->png, c->info), (unsigned long long)size);
}

static galen_status make_rows(coder *c, const galen_image *image, galen_error *err) {
    size_t stride = (size_t)image->width * (size_t)image->channels * gal_sample_size(image->sample);
    c->rows = gal_calloc((size_t)image->height, sizeof *c->rows);
    if (!c->rows) return gal_fail_memory(err, "the rows of a PNG", (unsigned long long)image->height * sizeof *c->rows);
    for (int y = 0; y < image->height; y++) c->rows[y] = (png_bytep)image->data + (size_t)y * stride;
    return GALEN_OK;
}

/*
 * Indices to colours. libpng would show an index beyond the palette as black; here it is damage. Calls nothing of
 * libpng that can fail, so it may hold memory of its own.
 */
static galen_status look_up(const coder *c, galen_image *image, galen_error *err) {
    png_colorp palette = NULL;
    png_bytep alpha = NULL;
    int colours = 0, alphas = 0;
    (void)png_get_PLTE(c->png, c->info, &palette, &colours);
    (void)png_get_tRNS(c->png, c->info, &alpha, &alphas, NULL);
    galen_image out;
    GAL_TRY(gal_image_create_unlimited(image->width, image->height, alpha ? 4 : 3, GALEN_SAMPLE_U8, &out, err));
    const uint8_t *index = image->data, *end = index + gal_image_bytes(image);
    for (uint8_t *to = out.data; index < end; index++, to += out.channels) {
        if (*index >= colours) {
            galen_image_free(&out);
            return gal_fail(err, GALEN_ERR_FORMAT,
                            "the PNG is damaged (a pixel of colour %d, the palette has %d): get a fresh copy", *index,
                            colours);
        }
        to[0] = palette[*index].red;
        to[1] = palette[*index].green;
        to[2] = palette[*index].blue;
        if (alpha) to[3] = *index < alphas ? alpha[*index] : 255;
    }
    galen_image_free(image);
    *image = out;
    return GALEN_OK;
}

/* Runs under setjmp; what it allocates is reachable from c and out. */
static galen_status decode(coder *c, const galen_image_limits *limits, galen_image *out, galen_error *err) {
    size_t size = c->left;
    reader_set_up(c);
    png_read_info(c->png, c->info);
    uint32_t width = png_get_image_width(c->png, c->info), height = png_get_image_height(c->png, c->info);
    GAL_TRY(gal_image_check_size(width, height, limits, err));
    GAL_TRY(check_room(c, (uint64_t)width * height, size, err));
    ask_for_samples(c);
    galen_sample sample = png_get_bit_depth(c->png, c->info) == 16 ? GALEN_SAMPLE_U16 : GALEN_SAMPLE_U8;
    GAL_TRY(gal_image_create_unlimited((int)width, (int)height, png_get_channels(c->png, c->info), sample, out, err));
    if (png_get_rowbytes(c->png, c->info) != gal_image_bytes(out) / height)
        return gal_fail(err, GALEN_ERR_INTERNAL, "libpng rows have %zu bytes where %zu are expected: report this file",
                        png_get_rowbytes(c->png, c->info), gal_image_bytes(out) / height);
    GAL_TRY(make_rows(c, out, err));
    png_read_image(c->png, c->rows);
    png_read_end(c->png, NULL);
    return png_get_color_type(c->png, c->info) == PNG_COLOR_TYPE_PALETTE ? look_up(c, out, err) : GALEN_OK;
}

/* A function of its own: what it must find after the jump lives in its caller's frame, as C asks. */
static galen_status guarded_decode(coder *c, const galen_image_limits *limits, galen_image *out, galen_error *err) {
    if (setjmp(c->stop)) return failed(c, "decoding", err);
    return decode(c, limits, out, err);
}

galen_status gal_png_decode(const void *bytes, size_t size, const galen_image_limits *limits, galen_image *out,
                            galen_error *err) {
    coder c;
    memset(&c, 0, sizeof c);
    c.from = bytes;
    c.left = size;
    c.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning, &c, take, give);
    if (!c.png) return gal_fail(err, GALEN_ERR_MEMORY, "out of memory while decoding a PNG");
    galen_status status = guarded_decode(&c, limits, out, err);
    png_destroy_read_struct(&c.png, &c.info, NULL);
    gal_free(c.rows);
    if (status != GALEN_OK) galen_image_free(out);
    return status;
}

/* Runs under setjmp. */
static galen_status encode(coder *c, const galen_image *image, galen_error *err) {
    static const int color[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGBA};
    c->info = png_create_info_struct(c->png);
    if (!c->info) return gal_fail(err, GALEN_ERR_MEMORY, "out of memory while encoding a PNG");
    GAL_TRY(make_rows(c, image, err));
    png_set_write_fn(c->png, c, on_write, on_flush);
    png_set_user_limits(c->png, 0x7fffffff, 0x7fffffff);
    png_set_IHDR(c->png, c->info, (png_uint_32)image->width, (png_uint_32)image->height,
                 image->sample == GALEN_SAMPLE_U16 ? 16 : 8, color[image->channels - 1], PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(c->png, c->info);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (image->sample == GALEN_SAMPLE_U16) png_set_swap(c->png);
#endif
    png_write_image(c->png, c->rows);
    png_write_end(c->png, NULL);
    return GALEN_OK;
}

static galen_status guarded_encode(coder *c, const galen_image *image, galen_error *err) {
    if (setjmp(c->stop)) return failed(c, "encoding", err);
    return encode(c, image, err);
}

galen_status galen_image_encode_png(const galen_image *image, void **bytes, size_t *size, galen_error *err) {
    coder c;
    *bytes = NULL;
    *size = 0;
    GAL_TRY(gal_image_check(image, err));
    memset(&c, 0, sizeof c);
    /* Stored (not compressed) data plus filter bytes and chunk frames stay well below twice the pixels. */
    gal_buf_init(&c.to, 2 * gal_image_bytes(image) + 2 * (size_t)image->height + 65536);
    c.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning, &c, take, give);
    if (!c.png) return gal_fail(err, GALEN_ERR_MEMORY, "out of memory while encoding a PNG");
    galen_status status = guarded_encode(&c, image, err);
    png_destroy_write_struct(&c.png, &c.info);
    gal_free(c.rows);
    if (status != GALEN_OK) {
        gal_buf_free(&c.to);
        return status;
    }
    *bytes = c.to.data;
    *size = c.to.size;
    return GALEN_OK;
}
