/* galen predict: scores, probabilities and decisions for files and folders. */
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/predict_drift.h"
#include "cli/table.h"

#include "base/clock.h"
#include "base/mem.h"
#include "data/walk.h"
#include "session/guard.h"

#include <galen/predictor.h>
#include <math.h>
#include <string.h>

enum { DEFAULT_BATCH = 16, NAME_WIDTH = 48 };

static const cli_option options[] = {
    {.shared = CLI_BATCH,
     .help = "images a run (default: 16, or fewer for fewer files); the results do not depend on it"},
    {.shared = CLI_THREADS, .help = "threads (default: all this process may use); the results do not depend on it"},
    {.shared = CLI_FRAME, .help = "frame of multi-frame DICOM files, counted from 0 (default: 0)"},
    {.name = "cache",
     .type = CLI_PATH,
     .metavar = "DIR",
     .help = "keep weights in the kernels' order in DIR and share them in memory with other runs (default: do not)"},
    {.shared = CLI_PRECISION,
     .help = "f32, or bf16 or f16: half the memory, scores differ a little (default: the file's own)"},
};

static const char text[] =
    "Reads each image as the model's card says, runs the model and prints the raw score, the probability and, when the card "
    "has them, the calibrated probability and the decision at the threshold. MODEL is an ONNX file, or 'default' for the model that ships. Folders are searched for "
    "JPEG, PNG and DICOM files.\n\n"
    "A file that cannot be read is one row with an error; the others go on, and the exit code is 3 at the end.\n\n"
    "With a card from 'galen guard' and 50 pictures or more it says at the end whether scores and pictures drift from those that the card "
    "knows; the order of the files should be that of time.\n\n"
    "Nothing here is a diagnosis: a score is worth what the evidence for its model is worth.";

typedef struct job {
    const cli_args *args;
    const galen_predictor_facts *facts;
    cli_json json;
    int name_width;
    size_t done, failed, total;
    const gal_drift_reference *reference;
    double *watched; /* [total][GAL_DRIFT_SERIES], the first `read` rows are filled; NULL: the card has no reference */
    size_t read;
    bool starved; /* memory ran out for a file: not the file's fault */
} job;

static const char *positive_name(const galen_predictor_facts *f) {
    return f->positive >= 0 && f->positive < f->n_labels ? f->label[f->positive] : NULL;
}

/* ---- JSON ---- */

static void json_model(cli_json *json, const galen_predictor_facts *f) {
    static const char *const task[] = {"unknown", "binary", "multiclass", "multilabel"};
    json_open(json, "model", '{');
    json_text(json, "path", f->path);
    json_text(json, "sha256", f->sha256);
    json_text(json, "precision", f->precision);
    json_text(json, "device", f->device);
    json_text(json, "isa", f->isa);
    json_int(json, "threads", f->threads);
    json_int(json, "batch", f->batch);
    json_text(json, "task", task[f->task]);
    json_open(json, "labels", '[');
    for (int i = 0; i < f->n_labels; i++) json_text(json, NULL, f->label[i]);
    json_close(json, ']');
    json_text(json, "positive_label", positive_name(f));
    json_open(json, "input", '{');
    json_int(json, "channels", f->channels);
    json_int(json, "height", f->height);
    json_int(json, "width", f->width);
    json_close(json, '}');
    if (f->has_threshold)
        json_number(json, "threshold", f->threshold);
    else
        json_text(json, "threshold", "no threshold in the card");
    json_text(json, "threshold_chosen", f->threshold_chosen);
    json_text(json, "calibration", f->calibration);
    if (f->ood_alpha > 0) {
        json_open(json, "ood", '{');
        json_number(json, "alpha", f->ood_alpha);
        json_number(json, "mahalanobis_limit", f->ood_limit[0]);
        json_number(json, "neighbours_limit", f->ood_limit[1]);
        json_number(json, "energy_limit", f->ood_limit[2]);
        json_close(json, '}');
    }
    json_number(json, "set_coverage", f->set_alpha > 0 ? 1 - f->set_alpha : (double)NAN);
    json_open(json, "missing", '[');
    for (int i = 0; i < f->n_missing; i++) json_text(json, NULL, f->missing[i]);
    json_close(json, ']');
    json_close(json, '}');
}

static double rounded(double ms) {
    return round(ms * 1e3) / 1e3;
}

/* What class k of a set is called. */
static const char *set_label(const galen_predictor_facts *f, int k) {
    if (f->task != GALEN_TASK_BINARY) return k < f->n_labels ? f->label[k] : NULL;
    if (f->n_labels != 2 || f->positive < 0) return k ? "positive" : "negative";
    return f->label[k ? f->positive : 1 - f->positive];
}

static void json_set(cli_json *json, const galen_predictor_facts *f, const galen_prediction *p) {
    json_open(json, "set", '[');
    for (int k = 0; k < f->n_classes; k++) {
        if (!p->set[k]) continue;
        if (set_label(f, k))
            json_text(json, NULL, set_label(f, k));
        else
            json_int(json, NULL, k);
    }
    json_close(json, ']');
    json_bool(json, "abstains", p->set_size != 1);
}

static void json_watch(cli_json *json, const galen_predictor_facts *f, const galen_prediction *p) {
    json_open(json, "gates", '[');
    for (int i = 0; i < p->n_gates; i++) {
        json_open(json, NULL, '{');
        json_text(json, "name", p->gates[i].name);
        json_number(json, "value", p->gates[i].value);
        json_number(json, "limit", p->gates[i].limit);
        json_close(json, '}');
    }
    json_close(json, ']');
    if (p->ood) {
        json_open(json, "ood", '{');
        json_number(json, "mahalanobis", p->ood[0]);
        json_number(json, "neighbours", p->ood[1]);
        json_number(json, "energy", p->ood[2]);
        json_close(json, '}');
    }
    if (p->set) json_set(json, f, p);
}

static void json_row(cli_json *json, const galen_predictor_facts *f, const galen_prediction *p) {
    json_open(json, NULL, '{');
    json_text(json, "file", p->file);
    json_open(json, "scores", '[');
    for (int i = 0; i < f->n_scores; i++) json_number(json, NULL, (double)p->scores[i]);
    json_close(json, ']');
    json_number(json, "probability", p->probability);
    if (f->n_scores > 1) {
        json_open(json, "probabilities", '[');
        for (int i = 0; i < f->n_scores; i++) json_number(json, NULL, p->probabilities[i]);
        json_close(json, ']');
    }
    if (p->calibrated) json_number(json, "calibrated_probability", p->calibrated_probability);
    if (p->calibrated && f->n_scores > 1) {
        json_open(json, "calibrated_probabilities", '[');
        for (int i = 0; i < f->n_scores; i++) json_number(json, NULL, p->calibrated[i]);
        json_close(json, ']');
    }
    json_watch(json, f, p);
    json_text(json, "label", p->label_name);
    if (p->label >= 0) json_number(json, "class", p->label);
    if (p->positive < 0)
        json_raw(json, "positive", "null");
    else
        json_bool(json, "positive", p->positive);
    if (f->has_threshold)
        json_number(json, "threshold", f->threshold);
    else
        json_text(json, "threshold", "no threshold in the card");
    json_text(json, "precision", f->precision);
    json_text(json, "device", f->device);
    json_text(json, "isa", f->isa);
    json_text(json, "model_sha256", f->sha256);
    json_open(json, "ms", '{');
    json_number(json, "decode", rounded(p->decode_ms));
    json_number(json, "prepare", rounded(p->prepare_ms));
    json_number(json, "run", rounded(p->run_ms));
    json_close(json, '}');
    json_close(json, '}');
}

static void json_error(cli_json *json, const char *file, const char *error) {
    json_open(json, NULL, '{');
    json_text(json, "file", file);
    json_text(json, "error", error);
    json_close(json, '}');
}

/* ---- table ---- */

static void put_file(const job *j, const char *file) {
    int width = table_width(file);
    if (width > j->name_width) { /* the end of a path says most */
        const char *cut = file + strlen(file);
        for (int left = j->name_width - 3; left > 0 && cut > file; cut--) left -= (cut[-1] & 0xc0) != 0x80;
        fputs("...", stdout);
        file = cut;
        width = 3 + table_width(cut);
    }
    cli_put_text(stdout, file);
    printf("%*s", j->name_width - width, "");
}

static void print_head(const job *j) {
    const galen_predictor_facts *f = j->facts;
    printf("model      ");
    cli_put_text(stdout, f->path);
    printf("  sha256 %.12s\nrun        %s on %s (%s), %d thread%s, batch %d\n", f->sha256, f->precision, f->device,
           f->isa, f->threads, f->threads == 1 ? "" : "s", f->batch);
    if (f->has_threshold) {
        printf("threshold  score >= %.9g is positive", f->threshold);
        if (positive_name(f)) printf(" (%s)", positive_name(f));
        if (f->threshold_chosen) printf("; %s", f->threshold_chosen);
        puts("");
    } else {
        puts("threshold  no threshold in the card");
    }
    if (f->ood_alpha > 0)
        printf("unusual    beyond a distance of %.4g, as %.3g %% of the model's own kind of pictures are\n",
               f->ood_limit[0], 100 * f->ood_alpha);
    if (f->set_alpha > 0)
        printf("abstains   unless one label alone is in a set that holds the true one with %.4g %%\n",
               100 * (1 - f->set_alpha));
    for (int i = 0; i < f->n_missing; i++) {
        fputs("note       ", stdout);
        cli_put_text(stdout, f->missing[i]);
        puts("");
    }
    if (f->calibration) printf("calibrated by the card's %s; the decision is made from the score\n", f->calibration);
    printf("\n%-*s  %13s  %11s  ", j->name_width, "file", "score", "probability");
    if (f->calibration) printf("%11s  ", "calibrated");
    printf("%-14s  %9s %9s %9s\n", "label", "decode ms", "prepare", "run");
}

/* Behind the row: what speaks against trusting it. */
static void print_watch(const job *j, const galen_prediction *p) {
    if (p->set && p->set_size != 1)
        printf("  abstains: %s", p->set_size ? "several labels are possible" : "no label fits");
    if (p->n_gates == 0) return;
    fputs(j->args->colour ? "  \033[33m!" : "  !", stdout);
    for (int i = 0; i < p->n_gates; i++)
        printf(" %s %.3g (limit %.3g)%s", p->gates[i].name, p->gates[i].value, p->gates[i].limit,
               i + 1 < p->n_gates ? "," : "");
    if (j->args->colour) fputs("\033[0m", stdout);
}

static void print_row(const job *j, const galen_prediction *p) {
    const galen_predictor_facts *f = j->facts;
    int shown = p->label >= 0 && p->label < f->n_scores ? p->label : 0;
    if (f->n_scores > 1 && p->label < 0) /* multilabel: the highest score */
        for (int i = 1; i < f->n_scores; i++)
            if (p->probabilities[i] > p->probabilities[shown]) shown = i;
    char number[24] = "-";
    if (f->n_scores > 1) snprintf(number, sizeof number, "class %d", shown);
    const char *label = p->label_name                            ? p->label_name
                        : shown < f->n_labels && f->n_scores > 1 ? f->label[shown]
                                                                 : number;
    put_file(j, p->file);
    printf("  %13.9g  %11.6f  ", (double)p->scores[shown], p->probability);
    if (p->calibrated) printf("%11.6f  ", p->calibrated_probability);
    if (j->args->colour && p->positive == 1) fputs("\033[33m", stdout);
    cli_put_text(stdout, label);
    if (j->args->colour && p->positive == 1) fputs("\033[0m", stdout);
    int blanks = 14 - table_width(label);
    printf("%*s  %9.2f %9.2f %9.2f", blanks > 0 ? blanks : 0, "", p->decode_ms, p->prepare_ms, p->run_ms);
    print_watch(j, p);
    puts("");
}

static void print_error(const job *j, const char *file, const char *error) {
    size_t n = strlen(file);
    put_file(j, file);
    fputs(j->args->colour ? "  \033[31merror\033[0m: " : "  error: ", stdout);
    if (!strncmp(error, file, n) && !strncmp(error + n, ": ", 2)) error += n + 2; /* the row names the file already */
    cli_put_text(stdout, error);
    puts("");
}

/* ---- */

static void on_error(job *j, const char *file, const char *error) {
    j->failed++;
    if (j->args->json)
        json_error(&j->json, file, error);
    else
        print_error(j, file, error);
}

static void show_progress(const job *j) {
    if (!j->args->progress || j->total < 64 || (j->done % 16 && j->done != j->total)) return;
    fprintf(stderr, "\r%zu of %zu images", j->done, j->total);
    if (j->done == j->total) fputs("\r\033[K", stderr);
}

static void on_prediction(void *user, const galen_prediction *p) {
    job *j = user;
    if (cli_exit_of(p->status) == CLI_RESOURCES) j->starved = true;
    if (p->status != GALEN_OK)
        on_error(j, p->file, p->error);
    else if (j->args->json)
        json_row(&j->json, j->facts, p);
    else
        print_row(j, p);
    if (p->status == GALEN_OK && j->watched)
        memcpy(j->watched + GAL_DRIFT_SERIES * j->read++, p->watched, sizeof p->watched);
    j->done++;
    show_progress(j);
}

/* Predicts stretches of files, with the folders that could not be read in their places between. */
static galen_status predict_all(galen_predictor *predictor, const gal_walk_list *list, const char **files, job *j,
                                galen_error *err) {
    for (size_t at = 0; at < list->n;) {
        size_t n = 0;
        for (; at + n < list->n && !list->entry[at + n].error; n++) files[n] = list->entry[at + n].path;
        if (n) {
            galen_status status = galen_predictor_run(predictor, files, n, on_prediction, j, err);
            if (status != GALEN_OK) return status;
            at += n;
        } else {
            j->done++;
            on_error(j, list->entry[at].path, list->entry[at].error);
            at++;
        }
    }
    return GALEN_OK;
}

static galen_status finish(job *j, double seconds, galen_error *err) {
    if (j->args->json) {
        json_close(&j->json, ']');
        galen_status status = drift_json(&j->json, j->reference, j->watched, j->read, err);
        json_close(&j->json, '}');
        return status;
    }
    size_t read = j->total - j->failed;
    printf("\n%zu image%s", read, read == 1 ? "" : "s");
    if (j->failed) printf(", %zu not read", j->failed);
    printf(", %.3f s", seconds);
    if (read && seconds > 0) printf(", %.0f a second", (double)read / seconds);
    puts("");
    return drift_print(j->reference, j->watched, j->read, err);
}

static cli_exit predict_list(const cli_args *args, galen_predictor *predictor, const gal_walk_list *list) {
    job j = {.args = args,
             .facts = galen_predictor_get_facts(predictor),
             .json = json_start(stdout),
             .name_width = 4,
             .reference = gal_predictor_drift(predictor),
             .total = list->n};
    galen_error err;
    const char **files = gal_calloc(list->n, sizeof *files);
    if (files && j.reference->cases > 0) j.watched = gal_calloc(list->n, GAL_DRIFT_SERIES * sizeof *j.watched);
    if (!files || (j.reference->cases > 0 && !j.watched)) {
        gal_free(files);
        return cli_fail(args, CLI_RESOURCES, "out of memory for the list of %zu files; name fewer at once", list->n);
    }
    for (size_t i = 0; i < list->n; i++) {
        int width = table_width(list->entry[i].path);
        if (width > j.name_width) j.name_width = width < NAME_WIDTH ? width : NAME_WIDTH;
    }
    if (args->json) {
        json_open(&j.json, NULL, '{');
        json_model(&j.json, j.facts);
        json_open(&j.json, "results", '[');
    } else {
        print_head(&j);
    }
    double start = gal_clock_seconds();
    galen_status status = predict_all(predictor, list, files, &j, &err);
    gal_free(files);
    for (size_t i = j.done; status != GALEN_OK && i < list->n; i++) /* every file has its row, whatever happened */
        on_error(&j, list->entry[i].path, err.message);
    galen_error worse;
    galen_status finished = finish(&j, gal_clock_seconds() - start, &worse);
    gal_free(j.watched);
    if (status == GALEN_OK && finished != GALEN_OK) status = finished, err = worse;
    if (status != GALEN_OK) {
        cli_args plain = *args;
        plain.json = false; /* the object is complete */
        return cli_fail_error(&plain, &err);
    }
    if (j.starved) return CLI_RESOURCES;
    return j.failed ? CLI_INPUT : CLI_DONE;
}

static cli_exit run(const cli_args *args) {
    gal_walk_list list = {0};
    galen_error err;
    galen_status status = GALEN_OK;
    galen_predictor *predictor = NULL;
    const char *model;
    for (int i = 1; i < args->n_operand && status == GALEN_OK; i++)
        status = gal_walk_add(&list, args->operand[i], &err);
    if (status == GALEN_OK) status = cli_model_path(args->operand[0], &model, &err);
    if (status == GALEN_OK) {
        galen_predictor_options o = galen_predictor_default_options();
        int fitting = list.n < DEFAULT_BATCH ? (int)list.n : DEFAULT_BATCH;
        o.batch = (int)cli_number(args, "batch", fitting);
        o.threads = (int)cli_number(args, "threads", 0);
        o.frame = (int)cli_number(args, "frame", 0);
        o.isa = gal_isa_name(args->isa);
        o.precision = cli_get(args, "precision")->text;
        o.cache = cli_get(args, "cache")->text;
        status = galen_predictor_open(model, &o, &predictor, &err);
    }
    cli_exit code = status == GALEN_OK ? predict_list(args, predictor, &list) : cli_fail_error(args, &err);
    galen_predictor_close(predictor);
    gal_walk_free(&list);
    return code;
}

const cli_verb cli_predict = {
    .name = "predict",
    .operands = "MODEL FILES|FOLDERS...",
    .min_operands = 2,
    .max_operands = -1,
    .summary = "score images with a model",
    .text = text,
    .example = "galen predict default chest.png\tone picture with the model that ships\n"
               "galen predict model.onnx --json scans/ > results.json\ta folder, as JSON",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run,
    .operand_words = "default",
};
