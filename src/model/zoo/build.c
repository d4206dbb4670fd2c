/* Layers of the zoo: parameters from a file or a filler, nodes as PyTorch would export them. */
#include "model/zoo/build.h"

#include "base/error.h"
#include "base/half.h"
#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

gal_zoo_text gal_zoo_name(const char *format, ...) {
    gal_zoo_text text;
    va_list args;
    va_start(args, format);
    vsnprintf(text.s, sizeof text.s, format, args);
    va_end(args);
    return text;
}

int64_t gal_zoo_channels(const gal_value *x) {
    return x ? x->shape.dim[1].size : 0;
}

static void *stop(gal_zoo *zoo, galen_status status) {
    if (zoo->status == GALEN_OK) zoo->status = status;
    return NULL;
}

static bool ends_with(const char *text, const char *tail) {
    size_t n = strlen(text), m = strlen(tail);
    return n >= m && strcmp(text + n - m, tail) == 0;
}

/* He et al. (ICCV 2015), uniform, for weights; BatchNorm at rest; zero bias. */
static void fill_default(const gal_zoo *zoo, const char *name, galen_tensor *t) {
    float *data = t->data;
    int64_t n = galen_tensor_elements(t);
    bool one = ends_with(name, "running_var") || (t->rank == 1 && ends_with(name, ".weight"));
    if (t->rank == 1) {
        for (int64_t i = 0; one && i < n; i++) data[i] = 1;
        return;
    }
    double bound = sqrt(6.0 * (double)t->dim[0] / (double)n); /* n / dim[0] is the fan-in */
    gal_rng rng = gal_rng_make(zoo->options->seed, zoo->parameter);
    for (int64_t i = 0; i < n; i++) data[i] = (float)((2 * gal_rng_uniform(&rng) - 1) * bound);
}

static void shape_text(const galen_tensor *t, char *out, size_t room) {
    size_t at = 0;
    out[0] = '\0';
    for (int i = 0; i < t->rank && at < room; i++)
        at += (size_t)snprintf(out + at, room - at, "%s%lld", i ? "x" : "", (long long)t->dim[i]);
}

static bool same_shape(const galen_tensor *a, const galen_tensor *b) {
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++) same = a->dim[i] == b->dim[i];
    return same;
}

/*
 * Where a parameter is in the weights, or n. torchvision's DenseNet weights of 2017, the only ones it has, call the
 * layers of a dense layer norm.1 for norm1, and so on.
 */
static size_t find_weight(const gal_zoo *zoo, const char *name) {
    size_t index = gal_weights_index(zoo->weights, name);
    const char *layer = strstr(name, ".denselayer");
    const char *at = layer != NULL ? strpbrk(layer + sizeof ".denselayer" - 1, ".") : NULL;
    if (index < zoo->weights->n || at == NULL || strlen(at) < 6) return index;
    int head = (int)(at - name) + 5; /* up to ".norm" or ".conv" */
    return gal_weights_index(zoo->weights, gal_zoo_name("%.*s.%s", head, name, name + head).s);
}

/* Fills f32 from a tensor of another floating-point type; false for what is none. */
static bool convert(const galen_tensor *from, float *to) {
    size_t n = (size_t)galen_tensor_elements(from);
    const double *wide = from->data;
    switch (from->dtype) {
    case GALEN_F16: gal_f16_to_f32_row(from->data, to, n); return true;
    case GALEN_BF16: gal_bf16_to_f32_row(from->data, to, n); return true;
    case GALEN_F64:
        for (size_t i = 0; i < n; i++) to[i] = (float)wide[i];
        return true;
    default: return false;
    }
}

/* Copies a parameter of the file; *done stays false when a head of another size is to be made anew. */
static galen_status copy_weight(gal_zoo *zoo, const char *name, galen_tensor *to, bool *done) {
    size_t index = find_weight(zoo, name);
    if (index == zoo->weights->n)
        return gal_fail(zoo->err, GALEN_ERR_FORMAT, "parameter '%s' is missing from the weights", name);
    const galen_tensor *from = &zoo->weights->entry[index].tensor;
    zoo->used[index] = 1;
    bool is_head = strncmp(name, zoo->head, strlen(zoo->head)) == 0 && name[strlen(zoo->head)] == '.';
    if (!same_shape(from, to)) {
        if (is_head && zoo->options->new_head) return GALEN_OK;
        char have[96], need[96];
        shape_text(from, have, sizeof have);
        shape_text(to, need, sizeof need);
        return gal_fail(zoo->err, GALEN_ERR_FORMAT,
                        "parameter '%s' has shape %s in the weights where the network needs %s", name, have, need);
    }
    *done = true;
    if (from->dtype == GALEN_F32)
        memcpy(to->data, from->data, (size_t)galen_tensor_bytes(to));
    else if (!convert(from, to->data))
        return gal_fail(zoo->err, GALEN_ERR_UNSUPPORTED, "parameter '%s' is %s: save the weights as 32-bit floats",
                        name, galen_dtype_name(from->dtype));
    return GALEN_OK;
}

static gal_value *parameter(gal_zoo *zoo, const char *module, const char *what, int rank, const int64_t *dim) {
    gal_value *value = NULL;
    bool done = false;
    if (zoo->status != GALEN_OK) return NULL;
    gal_zoo_text name = gal_zoo_name("%s.%s", module, what);
    galen_status status = gal_graph_new_constant(zoo->graph, name.s, GALEN_F32, rank, dim, &value, zoo->err);
    if (status != GALEN_OK) return stop(zoo, status);
    galen_tensor tensor = *value->constant;
    if (zoo->weights) status = copy_weight(zoo, name.s, &tensor, &done);
    if (status == GALEN_OK && !done && zoo->options->fill)
        status = zoo->options->fill(zoo->options->context, name.s, &tensor, zoo->err);
    if (status == GALEN_OK && !done && !zoo->options->fill) fill_default(zoo, name.s, &tensor);
    zoo->parameter++;
    return status == GALEN_OK ? value : stop(zoo, status);
}

static gal_value *node(gal_zoo *zoo, const char *op, const char *name, gal_value *const *in, uint32_t n_in,
                       const gal_attr *attr, uint32_t n_attr) {
    gal_node *made = NULL;
    if (zoo->status != GALEN_OK) return NULL;
    gal_zoo_text value = gal_zoo_name("%s.out", name);
    const char *out_name = strcmp(name, zoo->head) == 0 ? "logits" : value.s;
    gal_node_spec spec = {.op = op,
                          .name = name,
                          .n_in = n_in,
                          .n_out = 1,
                          .n_attr = n_attr,
                          .in = in,
                          .out_name = &out_name,
                          .attr = attr};
    galen_status status = gal_graph_node(zoo->graph, &spec, &made, zoo->err);
    return status == GALEN_OK ? made->out[0] : stop(zoo, status);
}

static gal_attr ints(const char *name, const int64_t *v, size_t n) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INTS, .ints = v, .count = n};
}

static gal_attr integer(const char *name, int64_t v) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INT, .i = v};
}

static gal_attr number(const char *name, float v) {
    return (gal_attr){.name = name, .type = GAL_ATTR_FLOAT, .f = v};
}

gal_value *gal_zoo_conv2d(gal_zoo *zoo, gal_value *x, const char *name, gal_zoo_conv c) {
    int groups = c.groups ? c.groups : 1;
    int64_t shape[] = {c.out, gal_zoo_channels(x) / groups, c.kernel, c.kernel};
    int64_t kernel[] = {c.kernel, c.kernel}, stride[] = {c.stride, c.stride}, pad[] = {c.pad, c.pad, c.pad, c.pad},
            dilation[] = {1, 1};
    gal_value *in[] = {x, parameter(zoo, name, "weight", 4, shape),
                       c.bias ? parameter(zoo, name, "bias", 1, shape) : NULL};
    gal_attr attr[] = {ints("dilations", dilation, 2), integer("group", groups), ints("kernel_shape", kernel, 2),
                       ints("pads", pad, 4), ints("strides", stride, 2)};
    return node(zoo, "Conv", name, in, c.bias ? 3 : 2, attr, 5);
}

gal_value *gal_zoo_norm(gal_zoo *zoo, gal_value *x, const char *name) {
    int64_t n = gal_zoo_channels(x);
    gal_value *in[] = {x, parameter(zoo, name, "weight", 1, &n), parameter(zoo, name, "bias", 1, &n),
                       parameter(zoo, name, "running_mean", 1, &n), parameter(zoo, name, "running_var", 1, &n)};
    gal_attr attr[] = {number("epsilon", 1e-5f), number("momentum", 0.9f)};
    return node(zoo, "BatchNormalization", name, in, 5, attr, 2);
}

static gal_value *clip6(gal_zoo *zoo, gal_value *x, const char *name) {
    gal_value *bound[2] = {NULL, NULL};
    for (int i = 0; i < 2 && zoo->status == GALEN_OK; i++) {
        galen_status status = gal_graph_new_constant(zoo->graph, gal_zoo_name("%s.%s", name, i ? "max" : "min").s,
                                                     GALEN_F32, 0, NULL, &bound[i], zoo->err);
        if (status != GALEN_OK) return stop(zoo, status);
        *(float *)bound[i]->constant->data = i ? 6 : 0;
    }
    return node(zoo, "Clip", name, (gal_value *[]){x, bound[0], bound[1]}, 3, NULL, 0);
}

gal_value *gal_zoo_activate(gal_zoo *zoo, gal_value *x, const char *name, gal_zoo_act act) {
    switch (act) {
    case GAL_ZOO_RELU: return node(zoo, "Relu", name, &x, 1, NULL, 0);
    case GAL_ZOO_RELU6: return clip6(zoo, x, name);
    case GAL_ZOO_SIGMOID: return node(zoo, "Sigmoid", name, &x, 1, NULL, 0);
    case GAL_ZOO_SILU: {
        gal_value *gate = node(zoo, "Sigmoid", gal_zoo_name("%s.sigmoid", name).s, &x, 1, NULL, 0);
        return gal_zoo_binary(zoo, "Mul", x, gate, name);
    }
    default: return x;
    }
}

gal_value *gal_zoo_conv_norm(gal_zoo *zoo, gal_value *x, const char *conv_name, const char *norm_name,
                             gal_zoo_conv conv, gal_zoo_act act) {
    x = gal_zoo_conv2d(zoo, x, conv_name, conv);
    x = gal_zoo_norm(zoo, x, norm_name);
    return gal_zoo_activate(zoo, x, gal_zoo_name("%s.act", norm_name).s, act);
}

gal_value *gal_zoo_binary(gal_zoo *zoo, const char *op, gal_value *a, gal_value *b, const char *name) {
    return node(zoo, op, name, (gal_value *[]){a, b}, 2, NULL, 0);
}

gal_value *gal_zoo_pool(gal_zoo *zoo, const char *op, gal_value *x, const char *name, int kernel, int stride, int pad) {
    int64_t k[] = {kernel, kernel}, s[] = {stride, stride}, p[] = {pad, pad, pad, pad};
    gal_attr attr[] = {ints("kernel_shape", k, 2), ints("pads", p, 4), ints("strides", s, 2)};
    return node(zoo, op, name, &x, 1, attr, 3);
}

gal_value *gal_zoo_global_pool(gal_zoo *zoo, gal_value *x, const char *name) {
    return node(zoo, "GlobalAveragePool", name, &x, 1, NULL, 0);
}

gal_value *gal_zoo_concat(gal_zoo *zoo, gal_value *const *x, uint32_t n, const char *name) {
    gal_attr axis = integer("axis", 1);
    return node(zoo, "Concat", name, x, n, &axis, 1);
}

gal_value *gal_zoo_classify(gal_zoo *zoo, gal_value *x) {
    int64_t shape[] = {zoo->options->classes, gal_zoo_channels(x)};
    gal_attr axis = integer("axis", 1), gemm[] = {number("alpha", 1), number("beta", 1), integer("transB", 1)};
    x = gal_zoo_global_pool(zoo, x, "avgpool");
    x = node(zoo, "Flatten", "flatten", &x, 1, &axis, 1);
    gal_value *in[] = {x, parameter(zoo, zoo->head, "weight", 2, shape), parameter(zoo, zoo->head, "bias", 1, shape)};
    return node(zoo, "Gemm", zoo->head, in, 3, gemm, 3);
}
