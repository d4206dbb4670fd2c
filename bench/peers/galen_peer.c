/*
 * Galen as a measured process: galen-peer MODEL BATCH THREADS [LEVEL]. Reads lines "run SECONDS" from standard input
 * and answers each with one line of JSON: the milliseconds of every run of about that many seconds. bench/peers/run
 * drives it next to its peers.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/onnx.h"
#include "session/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_IO = 16, MAX_RUNS = 100000 };

typedef struct peer {
    gal_model *model;
    gal_session *session;
    int64_t batch;
    void *in[MAX_IO], *out[MAX_IO];
} peer;

static void die(const galen_error *err) {
    fprintf(stderr, "galen-peer: %s\n", err->message);
    exit(1);
}

static void *buffer_of(const gal_value *value, int64_t batch) {
    galen_tensor tensor;
    gal_shape_at(&value->shape, value->dtype, batch, &tensor);
    void *p = gal_alloc_aligned((size_t)galen_tensor_bytes(&tensor));
    if (p == NULL || value->dtype != GALEN_F32)
        die(&(galen_error){.message = "no memory, or an input or output that is not f32"});
    gal_rng rng = gal_rng_make(1, value->id);
    for (int64_t i = 0; i < galen_tensor_elements(&tensor); i++) ((float *)p)[i] = (float)gal_rng_uniform(&rng);
    return p;
}

static void open_peer(peer *p, const char *path, int threads, const char *level) {
    galen_error err;
    gal_session_options options = gal_session_default_options();
    options.max_batch = p->batch;
    options.threads = threads;
    if (level != NULL && gal_isa_parse(level, &options.isa, &err) != GALEN_OK) die(&err);
    if (gal_onnx_load(path, NULL, &p->model, &err) != GALEN_OK) die(&err);
    if (gal_session_create(p->model->graph, &options, &p->session, &err) != GALEN_OK) die(&err);
    const gal_graph *graph = p->model->graph;
    if (graph->n_input > MAX_IO || graph->n_output > MAX_IO)
        die(&(galen_error){.message = "too many inputs or outputs"});
    for (uint32_t i = 0; i < graph->n_input; i++) p->in[i] = buffer_of(graph->input[i], p->batch);
    for (uint32_t i = 0; i < graph->n_output; i++) p->out[i] = buffer_of(graph->output[i], p->batch);
}

static double run_once(peer *p) {
    galen_error err;
    double start = gal_clock_seconds();
    if (gal_session_run(p->session, p->batch, (const void *const *)p->in, p->out, &err) != GALEN_OK) die(&err);
    return gal_clock_seconds() - start;
}

static void run_block(peer *p, double seconds) {
    double begin = gal_clock_seconds();
    printf("{\"ms\":[");
    for (int n = 0; n < MAX_RUNS && (n == 0 || gal_clock_seconds() - begin < seconds); n++)
        printf("%s%.6f", n == 0 ? "" : ",", run_once(p) * 1e3);
    printf("]}\n");
    fflush(stdout);
}

int main(int argc, char **argv) {
    peer p = {0};
    char line[64];
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: galen-peer MODEL BATCH THREADS [reference|avx2|avx512]\n");
        return 2;
    }
    p.batch = strtol(argv[2], NULL, 10);
    open_peer(&p, argv[1], (int)strtol(argv[3], NULL, 10), argc > 4 ? argv[4] : NULL);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strncmp(line, "run ", 4) == 0) run_block(&p, strtod(line + 4, NULL));
    }
    for (int i = 0; i < MAX_IO; i++) {
        gal_free(p.in[i]);
        gal_free(p.out[i]);
    }
    gal_session_destroy(p.session);
    gal_model_destroy(p.model);
    return 0;
}
