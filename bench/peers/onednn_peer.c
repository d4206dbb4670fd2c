/*
 * oneDNN as a measured process: onednn-peer MODEL BATCH THREADS PRECISION [INPUT]. Runs the model's convolutions, and
 * nothing else of it, one after the other with bias and ReLU, in the layouts oneDNN chooses: a bound for any engine
 * built on its convolutions. Every convolution has its own weights; each reads what the one before it wrote, in
 * whatever layout, so that caches hold what they would in a network. OMP_NUM_THREADS must equal THREADS.
 */
#include "onednn_conv.h"
#include "peer.h"

#include "base/mem.h"
#include "base/rng.h"
#include "graph/op.h"
#include "graph/ops/window.h"
#include "model/onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CONV = 4096 };

typedef struct convolutions {
    conv *conv[MAX_CONV];
    int n;
    void *first, *buffer[2]; /* what the first reads; where all write, in turn */
} convolutions;

static void die(const char *message) {
    fprintf(stderr, "onednn-peer: %s\n", message);
    exit(1);
}

static void *room(size_t bytes) {
    void *p = gal_alloc_aligned(bytes);
    if (p == NULL) die("no memory");
    memset(p, 0, bytes);
    return p;
}

static conv_shape shape_of(const gal_node *node, int64_t batch) {
    const gal_shape *x = &node->in[0]->shape, *w = &node->in[1]->shape;
    gal_window window;
    galen_error err;
    gal_window_spec spec = {.spatial = &x->dim[2], .rank = x->rank - 2, .kernel = &w->dim[2]};
    if (x->rank != 4) die("a convolution that is not of two dimensions");
    if (gal_window_make(node, &spec, &window, &err) != GALEN_OK) die(err.message);
    conv_shape s = {.batch = batch,
                    .in_channels = x->dim[1].size,
                    .out_channels = w->dim[0].size,
                    .groups = gal_attr_int(node, "group", 1)};
    for (int i = 0; i < 2; i++) {
        int from = GAL_WINDOW_RANK - 2 + i;
        s.in[i] = window.in[from];
        s.out[i] = window.out[from];
        s.kernel[i] = window.kernel[from];
        s.stride[i] = window.stride[from];
        s.dilation[i] = window.dilation[from];
        s.before[i] = window.before[from];
        s.after[i] = window.after[from];
    }
    return s;
}

static void read_convolutions(convolutions *c, const char *path, int64_t batch, conv_type type) {
    gal_model *model;
    galen_error err;
    if (gal_onnx_load(path, NULL, &model, &err) != GALEN_OK) die(err.message);
    for (const gal_node *node = model->graph->first; node != NULL; node = node->next) {
        if (strcmp(node->op->name, "Conv") != 0) continue;
        if (c->n == MAX_CONV) die("too many convolutions");
        conv_shape shape = shape_of(node, batch);
        c->conv[c->n] = conv_create(&shape, type, (uint64_t)c->n);
        c->n++;
    }
    gal_model_destroy(model);
    if (c->n == 0) die("the model has no convolution");
}

/* Numbers in [0, 1), for u8 in [0, 128). */
static void fill(void *data, size_t bytes, conv_type type) {
    static const size_t width[] = {4, 2, 1};
    gal_rng rng = gal_rng_make(1, MAX_CONV);
    for (size_t i = 0; i < bytes / width[type]; i++) {
        float x = (float)gal_rng_uniform(&rng);
        uint32_t bits;
        memcpy(&bits, &x, sizeof bits);
        if (type == CONV_F32) ((float *)data)[i] = x;
        if (type == CONV_BF16) ((uint16_t *)data)[i] = (uint16_t)(bits >> 16);
        if (type == CONV_INT8) ((uint8_t *)data)[i] = (uint8_t)(128 * x);
    }
}

static void place(convolutions *c, conv_type type) {
    size_t most = 0;
    for (int i = 0; i < c->n; i++) {
        if (conv_source_bytes(c->conv[i]) > most) most = conv_source_bytes(c->conv[i]);
        if (conv_target_bytes(c->conv[i]) > most) most = conv_target_bytes(c->conv[i]);
    }
    c->first = room(conv_source_bytes(c->conv[0]));
    fill(c->first, conv_source_bytes(c->conv[0]), type);
    for (int i = 0; i < 2; i++) {
        c->buffer[i] = room(most);
        fill(c->buffer[i], most, type);
    }
    for (int i = 0; i < c->n; i++) conv_place(c->conv[i], i == 0 ? c->first : c->buffer[(i + 1) % 2], c->buffer[i % 2]);
}

/* {"version": ..., "convolutions": n, "implementations": {"name": how many, ...}} */
static void print_ready(const convolutions *c) {
    printf("{\"version\":\"%s\",\"convolutions\":%d,\"implementations\":{", conv_version(), c->n);
    bool comma = false;
    for (int i = 0; i < c->n; i++) {
        const char *name = conv_implementation(c->conv[i]);
        int before = 0, all = 0;
        for (int k = 0; k < c->n; k++) {
            bool same = strcmp(name, conv_implementation(c->conv[k])) == 0;
            before += same && k < i;
            all += same;
        }
        if (before > 0) continue;
        printf("%s\"%s\":%d", comma ? "," : "", name, all);
        comma = true;
    }
    printf("}}\n");
    fflush(stdout);
}

static void run(void *context) {
    const convolutions *c = context;
    for (int i = 0; i < c->n; i++) conv_run(c->conv[i]);
    conv_wait();
}

static conv_type parse_type(const char *name) {
    static const char *const names[] = {"f32", "bf16", "int8"};
    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0) return (conv_type)i;
    die("PRECISION is f32, bf16 or int8");
    return CONV_F32;
}

int main(int argc, char **argv) {
    static convolutions c;
    if (argc < 5 || argc > 6) {
        fprintf(stderr, "usage: onednn-peer MODEL BATCH THREADS f32|bf16|int8 [INPUT]\n");
        return 2;
    }
    const char *threads = getenv("OMP_NUM_THREADS");
    if (threads == NULL || strcmp(threads, argv[3]) != 0) die("OMP_NUM_THREADS differs from THREADS");
    conv_type type = parse_type(argv[4]);
    read_convolutions(&c, argv[1], strtol(argv[2], NULL, 10), type);
    place(&c, type);
    print_ready(&c);
    int code = peer_serve(&(peer_work){.context = &c, .run = run});
    for (int i = 0; i < c.n; i++) conv_destroy(c.conv[i]);
    gal_free(c.first);
    for (int i = 0; i < 2; i++) gal_free(c.buffer[i]);
    return code;
}
