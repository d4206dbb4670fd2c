/* Problems on bytes between convolutions: pools with the sizes of cases.c, element by element, to and from f32. */
#include "cases.h"
#include "graph/op.h"
#include "graph/ops/quantized.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ATTRS = 24 };

/* A node in the making. */
typedef struct draft {
    kernel_case *c;
    gal_rng *rng;
    gal_value *in[6];
    gal_attr attr[MAX_ATTRS];
    uint32_t n_in, n_attr;
} draft;

static void must(galen_status status, const galen_error *err) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "galen-check: int8 problem: %s\n", err->message);
    exit(1);
}

static void add_float(draft *d, const char *name, float f) {
    d->attr[d->n_attr++] = (gal_attr){.name = name, .type = GAL_ATTR_FLOAT, .f = f};
}

static void add_int(draft *d, const char *name, int64_t i) {
    d->attr[d->n_attr++] = (gal_attr){.name = name, .type = GAL_ATTR_INT, .i = i};
}

static void add_text(draft *d, const char *name, const char *s) {
    d->attr[d->n_attr++] = (gal_attr){.name = name, .type = GAL_ATTR_STRING, .s = s};
}

static float pick_scale(gal_rng *rng) {
    return 0.01f * (1 + (float)gal_rng_uniform(rng));
}

/* Often the ends of the type: 0 of a u8 after Relu is the commonest of all. */
static int64_t pick_zero(gal_rng *rng, galen_dtype dtype) {
    int64_t low = dtype == GALEN_U8 ? 0 : -128;
    return case_pick(rng, 0, 1) == 0 ? low : case_pick(rng, low, low + 255);
}

static galen_dtype pick_type(gal_rng *rng) {
    return case_pick(rng, 0, 2) == 0 ? GALEN_I8 : GALEN_U8;
}

static gal_value *input(draft *d, const char *name, galen_dtype dtype, const gal_shape *shape) {
    gal_value *value;
    galen_error err;
    must(gal_graph_input(d->c->graph, name, dtype, shape, &value, &err), &err);
    return value;
}

/* Random bytes, or numbers in [-limit, limit] of other types. */
static gal_value *constant(draft *d, galen_dtype dtype, int rank, const int64_t *dim, double limit) {
    gal_value *value;
    galen_error err;
    must(gal_graph_new_constant(d->c->graph, NULL, dtype, rank, dim, &value, &err), &err);
    int64_t n = galen_tensor_elements(value->constant);
    void *data = value->constant->data;
    for (int64_t i = 0; i < n; i++) {
        double v = 2 * gal_rng_uniform(d->rng) - 1;
        if (dtype == GALEN_F32)
            ((float *)data)[i] = (float)(limit * v);
        else if (dtype == GALEN_I32)
            ((int32_t *)data)[i] = (int32_t)(limit * v);
        else
            ((uint8_t *)data)[i] = (uint8_t)gal_rng_u32(d->rng);
    }
    return value;
}

static draft start(kernel_case *c, gal_rng *rng) {
    galen_error err;
    c->depth = 1;
    must(gal_graph_create("check", &c->graph, &err), &err);
    return (draft){.c = c, .rng = rng};
}

static void finish(draft *d, const char *domain, const char *op) {
    galen_error err;
    uint32_t n_out = strcmp(op, "DynamicQuantizeLinear") == 0 ? 3 : 1;
    const gal_node_spec spec = {
        .domain = domain, .op = op, .n_in = d->n_in, .n_out = n_out, .n_attr = d->n_attr, .in = d->in, .attr = d->attr};
    must(gal_graph_node(d->c->graph, &spec, &d->c->node, &err), &err);
    must(gal_graph_mark_output(d->c->graph, d->c->node->out[0], &err), &err);
}

static void add_pair(draft *d, const char *scale, const char *zero, galen_dtype dtype) {
    add_float(d, scale, pick_scale(d->rng));
    add_int(d, zero, pick_zero(d->rng, dtype));
}

static void add_output(draft *d, galen_dtype dtype, float scale) {
    add_int(d, "y_type", dtype);
    if (dtype == GALEN_F32) return;
    add_float(d, "y_scale", scale);
    add_int(d, "y_zero", pick_zero(d->rng, dtype));
}

static void add_activation(draft *d) {
    int64_t kind = case_pick(d->rng, 0, 3);
    if (kind < 2) return;
    add_text(d, "activation", kind == 2 ? "Relu" : "Clip");
    add_float(d, "act_alpha", -0.25f);
    add_float(d, "act_beta", 0.75f);
}

/* ---- pools: the sizes of an f32 problem too ---- */

static void pool(const kernel_case *from, const gal_kernel *kernel, gal_rng *rng, kernel_case *c) {
    draft d = start(c, rng);
    bool maximum = strcmp(kernel->op, "MaxPool") == 0;
    for (uint32_t i = 0; i < from->node->n_attr; i++) d.attr[d.n_attr++] = from->node->attr[i];
    if (!maximum) {
        add_pair(&d, "x_scale", "x_zero", kernel->dtype);
        add_output(&d, pick_type(rng), pick_scale(rng));
        add_activation(&d);
    }
    d.n_in = 1;
    d.in[0] = input(&d, "x", kernel->dtype, &from->node->in[0]->shape);
    finish(&d, "galen", kernel->op);
    snprintf(c->text, sizeof c->text, "%.150s, %s", from->text, galen_dtype_name(kernel->dtype));
}

/* ---- between them ---- */

static gal_shape image(int64_t side, int64_t channels) {
    return (gal_shape){4, {{1, true}, gal_dim_fixed(side), gal_dim_fixed(side), gal_dim_fixed(channels)}};
}

static void pair(const gal_kernel *kernel, int64_t side, int64_t channels, int form, draft *d) {
    galen_dtype other = pick_type(d->rng);
    gal_shape whole = image(side, channels), row = image(1, channels);
    d->in[0] = input(d, "a", kernel->dtype, form == 1 ? &row : &whole);
    d->in[1] = input(d, "b", other, form == 2 ? &row : &whole);
    d->n_in = 2;
    add_pair(d, "x_scale", "x_zero", kernel->dtype);
    add_pair(d, "r_scale", "r_zero", other);
    add_output(d, pick_type(d->rng), strcmp(kernel->op, "QMul") == 0 ? 0.02f : 0.03f);
    add_activation(d);
}

static void scale_shift(const gal_kernel *kernel, int64_t side, int64_t channels, draft *d) {
    gal_shape shape = image(side, channels);
    d->in[0] = input(d, "x", kernel->dtype, &shape);
    d->in[1] = constant(d, GALEN_F32, 1, &channels, 1.5);
    d->in[2] = constant(d, GALEN_F32, 1, &channels, 90);
    d->n_in = 3;
    add_int(d, "x_zero", pick_zero(d->rng, kernel->dtype));
    add_output(d, pick_type(d->rng), 0.05f);
    add_activation(d);
}

static void quantize(int64_t side, int64_t channels, draft *d) {
    bool planes = case_pick(d->rng, 0, 2) > 0;
    gal_shape shape = image(side, channels);
    if (planes) shape.dim[3] = shape.dim[1], shape.dim[1] = gal_dim_fixed(channels = case_pick(d->rng, 1, 4));
    d->in[0] = input(d, "x", GALEN_F32, &shape);
    d->n_in = 1;
    if (planes) {
        add_int(d, "planes", 1);
        if (channels != 1 || case_pick(d->rng, 0, 1) == 0) add_int(d, "channels", 4);
    }
    add_output(d, pick_type(d->rng), 0.03f);
}

static void linear(const gal_kernel *kernel, int64_t side, int64_t channels, draft *d) {
    gal_shape shape = image(side, channels);
    bool to_bytes = kernel->dtype == GALEN_F32;
    d->in[0] = input(d, "x", kernel->dtype, &shape);
    d->in[1] = constant(d, GALEN_F32, 0, NULL, 0);
    *(float *)d->in[1]->constant->data = pick_scale(d->rng);
    d->in[2] = constant(d, to_bytes ? pick_type(d->rng) : kernel->dtype, 0, NULL, 0);
    d->n_in = 3;
}

static void element(const gal_kernel *kernel, gal_rng *rng, int64_t side, int64_t channels, int form, kernel_case *c) {
    draft d = start(c, rng);
    const int64_t table = 256;
    if (strcmp(kernel->op, "QAdd") == 0 || strcmp(kernel->op, "QMul") == 0) {
        pair(kernel, side, channels, form, &d);
    } else if (strcmp(kernel->op, "QScaleShift") == 0) {
        scale_shift(kernel, side, channels, &d);
    } else if (strcmp(kernel->op, "Quantize") == 0) {
        quantize(side, channels, &d);
    } else if (strcmp(kernel->op, "DynamicQuantizeLinear") == 0) {
        gal_shape shape = image(side, channels);
        d.in[0] = input(&d, "x", GALEN_F32, &shape);
        d.n_in = 1;
    } else if (strcmp(kernel->op, "QMap") == 0) {
        gal_shape shape = image(side, channels);
        d.in[0] = input(&d, "x", kernel->dtype, &shape);
        d.in[1] = constant(&d, pick_type(rng), 1, &table, 0);
        d.n_in = 2;
    } else {
        linear(kernel, side, channels, &d);
    }
    finish(&d, kernel->domain, kernel->op);
    snprintf(c->text, sizeof c->text, "%lldx%lldx%lld, form %d", (long long)side, (long long)side, (long long)channels,
             form);
}

/* ---- by op ---- */

bool case_is_bytes(const gal_kernel *kernel) {
    if (case_is_product8(kernel)) return false;
    bool from_f32 = strcmp(kernel->op, "Quantize") == 0 || strcmp(kernel->op, "QuantizeLinear") == 0 ||
                    strcmp(kernel->op, "DynamicQuantizeLinear") == 0;
    return from_f32 || kernel->dtype == GALEN_U8 || kernel->dtype == GALEN_I8;
}

/* The f32 op whose problems have the sizes wanted, or NULL. */
static const char *sizes_of(const char *op) {
    static const char *const like[][2] = {
        {"MaxPool", "MaxPool"}, {"QAveragePool", "AveragePool"}, {"QGlobalAveragePool", "GlobalAveragePool"}};
    for (size_t i = 0; i < sizeof like / sizeof *like; i++)
        if (strcmp(op, like[i][0]) == 0) return like[i][1];
    return NULL;
}

bool case_random_bytes(const gal_kernel *kernel, gal_rng *rng, kernel_case *out) {
    const char *like = sizes_of(kernel->op);
    kernel_case from;
    if (like == NULL) {
        *out = (kernel_case){.batch = case_pick(rng, 1, 9)};
        element(kernel, rng, case_pick(rng, 1, 20), case_pick(rng, 1, 150), (int)case_pick(rng, 0, 2), out);
        return true;
    }
    if (!case_random("galen", like, rng, &from)) return false;
    *out = (kernel_case){.batch = from.batch};
    pool(&from, kernel, rng, out);
    case_free(&from);
    return true;
}

bool case_bench_bytes(const gal_kernel *kernel, int index, int64_t batch, kernel_case *out) {
    const char *like = sizes_of(kernel->op);
    gal_rng rng = gal_rng_make(2, (uint64_t)index);
    kernel_case from;
    if (like == NULL) {
        *out = (kernel_case){.batch = batch};
        if (index == 0) element(kernel, &rng, 28, 512, 0, out);
        return index == 0;
    }
    if (!case_bench("galen", like, index, batch, &from)) return false;
    *out = (kernel_case){.batch = from.batch};
    pool(&from, kernel, &rng, out);
    case_free(&from);
    return true;
}
