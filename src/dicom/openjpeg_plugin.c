/* Decoding a JPEG 2000 frame from memory with OpenJPEG. */
#include "dicom/openjpeg_plugin.h"

#include "base/error.h"

#include <openjpeg.h>
#include <string.h>

typedef struct source {
    const uint8_t *bytes;
    size_t size, at;
} source;

static OPJ_SIZE_T read_some(void *buffer, OPJ_SIZE_T n, void *user) {
    source *s = user;
    size_t left = s->size - s->at;
    if (left == 0) return (OPJ_SIZE_T)-1;
    if (n > left) n = left;
    memcpy(buffer, s->bytes + s->at, n);
    s->at += n;
    return n;
}

static OPJ_OFF_T skip_some(OPJ_OFF_T n, void *user) {
    source *s = user;
    if (n < 0) return -1;
    size_t left = s->size - s->at;
    size_t step = (uint64_t)n > left ? left : (size_t)n;
    s->at += step;
    return (OPJ_OFF_T)step;
}

static OPJ_BOOL seek_to(OPJ_OFF_T n, void *user) {
    source *s = user;
    if (n < 0 || (uint64_t)n > s->size) return OPJ_FALSE;
    s->at = (size_t)n;
    return OPJ_TRUE;
}

static void silent(const char *message, void *user) {
    (void)message;
    (void)user;
}

static galen_status damaged(galen_error *err, const char *what) {
    return gal_fail(err, GALEN_ERR_FORMAT, "the JPEG 2000 frame %s: it was cut short or is damaged", what);
}

/* Every component must be there in full size: what the header promised is what the caller's buffer was made for. */
static galen_status check(const opj_image_t *image, const gal_codestream *header, galen_error *err) {
    if ((int)image->numcomps != header->components)
        return damaged(err, "has another number of components than it says");
    for (OPJ_UINT32 c = 0; c < image->numcomps; c++) {
        const opj_image_comp_t *comp = &image->comps[c];
        if (comp->w != header->width || comp->h != header->height || comp->dx != 1 || comp->dy != 1)
            return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                            "component %u of the JPEG 2000 frame is subsampled, which Galen does not read",
                            (unsigned)c);
        if ((int)comp->prec != header->precision) return damaged(err, "has components of different depths");
    }
    return GALEN_OK;
}

static galen_status copy(const opj_image_t *image, int sample_bytes, uint8_t *out, galen_error *err) {
    OPJ_UINT32 n = image->numcomps;
    for (OPJ_UINT32 c = 0; c < n; c++) {
        const opj_image_comp_t *comp = &image->comps[c];
        if (!comp->data) return damaged(err, "lacks a component");
        size_t pixels = (size_t)comp->w * comp->h;
        uint8_t *to = out + (size_t)c * (size_t)sample_bytes;
        for (size_t i = 0; i < pixels; i++, to += (size_t)n * (size_t)sample_bytes) {
            uint32_t value = (uint32_t)comp->data[i];
            for (int b = 0; b < sample_bytes; b++) to[b] = (uint8_t)(value >> (8 * b));
        }
    }
    return GALEN_OK;
}

static galen_status decode(opj_codec_t *codec, opj_stream_t *stream, opj_image_t **image, const gal_codestream *header,
                           galen_error *err) {
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    opj_set_info_handler(codec, silent, NULL);
    opj_set_warning_handler(codec, silent, NULL);
    opj_set_error_handler(codec, silent, NULL);
    if (!opj_setup_decoder(codec, &parameters)) return gal_fail_memory(err, "the JPEG 2000 decoder", sizeof parameters);
    if (!opj_read_header(stream, codec, image)) return damaged(err, "has a header that cannot be read");
    GAL_TRY(check(*image, header, err));
    if (!opj_decode(codec, stream, *image)) return damaged(err, "cannot be decoded");
    return check(*image, header, err);
}

galen_status gal_jpeg2000_decode(const uint8_t *bytes, size_t size, const gal_codestream *header, int sample_bytes,
                                 uint8_t *out, galen_error *err) {
    source s = {bytes, size, 0};
    bool wrapped = size >= 8 && memcmp(bytes + 4, "jP  ", 4) == 0;
    opj_codec_t *codec = opj_create_decompress(wrapped ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
    opj_stream_t *stream = opj_stream_default_create(OPJ_TRUE);
    opj_image_t *image = NULL;
    galen_status status = GALEN_OK;
    if (codec && stream) {
        opj_stream_set_user_data(stream, &s, NULL);
        opj_stream_set_user_data_length(stream, size);
        opj_stream_set_read_function(stream, read_some);
        opj_stream_set_skip_function(stream, skip_some);
        opj_stream_set_seek_function(stream, seek_to);
        status = decode(codec, stream, &image, header, err);
        if (status == GALEN_OK) status = copy(image, sample_bytes, out, err);
    } else {
        status = gal_fail_memory(err, "the JPEG 2000 decoder", size);
    }
    opj_image_destroy(image);
    if (stream) opj_stream_destroy(stream);
    if (codec) opj_destroy_codec(codec);
    return status;
}
