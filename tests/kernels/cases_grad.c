/* Gradients of the convolutions of layers.h. */
#include "cases.h"
#include "graph/op.h"
#include "layers.h"
#include "networks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(galen_status status, const galen_error *err) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "galen-check: gradient: %s\n", err->message);
    exit(1);
}

static bool wants_weight(const char *op) {
    return strcmp(op, "ConvGradWeight") == 0;
}

bool case_is_grad(const char *op) {
    return wants_weight(op) || strcmp(op, "ConvGradInput") == 0;
}

static gal_value *new_image(gal_graph *graph, const char *name, int64_t h, int64_t w, int64_t c) {
    const gal_shape shape = {.rank = 4, .dim = {{1, true}, gal_dim_fixed(h), gal_dim_fixed(w), gal_dim_fixed(c)}};
    gal_value *value;
    galen_error err;
    must(gal_graph_input(graph, name, GALEN_F32, &shape, &value, &err), &err);
    return value;
}

static gal_value *new_weights(const layer *l, gal_graph *graph, gal_rng *rng, float scale) {
    const int64_t dim[4] = {l->k, l->c / l->group, l->r, l->s};
    gal_value *value;
    galen_error err;
    must(gal_graph_new_constant(graph, NULL, GALEN_F32, 4, dim, &value, &err), &err);
    case_fill(rng, value->constant->data, (size_t)galen_tensor_elements(value->constant), scale);
    return value;
}

static gal_attr ints(const char *name, const int64_t *v, size_t n) {
    return (gal_attr){.name = name, .type = GAL_ATTR_INTS, .ints = v, .count = n};
}

static void add_node(const char *op, const layer *l, gal_value **in, kernel_case *c) {
    const int64_t strides[2] = {l->stride, l->stride}, pads[4] = {l->top, l->left, l->bottom, l->right};
    const int64_t dilations[2] = {l->dilation, l->dilation}, window[2] = {l->r, l->s}, spatial[2] = {l->h, l->w};
    const gal_attr attr[] = {ints("strides", strides, 2),
                             ints("pads", pads, 4),
                             ints("dilations", dilations, 2),
                             ints("kernel_shape", window, 2),
                             {.name = "group", .type = GAL_ATTR_INT, .i = l->group},
                             ints("spatial", spatial, 2)};
    const gal_node_spec spec = {
        .domain = "galen", .op = op, .n_in = 2, .n_out = 1, .n_attr = wants_weight(op) ? 5 : 6, .in = in, .attr = attr};
    galen_error err;
    must(gal_graph_node(c->graph, &spec, &c->node, &err), &err);
    must(gal_graph_mark_output(c->graph, c->node->out[0], &err), &err);
}

static int64_t out_side(int64_t in, int64_t pads, int64_t window, const layer *l) {
    return (in + pads - (window - 1) * l->dilation - 1) / l->stride + 1;
}

/* Images are filled from [-4, 4): a sum of products of two has a mean square of 16 / 3 a term. */
static void grad_case(const char *op, const layer *l, gal_rng *rng, kernel_case *c) {
    int64_t oh = out_side(l->h, l->top + l->bottom, l->r, l), ow = out_side(l->w, l->left + l->right, l->s, l);
    galen_error err;
    must(gal_graph_create("check", &c->graph, &err), &err);
    gal_value *dy = new_image(c->graph, "dy", oh, ow, l->k);
    if (wants_weight(op)) {
        c->depth = (double)(c->batch * oh * ow);
        c->magnitude = 16.0 / 3 * sqrt(c->depth);
        add_node(op, l, (gal_value *[]){new_image(c->graph, "x", l->h, l->w, l->c), dy}, c);
    } else {
        c->depth = (double)(l->k / l->group * l->r * l->s);
        add_node(op, l, (gal_value *[]){dy, new_weights(l, c->graph, rng, 1.7f / sqrtf((float)c->depth))}, c);
    }
    snprintf(c->text, sizeof c->text,
             "%lldx%lldx%lld -> %lld, window %lldx%lld, stride %lld, dilation %lld, pads %lld %lld %lld %lld, groups "
             "%lld",
             (long long)l->h, (long long)l->w, (long long)l->c, (long long)l->k, (long long)l->r, (long long)l->s,
             (long long)l->stride, (long long)l->dilation, (long long)l->top, (long long)l->left, (long long)l->bottom,
             (long long)l->right, (long long)l->group);
}

void case_random_grad(const char *op, gal_rng *rng, kernel_case *out) {
    layer l;
    int64_t kind = case_pick(rng, 0, 4);
    if (kind < 2)
        l = layer_real((size_t)case_pick(rng, 0, layer_count() - 1));
    else if (kind == 2)
        layer_odd(&l, rng);
    else
        layer_tiled(&l, rng);
    if (kind < 3) layer_scale_down(&l, 400000);
    int64_t size = kind < 3 ? case_pick(rng, 0, 5) : 2;
    if (size == 0) { /* few channels and more pixels than are summed at once */
        l.h = case_pick(rng, 30, 60), l.w = case_pick(rng, 30, 60);
        layer_scale_down_channels(&l, 1000000);
    } else if (size == 1) { /* a large batch of tiny images */
        l.h = case_pick(rng, 1, 8), l.w = case_pick(rng, 1, 8);
        layer_scale_down(&l, 40000);
        out->batch = case_pick(rng, 15, 70);
    }
    layer_make_fit(&l);
    grad_case(op, &l, rng, out);
}

bool case_bench_grad(const char *op, int index, kernel_case *out) {
    const network_conv *conv = network_conv_at(index);
    if (conv == NULL) return false;
    gal_rng rng = gal_rng_make(1, (uint64_t)index);
    layer l = layer_square(conv->side, conv->in, conv->out, conv->window, conv->stride, conv->group);
    grad_case(op, &l, &rng, out);
    snprintf(out->text, sizeof out->text, "%lldx%lldx%lld -> %lld, %lldx%lld, stride %lld, groups %lld (%s)",
             (long long)conv->side, (long long)conv->side, (long long)conv->in, (long long)conv->out,
             (long long)conv->window, (long long)conv->window, (long long)conv->stride, (long long)conv->group,
             conv->network);
    return true;
}
