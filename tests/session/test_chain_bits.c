/* An inverted bottleneck as chains has the bits of its layers one by one: in f32, bf16 and f16, at every level. Images
 * are less than sixteen high, so that their mean is added up in one part. */
#include "cpu/isa.h"
#include "pass/small_graph.h"
#include "session/session.h"

enum { N = 5, C = 6, WIDE = 40, MADE = 10, FLOATS = 1 << 15 };

typedef struct shape {
    int64_t h, w, window, stride;
    const char *activation;
} shape;

static const shape shapes[] = {
    {15, 13, 3, 1, "Relu"}, {14, 29, 5, 2, "SiLU"}, {7, 7, 5, 1, "SiLU"}, {4, 70, 3, 2, "HardSwish"}};

static gal_value *activate(gal_graph *g, gal_value *x, const char *kind) {
    if (strcmp(kind, "SiLU") == 0) return small_op(g, "Mul", x, small_op(g, "Sigmoid", x, NULL));
    return small_op(g, kind, x, NULL);
}

static gal_value *depthwise(gal_graph *g, gal_value *x, const shape *s) {
    const int64_t w[4] = {WIDE, 1, s->window, s->window}, strides[2] = {s->stride, s->stride}, pad = s->window / 2;
    const int64_t pads[4] = {pad, pad, pad, pad};
    const gal_attr attr[3] = {small_list("strides", strides, 2), small_list("pads", pads, 4), small_int("group", WIDE)};
    gal_value *in[3] = {x, small_constant(g, -1, 4, w), small_row(g, -1, WIDE)};
    return small_node(g, "Conv", 3, in, 3, attr)->out[0];
}

/* Outputs: the depthwise layer's, its mean, and the projection of it times a gate of its own. */
static gal_graph *block(const shape *s, galen_dtype type, bool chained) {
    gal_graph *g = small_graph();
    gal_value *x = small_input(g, "x", C, s->h, s->w), *gate = small_input(g, "gate", WIDE, 1, 1);
    gal_value *y = activate(g, depthwise(g, activate(g, small_conv(g, x, WIDE, 1, 1), s->activation), s), "HardSwish");
    gal_value *z =
        small_conv(g, small_op(g, "Mul", y, small_op(g, "Sigmoid", small_conv(g, gate, WIDE, 1, 1), NULL)), MADE, 1, 1);
    small_output(g, y);
    small_output(g, small_op(g, "GlobalAveragePool", y, NULL));
    small_output(g, z);
    assert_ok(gal_pass_run_all(g, false, &small_err), small_err);
    if (type != GALEN_F32) assert_ok(gal_pass_narrow(g, type, &(bool){false}, &small_err), small_err);
    if (chained) assert_ok(gal_pass_chain(g, NULL, &(bool){false}, &small_err), small_err);
    assert_int_equal(small_count(g, "ExpandDepthwise"), chained);
    assert_int_equal(small_count(g, "GatedConv"), chained);
    return g;
}

static void compute(const shape *s, galen_dtype type, gal_isa isa, bool chained, float *y) {
    static float x[FLOATS], gate[N * WIDE];
    gal_graph *g = block(s, type, chained);
    gal_session_options options = gal_session_default_options();
    gal_session *session;
    options.optimise = false, options.isa = isa, options.max_batch = N, options.threads = 2;
    assert_ok(gal_session_create(g, &options, &session, &small_err), small_err);
    for (int i = 0; i < FLOATS; i++) x[i] = small_random();
    for (int i = 0; i < N * WIDE; i++) gate[i] = small_random();
    const void *in[2] = {x, gate};
    void *out[3];
    for (uint32_t i = 0; i < 3; i++) {
        galen_tensor t;
        gal_shape_at(&g->output[i]->shape, GALEN_F32, N, &t);
        out[i] = y;
        y += galen_tensor_elements(&t);
    }
    assert_ok(gal_session_run(session, N, in, out, &small_err), small_err);
    gal_session_destroy(session);
    gal_graph_destroy(g);
}

static void test_bits(void **state) {
    static float apart[3 * FLOATS], together[3 * FLOATS];
    galen_dtype type = *(const galen_dtype *)*state;
    for (int isa = GAL_ISA_REFERENCE; isa < GAL_ISA_COUNT; isa++) {
        if (!gal_isa_here((gal_isa)isa)) continue;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            memset(apart, 0, sizeof apart), memset(together, 0, sizeof together);
            compute(&shapes[i], type, (gal_isa)isa, false, apart);
            compute(&shapes[i], type, (gal_isa)isa, true, together);
            assert_memory_equal(apart, together, sizeof apart);
            assert_true(apart[N * WIDE] != 0);
        }
    }
}

int main(void) {
    static const galen_dtype f32 = GALEN_F32, bf16 = GALEN_BF16, f16 = GALEN_F16;
    const struct CMUnitTest tests[] = {
        {.name = "f32", .test_func = test_bits, .initial_state = (void *)(uintptr_t)&f32},
        {.name = "bf16", .test_func = test_bits, .initial_state = (void *)(uintptr_t)&bf16},
        {.name = "f16", .test_func = test_bits, .initial_state = (void *)(uintptr_t)&f16}};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
