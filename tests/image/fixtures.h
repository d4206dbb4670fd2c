/* Small pictures made with the codec libraries themselves, so that no file needs to be stored. */
#ifndef GAL_TEST_IMAGE_FIXTURES_H
#define GAL_TEST_IMAGE_FIXTURES_H

#include "support/shared.h"

#include <galen/image.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

/* A file in memory; free(bytes). */
typedef struct made {
    unsigned char *bytes;
    size_t size;
} made;

typedef struct jpeg_kind {
    int width, height;
    int components;  /* 1 grey, 3 YCbCr, 4 CMYK (stored inverted, as Adobe does), 14: YCCK */
    int progressive; /* 1: progressive; 2: sequential, a scan for each component */
    int sampling;    /* 1: 4:4:4, 2: 4:2:0 */
    int restart;     /* rows of blocks between restart markers */
} jpeg_kind;

/* Smooth in both directions, so that a JPEG of it is close to it. */
static inline int sample_of(int x, int y, int c) {
    return (c == 0 ? 3 * x + y : c == 1 ? 2 * y + 40 : 200 - x - y) & 255;
}

static inline made make_jpeg(jpeg_kind kind) {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned long size = 0;
    made out = {0};
    int components = kind.components == 14 ? 4 : kind.components;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &out.bytes, &size);
    jpeg.image_width = (JDIMENSION)kind.width;
    jpeg.image_height = (JDIMENSION)kind.height;
    jpeg.input_components = components;
    jpeg.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    if (kind.components == 14) jpeg_set_colorspace(&jpeg, JCS_YCCK);
    jpeg_set_quality(&jpeg, 95, TRUE);
    jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = kind.sampling ? kind.sampling : 1;
    jpeg.restart_in_rows = kind.restart;
    static const jpeg_scan_info apart[] = {{1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
    if (kind.progressive == 1) jpeg_simple_progression(&jpeg);
    if (kind.progressive == 2) {
        jpeg.scan_info = apart;
        jpeg.num_scans = 3;
    }
    jpeg_start_compress(&jpeg, TRUE);
    unsigned char *row = malloc((size_t)kind.width * 4);
    for (int y = 0; y < kind.height; y++) {
        for (int x = 0; x < kind.width; x++)
            for (int c = 0; c < components; c++)
                row[x * components + c] = (unsigned char)(c == 3 ? 255 : sample_of(x, y, c));
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    free(row);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    out.size = size;
    return out;
}

typedef struct png_kind {
    int width, height, color, depth, interlaced, transparent; /* transparent: with a tRNS chunk */
    int colours;                                              /* of the palette; 0: as many as the pixels use */
} png_kind;

/* Raw sample of a fixture PNG in its own depth: palette index, grey or colour. */
static inline unsigned png_sample(const png_kind *k, int x, int y, int c) {
    unsigned v = (unsigned)(x * 2654435 + y * 40503 + c * 9176 + x * y * 77);
    if (k->color == PNG_COLOR_TYPE_PALETTE) return v % (k->depth == 8 ? 200u : 1u << k->depth);
    return (v >> 3) & ((1u << k->depth) - 1);
}

static inline png_color palette_of(unsigned i) {
    return (png_color){(png_byte)(i * 37), (png_byte)(255 - i * 11), (png_byte)(i * i)};
}

static inline void png_append(png_structp png, png_bytep bytes, size_t n) {
    made *out = png_get_io_ptr(png);
    out->bytes = realloc(out->bytes, out->size + n);
    memcpy(out->bytes + out->size, bytes, n);
    out->size += n;
}

static inline int png_channels(int color) {
    return color == PNG_COLOR_TYPE_RGB          ? 3
           : color == PNG_COLOR_TYPE_RGBA       ? 4
           : color == PNG_COLOR_TYPE_GRAY_ALPHA ? 2
                                                : 1;
}

static inline void pack_row(const png_kind *k, int y, png_bytep row) {
    int channels = png_channels(k->color);
    memset(row, 0, (size_t)k->width * 8 + 8);
    for (int x = 0; x < k->width; x++)
        for (int c = 0; c < channels; c++) {
            unsigned v = png_sample(k, x, y, c);
            size_t at = (size_t)(x * channels + c);
            if (k->depth == 16)
                row[2 * at] = (png_byte)(v >> 8), row[2 * at + 1] = (png_byte)v;
            else if (k->depth == 8)
                row[at] = (png_byte)v;
            else
                row[at * (size_t)k->depth / 8] |= (png_byte)(v << (8 - k->depth - (int)(at * (size_t)k->depth % 8)));
        }
}

static inline made make_png(png_kind k) {
    made out = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &out, png_append, NULL);
    png_set_IHDR(png, info, (png_uint_32)k.width, (png_uint_32)k.height, k.depth, k.color,
                 k.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (k.color == PNG_COLOR_TYPE_PALETTE) {
        png_color palette[256];
        int n = k.colours ? k.colours : k.depth == 8 ? 200 : 1 << k.depth;
        for (int i = 0; i < n; i++) palette[i] = palette_of((unsigned)i);
        png_set_PLTE(png, info, palette, n);
    }
    if (k.transparent) {
        png_byte alpha[2] = {0, 128};
        png_color_16 key = {0, (png_uint_16)png_sample(&k, 0, 0, 0), (png_uint_16)png_sample(&k, 0, 0, 1),
                            (png_uint_16)png_sample(&k, 0, 0, 2), (png_uint_16)png_sample(&k, 0, 0, 0)};
        if (k.color == PNG_COLOR_TYPE_PALETTE)
            png_set_tRNS(png, info, alpha, 2, NULL);
        else
            png_set_tRNS(png, info, NULL, 0, &key);
    }
    png_write_info(png, info);
    png_bytepp rows = malloc((size_t)k.height * sizeof *rows);
    for (int y = 0; y < k.height; y++) {
        rows[y] = malloc((size_t)k.width * 8 + 8);
        pack_row(&k, y, rows[y]);
    }
    png_write_image(png, rows);
    png_write_end(png, NULL);
    for (int y = 0; y < k.height; y++) free(rows[y]);
    free(rows);
    png_destroy_write_struct(&png, &info);
    return out;
}

/* Fails unless the bytes are refused with this status and with a one-line message that holds `word`; nothing is left
 * behind. */
static inline void assert_refused(const void *bytes, size_t size, const galen_image_limits *limits, galen_status status,
                                  const char *word) {
    galen_image image = {.data = (void *)1};
    galen_error err = {0};
    assert_int_equal(galen_image_decode(bytes, size, limits, &image, &err), status);
    assert_int_equal(err.status, status);
    assert_null(image.data);
    assert_null(strchr(err.message, '\n'));
    if (!strstr(err.message, word)) fail_msg("'%s' is not in: %s", word, err.message);
}

/* Every way to cut the file off must end in an error, or in a picture where only what follows it is missing. */
static inline void check_truncations(made file, int allowed) {
    int accepted = 0;
    for (size_t n = 0; n < file.size; n++) {
        unsigned char *cut = malloc(n ? n : 1); /* exactly n bytes, so that the sanitizer sees a read beyond */
        galen_image image;
        galen_error err = {0};
        memcpy(cut, file.bytes, n);
        if (galen_image_decode(cut, n, NULL, &image, &err) == GALEN_OK)
            accepted++;
        else
            assert_true(err.message[0] && !image.data);
        galen_image_free(&image);
        free(cut);
    }
    assert_int_equal(accepted, allowed);
}

/* Damage anywhere: an error or a picture, never a crash or a leak. Returns how many were refused. */
static inline int check_bit_flips(made file, int step) {
    int refused = 0;
    galen_image_limits limits = {.max_side = 4096, .max_pixels = 1 << 20, .max_file_bytes = 1 << 24};
    for (size_t bit = 0; bit < file.size * 8; bit += (size_t)step) {
        galen_image image;
        galen_error err = {0};
        file.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        galen_status status = galen_image_decode(file.bytes, file.size, &limits, &image, &err);
        file.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (status != GALEN_OK) assert_true(err.message[0] && !image.data);
        refused += status != GALEN_OK;
        galen_image_free(&image);
    }
    return refused;
}

/* Each allocation of the library fails in turn: GALEN_ERR_MEMORY every time, and success once none fails. */
static inline void check_decode_memory(made file) {
    for (long n = 1;; n++) {
        galen_image image;
        galen_error err = {0};
        test_fail_allocation(n, 0);
        galen_status status = galen_image_decode(file.bytes, file.size, NULL, &image, &err);
        long made_allocations = test_allocations();
        test_fail_allocation(0, 0);
        if (status == GALEN_OK) {
            galen_image_free(&image);
            assert_true(n > 1 && made_allocations < n);
            return;
        }
        assert_int_equal(status, GALEN_ERR_MEMORY);
        assert_null(image.data);
    }
}

#endif
