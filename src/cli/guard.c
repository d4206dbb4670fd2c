/* galen guard: writes a model whose card knows which pictures are strange to it, when to abstain, and
 * what later pictures are compared with. */
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/table.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "clinic/claims/decimal.h"
#include "session/guard.h"

#include <math.h>

enum { MAX_FILE = 0x7fffffff };

static const cli_option options[] = {
    {.name = "unusual",
     .type = CLI_TEXT,
     .metavar = "SHARE",
     .initial = "0.01",
     .help = "pictures like DATA beyond the limit; 0 fits no limits"},
    {.name = "miss",
     .type = CLI_TEXT,
     .metavar = "SHARE",
     .initial = "0.1",
     .help = "sets of labels that may lack the true one; 0 fits no sets"},
    {.name = "by-class", .type = CLI_FLAG, .help = "keep that promise for each class, not only for all together"},
    {.shared = CLI_SPLIT, .help = "the part of DATA to use, where it is divided"},
    {.shared = CLI_THREADS, .help = "threads (default: all this process may use); the results do not depend on it"},
};

static const char text[] =
    "Runs MODEL over DATA, labelled pictures that it was not trained on, and writes OUTPUT: the same network with three more parts "
    "in its card, which 'galen predict' uses. 'ood' says how strange a picture may be before it is called unusual; 'conformal' turns "
    "probabilities into a set of labels that holds the true one as often as promised, and lets the model abstain where that is not one "
    "label. Both promises are for pictures drawn like DATA. 'drift' says how scores and pictures are spread, for later ones to be compared "
    "with; it takes 50 pictures.\n\n"
    "DATA is a folder tree, a table (CSV) or a MedMNIST file, as for 'galen train'.";

static bool read_share(const cli_args *args, const char *option, double *out) {
    const char *word = cli_get(args, option)->text;
    gal_decimal number;
    if (!word) return true;
    if (!gal_decimal_read(word, &number) || !number.given) return false;
    *out = gal_decimal_value(number) / (number.percent ? 100 : 1);
    return *out >= 0 && *out < 1;
}

static galen_status write_model(const char *from, const char *card, const char *to, galen_error *err) {
    gal_buf bytes;
    gal_buf_init(&bytes, MAX_FILE);
    galen_status status = gal_guard_write(from, card, &bytes, err);
    if (status == GALEN_OK) status = gal_file_write(to, bytes.data, bytes.size, err);
    gal_buf_free(&bytes);
    return status;
}

static void print_json(const cli_args *args, const gal_guard_options *o, const gal_guard *g) {
    cli_json json = json_start(stdout);
    json_open(&json, NULL, '{');
    json_text(&json, "model", args->operand[0]);
    json_text(&json, "data", args->operand[1]);
    json_text(&json, "data_sha256", g->data_sha256);
    json_text(&json, "output", args->operand[2]);
    json_int(&json, "pictures", (int64_t)g->pictures);
    json_int(&json, "features", g->width);
    json_number(&json, "unusual", o->ood_alpha);
    json_number(&json, "limit", g->limit[0]);
    json_number(&json, "miss", o->set_alpha);
    json_bool(&json, "by_class", o->by_class);
    json_number(&json, "answered", g->answered);
    json_int(&json, "drift_reference", g->drift ? (int64_t)g->pictures : 0);
    json_close(&json, '}');
}

static void print_text(const cli_args *args, const gal_guard_options *o, const gal_guard *g) {
    printf("pictures   %zu, %d features each\n", g->pictures, g->width);
    if (o->ood_alpha > 0)
        printf("unusual    beyond a distance of %.4g, as %.3g %% of such pictures are\n", g->limit[0],
               100 * o->ood_alpha);
    if (o->set_alpha > 0) {
        printf("sets       hold the true label of %.4g %%%s; a label needs a probability of %.4g",
               100 * (1 - o->set_alpha), o->by_class ? " of each class" : "", g->least[0]);
        if (g->least[1] > g->least[0]) printf(" to %.4g by class", g->least[1]);
        printf("\nanswers    one label for %.1f %% of these pictures, and abstains from the others\n",
               100 * g->answered);
    }
    if (g->drift)
        printf("drift      later pictures are compared with these %zu\n", g->pictures);
    else
        printf("drift      no reference: it takes %d pictures\n", GAL_DRIFT_LEAST);
    fputs("written    ", stdout);
    cli_put_text(stdout, args->operand[2]);
    puts("");
}

static gal_split chosen_split(const cli_args *args) {
    gal_split split = GAL_SPLIT_NONE;
    const char *word = cli_get(args, "split")->text;
    if (word) gal_split_parse(word, &split);
    return split;
}

static cli_exit run(const cli_args *args) {
    gal_guard_options o = gal_guard_defaults();
    gal_guard guard;
    galen_error err;
    const char *path;
    char *card = NULL;
    if (!read_share(args, "unusual", &o.ood_alpha) || !read_share(args, "miss", &o.set_alpha))
        return cli_fail(args, CLI_USAGE, "--unusual and --miss want a share from 0 to 1, as 0.01 or 1%%");
    o.by_class = cli_get(args, "by-class")->set;
    o.score.split = chosen_split(args);
    o.score.predictor.threads = (int)cli_number(args, "threads", 0);
    o.score.predictor.isa = gal_isa_name(args->isa);
    galen_status status = cli_model_path(args->operand[0], &path, &err);
    if (status == GALEN_OK) status = gal_guard_fit(path, args->operand[1], &o, &card, &guard, &err);
    if (status == GALEN_OK) status = write_model(path, card, args->operand[2], &err);
    gal_free(card);
    if (status != GALEN_OK) return cli_fail_error(args, &err);
    if (args->json)
        print_json(args, &o, &guard);
    else
        print_text(args, &o, &guard);
    return CLI_DONE;
}

const cli_verb cli_guard = {
    .name = "guard",
    .operands = "MODEL DATA OUTPUT.onnx",
    .min_operands = 3,
    .max_operands = 3,
    .summary = "teach a model which pictures are strange to it, and when to abstain",
    .text = text,
    .example =
        "galen guard run/best.onnx held-out/ guarded.onnx\tlimits and sets from a folder of held-out pictures\n"
        "galen guard run/best.onnx data.csv guarded.onnx --split val --miss 0.05 --by-class\tsets that miss 5 % of each class",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run,
};
