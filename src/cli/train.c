/* galen train: a training from pictures to a model with its card, with progress, interruption and resuming. */
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/source.h"
#include "cli/train_progress.h"

#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "train/folder.h"
#include "train/job.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_CONFIG = 1 << 20 };

#define TYPE_TEXT(choices)   ((choices) != NULL ? CLI_CHOICE : CLI_TEXT)
#define TYPE_WHOLE(choices)  CLI_TEXT
#define TYPE_REAL(choices)   CLI_TEXT
#define TYPE_BYTES(choices)  CLI_TEXT
#define TYPE_PARTS(choices)  CLI_TEXT
#define TYPE_SWITCH(choices) CLI_FLAG
#define GAL_SETTING(name_, kind, member, low_, high_, initial_, metavar_, choices_, help_)                             \
    {.name = name_,                                                                                                    \
     .type = TYPE_##kind(choices_),                                                                                    \
     .metavar = metavar_,                                                                                              \
     .choices = choices_,                                                                                              \
     .help = help_,                                                                                                    \
     .initial = initial_},
static const cli_option options[] = {
    {.shared = CLI_OUT, .help = "the run folder; made if missing"},
    {.name = "resume",
     .type = CLI_FLAG,
     .help = "go on where the run folder's last checkpoint ends, with its settings"},
    {.name = "replay",
     .type = CLI_PATH,
     .metavar = "RUN",
     .help =
         "train again with the settings and data of a finished run, into FOLDER, and compare the models; exit 1 when they differ"},
#include "train/settings.def"
};
#undef GAL_SETTING

static const cli_heading headings[] = {{"out", "Run folder"},
                                       {"model", "Network"},
                                       {"positive", "Data"},
                                       {"augment", "Changes of training pictures"},
                                       {"epochs", "Length, and which epoch is kept"},
                                       {"batch", "Steps"},
                                       {"dropout", "Loss and regularisation"},
                                       {"precision", "Precision, memory and threads"}};

static volatile sig_atomic_t interrupted, phase; /* gal_train_phase */
static const char *made;                         /* the run folder, unless it was there before */

static void note_phase(void *watch, gal_train_phase begins) {
    train_watch_clear(watch);
    phase = (sig_atomic_t)begins;
}

/*
 * In the loop the step is finished and saved; the second signal, of either kind, ends the program as usual. Elsewhere
 * there is nothing to save, and the first one does. Only what a signal may call is called.
 */
static void note_interrupt(int signal_number) {
    static const char *const says[] = {
        [GAL_TRAIN_BEFORE] = "\ngalen train: stopped before the first step; nothing was changed\n",
        [GAL_TRAIN_LOOP] = "\ngalen train: finishing this step; once more ends at once\n",
        [GAL_TRAIN_AFTER] = "\ngalen train: stopped after the last step; --resume makes what is missing\n"};
    ssize_t told = write(STDERR_FILENO, says[phase], strlen(says[phase]));
    (void)told; /* there may be nobody to tell */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    interrupted = 1;
    if (phase == GAL_TRAIN_LOOP) return;
    if (phase == GAL_TRAIN_BEFORE && made != NULL) rmdir(made); /* which only an empty one follows */
    raise(signal_number);
}

/* ---- settings ---- */

static galen_status read_config(gal_train_job *job, const char *folder, galen_error *err) {
    char path[GAL_RUN_PATH];
    gal_file file;
    gal_buf text;
    GAL_TRY(gal_run_path(folder, "config.json", path, err));
    GAL_TRY(gal_file_map(path, MAX_CONFIG, &file, err));
    gal_buf_init(&text, MAX_CONFIG + 1);
    gal_buf_put(&text, file.data, file.size);
    gal_file_unmap(&file);
    galen_status status = text.failed || text.data == NULL
                              ? gal_fail(err, GALEN_ERR_FORMAT, "%s: empty", path)
                              : gal_train_job_read(job, (const char *)text.data, path, err);
    gal_buf_free(&text);
    return status;
}

/* What the command line says; `any` tells whether it set anything but the data. */
static galen_status read_options(const cli_args *args, gal_train_job *job, bool *any, galen_error *err) {
    size_t n;
    const gal_train_setting *settings = gal_train_job_settings(&n);
    *any = false;
    for (size_t i = 0; i < n; i++) {
        const cli_value *value = cli_get(args, settings[i].name);
        if (!value->set) continue;
        *any = true;
        GAL_TRY(gal_train_job_set(job, settings[i].name, settings[i].metavar != NULL ? value->text : "on", err));
    }
    return GALEN_OK;
}

static galen_status read_job(const cli_args *args, gal_train_job *job, galen_error *err) {
    bool any, resume = cli_get(args, "resume")->set;
    const cli_value *replay = cli_get(args, "replay"), *out = cli_get(args, "out");
    if (!out->set) return gal_fail(err, GALEN_ERR_ARGUMENT, "name a run folder with --out FOLDER");
    if (resume && replay->set)
        return gal_fail(err, GALEN_ERR_ARGUMENT,
                        "--resume goes on with a run, --replay trains it again: leave one out");
    if (replay->set) GAL_TRY(read_config(job, replay->text, err));
    if (resume) GAL_TRY(read_config(job, out->text, err));
    GAL_TRY(read_options(args, job, &any, err));
    if ((resume || replay->set) && any)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%s takes its settings from the run; leave out the others",
                        resume ? "--resume" : "--replay");
    if (!resume && !replay->set && args->n_operand > 0) GAL_TRY(gal_train_job_set(job, "data", args->operand[0], err));
    if (job->data == NULL)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "name a folder, table or .npz of labelled pictures");
    return GALEN_OK;
}

/* ---- results ---- */

static void interval_json(cli_json *json, const char *name, gal_interval i) {
    json_open(json, name, '[');
    json_number(json, NULL, i.low);
    json_number(json, NULL, i.high);
    json_close(json, ']');
}

static gal_interval share(size_t hits, size_t misses) {
    return gal_wilson(hits, hits + misses, GAL_Z95);
}

/* point and area may be NULL. */
static void score_json(cli_json *json, const char *name, const gal_train_score *s, const gal_operating_point *p,
                       const gal_auc *area) {
    json_open(json, name, '{');
    json_number(json, "loss", s->loss);
    json_number(json, "accuracy", s->accuracy);
    if (isfinite(s->auc)) json_number(json, "auc", s->auc);
    if (area != NULL) interval_json(json, "auc_95", area->interval);
    if (p != NULL) {
        json_number(json, "threshold_logit", p->threshold);
        json_number(json, "sensitivity", p->sensitivity);
        interval_json(json, "sensitivity_95", share(p->true_positives, p->false_negatives));
        json_number(json, "specificity", p->specificity);
        interval_json(json, "specificity_95", share(p->true_negatives, p->false_positives));
    }
    json_close(json, '}');
}

static void print_json(const char *folder, const gal_train_outcome *o, int same) {
    const gal_fit_result *f = &o->fit;
    cli_json json = json_start(stdout);
    json_open(&json, NULL, '{');
    json_text(&json, "run", folder);
    json_text(&json, "sha256", o->sha256);
    json_int(&json, "epochs", f->epochs);
    json_int(&json, "steps", f->steps);
    json_int(&json, "skipped_steps", f->skipped);
    json_number(&json, "loss_scale", f->scale);
    json_int(&json, "best_epoch", f->best_epoch);
    json_bool(&json, "interrupted", f->interrupted);
    if (o->pictures.val > 0 && f->best_epoch > 0)
        score_json(&json, "validation", &f->best, f->has_point ? &f->point : NULL, NULL);
    if (o->has_test)
        score_json(&json, "test", &o->test, f->has_point ? &o->test_point : NULL,
                   o->has_test_area ? &o->test_area : NULL);
    if (same >= 0) json_bool(&json, "same_as_replayed", same != 0);
    if (o->other[0] != '\0') json_text(&json, "not_comparable", o->other);
    json_close(&json, '}');
}

static void print_share(const char *name, size_t hits, size_t misses) {
    gal_interval i = share(hits, misses);
    if (hits + misses == 0) {
        printf("%s unknown (no such pictures)", name);
        return;
    }
    printf("%s %.4f (%zu of %zu; %.4f to %.4f)", name, (double)hits / (double)(hits + misses), hits, hits + misses,
           i.low, i.high);
}

/* Two lines: the score, and the decisions at the frozen cut. */
static void print_score(const char *name, size_t pictures, const gal_train_score *s, const gal_operating_point *p,
                        const gal_auc *area) {
    printf("%-11s %6zu pictures: loss %.4f, accuracy %.4f", name, pictures, s->loss, s->accuracy);
    if (isfinite(s->auc)) printf(", AUC %.4f", s->auc);
    if (area != NULL) printf(" (%.4f to %.4f)", area->interval.low, area->interval.high);
    putchar('\n');
    if (p == NULL) return;
    printf("%18s at logit %.4f: ", "", p->threshold);
    print_share("sensitivity", p->true_positives, p->false_negatives);
    print_share(", specificity", p->true_negatives, p->false_positives);
    putchar('\n');
}

static void print_table(const char *folder, const gal_train_outcome *o) {
    const gal_fit_result *f = &o->fit;
    if (f->interrupted) {
        printf("stopped after %lld steps; go on with: galen train --resume --out ", (long long)f->steps);
        cli_put_text(stdout, folder);
        putchar('\n');
        return;
    }
    if (f->stopped_early) printf("no better epoch for a while: stopped after epoch %lld\n", (long long)f->epochs);
    if (o->pictures.val > 0)
        print_score("validation", o->pictures.val, &f->best, f->has_point ? &f->point : NULL, NULL);
    if (o->has_test)
        print_score("test", o->pictures.test, &o->test, f->has_point ? &o->test_point : NULL,
                    o->has_test_area ? &o->test_area : NULL);
    if (f->has_point) puts("in brackets: intervals of 95 % (Wilson's, of AUC DeLong's)");
    printf("model of epoch %lld: ", (long long)f->best_epoch);
    cli_put_text(stdout, folder);
    printf("/best.onnx, sha256 %s\n", o->sha256);
}

/* ---- comparing ---- */

static galen_status map_model(const char *folder, gal_file *out, galen_error *err) {
    char path[GAL_RUN_PATH];
    GAL_TRY(gal_run_path(folder, "best.onnx", path, err));
    return gal_file_map(path, SIZE_MAX / 2, out, err);
}

/* *same: the models of both runs have the same bytes. */
static galen_status compare(const char *a, const char *b, int *same, galen_error *err) {
    gal_file x, y;
    GAL_TRY(map_model(a, &x, err));
    galen_status status = map_model(b, &y, err);
    if (status == GALEN_OK) {
        *same = x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
        gal_file_unmap(&y);
    }
    gal_file_unmap(&x);
    return status;
}

static cli_exit finish(const cli_args *args, const gal_train_outcome *outcome) {
    const cli_value *replay = cli_get(args, "replay");
    const char *folder = cli_get(args, "out")->text;
    int same = -1;
    galen_error err;
    if (replay->set && !outcome->fit.interrupted && compare(replay->text, folder, &same, &err) != GALEN_OK)
        return cli_fail_error(args, &err);
    bool comparable = outcome->other[0] == '\0';
    if (args->json)
        print_json(folder, outcome, same);
    else
        print_table(folder, outcome);
    if (same == 0 && !comparable && !args->json)
        printf("another model than the run's, which says nothing: %s\n", outcome->other);
    else if (same >= 0 && !args->json)
        puts(same ? "the same model, bit for bit" : "another model than the run's");
    return same == 0 && comparable ? CLI_NO : CLI_DONE;
}

/* For environment.json; malloc'ed, NULL without memory. */
static char *describe_machine(void) {
    json_t *machine = source_machine();
    char *text = machine ? json_dumps(machine, JSON_COMPACT) : NULL;
    json_decref(machine);
    return text;
}

static cli_exit run(const cli_args *args) {
    gal_train_job job;
    gal_train_outcome outcome;
    galen_error err;
    char *machine = describe_machine();
    train_watch watch = {.terminal = args->progress};
    const gal_train_hooks hooks = {.progress = train_watch_step,
                                   .say = train_watch_say,
                                   .count = train_watch_count,
                                   .phase = note_phase,
                                   .context = &watch,
                                   .stop = &interrupted,
                                   .isa = args->isa,
                                   .machine = machine};
    const gal_train_place place = {.folder = cli_get(args, "out")->text,
                                   .resume = cli_get(args, "resume")->set,
                                   .replay = cli_get(args, "replay")->text,
                                   .data = args->n_operand > 0 ? args->operand[0] : NULL};
    const struct sigaction action = {.sa_handler = note_interrupt};
    if (machine == NULL) return cli_fail(args, CLI_RESOURCES, "out of memory for the machine's description");
    gal_train_job_init(&job);
    galen_status status = read_job(args, &job, &err);
    if (status == GALEN_OK) {
        made = access(place.folder, F_OK) != 0 ? place.folder : NULL;
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        status = gal_train_job_run(&job, &place, &hooks, &outcome, &err);
        train_watch_clear(&watch);
    }
    gal_train_job_free(&job);
    free(machine);
    return status == GALEN_OK ? finish(args, &outcome) : cli_fail_error(args, &err);
}

const cli_verb cli_train = {
    .name = "train",
    .operands = "DATA",
    .min_operands = 0,
    .max_operands = 1,
    .summary = "trains or fine-tunes a network on labelled pictures",
    .text =
        "DATA and --out are all it needs. DATA is a folder of class/picture or split/class/picture, a table (.csv with "
        "the columns path and label, and as wanted group, split and others) or a MedMNIST .npz; pictures are JPEG, PNG "
        "or DICOM. Two classes make a model of one logit, more make one logit a class; several labels a picture make "
        "one yes-or-no question a label.\n\n"
        "After each epoch the model is measured on the validation pictures, and the best one so far is written to "
        "best.onnx in the run folder, ready for 'galen predict'. Its card says how pictures are prepared and what was "
        "trained on. For two classes it also holds the frozen threshold: the highest logit at which the validation "
        "pictures have the wanted sensitivity. With 495 validation pictures or more it holds limits of unusual pictures "
        "and sets of labels, as 'galen guard' fits them, unless --guard says no. Test pictures are measured once, at "
        "the end.\n\n"
        "Ctrl-C finishes the step and saves; --resume goes on from there, or after a crash from the last checkpoint, "
        "at most --save-every minutes back. Before the first step and after the last it ends at once.\n\n"
        "The same data, settings and seed give the same model, bit for bit, for any number of threads. Another level "
        "of instructions (GALEN_CPU) or build may give other bits: --replay then says so. The run folder also holds the "
        "checkpoint last.safetensors, log.jsonl, curves.svg, metrics.json, config.json, environment.json and digests of "
        "the data and of all files (docs/training.md).",
    .example =
        "galen train xrays --out run\tResNet-18 from random weights\n"
        "galen train xrays --model zoo:resnet50 --weights resnet50.pth --freeze conv1,bn1,layer1 --out run\tfine-tune pretrained weights, the first layers as they are\n"
        "galen train pneumoniamnist.npz --channels 1 --size 28 --epochs 30 --out run\ta MedMNIST set: grey, 28 pixels a side\n"
        "galen train --resume --out run\tgo on with an interrupted training\n"
        "galen train --replay run --out again\ttrain once more and compare the models\n"
        "galen train /mnt/xrays --replay run --out again\tthe same, with data that were moved",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .headings = headings,
    .n_headings = sizeof headings / sizeof *headings,
    .run = run,
};
