/* Pictures of bytes through a table give the bits of prepared f32 planes: small graphs, and the trained models. */
#include "image/prepare.h"
#include "model/onnx.h"
#include "pass/small_graph.h"
#include "session/predictor.h"

enum { SIDE = 9, OUTPUTS = 8, BATCH = 3, LEVELS = 256, MAX_FLOATS = 1 << 14 };

static const char *const level[] = {"reference", "avx2", "avx512", "amx", "neon"};
enum { N_LEVEL = sizeof level / sizeof *level };

typedef struct net_case {
    const char *name;
    int channels;
    gal_value *(*build)(gal_graph *g, gal_value *x);
    const char *second; /* the op behind galen.Pixels */
} net_case;

static gal_value *convolution(gal_graph *g, gal_value *x) {
    return small_op(g, "Relu", small_conv(g, x, OUTPUTS, 3, 2), NULL);
}

/* Planes are wanted: the Transpose back to them stays. */
static gal_value *flat(gal_graph *g, gal_value *x) {
    return small_with(g, "Flatten", x, small_int("axis", 1));
}

/* Two readers in two layouts. */
static gal_value *both(gal_graph *g, gal_value *x) {
    return small_op(g, "Add", small_conv(g, x, 3, 3, 1), x);
}

static gal_value *byte(gal_graph *g, galen_dtype dtype, int v) {
    gal_value *value;
    assert_ok(gal_graph_new_constant(g, NULL, dtype, 0, NULL, &value, &small_err), small_err);
    *(uint8_t *)value->constant->data = (uint8_t)v;
    return value;
}

static gal_value *number(gal_graph *g, float v) {
    gal_value *value;
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_F32, 0, NULL, &value, &small_err), small_err);
    *(float *)value->constant->data = v;
    return value;
}

static gal_value *between(gal_graph *g, const char *op, gal_value *x, float scale, gal_value *zero) {
    gal_value *in[3] = {x, number(g, scale), zero};
    return small_node(g, op, 3, in, 0, NULL)->out[0];
}

static gal_value *rounded(gal_graph *g, gal_value *x, float scale, int zero) {
    gal_value *z = byte(g, GALEN_U8, zero);
    return between(g, "DequantizeLinear", between(g, "QuantizeLinear", x, scale, z), scale, z);
}

/* A convolution in 8 bits as QDQ files say it. */
static gal_value *quantised(gal_graph *g, gal_value *x) {
    const int64_t dim[4] = {OUTPUTS, x->shape.dim[1].size, 3, 3};
    gal_value *w;
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_I8, 4, dim, &w, &small_err), small_err);
    int64_t n = galen_tensor_elements(w->constant);
    for (int64_t i = 0; i < n; i++) ((int8_t *)w->constant->data)[i] = (int8_t)(small_random() * 127);
    w = between(g, "DequantizeLinear", w, 0.01f, byte(g, GALEN_I8, 0));
    gal_value *in[2] = {rounded(g, x, 0.02f, 110), w};
    return rounded(g, small_node(g, "Conv", 2, in, 0, NULL)->out[0], 0.05f, 128);
}

static const net_case nets[] = {
    {"grey convolution", 1, convolution, "Conv"},
    {"RGB convolution", 3, convolution, "Conv"},
    {"grey in 8 bits", 1, quantised, "QConv"},
    {"RGB in 8 bits", 3, quantised, "QConv"},
    {"flat", 3, flat, "Transpose"},
};

static const gal_recipe recipe = {.channels = 3,
                                  .width = SIDE,
                                  .height = SIDE,
                                  .high = 1,
                                  .mean = {0.485f, 0.456f, 0.406f},
                                  .std = {0.229f, 0.224f, 0.225f}};

/* Runs a batch through the net, fed with planes or, with a table, with pixels. */
static size_t run(const net_case *net, const gal_session_options *o, const float *table, const void *input,
                  float *out) {
    gal_graph *g = small_graph();
    gal_session *session;
    gal_value *y = net->build(g, small_input(g, "x", net->channels, SIDE, SIDE));
    small_output(g, y);
    if (table != NULL) {
        assert_ok(gal_pass_take_pixels(g, table, &small_err), small_err);
        assert_ok(gal_graph_verify(g, &small_err), small_err);
        assert_string_equal(g->input[0]->name, "x");
    }
    assert_ok(gal_session_create(g, o, &session, &small_err), small_err);
    galen_tensor t;
    gal_shape_at(&g->output[0]->shape, GALEN_F32, BATCH, &t);
    assert_true(galen_tensor_elements(&t) <= MAX_FLOATS);
    assert_ok(gal_session_run(session, BATCH, (const void *[]){input}, (void *[]){out}, &small_err), small_err);
    if (table != NULL) {
        assert_string_equal(gal_session_step(session, 0).node->op->name, "Pixels");
        assert_string_equal(gal_session_step(session, 1).node->op->name, net->second);
    }
    gal_session_destroy(session);
    gal_graph_destroy(g);
    return (size_t)galen_tensor_elements(&t);
}

static void check_net(const net_case *net, gal_isa isa, galen_dtype precision) {
    static uint8_t pixels[BATCH * SIDE * SIDE * 3];
    static float planes[BATCH * SIDE * SIDE * 3], want[MAX_FLOATS], got[MAX_FLOATS];
    float table[LEVELS * 3];
    gal_recipe r = recipe;
    size_t area = SIDE * SIDE, c = (size_t)net->channels;
    r.channels = net->channels;
    gal_prepare_table(&r, table);
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 2654435761u >> 13);
    for (size_t n = 0; n < BATCH; n++)
        for (size_t i = 0; i < area * c; i++)
            planes[n * area * c + i % c * area + i / c] = table[pixels[n * area * c + i] * c + i % c];
    gal_session_options o = gal_session_default_options();
    o.isa = isa, o.precision = precision, o.max_batch = BATCH, o.threads = 2;
    size_t n = run(net, &o, NULL, planes, want);
    assert_int_equal(run(net, &o, table, pixels, got), n);
    if (memcmp(want, got, n * sizeof *want) != 0) fail_msg("%s in %s", net->name, gal_isa_name(isa));
}

static void graphs_keep_their_bits(void **state) {
    (void)state;
    gal_isa isa;
    for (int i = 0; i < N_LEVEL; i++) {
        if (gal_isa_parse(level[i], &isa, &small_err) != GALEN_OK) continue;
        for (size_t k = 0; k < sizeof nets / sizeof *nets; k++) {
            check_net(&nets[k], isa, GALEN_F32);
            check_net(&nets[k], isa, GALEN_BF16);
        }
    }
}

/* An output that is the input stays planes of f32, and a second reader keeps its layout. */
static void every_reader_is_served(void **state) {
    (void)state;
    gal_graph *g = small_graph();
    float table[LEVELS * 3];
    gal_value *x = small_input(g, "x", 3, SIDE, SIDE);
    small_output(g, both(g, x));
    small_output(g, x);
    gal_prepare_table(&recipe, table);
    assert_ok(gal_pass_take_pixels(g, table, &small_err), small_err);
    assert_ok(gal_graph_verify(g, &small_err), small_err);
    assert_int_equal(g->input[0]->dtype, GALEN_U8);
    assert_int_equal(g->input[0]->shape.dim[3].size, 3);
    assert_false(g->input[0]->is_output);
    assert_int_equal(g->output[1]->dtype, GALEN_F32);
    assert_int_equal(g->output[1]->shape.dim[1].size, 3);
    assert_int_equal(small_count(g, "Pixels"), 1);
    gal_graph_destroy(g);
}

static const char *const precisions[] = {"f32", "bf16", "f16"};

enum { MAX_FILES = 16 };

typedef struct scores {
    float score[MAX_FILES];
    size_t n;
} scores;

static void collect(void *user, const galen_prediction *p) {
    scores *s = user;
    if (p->status != GALEN_OK) fail_msg("%s", p->error);
    s->score[s->n++] = p->scores[0];
}

/* What the predictor says, against a session of the same file fed with prepared planes. */
static void check_model(const char *path, const char *const *file, size_t n, const char *isa, const char *precision) {
    static float planes[3 * 64 * 64];
    galen_predictor_options o = galen_predictor_default_options();
    gal_session_options s = gal_session_default_options();
    galen_predictor *p;
    gal_session *session;
    gal_model *model;
    scores got = {.n = 0};
    float want;
    o.isa = isa, o.precision = precision, o.batch = 4;
    assert_ok(gal_isa_parse(isa, &s.isa, &small_err), small_err);
    assert_ok(gal_precision_parse(precision, &s.precision, &small_err), small_err);
    assert_ok(galen_predictor_open(path, &o, &p, &small_err), small_err);
    assert_ok(galen_predictor_run(p, file, n, collect, &got, &small_err), small_err);
    assert_int_equal(got.n, n);
    assert_ok(gal_onnx_load(path, NULL, &model, &small_err), small_err);
    assert_ok(gal_session_create(model->graph, &s, &session, &small_err), small_err);
    for (size_t i = 0; i < n; i++) {
        assert_true(p->picture <= sizeof planes / sizeof *planes);
        assert_ok(gal_predictor_read(p, file[i], planes, &small_err), small_err);
        assert_ok(gal_session_run(session, 1, (const void *[]){planes}, (void *[]){&want}, &small_err), small_err);
        if (want != got.score[i])
            fail_msg("%s, %s, %s: %.9g, by planes %.9g", file[i], isa, precision, (double)got.score[i], (double)want);
    }
    gal_session_destroy(session);
    gal_model_destroy(model);
    galen_predictor_close(p);
}

/* JPEG and PNG, and DICOM of 16 bits, which the recipe brings to 8 like any other. */
static void predictions_keep_their_bits(void **state) {
    (void)state;
    static const char *const name[] = {
        "images/cxr_samples/00000001_000.png",
        "images/cxr_samples/16747_3_1.jpg",
        "images/angiogram_frames/p10_v7_00031.png",
        "dicom/syntaxes/no-pixel-spacing.dcm",
        "images/cxr_samples/h0001.png",
    };
    enum { N = sizeof name / sizeof *name };
    static char path[N][4096];
    const char *file[N];
    gal_isa isa;
    for (int i = 0; i < N; i++) file[i] = strcpy(path[i], test_shared(name[i]));
    for (int i = 0; i < N_LEVEL; i++) {
        if (gal_isa_parse(level[i], &isa, &small_err) != GALEN_OK) continue;
        for (size_t k = 0; k < sizeof precisions / sizeof *precisions; k++)
            check_model("models/cxr64-small.onnx", file, N, level[i], precisions[k]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_keep_their_bits),
        cmocka_unit_test(every_reader_is_served),
        cmocka_unit_test(predictions_keep_their_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
