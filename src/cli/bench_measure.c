/* Interleaved blocks over all cases, and the peak memory of each case in a process of its own. */
#include "cli/bench.h"
#include "cli/machine.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "graph/ops/types.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static galen_status make_buffers(gal_value *const *value, uint32_t n, int64_t batch, void ***out, galen_error *err) {
    *out = gal_calloc(n ? n : 1, sizeof **out);
    if (!*out) return gal_fail_memory(err, "the list of buffers", n * sizeof **out);
    for (uint32_t i = 0; i < n; i++) {
        galen_tensor tensor;
        gal_shape_at(&value[i]->shape, value[i]->dtype, batch, &tensor);
        int64_t bytes = galen_tensor_bytes(&tensor), elements = galen_tensor_elements(&tensor);
        gal_rng rng = gal_rng_make(1, i);
        if (bytes < 0)
            return gal_fail(err, GALEN_ERR_LIMIT, "'%s' is too large at batch %lld", value[i]->name, (long long)batch);
        if (!((*out)[i] = gal_alloc_aligned((size_t)bytes))) return gal_fail_memory(err, value[i]->name, (size_t)bytes);
        memset((*out)[i], 0, (size_t)bytes);
        if (gal_dtype_is_float(tensor.dtype))
            for (int64_t k = 0; k < elements; k++)
                gal_store_float(tensor.dtype, (char *)(*out)[i] + (size_t)k * galen_dtype_size(tensor.dtype),
                                2 * gal_rng_uniform(&rng) - 1);
    }
    return GALEN_OK;
}

static void free_buffers(void **buffer, uint32_t n) {
    for (uint32_t i = 0; buffer && i < n; i++) gal_free(buffer[i]);
    gal_free(buffer);
}

void bench_case_free(bench_case *c) {
    if (c->source) {
        free_buffers(c->in, c->source->graph->n_input);
        free_buffers(c->out, c->source->graph->n_output);
    }
    gal_session_destroy(c->session);
    gal_model_destroy(c->source);
    gal_free(c->run_ms);
    *c = (bench_case){0};
}

galen_status bench_run_once(bench_case *c, galen_error *err) {
    galen_status status = gal_session_run(c->session, c->batch, (const void *const *)c->in, c->out, err);
    return status == GALEN_ERR_NUMERIC ? GALEN_OK : status; /* random input may overflow; the speed stands */
}

galen_status bench_open(const cli_args *args, bench_case *c, galen_error *err) {
    gal_session_options o = gal_session_default_options();
    GAL_TRY(cli_load(args, c->model, NULL, &c->source, err));
    snprintf(c->sha256, sizeof c->sha256, "%s", gal_model_sha256(c->source));
    o.max_batch = c->batch;
    o.threads = c->threads;
    o.isa = c->isa;
    o.precision = c->precision;
    GAL_TRY(make_buffers(c->source->graph->input, c->source->graph->n_input, c->batch, &c->in, err));
    GAL_TRY(make_buffers(c->source->graph->output, c->source->graph->n_output, c->batch, &c->out, err));
    GAL_TRY(gal_session_create(c->source->graph, &o, &c->session, err));
    /* As galen predict does: the weights are packed now, and the file's own pages may go. */
    for (size_t i = 0; i < c->source->n_file; i++) gal_file_release_pages(&c->source->file[i]);
    c->planned_bytes = gal_session_arena_bytes(c->session);
    c->named = gal_session_precision_name(c->session);
    return bench_run_once(c, err);
}

/* Opens and runs the case in a child process and returns its peak, so that other cases do not count. 0: failed; the
 * same failure comes back, with its message, when the parent opens the case. */
static double peak_memory(const cli_args *args, const bench_case *c) {
    int pipes[2];
    double peak = 0;
    galen_error err;
    if (pipe(pipes) != 0) return 0;
    pid_t child = fork();
    if (child == 0) {
        static bench_case copy;
        copy = *c;
        if (bench_open(args, &copy, &err) == GALEN_OK) peak = machine_peak_memory();
        _exit(write(pipes[1], &peak, sizeof peak) == (ssize_t)sizeof peak ? 0 : 1);
    }
    close(pipes[1]);
    if (child < 0 || read(pipes[0], &peak, sizeof peak) != (ssize_t)sizeof peak) peak = 0;
    close(pipes[0]);
    if (child > 0) waitpid(child, NULL, 0);
    return peak;
}

static galen_status note_run(bench_case *c, double ms, galen_error *err) {
    if (c->n_run == BENCH_MAX_RUNS) return GALEN_OK; /* percentiles of the first million runs */
    if (c->n_run == c->run_capacity) {
        size_t capacity = c->run_capacity ? 2 * c->run_capacity : 1024;
        double *grown = gal_realloc(c->run_ms, capacity, sizeof *grown);
        if (!grown) return gal_fail_memory(err, "the times of the runs", capacity * sizeof *grown);
        c->run_ms = grown;
        c->run_capacity = capacity;
    }
    c->run_ms[c->n_run++] = ms;
    return GALEN_OK;
}

/* Runs for at least `seconds`; images a second into *speed. */
static galen_status run_block(bench_case *c, double seconds, double *speed, galen_error *err) {
    double start = gal_clock_seconds(), before = start, now = start;
    long runs = 0;
    while (now - start < seconds || !runs) {
        GAL_TRY(bench_run_once(c, err));
        now = gal_clock_seconds();
        GAL_TRY(note_run(c, (now - before) * 1e3, err));
        before = now;
        runs++;
    }
    *speed = (double)runs * c->batch / (now - start);
    return GALEN_OK;
}

static galen_status run_blocks(const bench_plan *plan, bench_case *cases, size_t n, galen_error *err) {
    double unused;
    for (size_t i = 0; i < n; i++) GAL_TRY(run_block(&cases[i], plan->block_seconds / 2, &unused, err));
    for (size_t i = 0; i < n; i++) cases[i].n_run = 0; /* that was the warm-up */
    for (int b = 0; b < plan->blocks; b++) {
        if (plan->progress) fprintf(stderr, "\rblock %d of %d", b + 1, plan->blocks);
        for (size_t k = 0; k < n; k++) {
            size_t i = b % 2 ? n - 1 - k : k; /* forth and back: a drift of the machine cancels out */
            GAL_TRY(run_block(&cases[i], plan->block_seconds, &cases[i].block[b], err));
            cases[i].n_block = b + 1;
        }
    }
    if (plan->progress) fputs("\r\033[K", stderr);
    return GALEN_OK;
}

static void summarise(bench_case *c) {
    double sorted[BENCH_MAX_BLOCKS];
    for (int i = 0; i < c->n_block; i++) sorted[i] = c->block[i];
    stats_sort(sorted, (size_t)c->n_block);
    stats_sort(c->run_ms, c->n_run);
    c->speed = stats_median(sorted, (size_t)c->n_block);
    c->p50_ms = stats_percentile(c->run_ms, c->n_run, 50);
    c->p99_ms = stats_percentile(c->run_ms, c->n_run, 99);
}

galen_status bench_measure(const bench_plan *plan, bench_case *cases, size_t n, galen_error *err) {
    /* The children first: a process that has threads must not fork. */
    for (size_t i = 0; i < n; i++) cases[i].peak_bytes = peak_memory(plan->args, &cases[i]);
    for (size_t i = 0; i < n; i++) GAL_TRY(bench_open(plan->args, &cases[i], err));
    GAL_TRY(run_blocks(plan, cases, n, err));
    for (size_t i = 0; i < n; i++) summarise(&cases[i]);
    return GALEN_OK;
}
