/* galen convert: weights and a zoo name to ONNX, or ONNX to ONNX after the passes. */
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/table.h"

#include "base/error.h"
#include "base/sha256.h"
#include "model/card.h"
#include "model/weights.h"
#include "model/zoo/zoo.h"
#include "pass/pass.h"

#include <string.h>

enum { MAX_FILE = 0x7fffffff }; /* protobuf's own limit of 2 GiB */

static const cli_option options[] = {
    {.name = "zoo",
     .letter = 'z',
     .type = CLI_TEXT,
     .metavar = "NAME",
     .help =
         "the network that a .pth or .safetensors file holds the weights of: resnet18, resnet34, resnet50, densenet121, "
         "efficientnet_b0 to _b3, mobilenet_v2 or cxr-resnet10"},
    {.name = "card",
     .type = CLI_PATH,
     .metavar = "FILE",
     .help = "JSON to put in as the model's card (preprocessing, labels, threshold)"},
    {.name = "keep", .type = CLI_FLAG, .help = "leave the graph as it is: no passes"},
    {.shared = CLI_SIZE},
    {.shared = CLI_CHANNELS},
    {.shared = CLI_CLASSES},
};

typedef struct outcome {
    uint32_t nodes_before, nodes_after;
    size_t bytes;
    char sha256[GAL_SHA256_HEX];
} outcome;

static bool ends_in(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static galen_status load_weights(const cli_args *args, const char *zoo, gal_model **model, galen_error *err) {
    gal_weights *weights = NULL;
    char name[80];
    int n = snprintf(name, sizeof name, "zoo:%s", zoo);
    if (n >= (int)sizeof name) return gal_fail(err, GALEN_ERR_ARGUMENT, "'%.40s...' is no network of the zoo", zoo);
    GAL_TRY(gal_weights_load(args->operand[0], &weights, err));
    galen_status status = cli_load(args, name, weights, model, err);
    gal_weights_destroy(weights);
    return status == GALEN_OK ? status : gal_fail_in(err, status, args->operand[0]);
}

static galen_status load_source(const cli_args *args, gal_model **model, galen_error *err) {
    const cli_value *zoo = cli_get(args, "zoo");
    const char *path = args->operand[0];
    if (zoo->set) return load_weights(args, zoo->text, model, err);
    if (ends_in(path, ".pth") || ends_in(path, ".pt") || ends_in(path, ".safetensors"))
        return gal_fail(
            err, GALEN_ERR_ARGUMENT,
            "%s: holds weights but no network; say which with --zoo NAME ('galen convert --help' lists them)", path);
    return cli_load(args, path, NULL, model, err);
}

static galen_status set_card(const cli_args *args, gal_model *model, galen_error *err) {
    const cli_value *card = cli_get(args, "card");
    if (!card->set) return GALEN_OK;
    gal_file file;
    gal_buf text;
    gal_card checked;
    GAL_TRY(gal_file_map(card->text, GAL_CARD_MAX_BYTES, &file, err));
    gal_buf_init(&text, GAL_CARD_MAX_BYTES + 1);
    gal_buf_put(&text, file.data, file.size);
    gal_buf_put(&text, "", 0);
    gal_file_unmap(&file);
    galen_status status = text.failed || !text.data
                              ? gal_fail_memory(err, card->text, file.size)
                              : gal_card_read((const char *)text.data, model->graph, &checked, err);
    if (status != GALEN_OK) {
        gal_buf_free(&text);
        return gal_fail_in(err, status, card->text);
    }
    gal_card_free(&checked);
    status = gal_model_set_meta(model, "galen.card", (const char *)text.data, err);
    gal_buf_free(&text);
    return status;
}

static galen_status write_model(const cli_args *args, gal_model *model, outcome *out, galen_error *err) {
    gal_buf bytes;
    out->nodes_before = model->graph->n_node;
    if (!cli_get(args, "keep")->set) GAL_TRY(gal_pass_run_all(model->graph, true, err));
    out->nodes_after = model->graph->n_node;
    gal_buf_init(&bytes, MAX_FILE);
    galen_status status = gal_onnx_write(model, &bytes, err);
    if (status == GALEN_OK && bytes.failed) status = gal_fail_memory(err, args->operand[1], bytes.size);
    if (status == GALEN_OK) status = gal_sha256_hex(bytes.data, bytes.size, out->sha256, err);
    if (status == GALEN_OK) status = gal_file_write(args->operand[1], bytes.data, bytes.size, err);
    out->bytes = bytes.size;
    gal_buf_free(&bytes);
    return status;
}

static void print_outcome(const cli_args *args, const outcome *o) {
    char text[TABLE_NUMBER];
    if (args->json) {
        cli_json json = json_start(stdout);
        json_open(&json, NULL, '{');
        json_text(&json, "input", args->operand[0]);
        json_text(&json, "output", args->operand[1]);
        json_text(&json, "sha256", o->sha256);
        json_int(&json, "bytes", (int64_t)o->bytes);
        json_int(&json, "nodes_before", o->nodes_before);
        json_int(&json, "nodes_after", o->nodes_after);
        json_close(&json, '}');
        return;
    }
    cli_put_text(stdout, args->operand[1]);
    printf(": %s, %u nodes (%u before the passes), sha256 %s\n", table_bytes(text, (double)o->bytes), o->nodes_after,
           o->nodes_before, o->sha256);
}

static cli_exit run(const cli_args *args) {
    gal_model *model = NULL;
    galen_error err;
    outcome out = {0};
    galen_status status = load_source(args, &model, &err);
    if (status == GALEN_OK) status = set_card(args, model, &err);
    if (status == GALEN_OK) status = write_model(args, model, &out, &err);
    gal_model_destroy(model);
    if (status != GALEN_OK) return cli_fail_error(args, &err);
    print_outcome(args, &out);
    return CLI_DONE;
}

const cli_verb cli_convert = {
    .name = "convert",
    .operands = "INPUT OUTPUT.onnx",
    .min_operands = 2,
    .max_operands = 2,
    .summary = "make an ONNX model from weights, or a leaner one from ONNX",
    .text =
        "INPUT is a PyTorch .pth or a .safetensors file together with --zoo NAME, or an ONNX model. What can be computed "
        "beforehand is folded (constants, BatchNorm into convolutions) and dead nodes go, unless --keep is given; the "
        "output is ONNX of opset 17 that other programs read too.",
    .example = "galen convert weights.pth model.onnx --zoo resnet18\ta torchvision state_dict\n"
               "galen convert model.onnx lean.onnx\tONNX after the passes",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run,
};
