/* galen profile, measured: the planned steps one by one against the machine's roofline. */
#include "analyze/roofline.h"
#include "cli/bench.h"
#include "cli/json.h"
#include "cli/profile.h"
#include "cli/table.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>

typedef struct layer {
    gal_step_info step;
    gal_cost cost;
    double seconds; /* median */
    gal_roofline roofline;
} layer;

typedef struct kind {
    const char *op;
    int count;
    double seconds, least; /* least: by the roofline, of the layers of which it can be told */
    gal_cost cost;
} kind;

typedef struct profile {
    bench_case c;
    int repeats;
    gal_peaks peaks;
    size_t n, n_kind;
    layer *layer;
    kind *kind;             /* by time, longest first */
    double *sample;         /* repeats for each step, then repeats of whole runs without and with the clock */
    double sum, least;      /* of the steps' medians, and of what the roofline asks of them */
    double plain, profiled; /* median seconds of a run */
    gal_cost total;
} profile;

static void add(gal_cost *sum, const gal_cost *cost) {
    sum->mac += cost->mac;
    sum->flop += cost->flop;
    sum->bytes_read += cost->bytes_read;
    sum->bytes_written += cost->bytes_written;
}

static double median(double *sample, size_t n) {
    stats_sort(sample, n);
    return stats_percentile(sample, n, 50);
}

/* The peak of every unit that a step computes with, and the bandwidths. */
static galen_status measure_peaks(profile *p, galen_error *err) {
    gal_pool *pool = NULL;
    GAL_TRY(gal_pool_create(p->c.threads, &pool, err));
    for (size_t i = 0; i < p->n; i++) {
        gal_step_info step = gal_session_step(p->c.session, i);
        gal_arithmetic unit = gal_arithmetic_of(step.row, step.node, p->c.isa);
        if (!(p->peaks.gops[unit] > 0)) p->peaks.gops[unit] = gal_peak_gops(unit, pool);
    }
    galen_status status = gal_peak_bandwidths(p->c.isa, pool, &p->peaks, err);
    gal_pool_destroy(pool);
    return status;
}

/* Runs with and without the clock in turns, so that a busy moment of the machine hits both. */
static galen_status measure_runs(profile *p, double *times, galen_error *err) {
    size_t repeats = (size_t)p->repeats;
    double *plain = p->sample + p->n * repeats, *profiled = plain + repeats;
    for (size_t r = 0; r < repeats; r++) {
        double start = gal_clock_seconds();
        GAL_TRY(bench_run_once(&p->c, err));
        double middle = gal_clock_seconds();
        galen_status status =
            gal_session_profile(p->c.session, p->c.batch, (const void *const *)p->c.in, p->c.out, times, err);
        if (status != GALEN_OK && status != GALEN_ERR_NUMERIC) return status;
        plain[r] = middle - start;
        profiled[r] = gal_clock_seconds() - middle;
        for (size_t i = 0; i < p->n; i++) p->sample[i * repeats + r] = times[i];
    }
    p->plain = median(plain, repeats);
    p->profiled = median(profiled, repeats);
    return GALEN_OK;
}

static void count_kind(profile *p, const layer *l) {
    size_t k = 0;
    while (k < p->n_kind && strcmp(p->kind[k].op, l->step.node->op->name) != 0) k++;
    if (k == p->n_kind) p->kind[p->n_kind++] = (kind){.op = l->step.node->op->name};
    p->kind[k].count++;
    p->kind[k].seconds += l->seconds;
    p->kind[k].least += l->roofline.least;
    add(&p->kind[k].cost, &l->cost);
}

static void summarise(profile *p) {
    for (size_t i = 0; i < p->n; i++) {
        layer *l = &p->layer[i];
        l->step = gal_session_step(p->c.session, i);
        l->seconds = median(p->sample + i * (size_t)p->repeats, (size_t)p->repeats);
        if (!l->step.is_view) gal_work_of(l->step.node, p->c.batch, &l->cost); /* a view moves nothing */
        gal_arithmetic unit = gal_arithmetic_of(l->step.row, l->step.node, p->c.isa);
        l->roofline = gal_roofline_of(&l->cost, l->seconds, unit, &p->peaks);
        p->sum += l->seconds;
        p->least += l->roofline.least;
        add(&p->total, &l->cost);
        count_kind(p, l);
    }
    for (size_t i = 1; i < p->n_kind; i++)
        for (size_t k = i; k > 0 && p->kind[k].seconds > p->kind[k - 1].seconds; k--) {
            kind swap = p->kind[k];
            p->kind[k] = p->kind[k - 1];
            p->kind[k - 1] = swap;
        }
}

static galen_status measure(const cli_args *args, profile *p, galen_error *err) {
    GAL_TRY(bench_open(args, &p->c, err));
    p->n = gal_session_steps(p->c.session);
    size_t samples = (p->n + 2) * (size_t)p->repeats;
    double *times = gal_calloc(p->n + 1, sizeof *times);
    p->layer = gal_calloc(p->n + 1, sizeof *p->layer);
    p->kind = gal_calloc(p->n + 1, sizeof *p->kind);
    p->sample = gal_calloc(samples, sizeof *p->sample);
    galen_status status = GALEN_OK;
    if (!times || !p->layer || !p->kind || !p->sample)
        status = gal_fail_memory(err, "the times of the steps", samples * sizeof *p->sample);
    if (status == GALEN_OK) status = measure_peaks(p, err);
    if (status == GALEN_OK) status = measure_runs(p, times, err);
    if (status == GALEN_OK) summarise(p);
    gal_free(times);
    return status;
}

/* ---- table ---- */

static double bytes_of(const gal_cost *cost) {
    return (double)cost->bytes_read + (double)cost->bytes_written;
}

static double part(double a, double b) {
    return b > 0 ? 100 * a / b : 0;
}

/* `bound` NULL: of several layers. */
static void cells(cli_table *table, const profile *p, const gal_cost *cost, double seconds, double least,
                  const char *bound) {
    char text[TABLE_NUMBER];
    table_cell(table, "%.4f", seconds * 1e3);
    table_cell(table, "%.1f %%", part(seconds, p->sum));
    table_cell(table, "%s", table_count(text, (double)cost->mac));
    table_cell(table, "%s", table_bytes(text, bytes_of(cost)));
    table_cell(table, "%.1f", part((double)cost->flop * 1e-11, seconds));
    table_cell(table, "%.1f", part(bytes_of(cost) * 1e-11, seconds));
    if (least > 0)
        table_cell(table, "%.0f %%", part(least, seconds));
    else
        table_cell(table, "-");
    if (bound) table_cell(table, "%s", least > 0 ? bound : "-");
}

static void print_steps(const profile *p) {
    static const char *const heads[] = {"step",  "op",      "kernel", "ms",       "share", "MAC",
                                        "bytes", "GFLOP/s", "GB/s",   "roofline", "of",    NULL};
    cli_table table;
    table_start(&table, heads, "lllrrrrrrrl");
    for (size_t i = 0; i < p->n; i++) {
        table_cell(&table, "%.40s", p->layer[i].step.node->name);
        table_cell(&table, "%s", p->layer[i].step.node->op->name);
        table_cell(&table, "%s", p->layer[i].step.kernel);
        cells(&table, p, &p->layer[i].cost, p->layer[i].seconds, p->layer[i].roofline.least,
              gal_roofline_bound(&p->layer[i].roofline));
    }
    table_cell(&table, "in all");
    table_cell(&table, " ");
    table_cell(&table, " ");
    cells(&table, p, &p->total, p->sum, p->least, " ");
    table_end(&table, stdout);
}

static void print_kinds(const profile *p) {
    static const char *const heads[] = {"op",    "steps",   "ms",   "share",    "MAC",
                                        "bytes", "GFLOP/s", "GB/s", "roofline", NULL};
    cli_table table;
    putchar('\n');
    table_start(&table, heads, "lrrrrrrrr");
    for (size_t k = 0; k < p->n_kind; k++) {
        table_cell(&table, "%s", p->kind[k].op);
        table_cell(&table, "%d", p->kind[k].count);
        cells(&table, p, &p->kind[k].cost, p->kind[k].seconds, p->kind[k].least, NULL);
    }
    table_end(&table, stdout);
}

/* Line `index` of a step's reasons without the node's name in front of it, or NULL. */
static const char *reason(const gal_step_info *step, int index, int *length) {
    const char *at = step->why, *end = at + step->why_size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t skip = strlen(step->node->name) + 2; /* "name: " */
        if (!stop) stop = end;
        if (index-- == 0) {
            if ((size_t)(stop - at) > skip) at += skip;
            *length = (int)(stop - at);
            return at;
        }
        at = stop + 1;
    }
    return NULL;
}

/* Steps from `first` on that have that reason; their time into *seconds. */
static int count_reason(const profile *p, size_t first, size_t end, const char *text, int length, double *seconds) {
    int count = 0, n;
    const char *other;
    *seconds = 0;
    for (size_t i = first; i < end; i++)
        for (int k = 0; (other = reason(&p->layer[i].step, k, &n)) != NULL; k++)
            if (n == length && memcmp(other, text, (size_t)n) == 0) {
                count++;
                *seconds += p->layer[i].seconds;
            }
    return count;
}

/* Every reason once, with how many steps have it and their share of the time. */
static void print_why(const profile *p) {
    const char *text;
    int length;
    double seconds;
    bool any = false;
    for (size_t i = 0; i < p->n; i++)
        for (int k = 0; (text = reason(&p->layer[i].step, k, &length)) != NULL; k++) {
            if (count_reason(p, 0, i, text, length, &seconds)) continue; /* said already */
            if (!any) puts("\nKernels that come first where they can (--json names the steps):");
            any = true;
            int count = count_reason(p, i, p->n, text, length, &seconds);
            printf("  %.*s (%d step%s, %.1f %% of the time)\n", length, text, count, count == 1 ? "" : "s",
                   part(seconds, p->sum));
        }
}

static void print_peaks(const profile *p) {
    bool any = false;
    for (int a = 0; a < GAL_ARITHMETIC_COUNT; a++)
        if (p->peaks.gops[a] > 0) {
            printf("%s%s %.0f GFLOP/s", any ? ", " : "Peaks, measured: ", gal_arithmetic_name((gal_arithmetic)a),
                   p->peaks.gops[a]);
            any = true;
        }
    if (!any) printf("The reference has no peak to be measured against");
    for (int m = GAL_STORE_L2; m < GAL_STORE_COUNT; m++)
        if (p->peaks.gbytes[m] > 0) printf(", %s %.0f GB/s", gal_store_name((gal_store)m), p->peaks.gbytes[m]);
    puts(".");
}

static void print_table(const profile *p) {
    print_steps(p);
    print_kinds(p);
    print_why(p);
    printf("\n%s, batch %d, %d threads, %s, %s, median of %d runs. ", p->c.model, p->c.batch, p->c.threads,
           gal_isa_name(p->c.isa), gal_session_precision_name(p->c.session), p->repeats);
    print_peaks(p);
    printf("A run without the clock: %.4f ms; with it: %.4f ms (%+.1f %%); its steps: %.4f ms.\n", p->plain * 1e3,
           p->profiled * 1e3, part(p->profiled - p->plain, p->plain), p->sum * 1e3);
}

/* ---- JSON ---- */

static void json_numbers(cli_json *json, const profile *p, const gal_cost *cost, double seconds, double least) {
    json_number(json, "ms", seconds * 1e3);
    json_number(json, "share", part(seconds, p->sum) / 100);
    json_int(json, "mac", cost->mac);
    json_int(json, "flop", cost->flop);
    json_int(json, "bytes", cost->bytes_read + cost->bytes_written);
    json_number(json, "gflops", part((double)cost->flop * 1e-11, seconds));
    json_number(json, "gbytes_per_second", part(bytes_of(cost) * 1e-11, seconds));
    if (least > 0) json_number(json, "roofline_share", least / seconds);
}

static void json_peaks(cli_json *json, const gal_peaks *peaks) {
    json_open(json, "peak_gflops", '{');
    for (int a = 0; a < GAL_ARITHMETIC_COUNT; a++)
        if (peaks->gops[a] > 0) json_number(json, gal_arithmetic_name((gal_arithmetic)a), peaks->gops[a]);
    json_close(json, '}');
    json_open(json, "peak_gbytes_per_second", '{');
    for (int m = 0; m < GAL_STORE_COUNT; m++)
        if (peaks->gbytes[m] > 0) json_number(json, gal_store_name((gal_store)m), peaks->gbytes[m]);
    json_close(json, '}');
}

static void json_why(cli_json *json, const gal_step_info *step) {
    char line[512];
    json_open(json, "passed_over", '[');
    for (const char *at = step->why, *end = at + step->why_size; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        snprintf(line, sizeof line, "%.*s", (int)(stop - at), at);
        json_text(json, NULL, line);
        at = stop + 1;
    }
    json_close(json, ']');
}

/* What the step reads. */
static galen_dtype type_of(const gal_node *node) {
    return node->n_in > 0 && node->in[0] ? node->in[0]->dtype : GALEN_DTYPE_NONE;
}

static void print_json(const profile *p) {
    cli_json json = json_start(stdout);
    json_open(&json, NULL, '{');
    json_text(&json, "model", p->c.model);
    json_text(&json, "sha256", p->c.sha256);
    json_int(&json, "batch", p->c.batch);
    json_int(&json, "threads", p->c.threads);
    json_text(&json, "isa", gal_isa_name(p->c.isa));
    json_text(&json, "precision", gal_session_precision_name(p->c.session));
    json_int(&json, "repeats", p->repeats);
    json_peaks(&json, &p->peaks);
    json_number(&json, "run_ms", p->plain * 1e3);
    json_number(&json, "profiled_run_ms", p->profiled * 1e3);
    json_open(&json, "steps", '[');
    for (size_t i = 0; i < p->n; i++) {
        const layer *l = &p->layer[i];
        json_open(&json, NULL, '{');
        json_text(&json, "name", l->step.node->name);
        json_text(&json, "op", l->step.node->op->name);
        json_text(&json, "kernel", l->step.kernel);
        json_text(&json, "type", galen_dtype_name(type_of(l->step.node)));
        json_numbers(&json, p, &l->cost, l->seconds, l->roofline.least);
        if (l->roofline.least > 0) json_text(&json, "roofline_of", gal_roofline_bound(&l->roofline));
        json_why(&json, &l->step);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_open(&json, "ops", '[');
    for (size_t k = 0; k < p->n_kind; k++) {
        json_open(&json, NULL, '{');
        json_text(&json, "op", p->kind[k].op);
        json_int(&json, "steps", p->kind[k].count);
        json_numbers(&json, p, &p->kind[k].cost, p->kind[k].seconds, p->kind[k].least);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_open(&json, "total", '{');
    json_numbers(&json, p, &p->total, p->sum, p->least);
    json_close(&json, '}');
    json_close(&json, '}');
}

/* Complete events of the Trace Event Format: the medians one after another, in microseconds. */
static bool write_trace(const profile *p, const char *path) {
    FILE *to = fopen(path, "w");
    if (!to) return false;
    cli_json json = json_start(to);
    double at = 0;
    json_open(&json, NULL, '{');
    json_text(&json, "displayTimeUnit", "ms");
    json_open(&json, "traceEvents", '[');
    for (size_t i = 0; i < p->n; i++) {
        const layer *l = &p->layer[i];
        json_open(&json, NULL, '{');
        json_text(&json, "name", l->step.node->name);
        json_text(&json, "cat", l->step.node->op->name);
        json_text(&json, "ph", "X");
        json_number(&json, "ts", at * 1e6);
        json_number(&json, "dur", l->seconds * 1e6);
        json_int(&json, "pid", 1);
        json_int(&json, "tid", 1);
        json_open(&json, "args", '{');
        json_text(&json, "kernel", l->step.kernel);
        json_int(&json, "mac", l->cost.mac);
        json_number(&json, "gflops", l->roofline.gflops);
        json_number(&json, "roofline_share", l->roofline.share);
        json_text(&json, "roofline_of", gal_roofline_bound(&l->roofline));
        json_close(&json, '}');
        json_close(&json, '}');
        at += l->seconds;
    }
    json_close(&json, ']');
    json_close(&json, '}');
    bool failed = ferror(to) != 0;
    return fclose(to) == 0 && !failed;
}

cli_exit profile_run(const cli_args *args) {
    galen_error err;
    static profile p; /* a case holds a thousand samples: too much for a stack */
    const char *trace = cli_get(args, "trace")->text;
    p = (profile){.repeats = (int)cli_number(args, "repeats", 15)};
    p.c.model = args->operand[0];
    p.c.batch = (int)cli_number(args, "batch", 1);
    p.c.threads = (int)cli_number(args, "threads", gal_pool_available_threads());
    p.c.isa = args->isa;
    if (gal_precision_parse(cli_get(args, "precision")->text, &p.c.precision, &err) != GALEN_OK)
        return cli_fail_error(args, &err);
    cli_exit code = CLI_DONE;
    if (measure(args, &p, &err) != GALEN_OK)
        code = cli_fail_error(args, &err);
    else if (trace && !write_trace(&p, trace))
        code = cli_fail(args, CLI_RESOURCES, "cannot write %s: %s", trace, strerror(errno));
    else if (args->json)
        print_json(&p);
    else
        print_table(&p);
    gal_free(p.layer);
    gal_free(p.kind);
    gal_free(p.sample);
    bench_case_free(&p.c);
    return code;
}
