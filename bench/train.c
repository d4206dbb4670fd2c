/*
 * Speed of training: train NETWORK SIDE BATCH THREADS [STEPS [PRECISION [SEGMENTS [profile]]]]. Forward, backward and
 * Adam on random pictures of 3 channels and 2 classes; prints the median step's images/s, and with "profile" where its
 * time goes by op and kernel, and outside them. Level: GALEN_CPU.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "graph/op.h"
#include "model/zoo/zoo.h"
#include "session/session.h"
#include "train/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM = 2, MAX_STEPS = 1000, MAX_ROWS = 256 };

static galen_error err;

static void must(galen_status status) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "train: %s\n", err.message);
    exit(1);
}

typedef struct row {
    char name[96];
    double seconds;
    int count;
} row;

static int by_seconds(const void *a, const void *b) {
    double x = ((const row *)a)->seconds, y = ((const row *)b)->seconds;
    return (x < y) - (x > y);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void add_steps(const gal_session *session, const double *seconds, row *rows, int *n) {
    for (size_t i = 0; i < gal_session_steps(session); i++) {
        gal_step_info info = gal_session_step(session, i);
        char name[96];
        snprintf(name, sizeof name, "%s: %s", info.node->op->name, info.kernel);
        int k = 0;
        while (k < *n && strcmp(rows[k].name, name) != 0) k++;
        if (k == MAX_ROWS) continue;
        if (k == *n) rows[(*n)++] = (row){.count = 0}, memcpy(rows[k].name, name, sizeof name);
        rows[k].seconds += seconds[i];
        rows[k].count++;
    }
}

static void print_profile(gal_trainer *t, int64_t batch, const float *x, const float *y, const gal_train_hyper *n) {
    static row rows[MAX_ROWS];
    int count = 0;
    double loss, norm, total = 0, start;
    bool skipped;
    gal_session *run = gal_trainer_run_session(t), *step = gal_trainer_step_session(t);
    double *a = calloc(gal_session_steps(run), sizeof *a), *b = calloc(gal_session_steps(step), sizeof *b);
    gal_trainer_time(t, a, b);
    start = gal_clock_seconds();
    must(gal_trainer_run(t, batch, x, y, 0, &loss, &err));
    must(gal_trainer_step(t, n, 1, &norm, &skipped, &err));
    double all = gal_clock_seconds() - start;
    add_steps(run, a, rows, &count);
    add_steps(step, b, rows, &count);
    qsort(rows, (size_t)count, sizeof *rows, by_seconds);
    for (int i = 0; i < count; i++) total += rows[i].seconds;
    for (int i = 0; i < count; i++)
        printf("%8.2f ms %5.1f %% %4d  %s\n", rows[i].seconds * 1e3, 100 * rows[i].seconds / total, rows[i].count,
               rows[i].name);
    printf("%8.2f ms outside: packing of changed weights, checks\n", (all - total) * 1e3);
    gal_trainer_time(t, NULL, NULL);
    free(a);
    free(b);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "use: train NETWORK SIDE BATCH THREADS [STEPS [PRECISION [SEGMENTS [profile]]]]\n");
        return 2;
    }
    int side = (int)strtol(argv[2], NULL, 10), steps = argc > 5 ? (int)strtol(argv[5], NULL, 10) : 10;
    gal_zoo_options zoo = {.channels = 3, .height = side, .width = side, .classes = 2, .seed = 1};
    gal_trainer_options options = gal_trainer_default_options();
    gal_train_hyper hyper = {.rate = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    gal_model *model;
    gal_trainer *t;
    double seconds[MAX_STEPS], loss = 0, norm;
    bool skipped;
    if (steps < 1 || steps > MAX_STEPS) return 2;
    const char *level = getenv("GALEN_CPU");
    if (level != NULL) must(gal_isa_parse(level, &options.isa, &err));
    options.batch = strtol(argv[3], NULL, 10);
    options.threads = (int)strtol(argv[4], NULL, 10);
    options.loss.categorical = true;
    if (argc > 6) must(gal_precision_parse(argv[6], &options.precision, &err));
    if (argc > 7) options.segments = strtol(argv[7], NULL, 10);
    must(gal_zoo_build(argv[1], &zoo, NULL, &model, &err));
    must(gal_trainer_create(model, &options, &t, &err));
    size_t n = (size_t)options.batch * 3 * (size_t)side * (size_t)side;
    float *x = gal_alloc_aligned(n * sizeof *x), *y = gal_calloc((size_t)options.batch * 2, sizeof *y);
    gal_rng rng = gal_rng_make(1, 0);
    for (size_t i = 0; i < n; i++) x[i] = (float)(2 * gal_rng_uniform(&rng) - 1);
    for (int64_t i = 0; i < options.batch; i++) y[2 * i + (i & 1)] = 1;
    for (int i = 0; i < WARM + steps; i++) {
        double start = gal_clock_seconds();
        must(gal_trainer_run(t, options.batch, x, y, i, &loss, &err));
        must(gal_trainer_step(t, &hyper, 1, &norm, &skipped, &err));
        if (i >= WARM) seconds[i - WARM] = gal_clock_seconds() - start;
    }
    qsort(seconds, (size_t)steps, sizeof *seconds, by_value);
    printf("%s %dx%d batch %lld, %d threads: %.1f images/s (median of %d steps), loss %.4f, arena %.0f MiB\n", argv[1],
           side, side, (long long)options.batch, options.threads, (double)options.batch / seconds[steps / 2], steps,
           loss, (double)gal_session_arena_bytes(gal_trainer_run_session(t)) / (1 << 20));
    if (argc > 8) print_profile(t, options.batch, x, y, &hyper);
    gal_trainer_destroy(t);
    gal_model_destroy(model);
    gal_free(x);
    gal_free(y);
    return 0;
}
