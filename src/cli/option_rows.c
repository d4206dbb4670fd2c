/* Options by rows: those of all verbs, those that verbs share, and what a verb's own row says of a shared one. */
#include "cli/cli.h"

#include <limits.h>

static const cli_option of_all[] = {
    {.name = "json", .type = CLI_FLAG, .help = "print one JSON object instead of a table"},
    {.name = "help", .letter = 'h', .type = CLI_FLAG, .help = "show this help"},
};

/* Without words where each verb has its own. */
static const cli_option shared[] = {
    [CLI_BATCH] = {.name = "batch",
                   .letter = 'b',
                   .type = CLI_INT,
                   .metavar = "N",
                   .low = 1,
                   .high = 4096,
                   .initial = "16",
                   .help = "pictures a run; no result depends on it"},
    [CLI_CERTIFICATE] = {.name = "certificate", .type = CLI_PATH, .metavar = "FILE"},
    [CLI_CHANNELS] = {.name = "channels",
                      .type = CLI_INT,
                      .metavar = "N",
                      .low = 1,
                      .high = 64,
                      .help = "planes of a zoo model's input (default: as its weights, else the network's own)"},
    [CLI_CLASSES] = {.name = "classes",
                     .type = CLI_INT,
                     .metavar = "N",
                     .low = 1,
                     .high = 100000,
                     .help = "outputs of a zoo model (default: as its weights, else the network's own)"},
    [CLI_FRAME] = {.name = "frame",
                   .type = CLI_INT,
                   .metavar = "N",
                   .low = 0,
                   .high = 1000000,
                   .initial = "0",
                   .help = "frame of multi-frame DICOM files, counted from 0"},
    [CLI_GROUPS] = {.name = "groups",
                    .type = CLI_TEXT,
                    .metavar = "RULE",
                    .help = "patients by file names: _1 is what stands before the first _ (as in train)"},
    [CLI_HASH_IDS] = {.name = "hash-ids",
                      .type = CLI_FLAG,
                      .help = "put the SHA-256 of each id in its place, and no path, before anything is written"},
    [CLI_INTEGRITY] = {.name = "integrity",
                       .type = CLI_FLAG,
                       .help =
                           "look at all pictures of DATA, in all its splits, for copies and patients in two splits, "
                           "repeats and conflicting labels"},
    [CLI_LEVEL] = {.name = "level", .type = CLI_TEXT, .metavar = "L"},
    [CLI_OUT] = {.name = "out", .letter = 'o', .type = CLI_PATH, .metavar = "FOLDER"},
    [CLI_OUTPUT] = {.name = "output", .letter = 'o', .type = CLI_PATH, .metavar = "FILE"},
    [CLI_PATIENT] = {.name = "patient",
                     .type = CLI_TEXT,
                     .metavar = "COLUMN",
                     .help = "the column that names patients (default: patient, patient_id, ...; DICOM headers)"},
    [CLI_POSITIVE] = {.name = "positive",
                      .type = CLI_TEXT,
                      .metavar = "LABEL",
                      .help = "of predictions: the label that means positive (default: by the usual words)"},
    [CLI_PRECISION] = {.name = "precision",
                       .letter = 'p',
                       .type = CLI_CHOICE,
                       .metavar = "TYPE",
                       .choices = "f32 bf16 f16",
                       .help = "f32, or bf16 or f16 (default: the file's own)"},
    [CLI_SEED] = {.name = "seed", .type = CLI_INT, .metavar = "N", .low = 0, .high = LLONG_MAX},
    [CLI_SIZE] = {.name = "size",
                  .type = CLI_INT,
                  .metavar = "N",
                  .low = 1,
                  .high = 8192,
                  .help = "pixels a side of a zoo model's input (default: the network's own)"},
    [CLI_SKIP_UNREADABLE] = {.name = "skip-unreadable",
                             .type = CLI_FLAG,
                             .help = "leave pictures out that cannot be read, and say so (default: refuse)"},
    [CLI_SPLIT] = {.name = "split",
                   .type = CLI_CHOICE,
                   .metavar = "NAME",
                   .choices = "train val test",
                   .help = "only cases of that part of divided data (default: all of data that are not divided)"},
    [CLI_SUBGROUP] = {.name = "subgroup", .type = CLI_LIST, .metavar = "COLUMNS"},
    [CLI_THREADS] = {.name = "threads",
                     .letter = 't',
                     .type = CLI_INT,
                     .metavar = "N",
                     .low = 1,
                     .high = 1024,
                     .help = "threads (default: all this process may use); no result depends on them"},
};

/* The shared row, but for what `own` says instead; help and default are one saying. */
static cli_option of_shared(const cli_option *own) {
    cli_option out = shared[own->shared];
    if (own->letter) out.letter = own->letter;
    if (own->choices) out.choices = own->choices;
    if (own->high) out.high = own->high;
    if (own->help) {
        out.help = own->help;
        out.initial = own->initial;
    }
    return out;
}

bool cli_option_at(const cli_verb *verb, size_t index, cli_option *out) {
    if (index < verb->n_options) {
        const cli_option *own = &verb->options[index];
        *out = own->shared == CLI_OWN ? *own : of_shared(own);
        return true;
    }
    index -= verb->n_options;
    if (index >= sizeof of_all / sizeof *of_all) return false;
    *out = of_all[index];
    return true;
}
