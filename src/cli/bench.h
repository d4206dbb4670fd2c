/* The measuring part of galen bench. */
#ifndef GAL_CLI_BENCH_H
#define GAL_CLI_BENCH_H

#include "cli/cli.h"
#include "cli/stats.h"
#include "model/onnx.h"
#include "session/session.h"

enum { BENCH_MAX_BLOCKS = 1000, BENCH_MAX_RUNS = 1 << 20 };

typedef struct bench_case {
    const char *model;
    int batch, threads;
    gal_isa isa;
    galen_dtype precision;
    /* While measuring. */
    gal_model *source;
    gal_session *session;
    void **in, **out;
    /* Measured. */
    const char *named; /* precision as people read it: int8 for a quantised model */
    char sha256[65];
    double block[BENCH_MAX_BLOCKS]; /* images a second, in the order taken */
    int n_block;
    double *run_ms; /* of each run, sorted at the end */
    size_t n_run, run_capacity;
    stats_interval speed;
    double p50_ms, p99_ms, peak_bytes; /* peak 0: could not be measured */
    size_t planned_bytes;
} bench_case;

typedef struct bench_plan {
    const cli_args *args;
    int blocks;
    double block_seconds;
    bool progress;
} bench_plan;

/* Fills the measured part of the cases. They are released with bench_case_free, also on failure. */
galen_status bench_measure(const bench_plan *plan, bench_case *cases, size_t n, galen_error *err);
/* Loads, plans and runs a case once, on random input in [-1, 1]. To be released also on failure. */
galen_status bench_open(const cli_args *args, bench_case *c, galen_error *err);
galen_status bench_run_once(bench_case *c, galen_error *err);
void bench_case_free(bench_case *c);

#endif
