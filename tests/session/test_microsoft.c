/*
 * Integer ops of com.microsoft, as ONNX Runtime's quantiser writes them: the bytes that their definition gives, with
 * the passes and without, at every level.
 */
#include "../pass/small_quantized.h"
#include "cpu/isa.h"
#include "model/onnx_upgrade.h"
#include "session/session.h"

enum { BATCH = 2, MOST = 4096 };

static const byte_kind kind_a = {0x1p-5f, GALEN_U8, 120}, kind_b = {0x1p-4f, GALEN_U8, 133};
static const byte_kind kind_c = {0x1p-3f, GALEN_U8, 127}, kind_s = {0x1p-4f, GALEN_I8, -9};

static gal_value *bytes_input(gal_graph *g, const char *name, galen_dtype dtype, int64_t c, int64_t h, int64_t w) {
    gal_shape shape = {.rank = h > 0 ? 4 : 2, .dim = {{1, true}, {c, false}, {h, false}, {w, false}}};
    gal_value *value;
    assert_ok(gal_graph_input(g, name, dtype, &shape, &value, &small_err), small_err);
    return value;
}

static galen_status import(gal_graph *g, const char *op, uint32_t n_in, gal_value *const *in, uint32_t n_attr,
                           const gal_attr *attr, gal_value **out) {
    const char *name = "y";
    const gal_node_spec spec = {.domain = "com.microsoft",
                                .op = op,
                                .name = "node",
                                .n_in = n_in,
                                .n_out = 1,
                                .in = in,
                                .out_name = &name,
                                .n_attr = n_attr,
                                .attr = attr};
    gal_node *node;
    galen_status status = gal_upgrade_node(g, 13, &spec, &node, &small_err);
    *out = status == GALEN_OK ? node->out[0] : NULL;
    return status;
}

static void set_kind(gal_graph *g, gal_value **in, byte_kind k) {
    in[0] = q_scalar(g, k.scale);
    in[1] = q_zero(g, k.dtype, k.zero, 0);
}

/* Byte `i` as a number. */
static double real(const uint8_t *bytes, size_t i, byte_kind k) {
    return ((k.dtype == GALEN_U8 ? bytes[i] : (int8_t)bytes[i]) - k.zero) * (double)k.scale;
}

/* Half to even, in range: scales here are powers of two, so that nothing but this rounds. */
static uint8_t round_to(double v, byte_kind k) {
    double low = k.dtype == GALEN_U8 ? 0 : -128, q = rint(v / (double)k.scale) + k.zero;
    return (uint8_t)(int)fmin(fmax(q, low), low + 255);
}

/* Runs the graph of inputs a and b (b may be absent) in every way and compares the output's bytes. */
static void check(gal_graph *(*make)(void), const uint8_t *a, const uint8_t *b, const void *expected, size_t bytes) {
    static uint8_t y[MOST];
    for (int isa = GAL_ISA_REFERENCE; isa < GAL_ISA_COUNT; isa++)
        for (int optimise = 0; gal_isa_here((gal_isa)isa) && optimise < 2; optimise++) {
            gal_session_options options = gal_session_default_options();
            gal_session *session;
            gal_graph *g = make();
            const void *in[2] = {a, b};
            void *out[1] = {y};
            options.isa = (gal_isa)isa, options.threads = 1, options.optimise = optimise != 0,
            options.max_batch = BATCH;
            assert_ok(gal_session_create(g, &options, &session, &small_err), small_err);
            assert_ok(gal_session_run(session, BATCH, in, out, &small_err), small_err);
            assert_memory_equal(y, expected, bytes);
            gal_session_destroy(session);
            gal_graph_destroy(g);
        }
}

static void fill(uint8_t *x, size_t n, unsigned step) {
    for (size_t i = 0; i < n; i++) x[i] = (uint8_t)(i * step + i / 11);
}

/* ---- two operands ---- */

enum { C = 5, SIDE = 4, ONE = C * SIDE * SIDE, ALL = BATCH * ONE };

static gal_graph *pair(const char *op) {
    gal_graph *g = small_graph();
    gal_value *in[8], *y;
    in[0] = bytes_input(g, "a", kind_a.dtype, C, SIDE, SIDE), set_kind(g, in + 1, kind_a);
    in[3] = bytes_input(g, "b", kind_b.dtype, C, SIDE, SIDE), set_kind(g, in + 4, kind_b);
    set_kind(g, in + 6, kind_c);
    assert_ok(import(g, op, 8, in, 0, NULL, &y), small_err);
    small_output(g, y);
    return g;
}

static gal_graph *add(void) {
    return pair("QLinearAdd");
}
static gal_graph *multiply(void) {
    return pair("QLinearMul");
}

static void sums_and_products(void **state) {
    uint8_t a[ALL], b[ALL], sum[ALL], product[ALL];
    (void)state;
    fill(a, ALL, 37), fill(b, ALL, 91);
    for (size_t i = 0; i < ALL; i++) {
        sum[i] = round_to(real(a, i, kind_a) + real(b, i, kind_b), kind_c);
        product[i] = round_to(real(a, i, kind_a) * real(b, i, kind_b), kind_c);
    }
    check(add, a, b, sum, ALL);
    check(multiply, a, b, product, ALL);
}

/* By hand: (123 - 120) / 32 + (136 - 133) / 16 = 9/32, which is 2.25 steps of 1/8: 2 + 127. */
static void one_sum_by_hand(void **state) {
    uint8_t a[ALL], b[ALL], y[ALL];
    (void)state;
    memset(a, 123, ALL), memset(b, 136, ALL), memset(y, 129, ALL);
    check(add, a, b, y, ALL);
}

/* ---- one operand ---- */

static gal_graph *single(const char *op, uint32_t n_attr, const gal_attr *attr, byte_kind x, byte_kind out) {
    gal_graph *g = small_graph();
    gal_value *in[5], *y;
    in[0] = bytes_input(g, "a", x.dtype, C, SIDE, SIDE), set_kind(g, in + 1, x), set_kind(g, in + 3, out);
    assert_ok(import(g, op, 5, in, n_attr, attr, &y), small_err);
    small_output(g, y);
    return g;
}

static gal_graph *global_mean(void) {
    return single("QLinearGlobalAveragePool", 0, NULL, kind_s, (byte_kind){0x1p-5f, GALEN_I8, 3});
}

static gal_graph *mean(void) {
    static const int64_t two[2] = {2, 2};
    const gal_attr attr[2] = {small_list("kernel_shape", two, 2), small_list("strides", two, 2)};
    return single("QLinearAveragePool", 2, attr, kind_a, kind_b);
}

static gal_graph *sigmoid(void) {
    return single("QLinearSigmoid", 0, NULL, kind_a, (byte_kind){0x1p-8f, GALEN_U8, 0});
}

static void means(void **state) {
    uint8_t a[ALL], y[ALL];
    (void)state;
    fill(a, ALL, 53);
    for (size_t p = 0; p < BATCH * C; p++) {
        double sum = 0;
        for (size_t i = 0; i < SIDE * SIDE; i++) sum += real(a, p * SIDE * SIDE + i, kind_s);
        y[p] = round_to(sum / (SIDE * SIDE), (byte_kind){0x1p-5f, GALEN_I8, 3});
    }
    check(global_mean, a, NULL, y, BATCH * C);
    for (size_t i = 0; i < ALL / 4; i++) {
        size_t at = i / 4 * 16 + i / 2 % 2 * 8 + i % 2 * 2;
        double sum = real(a, at, kind_a) + real(a, at + 1, kind_a) + real(a, at + 4, kind_a) + real(a, at + 5, kind_a);
        y[i] = round_to(sum / 4, kind_b);
    }
    check(mean, a, NULL, y, ALL / 4);
}

/* No byte lies within 1e-4 of a tie, so a float's error changes none. */
static void sigmoids(void **state) {
    uint8_t a[ALL], y[ALL];
    (void)state;
    fill(a, ALL, 29);
    for (size_t i = 0; i < ALL; i++) {
        double v = 1 / (1 + exp(-real(a, i, kind_a)));
        assert_true(fabs(fmod(v * 256, 1) - 0.5) > 1e-4 || v == 0.5);
        y[i] = round_to(v, (byte_kind){0x1p-8f, GALEN_U8, 0});
    }
    check(sigmoid, a, NULL, y, ALL);
}

/* ---- concat ---- */

static gal_graph *concat(void) {
    gal_graph *g = small_graph();
    gal_value *in[8], *y;
    const gal_attr attr = small_int("axis", 1);
    set_kind(g, in, kind_c);
    in[2] = bytes_input(g, "a", kind_a.dtype, C, SIDE, SIDE), set_kind(g, in + 3, kind_a);
    in[5] = bytes_input(g, "b", kind_b.dtype, C, SIDE, SIDE), set_kind(g, in + 6, kind_b);
    assert_ok(import(g, "QLinearConcat", 8, in, 1, &attr, &y), small_err);
    small_output(g, y);
    return g;
}

static void beside_each_other(void **state) {
    uint8_t a[ALL], b[ALL], y[2 * ALL];
    (void)state;
    fill(a, ALL, 17), fill(b, ALL, 71);
    for (size_t n = 0; n < BATCH; n++)
        for (size_t i = 0; i < ONE; i++) {
            y[n * 2 * ONE + i] = round_to(real(a, n * ONE + i, kind_a), kind_c);
            y[n * 2 * ONE + ONE + i] = round_to(real(b, n * ONE + i, kind_b), kind_c);
        }
    check(concat, a, b, y, 2 * ALL);
}

/* ---- products ---- */

enum { K = 6, OUTPUTS = 3 };

static int8_t weight(int k, int j) {
    return (int8_t)(7 * k - 11 * j - 5);
}

static gal_graph *gemm(bool to_bytes) {
    static const int64_t dim[2] = {OUTPUTS, K};
    const int64_t outputs = OUTPUTS;
    gal_graph *g = small_graph();
    gal_value *in[9] = {NULL}, *y;
    const gal_attr attr = small_int("transB", 1);
    in[0] = bytes_input(g, "a", kind_a.dtype, K, 0, 0), set_kind(g, in + 1, kind_a);
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_I8, 2, dim, &in[3], &small_err), small_err);
    for (int j = 0; j < OUTPUTS; j++)
        for (int k = 0; k < K; k++) ((int8_t *)in[3]->constant->data)[j * K + k] = weight(k, j);
    in[4] = q_scales(g, OUTPUTS), in[5] = q_zero(g, GALEN_I8, 0, OUTPUTS);
    assert_ok(gal_graph_new_constant(g, NULL, GALEN_I32, 1, &outputs, &in[6], &small_err), small_err);
    for (int j = 0; j < OUTPUTS; j++) ((int32_t *)in[6]->constant->data)[j] = 100 * j - 70;
    if (to_bytes) set_kind(g, in + 7, kind_c);
    assert_ok(import(g, "QGemm", to_bytes ? 9 : 7, in, 1, &attr, &y), small_err);
    small_output(g, y);
    return g;
}

static gal_graph *gemm_to_bytes(void) {
    return gemm(true);
}
static gal_graph *gemm_to_floats(void) {
    return gemm(false);
}

static void products(void **state) {
    uint8_t a[BATCH * K], bytes[BATCH * OUTPUTS];
    float floats[BATCH * OUTPUTS];
    (void)state;
    fill(a, sizeof a, 43);
    for (int n = 0; n < BATCH; n++)
        for (int j = 0; j < OUTPUTS; j++) {
            int32_t sum = 100 * j - 70;
            for (int k = 0; k < K; k++) sum += (a[n * K + k] - kind_a.zero) * weight(k, j);
            double v = sum * (double)kind_a.scale * ldexp(1, -5 - j % 3);
            bytes[n * OUTPUTS + j] = round_to(v, kind_c);
            floats[n * OUTPUTS + j] = (float)v;
        }
    check(gemm_to_bytes, a, NULL, bytes, sizeof bytes);
    check(gemm_to_floats, a, NULL, floats, sizeof floats);
}

/* ---- refusals ---- */

static void refused(void **state) {
    gal_graph *g = small_graph();
    gal_value *in[5], *y;
    const gal_attr last = small_int("channels_last", 1);
    (void)state;
    in[0] = bytes_input(g, "a", GALEN_U8, C, SIDE, SIDE), set_kind(g, in + 1, kind_a), set_kind(g, in + 3, kind_c);
    assert_int_equal(import(g, "QLinearGlobalAveragePool", 5, in, 1, &last, &y), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(small_err.message, "channels_last"));
    assert_int_equal(import(g, "QLinearSoftmax", 5, in, 0, NULL, &y), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(small_err.message, "com.microsoft.QLinearSoftmax"));
    assert_int_equal(import(g, "QLinearConcat", 4, in, 0, NULL, &y), GALEN_ERR_FORMAT);
    in[1] = NULL;
    assert_int_equal(import(g, "QLinearSigmoid", 5, in, 0, NULL, &y), GALEN_ERR_FORMAT);
    gal_graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_products), cmocka_unit_test(one_sum_by_hand),   cmocka_unit_test(means),
        cmocka_unit_test(sigmoids),          cmocka_unit_test(beside_each_other), cmocka_unit_test(products),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
