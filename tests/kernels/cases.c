/* Building one-node graphs. */
#include "cases.h"

#include "graph/op.h"
#include "layers.h"
#include "networks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t case_pick(gal_rng *rng, int64_t from, int64_t to) {
    return from + (int64_t)(gal_rng_uniform(rng) * (double)(to - from + 1));
}

void case_fill(gal_rng *rng, float *x, size_t n, float scale) {
    for (size_t i = 0; i < n; i++) x[i] = scale * (float)(2 * gal_rng_uniform(rng) - 1);
}

static void must(galen_status status, const galen_error *err, const char *what) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "galen-check: %s: %s\n", what, err->message);
    exit(1);
}

static gal_graph *new_graph(void) {
    gal_graph *graph;
    galen_error err;
    must(gal_graph_create("check", &graph, &err), &err, "graph");
    return graph;
}

/* An input [N or dim[0], dim[1], ...]. */
static gal_value *new_input(gal_graph *graph, const char *name, int rank, const int64_t *dim, bool batch) {
    gal_shape shape = {.rank = rank};
    gal_value *value;
    galen_error err;
    for (int i = 0; i < rank; i++) shape.dim[i] = gal_dim_fixed(dim[i]);
    if (batch) shape.dim[0] = (gal_dim){1, true};
    must(gal_graph_input(graph, name, GALEN_F32, &shape, &value, &err), &err, name);
    return value;
}

static gal_value *new_weights(gal_graph *graph, gal_rng *rng, int rank, const int64_t *dim, float scale) {
    gal_value *value;
    galen_error err;
    must(gal_graph_new_constant(graph, NULL, GALEN_F32, rank, dim, &value, &err), &err, "constant");
    case_fill(rng, value->constant->data, (size_t)galen_tensor_elements(value->constant), scale);
    return value;
}

static void new_node(kernel_case *c, const char *domain, const char *op, uint32_t n_in, gal_value **in, uint32_t n_attr,
                     const gal_attr *attr) {
    gal_node_spec spec = {
        .domain = domain, .op = op, .n_in = n_in, .n_out = 1, .n_attr = n_attr, .in = in, .attr = attr};
    galen_error err;
    must(gal_graph_node(c->graph, &spec, &c->node, &err), &err, op);
    must(gal_graph_mark_output(c->graph, c->node->out[0], &err), &err, op);
}

void case_free(kernel_case *c) {
    gal_graph_destroy(c->graph);
    c->graph = NULL;
}

static gal_attr ints(const char *name, const int64_t *v, size_t n) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INTS, .ints = v, .count = n};
}

static gal_attr number(const char *name, float f) {
    return (gal_attr){.name = name, .type = GAL_ATTR_FLOAT, .f = f};
}

static gal_attr whole(const char *name, int64_t i) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INT, .i = i};
}

static gal_attr text(const char *name, const char *s) {
    return (gal_attr){.name = name, .type = GAL_ATTR_STRING, .s = s};
}

/* ---- convolution ---- */

static const char *random_activation(gal_rng *rng) {
    static const char *const kinds[] = {NULL,      "Relu",        "Relu",      "Clip", "LeakyRelu",
                                        "Sigmoid", "HardSigmoid", "HardSwish", "SiLU"};
    return kinds[case_pick(rng, 0, sizeof kinds / sizeof *kinds - 1)];
}

static void add_attributes(const layer *l, gal_attr *attr, uint32_t *n, int64_t dims[8]) {
    dims[0] = dims[1] = l->stride, dims[2] = l->top, dims[3] = l->left, dims[4] = l->bottom, dims[5] = l->right,
    dims[6] = dims[7] = l->dilation;
    attr[(*n)++] = ints("strides", dims, 2);
    attr[(*n)++] = ints("pads", dims + 2, 4);
    attr[(*n)++] = ints("dilations", dims + 6, 2);
    attr[(*n)++] = whole("group", l->group);
    if (l->act == NULL) return;
    bool clip = strcmp(l->act, "Clip") == 0;
    attr[(*n)++] = text("activation", l->act);
    attr[(*n)++] = number("act_alpha", clip ? -0.25f : 0.2f);
    attr[(*n)++] = number("act_beta", 0.5f);
}

static void conv_case(const layer *l, gal_rng *rng, kernel_case *c) {
    int64_t x[4] = {1, l->h, l->w, l->c}, w[4] = {l->k, l->c / l->group, l->r, l->s};
    gal_attr attr[8];
    int64_t dims[8];
    uint32_t n_attr = 0;
    c->depth = (double)(w[1] * w[2] * w[3]);
    c->graph = new_graph();
    gal_value *in[4] = {new_input(c->graph, "x", 4, x, true),
                        new_weights(c->graph, rng, 4, w, 1.7f / sqrtf((float)c->depth))};
    if (l->bias) in[2] = new_weights(c->graph, rng, 1, w, 1);
    if (l->residual) {
        int64_t z[4] = {1, (l->h + l->top + l->bottom - (l->r - 1) * l->dilation - 1) / l->stride + 1,
                        (l->w + l->left + l->right - (l->s - 1) * l->dilation - 1) / l->stride + 1, l->k};
        in[3] = new_input(c->graph, "z", 4, z, true);
    }
    add_attributes(l, attr, &n_attr, dims);
    new_node(c, "galen", "Conv", l->residual ? 4 : l->bias ? 3 : 2, in, n_attr, attr);
    snprintf(
        c->text, sizeof c->text,
        "%lldx%lldx%lld -> %lld, window %lldx%lld, stride %lld, dilation %lld, pads %lld %lld %lld %lld, groups %lld%s%s, %s",
        (long long)l->h, (long long)l->w, (long long)l->c, (long long)l->k, (long long)l->r, (long long)l->s,
        (long long)l->stride, (long long)l->dilation, (long long)l->top, (long long)l->left, (long long)l->bottom,
        (long long)l->right, (long long)l->group, l->bias ? ", bias" : "", l->residual ? ", residual" : "",
        l->act == NULL ? "linear" : l->act);
}

static void random_conv(gal_rng *rng, kernel_case *c) {
    layer l;
    int64_t kind = case_pick(rng, 0, 6);
    bool first = kind == 6; /* of a network: the channels of pictures */
    if (kind < 2)
        l = layer_real((size_t)case_pick(rng, 0, layer_count() - 1));
    else if (kind < 4 || first)
        layer_odd(&l, rng);
    else
        layer_tiled(&l, rng);
    layer_scale_down(&l, kind < 4 || first ? 400000 : 5000000);
    if (kind < 4 && case_pick(rng, 0, 5) == 0) { /* a large batch of tiny images: kernels may interleave them */
        l.h = case_pick(rng, 1, 8), l.w = case_pick(rng, 1, 8);
        layer_scale_down(&l, 40000);
        c->batch = case_pick(rng, 15, 70);
    }
    if (first) l.c = 1 + 2 * case_pick(rng, 0, 1), l.group = l.dilation = 1, l.stride = 2;
    layer_make_fit(&l);
    l.act = random_activation(rng);
    l.bias = case_pick(rng, 0, 3) > 0;
    l.residual = case_pick(rng, 0, 2) == 0;
    conv_case(&l, rng, c);
}

/* ---- matrix product and pools ---- */

/* `rows` of each image; 0: one, and A is a matrix. */
static void gemm_case(int64_t rows, int64_t k, int64_t n, bool transposed, bool bias, const char *act, gal_rng *rng,
                      kernel_case *c) {
    int64_t a[3] = {1, rows > 0 ? rows : k, k}, b[2] = {transposed ? n : k, transposed ? k : n};
    gal_attr attr[4] = {whole("transB", transposed), number("act_alpha", 0.2f), number("act_beta", 0.5f)};
    c->depth = (double)k;
    c->graph = new_graph();
    if (act != NULL) attr[3] = text("activation", act);
    gal_value *in[3] = {new_input(c->graph, "a", rows > 0 ? 3 : 2, a, true),
                        new_weights(c->graph, rng, 2, b, 1.7f / sqrtf((float)k))};
    if (bias) in[2] = new_weights(c->graph, rng, 1, &n, 1);
    new_node(c, "galen", "Gemm", bias ? 3 : 2, in, act != NULL ? 4 : 3, attr);
    snprintf(c->text, sizeof c->text, "Nx%lldx%lld by %lldx%lld%s%s, %s", (long long)rows, (long long)k, (long long)k,
             (long long)n, transposed ? " transposed" : "", bias ? ", bias" : "", act == NULL ? "linear" : act);
}

static void random_gemm(gal_rng *rng, kernel_case *c) {
    int64_t k = case_pick(rng, 1, 600), n = case_pick(rng, 1, 200);
    bool transposed = case_pick(rng, 0, 1), bias = case_pick(rng, 0, 3) > 0;
    int64_t rows = case_pick(rng, 0, 2) == 0 ? case_pick(rng, 1, 30) : 0;
    gemm_case(rows, k, n, transposed, bias, random_activation(rng), rng, c);
    if (rows == 0 && case_pick(rng, 0, 2) == 0) c->batch = case_pick(rng, 12, 60);
}

static void pool_case(const char *op, const layer *l, bool ceil, bool count_pad, kernel_case *c) {
    int64_t x[4] = {1, l->h, l->w, l->c}, window[2] = {l->r, l->s}, stride[2] = {l->stride, l->stride};
    int64_t pads[4] = {l->top, l->left, l->bottom, l->right};
    gal_attr attr[5] = {ints("kernel_shape", window, 2), ints("strides", stride, 2), ints("pads", pads, 4),
                        whole("ceil_mode", ceil), whole("count_include_pad", count_pad)};
    bool average = strcmp(op, "AveragePool") == 0;
    c->depth = (double)(l->r * l->s);
    c->graph = new_graph();
    gal_value *in = new_input(c->graph, "x", 4, x, true);
    new_node(c, "galen", op, 1, &in, strcmp(op, "GlobalAveragePool") == 0 ? 0 : average ? 5 : 4, attr);
    snprintf(c->text, sizeof c->text, "%lldx%lldx%lld, window %lldx%lld, stride %lld, pads %lld %lld %lld %lld%s%s",
             (long long)l->h, (long long)l->w, (long long)l->c, (long long)l->r, (long long)l->s, (long long)l->stride,
             (long long)l->top, (long long)l->left, (long long)l->bottom, (long long)l->right,
             ceil ? ", rounded up" : "", count_pad ? ", padding counted" : "");
}

static void random_pool(const char *op, gal_rng *rng, kernel_case *c) {
    layer l = {.h = case_pick(rng, 5, 23), .w = case_pick(rng, 5, 23), .c = case_pick(rng, 1, 150)};
    l.r = case_pick(rng, 1, 5), l.s = case_pick(rng, 1, 5), l.stride = case_pick(rng, 1, 3);
    l.top = case_pick(rng, 0, l.r - 1), l.bottom = case_pick(rng, 0, l.r - 1);
    l.left = case_pick(rng, 0, l.s - 1), l.right = case_pick(rng, 0, l.s - 1);
    bool ceil = case_pick(rng, 0, 1), count_pad = case_pick(rng, 0, 1);
    pool_case(op, &l, ceil, count_pad, c);
}

/* ---- element by element ---- */

static void random_binary(const char *op, gal_rng *rng, kernel_case *c) {
    int64_t a[4], b[4];
    for (int i = 0; i < 4; i++) {
        a[i] = b[i] = case_pick(rng, 1, i == 3 ? 40 : 9);
        int64_t side = case_pick(rng, 0, 5);
        if (side == 0 && i > 0) a[i] = 1;
        if (side == 1) b[i] = 1;
    }
    int skip = (int)case_pick(rng, 0, 3), swap = (int)case_pick(rng, 0, 1);
    bool batch = skip == 0 && b[0] != 1;
    c->depth = 1;
    c->graph = new_graph();
    gal_value *x = new_input(c->graph, "a", 4, a, true), *y = new_input(c->graph, "b", 4 - skip, b + skip, batch);
    new_node(c, "", op, 2, swap ? (gal_value *[]){y, x} : (gal_value *[]){x, y}, 0, NULL);
    snprintf(c->text, sizeof c->text, "Nx%lldx%lldx%lld with %d dimensions of %s%lldx%lldx%lld%s", (long long)a[1],
             (long long)a[2], (long long)a[3], 4 - skip, batch ? "Nx" : "1x", (long long)b[1], (long long)b[2],
             (long long)b[3], swap ? ", swapped" : "");
}

static void map_case(const char *op, gal_rng *rng, int64_t n, kernel_case *c) {
    int64_t dim[2] = {1, n};
    gal_attr attr[2] = {number("alpha", 0.3f), number("beta", 0.4f)};
    uint32_t n_attr = strcmp(op, "HardSigmoid") == 0 ? 2 : strcmp(op, "LeakyRelu") == 0 ? 1 : 0;
    c->depth = 1;
    c->graph = new_graph();
    gal_value *in[3] = {new_input(c->graph, "x", 2, dim, true)};
    uint32_t n_in = 1;
    if (strcmp(op, "Clip") == 0) {
        n_in = (uint32_t)case_pick(rng, 1, 3);
        for (uint32_t i = 1; i < n_in; i++) in[i] = new_weights(c->graph, rng, 0, NULL, 1);
    }
    new_node(c, strcmp(op, "Gelu") == 0 ? "galen" : "", op, n_in, in, n_attr, attr);
    snprintf(c->text, sizeof c->text, "Nx%lld, %u inputs", (long long)n, n_in);
}

static void scale_shift_case(int64_t pixels, int64_t channels, bool relu, gal_rng *rng, kernel_case *c) {
    int64_t x[4] = {1, pixels, pixels, channels};
    gal_attr attr = text("activation", "Relu");
    c->depth = 1;
    c->graph = new_graph();
    gal_value *in[3] = {new_input(c->graph, "x", 4, x, true), new_weights(c->graph, rng, 1, x + 3, 1),
                        new_weights(c->graph, rng, 1, x + 3, 1)};
    new_node(c, "galen", "ScaleShift", 3, in, relu, &attr);
    snprintf(c->text, sizeof c->text, "%lldx%lldx%lld%s", (long long)pixels, (long long)pixels, (long long)channels,
             relu ? ", Relu" : "");
}

static void transpose_case(int64_t channels, int64_t h, int64_t w, kernel_case *c) {
    static const int64_t perm[4] = {0, 2, 3, 1};
    int64_t x[4] = {1, channels, h, w};
    gal_attr attr = ints("perm", perm, 4);
    c->depth = 1;
    c->graph = new_graph();
    gal_value *in = new_input(c->graph, "x", 4, x, true);
    new_node(c, "", "Transpose", 1, &in, 1, &attr);
    snprintf(c->text, sizeof c->text, "%lldx%lldx%lld to channels last", (long long)channels, (long long)h,
             (long long)w);
}

/* Height and width times `up` and `across`, which whole numbers of pixels need not come of. */
static void resize_case(int64_t h, int64_t w, int64_t c, const char *mode, const char *coordinates, float up,
                        float across, kernel_case *to) {
    const int64_t x[4] = {1, h, w, c}, four = 4;
    const gal_attr attr[2] = {text("mode", mode), text("coordinate_transformation_mode", coordinates)};
    const float by[4] = {1, up, across, 1};
    gal_rng rng = gal_rng_make(1, 1);
    to->depth = 4;
    to->graph = new_graph();
    gal_value *in[3] = {new_input(to->graph, "x", 4, x, true), NULL, new_weights(to->graph, &rng, 1, &four, 1)};
    memcpy(in[2]->constant->data, by, sizeof by);
    new_node(to, "", "Resize", 3, in, 2, attr);
    snprintf(to->text, sizeof to->text, "%lldx%lldx%lld by %g and %g, %s, %s", (long long)h, (long long)w, (long long)c,
             (double)up, (double)across, mode, coordinates);
}

static void random_resize(gal_rng *rng, kernel_case *c) {
    static const char *const where[] = {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"};
    static const float by[] = {2, 3, 1.5f, 0.5f, 1, 0.7f, 2.3f};
    int64_t h = case_pick(rng, 2, 13), w = case_pick(rng, 2, 13), channels = case_pick(rng, 1, 150);
    const char *mode = case_pick(rng, 0, 2) == 0 ? "nearest" : "linear";
    float up = by[case_pick(rng, 0, 6)], across = by[case_pick(rng, 0, 6)];
    resize_case(h, w, channels, mode, where[case_pick(rng, 0, 3)], up, across, c);
}

/* Lines of n numbers; over the last two dimensions where `deep`. */
static void layer_norm_case(int64_t lines, int64_t n, bool deep, bool bias, gal_rng *rng, kernel_case *c) {
    int64_t x[4] = {1, lines, deep ? 3 : 1, n}, dim[2] = {3, n};
    const gal_attr attr[2] = {whole("axis", deep ? -2 : -1), number("epsilon", 1e-6f)};
    c->depth = (double)(x[2] * n);
    c->graph = new_graph();
    gal_value *in[3] = {new_input(c->graph, "x", 4, x, true)};
    for (int i = 1; i < 3; i++) in[i] = new_weights(c->graph, rng, deep ? 2 : 1, deep ? dim : &n, 1);
    new_node(c, "", "LayerNormalization", bias ? 3 : 2, in, 2, attr);
    snprintf(c->text, sizeof c->text, "%lld lines of %lldx%lld%s", (long long)lines, (long long)x[2], (long long)n,
             bias ? ", bias" : "");
}

/* ---- by op ---- */

static bool is_one_of(const char *op, const char *list) {
    size_t n = strlen(op);
    for (const char *at = strstr(list, op); at != NULL; at = strstr(at + 1, op)) {
        if (at[n] == ' ' && (at == list || at[-1] == ' ')) return true;
    }
    return false;
}

static bool is_map(bool private, const char *op) {
    return private ? strcmp(op, "Gelu") == 0 : is_one_of(op, "Clip HardSigmoid HardSwish LeakyRelu Relu Sigmoid Tanh ");
}

bool case_random(const char *domain, const char *op, gal_rng *rng, kernel_case *out) {
    *out = (kernel_case){.batch = case_pick(rng, 0, 2) == 0 ? case_pick(rng, 6, 14) : case_pick(rng, 1, 4)};
    bool private = strcmp(domain, "galen") == 0;
    if (private && strcmp(op, "Conv") == 0)
        random_conv(rng, out);
    else if (private && case_is_grad(op))
        case_random_grad(op, rng, out);
    else if (private && case_is_chain(op))
        case_random_chain(op, rng, out);
    else if (private && case_is_optimizer(op))
        case_random_optimizer(op, rng, out);
    else if (!private && strcmp(op, "Transpose") == 0)
        transpose_case(case_pick(rng, 0, 2) == 0 ? 3 : case_pick(rng, 1, 40), case_pick(rng, 1, 99),
                       case_pick(rng, 1, 99), out);
    else if (private && strcmp(op, "Gemm") == 0)
        random_gemm(rng, out);
    else if (private && is_one_of(op, "AveragePool GlobalAveragePool MaxPool "))
        random_pool(op, rng, out);
    else if (private && strcmp(op, "ScaleShift") == 0)
        scale_shift_case(case_pick(rng, 1, 12), case_pick(rng, 1, 200), case_pick(rng, 0, 1), rng, out);
    else if (!private && is_one_of(op, "Add Sub Mul Div "))
        random_binary(op, rng, out);
    else if (!private && strcmp(op, "Resize") == 0)
        random_resize(rng, out);
    else if (!private && strcmp(op, "LayerNormalization") == 0)
        layer_norm_case(case_pick(rng, 1, 60), case_pick(rng, 1, 300), case_pick(rng, 0, 3) == 0,
                        case_pick(rng, 0, 3) > 0, rng, out);
    else if (is_map(private, op))
        map_case(op, rng, case_pick(rng, 1, 999), out);
    else
        return false;
    return true;
}

bool case_bench(const char *domain, const char *op, int index, int64_t batch, kernel_case *out) {
    gal_rng rng = gal_rng_make(1, (uint64_t)index);
    *out = (kernel_case){.batch = batch};
    bool private = strcmp(domain, "galen") == 0;
    if (private && case_is_grad(op)) return case_bench_grad(op, index, out);
    if (private && case_is_chain(op)) return case_bench_chain(op, index, out);
    if (private && case_is_optimizer(op)) return case_bench_optimizer(op, index, out);
    const network_conv *conv = private && strcmp(op, "Conv") == 0 ? network_conv_at(index) : NULL;
    if (conv != NULL) {
        layer l = layer_square(conv->side, conv->in, conv->out, conv->window, conv->stride, conv->group);
        conv_case(&l, &rng, out);
        snprintf(out->text, sizeof out->text, "%lldx%lldx%lld -> %lld, %lldx%lld, stride %lld, groups %lld (%s)",
                 (long long)conv->side, (long long)conv->side, (long long)conv->in, (long long)conv->out,
                 (long long)conv->window, (long long)conv->window, (long long)conv->stride, (long long)conv->group,
                 conv->network);
    } else if (private && index < 4 && strcmp(op, "Gemm") == 0) { /* classifiers, and a block of ConvNeXt and of ViT */
        static const int64_t rows[] = {0, 0, 784, 197}, k[] = {512, 2048, 192, 768}, n[] = {2, 1000, 768, 768};
        gemm_case(rows[index], k[index], n[index], index < 2, true, NULL, &rng, out);
    } else if (private && index < 2 && is_one_of(op, "AveragePool GlobalAveragePool MaxPool ")) {
        layer l = {.h = index == 0 ? 32 : 112,
                   .w = index == 0 ? 32 : 112,
                   .c = 64,
                   .r = 3,
                   .s = 3,
                   .stride = 2,
                   .top = 1,
                   .left = 1};
        pool_case(op, &l, false, false, out);
    } else if (private && index == 0 && strcmp(op, "ScaleShift") == 0) {
        scale_shift_case(28, 512, true, &rng, out);
    } else if (!private && index == 0 && strcmp(op, "Transpose") == 0) {
        transpose_case(3, 224, 224, out);
    } else if (!private && index == 0 && strcmp(op, "Resize") == 0) {
        resize_case(56, 56, 64, "linear", "half_pixel", 2, 2, out);
    } else if (!private && index == 0 && strcmp(op, "LayerNormalization") == 0) {
        layer_norm_case(784, 192, false, true, &rng, out);
    } else if (index == 0 && is_map(private, op)) {
        map_case(op, &rng, 112 * 112 * 32, out);
    } else {
        return false;
    }
    return true;
}
