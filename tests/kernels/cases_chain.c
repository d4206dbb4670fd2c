/* Problems for galen.ExpandDepthwise and galen.GatedConv. */
#include "cases.h"
#include "graph/op.h"
#include "layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What lies around the depthwise layer l: channels in front of it, activations, the mean. */
typedef struct chain {
    layer l;
    int64_t c;
    const char *first;
    bool mean;
} chain;

static void must(galen_status status, const galen_error *err) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "galen-check: chain: %s\n", err->message);
    exit(1);
}

bool case_is_chain(const char *op) {
    return strcmp(op, "ExpandDepthwise") == 0 || strcmp(op, "GatedConv") == 0;
}

static void start(kernel_case *c, double depth, double magnitude) {
    galen_error err;
    c->depth = depth;
    c->magnitude = magnitude;
    must(gal_graph_create("check", &c->graph, &err), &err);
}

static gal_value *new_image(gal_graph *graph, const char *name, int64_t h, int64_t w, int64_t c) {
    const gal_shape shape = {.rank = 4, .dim = {{1, true}, gal_dim_fixed(h), gal_dim_fixed(w), gal_dim_fixed(c)}};
    gal_value *value;
    galen_error err;
    must(gal_graph_input(graph, name, GALEN_F32, &shape, &value, &err), &err);
    return value;
}

static gal_value *new_weights(gal_graph *graph, gal_rng *rng, int rank, const int64_t *dim, float scale) {
    gal_value *value;
    galen_error err;
    must(gal_graph_new_constant(graph, NULL, GALEN_F32, rank, dim, &value, &err), &err);
    case_fill(rng, value->constant->data, (size_t)galen_tensor_elements(value->constant), scale);
    return value;
}

static gal_attr ints(const char *name, const int64_t *v, size_t n) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INTS, .ints = v, .count = n};
}

static gal_attr number(const char *name, float f) {
    return (gal_attr){.name = name, .type = GAL_ATTR_FLOAT, .f = f};
}

static gal_attr text(const char *name, const char *s) {
    return (gal_attr){.name = name, .type = GAL_ATTR_STRING, .s = s};
}

static void add_node(kernel_case *c, const gal_node_spec *spec) {
    galen_error err;
    must(gal_graph_node(c->graph, spec, &c->node, &err), &err);
    for (uint32_t i = 0; i < spec->n_out; i++) must(gal_graph_mark_output(c->graph, c->node->out[i], &err), &err);
}

static void expand_case(const chain *ch, gal_rng *rng, kernel_case *c) {
    const layer *l = &ch->l;
    const int64_t w1[4] = {l->c, ch->c, 1, 1}, w2[4] = {l->c, 1, l->r, l->s}, stride[2] = {l->stride, l->stride};
    const int64_t pads[4] = {l->top, l->left, l->bottom, l->right}, dilation[2] = {l->dilation, l->dilation};
    float tap = 1.7f / sqrtf((float)(l->r * l->s));
    start(c, (double)(ch->c * l->r * l->s), 0);
    c->between = 8 * (double)tap; /* two of the largest that the first convolution makes, by a weight of the second */
    gal_value *in[5] = {new_image(c->graph, "x", l->h, l->w, ch->c),
                        new_weights(c->graph, rng, 4, w1, 1.7f / sqrtf((float)ch->c)), NULL,
                        new_weights(c->graph, rng, 4, w2, tap)};
    if (l->bias) in[2] = new_weights(c->graph, rng, 1, w1, 1);
    if (l->bias) in[4] = new_weights(c->graph, rng, 1, w1, 1);
    const gal_attr attr[] = {ints("strides", stride, 2),        ints("pads", pads, 4),
                             ints("dilations", dilation, 2),    {.name = "group", .type = GAL_ATTR_INT, .i = l->c},
                             text("activation", l->act),        number("act_alpha", 0.2f),
                             number("act_beta", 0.5f),          text("first_activation", ch->first),
                             number("first_act_alpha", -0.25f), number("first_act_beta", 0.5f)};
    const gal_node_spec spec = {.domain = "galen",
                                .op = "ExpandDepthwise",
                                .n_in = l->bias ? 5 : 4,
                                .n_out = ch->mean ? 2 : 1,
                                .in = in,
                                .n_attr = sizeof attr / sizeof *attr,
                                .attr = attr};
    add_node(c, &spec);
    snprintf(
        c->text, sizeof c->text,
        "%lldx%lldx%lld -> %lld %s, window %lldx%lld, stride %lld, dilation %lld, pads %lld %lld %lld %lld%s, %s%s",
        (long long)l->h, (long long)l->w, (long long)ch->c, (long long)l->c, ch->first, (long long)l->r,
        (long long)l->s, (long long)l->stride, (long long)l->dilation, (long long)l->top, (long long)l->left,
        (long long)l->bottom, (long long)l->right, l->bias ? ", bias" : "", l->act, ch->mean ? ", mean" : "");
}

static const char *random_activation(gal_rng *rng) {
    static const char *const kinds[] = {"none", "Relu", "Clip", "SiLU", "SiLU", "HardSwish", "LeakyRelu"};
    return kinds[case_pick(rng, 0, sizeof kinds / sizeof *kinds - 1)];
}

/* Some images are so wide that they are cut into bands, some so small that a task takes several. */
static void random_expand(gal_rng *rng, kernel_case *c) {
    chain ch;
    layer_odd(&ch.l, rng);
    layer *l = &ch.l;
    int64_t kind = case_pick(rng, 0, 4);
    bool wide = kind == 0, real = kind < 3;
    if (wide) l->h = case_pick(rng, 9, 40), l->w = case_pick(rng, 30, 90);
    if (real) l->r = l->s = case_pick(rng, 0, 1) ? 3 : 5, l->dilation = 1, l->stride = case_pick(rng, 1, 2);
    if (real) l->top = l->left = l->bottom = l->right = l->r / 2;
    l->group = l->c = l->k = case_pick(rng, 1, wide ? 70 : 150);
    ch.c = case_pick(rng, 1, wide ? 3 : 20);
    layer_make_fit(l);
    if (!wide && case_pick(rng, 0, 3) == 0) c->batch = case_pick(rng, 9, 20);
    if (wide && c->batch > 3) c->batch = 3;
    l->act = random_activation(rng), ch.first = random_activation(rng);
    l->bias = case_pick(rng, 0, 3) > 0, ch.mean = case_pick(rng, 0, 1);
    expand_case(&ch, rng, c);
}

static void gated_case(int64_t h, int64_t w, int64_t from, int64_t to, const char *act, bool bias, bool residual,
                       gal_rng *rng, kernel_case *c) {
    const int64_t weights[4] = {to, from, 1, 1};
    start(c, (double)from, 16);
    gal_value *in[5] = {new_image(c->graph, "x", h, w, from),
                        new_weights(c->graph, rng, 4, weights, 1.7f / sqrtf((float)from))};
    if (bias) in[2] = new_weights(c->graph, rng, 1, weights, 1);
    if (residual) in[3] = new_image(c->graph, "z", h, w, to);
    in[4] = new_image(c->graph, "gate", 1, 1, from);
    const gal_attr attr[] = {text("activation", act), number("act_alpha", -0.25f), number("act_beta", 0.5f)};
    const gal_node_spec spec = {
        .domain = "galen", .op = "GatedConv", .n_in = 5, .n_out = 1, .in = in, .n_attr = 3, .attr = attr};
    add_node(c, &spec);
    snprintf(c->text, sizeof c->text, "%lldx%lldx%lld -> %lld%s%s, %s", (long long)h, (long long)w, (long long)from,
             (long long)to, bias ? ", bias" : "", residual ? ", residual" : "", act);
}

static void random_gated(gal_rng *rng, kernel_case *c) {
    bool deep = case_pick(rng, 0, 3) == 0; /* so many channels that the images do not fit the scratch at once */
    int64_t side = deep ? 4 : 14, from = deep ? case_pick(rng, 900, 2400) : case_pick(rng, 1, 200);
    bool bias = case_pick(rng, 0, 3) > 0, residual = case_pick(rng, 0, 1);
    gated_case(case_pick(rng, 1, side), case_pick(rng, 1, side), from, case_pick(rng, 1, deep ? 40 : 150),
               random_activation(rng), bias, residual, rng, c);
}

void case_random_chain(const char *op, gal_rng *rng, kernel_case *out) {
    if (strcmp(op, "GatedConv") == 0)
        random_gated(rng, out);
    else
        random_expand(rng, out);
}

/* Blocks of EfficientNet-B0 at 224 and B3 at 300: side, channels, expanded, window, stride, side behind, channels out.
 */
static const int64_t blocks[][7] = {
    {112, 16, 96, 3, 2, 56, 24},  {56, 24, 144, 3, 1, 56, 24},   {56, 24, 144, 5, 2, 28, 40},
    {28, 40, 240, 5, 1, 28, 40},  {14, 80, 480, 3, 1, 14, 80},   {14, 112, 672, 5, 1, 14, 112},
    {7, 192, 1152, 5, 1, 7, 192}, {150, 24, 144, 3, 2, 75, 32},  {75, 32, 192, 3, 1, 75, 32},
    {38, 48, 288, 5, 1, 38, 48},  {19, 136, 816, 5, 1, 19, 136}, {10, 232, 1392, 5, 1, 10, 232},
};

bool case_bench_chain(const char *op, int index, kernel_case *out) {
    if (index < 0 || (size_t)index >= sizeof blocks / sizeof *blocks) return false;
    const int64_t *b = blocks[index];
    gal_rng rng = gal_rng_make(1, (uint64_t)index);
    if (strcmp(op, "GatedConv") == 0) {
        gated_case(b[5], b[5], b[2], b[6], "none", true, b[1] == b[6], &rng, out);
    } else {
        chain ch = {.l = layer_square(b[0], b[2], b[2], b[3], b[4], b[2]), .c = b[1], .first = "SiLU", .mean = true};
        ch.l.act = "SiLU";
        expand_case(&ch, &rng, out);
    }
    return true;
}
