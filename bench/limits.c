/*
 * Three promises about one model, measured: cold start to the first answer, peak memory, and any batch at once.
 *
 *     build/bench/limits build/galen MODEL.onnx picture.png out.json
 *
 * Cold start is the whole command, from the start of the process to its end, 40 times after three that do not count;
 * then the same with packed weights kept in a folder (--cache), in turns with the first.
 * Peak memory is that of a process that loads the model, plans it for a batch and runs it once. For any batch at once,
 * a session planned for 64 images meets batch sizes in growing order, so that each is larger than all before it; the
 * first run at a size is set against the median of the next ones. Each of ROUNDS sessions gives one ratio a size.
 * Prints the figures and writes them with all samples as JSON.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "cli/json.h"
#include "cli/machine.h"
#include "cli/stats.h"
#include "model/onnx.h"
#include "session/session.h"

#include <dirent.h>
#include <fcntl.h>
#include <galen/version.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STARTS = 40, UNCOUNTED = 3, ROUNDS = 7, WARM = 5, SIZES = 8, LARGEST = 64 };
static const int size[SIZES] = {1, 2, 3, 7, 12, 24, 41, 64};

typedef struct loaded {
    gal_model *model;
    gal_session *session;
    float *in;
    void *out;
} loaded;

static void must(galen_status status, const galen_error *err) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "limits: %s\n", err->message);
    exit(3);
}

static void *buffer_of(const gal_value *value, int64_t batch) {
    galen_tensor t;
    gal_shape_at(&value->shape, value->dtype, batch, &t);
    void *data = gal_alloc_aligned((size_t)galen_tensor_bytes(&t));
    if (data == NULL) exit(4);
    gal_rng rng = gal_rng_make(1, 0);
    for (int64_t i = 0; value->is_input && t.dtype == GALEN_F32 && i < galen_tensor_elements(&t); i++)
        ((float *)data)[i] = (float)(2 * gal_rng_uniform(&rng) - 1);
    return data;
}

static loaded open_model(const char *path, int64_t batch) {
    loaded l;
    galen_error err;
    gal_session_options o = gal_session_default_options();
    must(gal_onnx_load(path, NULL, &l.model, &err), &err);
    o.max_batch = batch;
    o.file = l.model->file;
    o.n_file = l.model->n_file;
    l.in = buffer_of(l.model->graph->input[0], batch);
    l.out = buffer_of(l.model->graph->output[0], batch);
    must(gal_session_create(l.model->graph, &o, &l.session, &err), &err);
    return l;
}

static void close_model(loaded *l) {
    gal_session_destroy(l->session);
    gal_model_destroy(l->model);
    gal_free(l->in);
    gal_free(l->out);
}

static double run_ms(const loaded *l, int64_t batch) {
    galen_error err;
    double start = gal_clock_seconds();
    must(gal_session_run(l->session, batch, (const void *const[]){l->in}, (void *const[]){l->out}, &err), &err);
    return (gal_clock_seconds() - start) * 1e3;
}

/* Milliseconds of a command, and its largest resident memory in MiB. */
static double run_command(char *const *command, double *peak) {
    struct rusage usage;
    int status;
    double start = gal_clock_seconds();
    pid_t child = fork();
    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        execv(command[0], command);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) {
        fprintf(stderr, "limits: %s failed\n", command[0]);
        exit(3);
    }
    *peak = (double)usage.ru_maxrss / 1024;
    return (gal_clock_seconds() - start) * 1e3;
}

/* One way of starting the command. */
typedef struct starts {
    double sample[STARTS], peak; /* ms, in order; MiB */
    stats_interval ms;
} starts;

typedef struct results {
    starts plain, cached;
    double peak_1, peak_64; /* MiB */
    double first[SIZES][ROUNDS], warm[SIZES][ROUNDS], ratio[SIZES], all_ratio;
} results;

static void start_once(char *const *command, int i, starts *s) {
    double peak, ms = run_command(command, &peak);
    if (peak > s->peak) s->peak = peak;
    if (i >= 0) s->sample[i] = ms;
}

static void sum_up(starts *s) {
    double sorted[STARTS];
    memcpy(sorted, s->sample, sizeof sorted);
    stats_sort(sorted, STARTS);
    s->ms = stats_median(sorted, STARTS);
}

static void remove_cache(const char *folder) {
    char path[600];
    DIR *d = opendir(folder);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        unlink(path);
    }
    if (d != NULL) closedir(d);
    rmdir(folder);
}

static void measure_starts(char **argv, results *r) {
    char folder[] = "/tmp/galen-limits-XXXXXX";
    char *const plain[] = {argv[1], "predict", argv[2], argv[3], NULL};
    char *const cached[] = {argv[1], "predict", argv[2], argv[3], "--cache", folder, NULL};
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        exit(4);
    }
    for (int i = -UNCOUNTED; i < STARTS; i++) {
        start_once(plain, i, &r->plain);
        start_once(cached, i, &r->cached);
    }
    remove_cache(folder);
    sum_up(&r->plain);
    sum_up(&r->cached);
}

static double measure_peak(char **argv, char *batch) {
    char *const command[] = {argv[0], "--once", argv[2], batch, NULL};
    double peak;
    run_command(command, &peak);
    return peak;
}

static double median_of(const double *sample, size_t n) {
    double sorted[SIZES * ROUNDS];
    memcpy(sorted, sample, n * sizeof *sample);
    stats_sort(sorted, n);
    return stats_percentile(sorted, n, 50);
}

static void measure_batches(char **argv, results *r) {
    double ratio[SIZES * ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        loaded l = open_model(argv[2], LARGEST);
        run_ms(&l, 1);
        for (int i = 0; i < SIZES; i++) {
            double warm[WARM];
            r->first[i][round] = run_ms(&l, size[i]);
            for (int k = 0; k < WARM; k++) warm[k] = run_ms(&l, size[i]);
            r->warm[i][round] = median_of(warm, WARM);
            ratio[i * ROUNDS + round] = r->first[i][round] / r->warm[i][round];
        }
        close_model(&l);
    }
    for (int i = 0; i < SIZES; i++) r->ratio[i] = median_of(ratio + i * ROUNDS, ROUNDS);
    r->all_ratio = median_of(ratio, SIZES * ROUNDS);
}

static void print(const results *r) {
    printf(
        "cold start   median %.1f ms (95 %% interval %.1f .. %.1f), to stay below 60; with --cache %.1f (%.1f .. %.1f)\n",
        r->plain.ms.median, r->plain.ms.low, r->plain.ms.high, r->cached.ms.median, r->cached.ms.low,
        r->cached.ms.high);
    printf("peak memory  batch 1 %.1f MiB, to stay below 64 MB; batch 64 %.1f MiB, below 100 MB\n", r->peak_1,
           r->peak_64);
    printf("new batch    first run / warm, median %.3f, to stay below 1.05:", r->all_ratio);
    for (int i = 0; i < SIZES; i++) printf(" %d: %.3f", size[i], r->ratio[i]);
    puts("");
}

static void json_list(cli_json *json, const char *key, const double *v, int n) {
    json_open(json, key, '[');
    for (int i = 0; i < n; i++) json_number(json, NULL, v[i]);
    json_close(json, ']');
}

static void json_starts(cli_json *json, const char *key, const starts *s) {
    json_open(json, key, '{');
    json_number(json, "median", s->ms.median);
    json_list(json, "interval_95", (double[]){s->ms.low, s->ms.high}, 2);
    json_list(json, "samples", s->sample, STARTS);
    json_number(json, "peak_mib", s->peak);
    json_close(json, '}');
}

static void write_json(const results *r, char **argv) {
    char cpu[MACHINE_TEXT];
    FILE *to = fopen(argv[4], "w");
    if (to == NULL) {
        perror(argv[4]);
        exit(4);
    }
    cli_json json = json_start(to);
    machine_cpu_name(cpu, sizeof cpu);
    json_open(&json, NULL, '{');
    json_text(&json, "version", galen_version());
    json_text(&json, "cpu", cpu);
    json_text(&json, "model", argv[2]);
    json_starts(&json, "cold_start_ms", &r->plain);
    json_starts(&json, "cold_start_cached_ms", &r->cached);
    json_open(&json, "peak_mib", '{');
    json_number(&json, "batch_1", r->peak_1);
    json_number(&json, "batch_64", r->peak_64);
    json_close(&json, '}');
    json_number(&json, "first_over_warm", r->all_ratio);
    json_open(&json, "batches", '[');
    for (int i = 0; i < SIZES; i++) {
        json_open(&json, NULL, '{');
        json_int(&json, "batch", size[i]);
        json_number(&json, "first_over_warm", r->ratio[i]);
        json_list(&json, "first_ms", r->first[i], ROUNDS);
        json_list(&json, "warm_ms", r->warm[i], ROUNDS);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    fclose(to);
}

int main(int argc, char **argv) {
    static results r;
    if (argc == 4 && strcmp(argv[1], "--once") == 0) { /* what measure_peak runs */
        long batch = strtol(argv[3], NULL, 10);
        loaded l = open_model(argv[2], batch);
        run_ms(&l, batch);
        close_model(&l);
        return 0;
    }
    if (argc != 5) {
        fprintf(stderr, "use: limits GALEN MODEL PICTURE OUT.json\n");
        return 2;
    }
    measure_starts(argv, &r); /* children first: what this process has in memory would count as theirs */
    r.peak_1 = measure_peak(argv, "1");
    r.peak_64 = measure_peak(argv, "64");
    measure_batches(argv, &r);
    print(&r);
    write_json(&r, argv);
    return 0;
}
