/*
 * Galen as a measured process: galen-peer MODEL BATCH THREADS PRECISION [INPUT [LEVEL]]. The input is raw f32, as many
 * numbers as the batch needs (without it, random ones). PRECISION is one of Galen's, or int8: as the file says, which
 * is then a quantised one. bench/peers/run drives it next to its peers.
 */
#include "peer.h"

#include "base/mem.h"
#include "base/rng.h"
#include "model/onnx.h"
#include "session/session.h"

#include <galen/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_IO = 16 };

typedef struct peer {
    gal_model *model;
    gal_session *session;
    int64_t batch;
    void *in[MAX_IO], *out[MAX_IO];
    size_t out_bytes[MAX_IO];
} peer;

static void die(const galen_error *err) {
    fprintf(stderr, "galen-peer: %s\n", err->message);
    exit(1);
}

static void *buffer_of(const gal_value *value, int64_t batch, size_t *bytes) {
    galen_tensor tensor;
    gal_shape_at(&value->shape, value->dtype, batch, &tensor);
    *bytes = (size_t)galen_tensor_bytes(&tensor);
    void *p = gal_alloc_aligned(*bytes);
    if (p == NULL || value->dtype != GALEN_F32)
        die(&(galen_error){.message = "no memory, or an input or output that is not f32"});
    return p;
}

static void fill(float *data, size_t n, FILE *from, uint64_t stream) {
    gal_rng rng = gal_rng_make(1, stream);
    if (from != NULL && fread(data, sizeof *data, n, from) != n)
        die(&(galen_error){.message = "the input file is too short for this batch"});
    for (size_t i = 0; from == NULL && i < n; i++) data[i] = (float)(2 * gal_rng_uniform(&rng) - 1);
}

static void make_buffers(peer *p, const char *input) {
    const gal_graph *graph = p->model->graph;
    FILE *from = input != NULL ? fopen(input, "rb") : NULL;
    size_t bytes;
    if (input != NULL && from == NULL) die(&(galen_error){.message = "cannot open the input file"});
    if (graph->n_input > MAX_IO || graph->n_output > MAX_IO)
        die(&(galen_error){.message = "too many inputs or outputs"});
    for (uint32_t i = 0; i < graph->n_input; i++) {
        p->in[i] = buffer_of(graph->input[i], p->batch, &bytes);
        fill(p->in[i], bytes / sizeof(float), from, i);
    }
    for (uint32_t i = 0; i < graph->n_output; i++) p->out[i] = buffer_of(graph->output[i], p->batch, &p->out_bytes[i]);
    if (from != NULL) fclose(from);
}

static void open_peer(peer *p, const char *path, int threads, const char *precision, const char *level) {
    galen_error err;
    gal_session_options options = gal_session_default_options();
    options.max_batch = p->batch;
    options.threads = threads;
    if (strcmp(precision, "int8") != 0 && gal_precision_parse(precision, &options.precision, &err) != GALEN_OK)
        die(&err);
    if (level != NULL && gal_isa_parse(level, &options.isa, &err) != GALEN_OK) die(&err);
    if (gal_onnx_load(path, NULL, &p->model, &err) != GALEN_OK) die(&err);
    options.file = p->model->file;
    options.n_file = p->model->n_file;
    if (gal_session_create(p->model->graph, &options, &p->session, &err) != GALEN_OK) die(&err);
}

static void print_ready(const peer *p) {
    printf("{\"version\":\"%s\",\"isa\":\"%s\",\"arena_bytes\":%zu,\"packed_bytes\":%zu}\n", galen_version(),
           gal_isa_name(gal_session_isa(p->session)), gal_session_arena_bytes(p->session),
           gal_session_packed_bytes(p->session));
    fflush(stdout);
}

static void run(void *context) {
    peer *p = context;
    galen_error err;
    if (gal_session_run(p->session, p->batch, (const void *const *)p->in, p->out, &err) != GALEN_OK) die(&err);
}

static bool write_outputs(void *context, const char *path) {
    peer *p = context;
    FILE *to = fopen(path, "wb");
    bool done = to != NULL;
    run(p);
    for (uint32_t i = 0; done && i < p->model->graph->n_output; i++)
        done = fwrite(p->out[i], 1, p->out_bytes[i], to) == p->out_bytes[i];
    return to != NULL && fclose(to) == 0 && done;
}

int main(int argc, char **argv) {
    peer p = {0};
    if (argc < 5 || argc > 7) {
        fprintf(stderr, "usage: galen-peer MODEL BATCH THREADS f32|bf16|int8 [INPUT [reference|avx2|avx512|amx]]\n");
        return 2;
    }
    p.batch = strtol(argv[2], NULL, 10);
    open_peer(&p, argv[1], (int)strtol(argv[3], NULL, 10), argv[4], argc > 6 ? argv[6] : NULL);
    make_buffers(&p, argc > 5 ? argv[5] : NULL);
    print_ready(&p);
    int code = peer_serve(&(peer_work){.context = &p, .run = run, .write = write_outputs});
    for (int i = 0; i < MAX_IO; i++) {
        gal_free(p.in[i]);
        gal_free(p.out[i]);
    }
    gal_session_destroy(p.session);
    gal_model_destroy(p.model);
    return code;
}
