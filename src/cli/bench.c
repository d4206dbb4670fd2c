/* galen bench: speed of models at several batch sizes and thread counts, measured so that it can be believed. */
#include "cli/bench.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/machine.h"
#include "cli/table.h"

#include "base/mem.h"

#include <galen/version.h>
#include <stdlib.h>
#include <string.h>

static const cli_option options[] = {
    {.name = "batch",
     .letter = 'b',
     .type = CLI_INTS,
     .metavar = "N,...",
     .low = 1,
     .high = 4096,
     .help = "batch sizes (default: 1,8,64); several --batch add up"},
    {.name = "threads",
     .letter = 't',
     .type = CLI_INTS,
     .metavar = "N,...",
     .low = 1,
     .high = 1024,
     .help = "thread counts (default: all this process may use); several --threads add up"},
    {.name = "blocks",
     .type = CLI_INT,
     .metavar = "N",
     .low = STATS_MIN_SAMPLES,
     .high = BENCH_MAX_BLOCKS,
     .help = "blocks a case, taken in turns (default: 15)"},
    {.name = "block-ms",
     .type = CLI_INT,
     .metavar = "MS",
     .low = 1,
     .high = 60000,
     .help = "length of a block in milliseconds (default: 200)"},
    {.shared = CLI_PRECISION,
     .choices = "f32 bf16 f16 both all",
     .help = "f32, bf16, f16, f32 and bf16 in turns (both), or all three (default: the file's own)"},
    {.shared = CLI_SIZE},
    {.shared = CLI_CHANNELS},
    {.shared = CLI_CLASSES},
};

static const char text[] =
    "Measures only the model, on random input: no decoding. Every case (model, batch, threads, precision) is warmed up, then the "
    "cases run in short blocks in turns, so that a busy moment of the machine hits all alike. A block gives one number, images "
    "a second; shown are the median over the blocks with its 95 % interval (order statistics, no distribution assumed), the "
    "time of a run at the 50th and 99th percentile, and the peak memory of a process that does nothing but this case.\n\n"
    "The fastest case is named only when its interval lies above all others. MODELs are ONNX files, 'default', or zoo:NAME.";

/* ---- output ---- */

static void print_machine(void) {
    char cpu[MACHINE_TEXT];
    machine_cpu_name(cpu, sizeof cpu);
    printf("galen %s on %s\n\n", galen_version(), cpu);
}

static void print_verdict(const bench_case *c, size_t n) {
    if (n < 2) return;
    const bench_case *best = c, *rival = NULL;
    for (size_t i = 1; i < n; i++)
        if (c[i].speed.median > best->speed.median) best = &c[i];
    for (size_t i = 0; i < n; i++)
        if (&c[i] != best && c[i].speed.high >= best->speed.low && (!rival || c[i].speed.median > rival->speed.median))
            rival = &c[i];
    if (rival)
        printf("\nNo winner: the intervals of %s %s batch %d threads %d and of %s %s batch %d threads %d overlap.\n",
               best->model, best->named, best->batch, best->threads, rival->model, rival->named, rival->batch,
               rival->threads);
    else
        printf("\nMost images a second: %s, %s, batch %d, threads %d; its interval lies above all others.\n",
               best->model, best->named, best->batch, best->threads);
}

static void print_table(const bench_case *c, size_t n) {
    static const char *const heads[] = {"model",         "isa",    "precision", "batch",       "threads", "images/s",
                                        "95 % interval", "p50 ms", "p99 ms",    "peak memory", "planned", NULL};
    char a[TABLE_NUMBER], b[TABLE_NUMBER];
    cli_table table;
    print_machine();
    table_start(&table, heads, "lllrrrlrrrr");
    for (size_t i = 0; i < n; i++) {
        table_cell(&table, "%s", c[i].model);
        table_cell(&table, "%s", gal_isa_name(c[i].isa));
        table_cell(&table, "%s", c[i].named);
        table_cell(&table, "%d", c[i].batch);
        table_cell(&table, "%d", c[i].threads);
        table_cell(&table, "%.1f", c[i].speed.median);
        table_cell(&table, "%.1f .. %.1f", c[i].speed.low, c[i].speed.high);
        table_cell(&table, "%.3f", c[i].p50_ms);
        table_cell(&table, "%.3f", c[i].p99_ms);
        table_cell(&table, "%s", c[i].peak_bytes > 0 ? table_bytes(a, c[i].peak_bytes) : "not measured");
        table_cell(&table, "%s", table_bytes(b, (double)c[i].planned_bytes));
    }
    table_end(&table, stdout);
    print_verdict(c, n);
}

static void json_case(cli_json *json, const bench_case *c) {
    json_open(json, NULL, '{');
    json_text(json, "model", c->model);
    json_text(json, "sha256", c->sha256);
    json_text(json, "isa", gal_isa_name(c->isa));
    json_text(json, "precision", c->named);
    json_int(json, "batch", c->batch);
    json_int(json, "threads", c->threads);
    json_number(json, "images_per_second", c->speed.median);
    json_open(json, "interval_95", '[');
    json_number(json, NULL, c->speed.low);
    json_number(json, NULL, c->speed.high);
    json_close(json, ']');
    json_number(json, "p50_ms", c->p50_ms);
    json_number(json, "p99_ms", c->p99_ms);
    json_int(json, "runs", (int64_t)c->n_run);
    json_number(json, "peak_bytes", c->peak_bytes);
    json_int(json, "planned_bytes", (int64_t)c->planned_bytes);
    json_open(json, "samples_images_per_second", '[');
    for (int i = 0; i < c->n_block; i++) json_number(json, NULL, c->block[i]);
    json_close(json, ']');
    json_close(json, '}');
}

static void print_json(const bench_case *c, size_t n) {
    char cpu[MACHINE_TEXT];
    cli_json json = json_start(stdout);
    machine_cpu_name(cpu, sizeof cpu);
    json_open(&json, NULL, '{');
    json_text(&json, "version", galen_version());
    json_text(&json, "cpu", cpu);
    json_open(&json, "cases", '[');
    for (size_t i = 0; i < n; i++) json_case(&json, &c[i]);
    json_close(&json, ']');
    json_close(&json, '}');
}

/* ---- */

/* Every model with every batch and thread count. */
static size_t make_cases(const cli_args *args, bench_case *out) {
    static const cli_value batches = {.list = {1, 8, 64}, .n_list = 3};
    cli_value all = {.list = {gal_pool_available_threads()}, .n_list = 1};
    const cli_value *batch = cli_get(args, "batch"), *threads = cli_get(args, "threads");
    static const galen_dtype kinds[] = {GALEN_DTYPE_NONE, GALEN_F32, GALEN_BF16, GALEN_F16};
    static const struct {
        const char *name;
        size_t first, last; /* of kinds */
    } choices[] = {{"f32", 1, 1}, {"bf16", 2, 2}, {"f16", 3, 3}, {"both", 1, 2}, {"all", 1, 3}};
    const char *precision = cli_get(args, "precision")->text;
    size_t first = 0, last = 0;
    for (size_t i = 0; precision && i < sizeof choices / sizeof *choices; i++)
        if (!strcmp(precision, choices[i].name)) first = choices[i].first, last = choices[i].last;
    if (!batch->set) batch = &batches;
    if (!threads->set) threads = &all;
    size_t n = 0;
    for (int m = 0; m < args->n_operand; m++)
        for (int b = 0; b < batch->n_list; b++)
            for (int t = 0; t < threads->n_list; t++)
                for (size_t k = first; k <= last; k++)
                    out[n++] = (bench_case){.model = args->operand[m],
                                            .batch = (int)batch->list[b],
                                            .threads = (int)threads->list[t],
                                            .isa = args->isa,
                                            .precision = kinds[k]};
    return n;
}

static cli_exit run(const cli_args *args) {
    galen_error err;
    bench_case *cases = gal_calloc((size_t)args->n_operand * CLI_MAX_LIST * CLI_MAX_LIST * 3, sizeof *cases);
    if (!cases) return cli_fail(args, CLI_RESOURCES, "out of memory for the cases; name fewer models");
    size_t n = make_cases(args, cases);
    bench_plan plan = {.args = args,
                       .blocks = (int)cli_number(args, "blocks", 15),
                       .block_seconds = (double)cli_number(args, "block-ms", 200) / 1e3,
                       .progress = args->progress};
    galen_status status = bench_measure(&plan, cases, n, &err);
    cli_exit code = CLI_DONE;
    if (status != GALEN_OK)
        code = cli_fail_error(args, &err);
    else if (args->json)
        print_json(cases, n);
    else
        print_table(cases, n);
    for (size_t i = 0; i < n; i++) bench_case_free(&cases[i]);
    gal_free(cases);
    return code;
}

const cli_verb cli_bench = {
    .name = "bench",
    .operands = "MODEL...",
    .min_operands = 1,
    .max_operands = 8,
    .summary = "measure a model's speed and memory",
    .text = text,
    .example = "galen bench default --batch 1,8,64 --threads 1,2\tsix cases\n"
               "galen bench a.onnx b.onnx --batch 8\twhich is faster, if that can be told",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run,
    .operand_words = "default",
};
