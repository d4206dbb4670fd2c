#include "onednn_conv.h"

#include "base/mem.h"
#include "base/rng.h"

#include <dnnl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        dnnl_status_t status_ = (call);                                                                                \
        if (status_ != dnnl_success) fail(#call, status_);                                                             \
    } while (0)

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t desc;
typedef const_dnnl_memory_desc_t const_desc;
#else
typedef dnnl_memory_desc_t desc;
typedef const dnnl_memory_desc_t *const_desc;
#endif

enum { MAX_RANK = 5, MAX_ARGS = 6 };

struct conv {
    dnnl_primitive_t primitive;
    dnnl_memory_t source, weights, bias, target, scale[2];
    void *weights_data, *bias_data;
    float *scale_data[2];
    const char *implementation;
    size_t source_bytes, target_bytes;
    dnnl_exec_arg_t arg[MAX_ARGS];
    int n_arg;
};

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static void fail(const char *what, dnnl_status_t status) {
    fprintf(stderr, "onednn-peer: %.60s failed with status %d\n", what, (int)status);
    exit(1);
}

static void *room(size_t bytes) {
    void *p = gal_alloc_aligned(bytes);
    if (p == NULL) fail("allocation", dnnl_out_of_memory);
    memset(p, 0, bytes);
    return p;
}

static void start(void) {
    if (engine != NULL) return;
    CHECK(dnnl_engine_create(&engine, dnnl_cpu, 0));
    CHECK(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
}

/* oneDNN's arrays of dimensions have a fixed length. */
typedef dnnl_dims_t dims;
static const int64_t *padded(dims all, const int64_t *dim, int rank) {
    memset(all, 0, sizeof(dims));
    memcpy(all, dim, (size_t)rank * sizeof *dim);
    return all;
}

/* ---- what versions 2 and 3 call differently ---- */

#if DNNL_VERSION_MAJOR >= 3

static desc make_desc(int rank, const int64_t *dim, dnnl_data_type_t type, dnnl_format_tag_t tag) {
    desc d;
    dims all;
    CHECK(dnnl_memory_desc_create_with_tag(&d, rank, padded(all, dim, rank), type, tag));
    return d;
}

static void drop_desc(desc *d) {
    CHECK(dnnl_memory_desc_destroy(*d));
}

static const_desc pointer(const desc *d) {
    return *d;
}

static size_t desc_bytes(const_desc d) {
    return dnnl_memory_desc_get_size(d);
}

/* The scales of weights (one a channel) and target, given when run. */
static void set_scales(dnnl_primitive_attr_t attr, const conv_shape *s) {
    CHECK(dnnl_primitive_attr_set_scales_mask(attr, DNNL_ARG_WEIGHTS, s->groups > 1 ? 3 : 1));
    CHECK(dnnl_primitive_attr_set_scales_mask(attr, DNNL_ARG_DST, 0));
}

static dnnl_primitive_desc_t describe(const conv_shape *s, const desc md[4], dnnl_primitive_attr_t attr) {
    dnnl_primitive_desc_t pd;
    dims stride, dilation, before, after;
    int64_t less[2] = {s->dilation[0] - 1, s->dilation[1] - 1};
    CHECK(dnnl_convolution_forward_primitive_desc_create(&pd, engine, dnnl_forward_inference, dnnl_convolution_auto,
                                                         md[0], md[1], md[2], md[3], padded(stride, s->stride, 2),
                                                         padded(dilation, less, 2), padded(before, s->before, 2),
                                                         padded(after, s->after, 2), attr));
    return pd;
}

static void add_scale(conv *c, int index, int argument, int64_t n, float value) {
    desc d = make_desc(1, &n, dnnl_f32, dnnl_a);
    c->scale_data[index] = room((size_t)n * sizeof(float));
    for (int64_t i = 0; i < n; i++) c->scale_data[index][i] = value;
    CHECK(dnnl_memory_create(&c->scale[index], d, engine, c->scale_data[index]));
    c->arg[c->n_arg++] = (dnnl_exec_arg_t){DNNL_ARG_ATTR_SCALES | argument, c->scale[index]};
    drop_desc(&d);
}

static void add_scales(conv *c, const conv_shape *s, float scale) {
    add_scale(c, 0, DNNL_ARG_WEIGHTS, s->out_channels, scale);
    add_scale(c, 1, DNNL_ARG_DST, 1, 1);
}

static void append_relu(dnnl_post_ops_t ops) {
    CHECK(dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0, 0));
}

#else

static desc make_desc(int rank, const int64_t *dim, dnnl_data_type_t type, dnnl_format_tag_t tag) {
    desc d;
    dims all;
    CHECK(dnnl_memory_desc_init_by_tag(&d, rank, padded(all, dim, rank), type, tag));
    return d;
}

static void drop_desc(desc *d) {
    (void)d;
}

static const_desc pointer(const desc *d) {
    return d;
}

static size_t desc_bytes(const_desc d) {
    return dnnl_memory_desc_get_size(d);
}

static dnnl_primitive_desc_t describe(const conv_shape *s, const desc md[4], dnnl_primitive_attr_t attr) {
    dnnl_convolution_desc_t what;
    dnnl_primitive_desc_t pd;
    dims stride, dilation, before, after;
    int64_t less[2] = {s->dilation[0] - 1, s->dilation[1] - 1};
    CHECK(dnnl_dilated_convolution_forward_desc_init(&what, dnnl_forward_inference, dnnl_convolution_auto, &md[0],
                                                     &md[1], &md[2], &md[3], padded(stride, s->stride, 2),
                                                     padded(dilation, less, 2), padded(before, s->before, 2),
                                                     padded(after, s->after, 2)));
    CHECK(dnnl_primitive_desc_create(&pd, &what, attr, engine, NULL));
    return pd;
}

static void append_relu(dnnl_post_ops_t ops) {
    CHECK(dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0));
}

#endif

/* ---- the convolution ---- */

static int64_t fan_in(const conv_shape *s) {
    return s->in_channels / s->groups * s->kernel[0] * s->kernel[1];
}

/* int8: weights are drawn from [-64, 64), this brings a sum back to the range of u8. */
static float int8_scale(const conv_shape *s) {
    return (float)(0.5 * sqrt(6.0 / (double)fan_in(s)) / 64);
}

static dnnl_primitive_attr_t make_attr(const conv_shape *s, conv_type type) {
    dnnl_primitive_attr_t attr;
    dnnl_post_ops_t ops;
    CHECK(dnnl_primitive_attr_create(&attr));
    CHECK(dnnl_post_ops_create(&ops));
    append_relu(ops);
    CHECK(dnnl_primitive_attr_set_post_ops(attr, ops));
    CHECK(dnnl_post_ops_destroy(ops));
#if DNNL_VERSION_MAJOR >= 3
    if (type == CONV_INT8) set_scales(attr, s);
#else
    if (type == CONV_INT8) {
        float *scale = room((size_t)s->out_channels * sizeof *scale);
        for (int64_t i = 0; i < s->out_channels; i++) scale[i] = int8_scale(s);
        CHECK(dnnl_primitive_attr_set_output_scales(attr, s->out_channels, 1 << 1, scale));
        gal_free(scale);
    }
#endif
    return attr;
}

/* Dimensions of the weights; a group is a dimension of its own in oneDNN. */
static int weight_dims(const conv_shape *s, int64_t dim[MAX_RANK]) {
    int64_t all[MAX_RANK] = {s->groups, s->out_channels / s->groups, s->in_channels / s->groups, s->kernel[0],
                             s->kernel[1]};
    int skip = s->groups > 1 ? 0 : 1;
    memcpy(dim, all + skip, (size_t)(MAX_RANK - skip) * sizeof *dim);
    return MAX_RANK - skip;
}

/* Random weights, brought from the plain order to the one oneDNN wants. */
static void fill_weights(conv *c, const conv_shape *s, conv_type type, const_desc want, uint64_t seed) {
    int64_t dim[MAX_RANK];
    int rank = weight_dims(s, dim);
    bool bytes = type == CONV_INT8;
    int64_t n = s->out_channels * fan_in(s);
    double bound = 0.5 * sqrt(6.0 / (double)fan_in(s));
    desc plain = make_desc(rank, dim, bytes ? dnnl_s8 : dnnl_f32, rank == MAX_RANK ? dnnl_abcde : dnnl_abcd);
    void *data = room((size_t)n * (bytes ? 1 : sizeof(float)));
    gal_rng rng = gal_rng_make(1, seed);
    for (int64_t i = 0; i < n; i++) {
        double u = 2 * gal_rng_uniform(&rng) - 1;
        if (bytes)
            ((int8_t *)data)[i] = (int8_t)(64 * u);
        else
            ((float *)data)[i] = (float)(bound * u);
    }
    dnnl_memory_t from;
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t reorder;
    CHECK(dnnl_memory_create(&from, pointer(&plain), engine, data));
    CHECK(dnnl_reorder_primitive_desc_create(&pd, pointer(&plain), engine, want, engine, NULL));
    CHECK(dnnl_primitive_create(&reorder, pd));
    dnnl_exec_arg_t arg[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, c->weights}};
    CHECK(dnnl_primitive_execute(reorder, stream, 2, arg));
    CHECK(dnnl_stream_wait(stream));
    CHECK(dnnl_primitive_destroy(reorder));
    CHECK(dnnl_primitive_desc_destroy(pd));
    CHECK(dnnl_memory_destroy(from));
    drop_desc(&plain);
    gal_free(data);
}

static void add_memory(conv *c, dnnl_memory_t *memory, int argument, const_desc d, void *data) {
    CHECK(dnnl_memory_create(memory, d, engine, data));
    c->arg[c->n_arg++] = (dnnl_exec_arg_t){argument, *memory};
}

static void add_operands(conv *c, const conv_shape *s, conv_type type, dnnl_primitive_desc_t pd, const desc *bias) {
    const_desc source = dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0),
               weights = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0),
               target = dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0);
    c->source_bytes = desc_bytes(source);
    c->target_bytes = desc_bytes(target);
    c->weights_data = room(desc_bytes(weights));
    float *b = c->bias_data = room((size_t)s->out_channels * sizeof *b);
    for (int64_t i = 0; i < s->out_channels; i++) b[i] = type == CONV_INT8 ? 8 : 0.1f;
    add_memory(c, &c->source, DNNL_ARG_SRC, source, DNNL_MEMORY_NONE);
    add_memory(c, &c->weights, DNNL_ARG_WEIGHTS, weights, c->weights_data);
    add_memory(c, &c->bias, DNNL_ARG_BIAS, pointer(bias), c->bias_data);
    add_memory(c, &c->target, DNNL_ARG_DST, target, DNNL_MEMORY_NONE);
#if DNNL_VERSION_MAJOR >= 3
    if (type == CONV_INT8) add_scales(c, s, int8_scale(s));
#endif
}

conv *conv_create(const conv_shape *s, conv_type type, uint64_t seed) {
    static const dnnl_data_type_t activation[] = {dnnl_f32, dnnl_bf16, dnnl_u8},
                                  weight[] = {dnnl_f32, dnnl_bf16, dnnl_s8};
    int64_t weights[MAX_RANK], source[] = {s->batch, s->in_channels, s->in[0], s->in[1]},
                               target[] = {s->batch, s->out_channels, s->out[0], s->out[1]};
    int rank = weight_dims(s, weights);
    conv *c = room(sizeof *c);
    start();
    desc md[] = {make_desc(4, source, activation[type], dnnl_format_tag_any),
                 make_desc(rank, weights, weight[type], dnnl_format_tag_any),
                 make_desc(1, &s->out_channels, dnnl_f32, dnnl_a),
                 make_desc(4, target, activation[type], dnnl_format_tag_any)};
    dnnl_primitive_attr_t attr = make_attr(s, type);
    dnnl_primitive_desc_t pd = describe(s, md, attr);
    CHECK(dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &c->implementation));
    CHECK(dnnl_primitive_create(&c->primitive, pd));
    add_operands(c, s, type, pd, &md[2]);
    const_desc want = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    fill_weights(c, s, type, want, seed);
    CHECK(dnnl_primitive_attr_destroy(attr));
    CHECK(dnnl_primitive_desc_destroy(pd));
    for (int i = 0; i < 4; i++) drop_desc(&md[i]);
    return c;
}

size_t conv_source_bytes(const conv *c) {
    return c->source_bytes;
}

size_t conv_target_bytes(const conv *c) {
    return c->target_bytes;
}

const char *conv_implementation(const conv *c) {
    return c->implementation;
}

void conv_place(conv *c, void *source, void *target) {
    CHECK(dnnl_memory_set_data_handle(c->source, source));
    CHECK(dnnl_memory_set_data_handle(c->target, target));
}

void conv_run(const conv *c) {
    CHECK(dnnl_primitive_execute(c->primitive, stream, c->n_arg, c->arg));
}

void conv_wait(void) {
    CHECK(dnnl_stream_wait(stream));
}

void conv_destroy(conv *c) {
    dnnl_memory_t memory[] = {c->source, c->weights, c->bias, c->target, c->scale[0], c->scale[1]};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        if (memory[i] != NULL) CHECK(dnnl_memory_destroy(memory[i]));
    CHECK(dnnl_primitive_destroy(c->primitive));
    gal_free(c->weights_data);
    gal_free(c->bias_data);
    for (int i = 0; i < 2; i++) gal_free(c->scale_data[i]);
    gal_free(c);
}

const char *conv_version(void) {
    static char text[64];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}
