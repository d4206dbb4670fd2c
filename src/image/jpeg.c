/* JPEG in, by libjpeg-turbo with the settings Pillow uses (slow integer DCT, fancy upsampling), so that pixels agree.
 */
#include "image/codec.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

/* Real progressive files have about ten scans. A hostile one repeats scans to make a small file decode for hours. */
enum { MAX_SCANS = 256, ROWS_AT_ONCE = 16 };

typedef struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    struct jpeg_source_mgr source;
    jmp_buf stop;
    int truncated, too_many_scans;
    galen_error *err;
} decoder;

static decoder *owner(j_common_ptr jpeg) {
    return jpeg->client_data;
}

/* Neither a crash nor a picture that looks whole: any damage ends the decoding here. */
_Noreturn static void stop(j_common_ptr jpeg) {
    longjmp(owner(jpeg)->stop, 1);
}

/* libjpeg only warns of damaged data and then guesses. Guessed pixels are no basis for a diagnosis. */
static void on_message(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA: /* padding between segments, which many devices write */
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_BOGUS_ICC: return;
    default: stop(jpeg);
    }
}

static void on_scan(j_common_ptr jpeg) {
    decoder *d = owner(jpeg);
    if (d->jpeg.input_scan_number <= MAX_SCANS) return;
    d->too_many_scans = 1;
    stop(jpeg);
}

static void source_begin(j_decompress_ptr jpeg) {
    (void)jpeg;
}

/* The whole file is in memory from the start: asking for more means that it was cut off. */
static boolean source_more(j_decompress_ptr jpeg) {
    decoder *d = owner((j_common_ptr)jpeg);
    d->truncated = 1;
    stop((j_common_ptr)jpeg);
}

static void source_skip(j_decompress_ptr jpeg, long n) {
    if (n <= 0) return;
    if ((size_t)n > jpeg->src->bytes_in_buffer) source_more(jpeg);
    jpeg->src->next_input_byte += n;
    jpeg->src->bytes_in_buffer -= (size_t)n;
}

static void set_up(decoder *d, const void *bytes, size_t size) {
    d->jpeg.err = jpeg_std_error(&d->errors);
    d->errors.error_exit = stop;
    d->errors.emit_message = on_message;
    d->jpeg.client_data = d;
    jpeg_create_decompress(&d->jpeg);
    d->jpeg.client_data = d; /* jpeg_create_decompress keeps it; stated for readers */
    d->progress.progress_monitor = on_scan;
    d->jpeg.progress = &d->progress;
    d->source = (struct jpeg_source_mgr){.next_input_byte = bytes,
                                         .bytes_in_buffer = size,
                                         .init_source = source_begin,
                                         .fill_input_buffer = source_more,
                                         .skip_input_data = source_skip,
                                         .resync_to_restart = jpeg_resync_to_restart,
                                         .term_source = source_begin};
    d->jpeg.src = &d->source;
}

static galen_status failed(decoder *d) {
    char text[JMSG_LENGTH_MAX];
    if (d->too_many_scans)
        return gal_fail(d->err, GALEN_ERR_LIMIT, "the JPEG has more than %d scans: store it again as a plain JPEG",
                        (int)MAX_SCANS);
    if (d->truncated)
        return gal_fail(d->err, GALEN_ERR_FORMAT,
                        "the JPEG ends too early (%u of %u rows decoded): it is truncated, get the whole file",
                        d->jpeg.output_scanline, d->jpeg.image_height);
    d->errors.format_message((j_common_ptr)&d->jpeg, text);
    switch (d->errors.msg_code) {
    case JERR_OUT_OF_MEMORY:
    case JERR_NO_BACKING_STORE:
        return gal_fail(d->err, GALEN_ERR_MEMORY, "out of memory while decoding a JPEG of %ux%u", d->jpeg.image_width,
                        d->jpeg.image_height);
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_NOT_COMPILED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_ARITH_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
        return gal_fail(d->err, GALEN_ERR_UNSUPPORTED,
                        "this kind of JPEG is not read (%s): store it as an 8-bit JPEG or PNG", text);
    case JERR_IMAGE_TOO_BIG:
        return gal_fail(d->err, GALEN_ERR_LIMIT, "the JPEG is too large (%s): make it smaller", text);
    default: return gal_fail(d->err, GALEN_ERR_FORMAT, "the JPEG is damaged (%s): get a fresh copy", text);
    }
}

/*
 * A Huffman-coded scan spends at least one bit on each 8x8 block of the first scan, so a short file cannot hold a large
 * picture: a header that lies is refused before its memory is taken.
 */
static galen_status check_room(const decoder *d, size_t size) {
    uint64_t blocks = ((uint64_t)d->jpeg.image_width / 8) * (d->jpeg.image_height / 8);
    if (d->jpeg.arith_code || blocks / 8 <= size) return GALEN_OK;
    return gal_fail(
        d->err, GALEN_ERR_FORMAT,
        "the JPEG says %ux%u pixels but has %zu bytes, too few for them: it is truncated, get the whole file",
        d->jpeg.image_width, d->jpeg.image_height, size);
}

static galen_status choose_output(decoder *d, int *channels) {
    switch (d->jpeg.num_components) {
    case 1:
        d->jpeg.out_color_space = JCS_GRAYSCALE;
        *channels = 1;
        break;
    case 3:
        d->jpeg.out_color_space = JCS_RGB;
        *channels = 3;
        break;
    case 4:
        d->jpeg.out_color_space = JCS_CMYK;
        *channels = 3;
        break;
    default:
        return gal_fail(d->err, GALEN_ERR_UNSUPPORTED,
                        "the JPEG has %d components; 1, 3 and 4 are read: store it as grey or RGB",
                        d->jpeg.num_components);
    }
    d->jpeg.dct_method = JDCT_ISLOW;
    d->jpeg.do_fancy_upsampling = TRUE;
    return GALEN_OK;
}

/* a * b / 255, rounded: exact for 8-bit factors. */
static inline unsigned mul_255(unsigned a, unsigned b) {
    unsigned t = a * b + 128;
    return ((t >> 8) + t) >> 8;
}

/* Adobe stores CMYK inverted (255 = no ink), and so does everyone who writes such a JPEG. */
static void cmyk_row(const uint8_t *from, uint8_t *to, size_t pixels) {
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++)
            to[3 * i + c] = (uint8_t)(from[4 * i + 3] - mul_255(255u - from[4 * i + c], from[4 * i + 3]));
}

static void read_rows(decoder *d, galen_image *out) {
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    size_t stride = (size_t)out->width * (size_t)out->channels;
    if (jpeg->out_color_space != JCS_CMYK) {
        while (jpeg->output_scanline < jpeg->output_height) {
            JSAMPROW rows[ROWS_AT_ONCE];
            JDIMENSION n = 0;
            for (; n < ROWS_AT_ONCE && jpeg->output_scanline + n < jpeg->output_height; n++)
                rows[n] = (JSAMPROW)out->data + (jpeg->output_scanline + n) * stride;
            jpeg_read_scanlines(jpeg, rows, n);
        }
        return;
    }
    JSAMPARRAY row = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE, 4 * jpeg->output_width, 1);
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *to = (uint8_t *)out->data + jpeg->output_scanline * stride;
        jpeg_read_scanlines(jpeg, row, 1);
        cmyk_row(row[0], to, (size_t)out->width);
    }
}

/* Runs under setjmp; what it allocates is reachable from d and out. */
static galen_status decode(decoder *d, size_t size, const galen_image_limits *limits, galen_image *out) {
    int channels = 0;
    jpeg_read_header(&d->jpeg, TRUE);
    GAL_TRY(gal_image_check_size(d->jpeg.image_width, d->jpeg.image_height, limits, d->err));
    GAL_TRY(check_room(d, size));
    GAL_TRY(choose_output(d, &channels));
    GAL_TRY(gal_image_create_unlimited((int)d->jpeg.image_width, (int)d->jpeg.image_height, channels, GALEN_SAMPLE_U8,
                                       out, d->err));
    jpeg_start_decompress(&d->jpeg);
    read_rows(d, out);
    jpeg_finish_decompress(&d->jpeg); /* reads on to the end-of-image mark: a file without it is cut off */
    return GALEN_OK;
}

/* A function of its own: what it must find after the jump lives in its caller's frame, as C asks. */
static galen_status guarded(decoder *d, const void *bytes, size_t size, const galen_image_limits *limits,
                            galen_image *out) {
    if (setjmp(d->stop)) return failed(d);
    set_up(d, bytes, size);
    return decode(d, size, limits, out);
}

galen_status gal_jpeg_decode(const void *bytes, size_t size, const galen_image_limits *limits, galen_image *out,
                             galen_error *err) {
    decoder d;
    memset(&d, 0, sizeof d);
    d.err = err;
    galen_status status = guarded(&d, bytes, size, limits, out);
    jpeg_destroy_decompress(&d.jpeg);
    if (status != GALEN_OK) galen_image_free(out);
    return status;
}
