/* galen profile: what each layer of a model costs. */
#include "cli/profile.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/table.h"

#include "graph/op.h"
#include "model/onnx.h"

#include <string.h>

enum { MAX_TEXT = 1 << 16 };

static const cli_option options[] = {
    {.name = "cost",
     .type = CLI_FLAG,
     .help = "only count multiply-accumulates, arithmetic and bytes from the shapes of the model as the file has it"},
    {.shared = CLI_BATCH, .high = 65536, .help = "images (default: 1)"},
    {.shared = CLI_THREADS, .help = "threads (default: all this process may use)"},
    {.name = "repeats",
     .type = CLI_INT,
     .metavar = "N",
     .low = 1,
     .high = PROFILE_MAX_REPEATS,
     .help = "runs; times are medians (default: 15)"},
    {.name = "trace",
     .type = CLI_PATH,
     .metavar = "FILE",
     .help = "write the steps as Chrome trace events, for chrome://tracing or Perfetto"},
    {.name = "numerics",
     .type = CLI_FLAG,
     .help = "the numerics passport: each layer's error against the model computed in f64, and what becomes of the "
             "scores and decisions on the images given (none: random input)"},
    {.name = "reference",
     .type = CLI_PATH,
     .metavar = "FILE",
     .help = "with --numerics: the model that MODEL was quantised from, computed in f64 to compare with"},
    {.name = "worst",
     .type = CLI_INT,
     .metavar = "N",
     .low = 0,
     .high = PROFILE_MAX_WORST,
     .help = "with --numerics: how many of the images that differ most are named (default: 10)"},
    {.shared = CLI_PRECISION,
     .help = "f32, bf16 or f16 (default: the file's own); integer files run in their own types"},
    {.shared = CLI_SIZE},
    {.shared = CLI_CHANNELS},
    {.shared = CLI_CLASSES},
};

static void add(gal_cost *sum, const gal_cost *cost) {
    sum->mac += cost->mac;
    sum->flop += cost->flop;
    sum->bytes_read += cost->bytes_read;
    sum->bytes_written += cost->bytes_written;
    sum->parameters += cost->parameters;
}

static void shape_at(const gal_node *node, gal_buf *buf) {
    buf->size = 0;
    if (node->n_out && node->out[0]) gal_shape_text(&node->out[0]->shape, buf);
    if (!buf->size) gal_buf_text(buf, "?");
}

static void json_cost(cli_json *json, const gal_cost *cost) {
    json_int(json, "mac", cost->mac);
    json_int(json, "flop", cost->flop);
    json_int(json, "bytes_read", cost->bytes_read);
    json_int(json, "bytes_written", cost->bytes_written);
    json_int(json, "parameters", cost->parameters);
}

static void print_json(const gal_model *model, int64_t batch, gal_buf *shape) {
    gal_cost cost, sum = {0};
    cli_json json = json_start(stdout);
    json_open(&json, NULL, '{');
    json_text(&json, "model", model->path ? model->path : model->graph->name);
    json_text(&json, "sha256", gal_model_sha256(model));
    json_int(&json, "batch", batch);
    json_open(&json, "layers", '[');
    for (const gal_node *node = model->graph->first; node; node = node->next) {
        gal_node_cost(node, batch, &cost);
        add(&sum, &cost);
        shape_at(node, shape);
        json_open(&json, NULL, '{');
        json_text(&json, "name", node->name);
        json_text(&json, "op", node->op->name);
        json_text(&json, "output", (const char *)shape->data);
        json_cost(&json, &cost);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_open(&json, "total", '{');
    json_cost(&json, &sum);
    json_close(&json, '}');
    json_close(&json, '}');
}

static void cost_cells(cli_table *table, const gal_cost *cost) {
    char text[TABLE_NUMBER];
    table_cell(table, "%s", table_count(text, (double)cost->mac));
    table_cell(table, "%s", table_count(text, (double)cost->flop));
    table_cell(table, "%s", table_bytes(text, (double)cost->bytes_read));
    table_cell(table, "%s", table_bytes(text, (double)cost->bytes_written));
    table_cell(table, "%s", table_count(text, (double)cost->parameters));
}

static void print_table(const gal_model *model, int64_t batch, gal_buf *shape) {
    static const char *const heads[] = {"layer", "op", "output", "MAC", "FLOP", "read", "written", "parameters", NULL};
    gal_cost cost, sum = {0};
    cli_table table;
    table_start(&table, heads, "lllrrrrr");
    for (const gal_node *node = model->graph->first; node; node = node->next) {
        gal_node_cost(node, batch, &cost);
        add(&sum, &cost);
        shape_at(node, shape);
        table_cell(&table, "%.48s", node->name);
        table_cell(&table, "%s", node->op->name);
        table_cell(&table, "%s", (const char *)shape->data);
        cost_cells(&table, &cost);
    }
    table_cell(&table, "in all");
    table_cell(&table, " ");
    table_cell(&table, "batch %lld", (long long)batch);
    cost_cells(&table, &sum);
    table_end(&table, stdout);
    printf(
        "\n%.4f GMAC, %.4f GFLOP, %.3f million parameters (1 MAC = 2 FLOP; bytes: each input, weight and output once)\n",
        (double)sum.mac / 1e9, (double)sum.flop / 1e9, (double)sum.parameters / 1e6);
}

static cli_exit run(const cli_args *args) {
    gal_model *model = NULL;
    galen_error err;
    gal_buf shape;
    int64_t batch = cli_number(args, "batch", 1);
    bool numerics = cli_get(args, "numerics")->set, cost_only = cli_get(args, "cost")->set;
    static const char *const timing[] = {"cost", "batch", "repeats", "trace"};
    for (size_t i = 0; numerics && i < sizeof timing / sizeof *timing; i++)
        if (cli_get(args, timing[i])->set)
            return cli_fail(args, CLI_USAGE, "--numerics measures errors, not time; leave out --%s", timing[i]);
    if (numerics) return profile_numerics(args);
    if (args->n_operand > 1 || cli_get(args, "reference")->set || cli_get(args, "worst")->set)
        return cli_fail(args, CLI_USAGE,
                        "images, --reference and --worst are for --numerics; add it or leave them out");
    if (!cost_only) return profile_run(args);
    static const char *const measured[] = {"threads", "repeats", "trace", "precision"};
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++)
        if (cli_get(args, measured[i])->set)
            return cli_fail(args, CLI_USAGE, "--%s says how to measure, and --cost measures nothing; leave one out",
                            measured[i]);
    if (cli_load(args, args->operand[0], NULL, &model, &err) != GALEN_OK) return cli_fail_error(args, &err);
    gal_buf_init(&shape, MAX_TEXT);
    gal_buf_text(&shape, "?");
    bool ready = !shape.failed;
    if (ready && args->json)
        print_json(model, batch, &shape);
    else if (ready)
        print_table(model, batch, &shape);
    gal_buf_free(&shape);
    gal_model_destroy(model);
    return ready ? CLI_DONE : cli_fail(args, CLI_RESOURCES, "out of memory");
}

const cli_verb cli_profile = {
    .name = "profile",
    .operands = "MODEL [FILES|FOLDERS...]",
    .min_operands = 1,
    .max_operands = -1,
    .summary = "measure or count what each layer of a model costs, or how exact it is",
    .text =
        "Measures every step of the planned model, as executed: median time, share of the total, work, and the share of the "
        "roofline, which is the least time that the machine allows divided by the time taken. That is the longer of the arithmetic at the "
        "peak of the unit the kernel uses (f32 or f16 multiply-adds, bf16 or byte dot products, AMX tiles) and of the bytes at the "
        "bandwidth of the nearest of L2, L3 and memory that holds all of the step's data; all peaks are measured in the same run, and the "
        "last column names the one that counts. MAC counts multiplications with padding, as the literature does; GFLOP/s and the roofline do not, since "
        "kernels skip them. Then the time by kind of layer, and a run without the clock for comparison. Input is random in [-1, 1].\n\n"
        "With --cost nothing runs: multiply-accumulates (MAC), arithmetic (FLOP), bytes and parameters of every layer as the "
        "file has it, before any optimisation. MODEL is an ONNX file, 'default', or zoo:NAME.\n\n"
        "With --numerics the model runs in the precision asked for and in f64 (by the plain C references, which takes seconds an image "
        "for a large network), image by image. For each layer: the largest and the mean error and the largest value, both errors as parts of "
        "that value, the signal-to-noise ratio, and how many elements stand at an end of an integer type's or a half's range. Then, for the images "
        "given, the scores that differ most and the decisions that change at the card's threshold. docs/numerics.md describes the JSON.",
    .example =
        "galen profile default --batch 8\twhere the time goes\n"
        "galen profile zoo:resnet18 --size 64 --trace trace.json\tto look at in a browser\n"
        "galen profile --cost zoo:resnet50\ta network of the zoo at its own size\n"
        "galen profile default scans/ --numerics --precision bf16\twhat bf16 does to layers, scores and decisions",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run,
    .operand_words = "default",
};
