/* Where eval and compare get cases from: a model and data, or a file of predictions. */
#ifndef GAL_CLI_SOURCE_H
#define GAL_CLI_SOURCE_H

#include "cli/cli.h"
#include "session/score_cases.h"

#include <jansson.h>

/* Options that source_read reads; a verb puts them into its own table. */
#define CLI_SOURCE_OPTIONS                                                                                             \
    {.name = "split",                                                                                                  \
     .type = CLI_CHOICE,                                                                                               \
     .metavar = "NAME",                                                                                                \
     .choices = "train val test",                                                                                      \
     .help = "only cases of that part of divided data (default: all of data that are not divided)"},                   \
        {.name = "positive",                                                                                           \
         .type = CLI_TEXT,                                                                                             \
         .metavar = "LABEL",                                                                                           \
         .help = "of predictions: the label that means positive (default: by the usual words)"},                       \
        {.name = "patient",                                                                                            \
         .type = CLI_TEXT,                                                                                             \
         .metavar = "COLUMN",                                                                                          \
         .help = "the column that names patients (default: patient, patient_id, ...; DICOM headers)"},                 \
        {.name = "groups",                                                                                             \
         .type = CLI_TEXT,                                                                                             \
         .metavar = "RULE",                                                                                            \
         .help = "patients by file names: _1 is what stands before the first _ (as in train)"},                        \
        {.name = "skip-unreadable",                                                                                    \
         .type = CLI_FLAG,                                                                                             \
         .help = "leave pictures out that cannot be read, and say so (default: refuse)"},                              \
        {.name = "hash-ids",                                                                                           \
         .type = CLI_FLAG,                                                                                             \
         .help = "put the SHA-256 of each id in its place, and no path, before anything is written"},                  \
        {.name = "integrity",                                                                                          \
         .type = CLI_FLAG,                                                                                             \
         .help =                                                                                                       \
             "look at all pictures of DATA, in all its splits, for copies and patients in two splits, repeats and "    \
             "conflicting labels"},                                                                                    \
        {.name = "batch",                                                                                              \
         .letter = 'b',                                                                                                \
         .type = CLI_INT,                                                                                              \
         .metavar = "N",                                                                                               \
         .low = 1,                                                                                                     \
         .high = 4096,                                                                                                 \
         .initial = "16",                                                                                              \
         .help = "pictures a run; no result depends on it"},                                                           \
        {.name = "threads",                                                                                            \
         .letter = 't',                                                                                                \
         .type = CLI_INT,                                                                                              \
         .metavar = "N",                                                                                               \
         .low = 1,                                                                                                     \
         .high = 1024,                                                                                                 \
         .help = "threads (default: all this process may use); no result depends on them"},                            \
        {.name = "frame",                                                                                              \
         .type = CLI_INT,                                                                                              \
         .metavar = "N",                                                                                               \
         .low = 0,                                                                                                     \
         .high = 1000000,                                                                                              \
         .initial = "0",                                                                                               \
         .help = "frame of multi-frame DICOM files, counted from 0"},                                                  \
        CLI_PRECISION_OPTION("f32 bf16 f16", "f32, or bf16 or f16 (default: the file's own)")

typedef struct cli_source {
    gal_case_set cases;
    gal_scored scored; /* of a model; its cases have moved to `cases` */
    bool has_model;
    /* {file, sha256, precision, isa, threshold, chosen, card} of evidence; NULL: predictions */
    json_t *model;
    json_t *data; /* {file, sha256, split, pictures, unreadable: [ids], integrity: as gal_integrity_check} */
} cli_source;

/* Reads cases by the options above: `model` over `data`, or the predictions `data` where model is NULL. Errors are
 * printed. The caller frees *out with source_free, after any result. */
cli_exit source_read(const cli_args *args, const char *model, const char *data, cli_source *out);
void source_free(cli_source *source);

/* Forgets all columns but those of --subgroup, which a verb has in its own table: only what is asked for goes into
 * evidence, others may name a person. */
galen_status source_keep_columns(const cli_args *args, gal_case_set *cases, galen_error *err);

/* The scores of the verb's MODEL and DATA, whose `cases` source_read gave, with worse and worse pictures:
 * gal_robustness_runs. */
galen_status source_worse(const cli_args *args, const gal_case_set *cases, json_t **runs, galen_error *err);

/* The machine as evidence and training runs describe it. NULL without memory. */
json_t *source_machine(void);

/* A number of an option that is text. `unset` where it is not given; prints and returns CLI_USAGE outside [low, high].
 */
cli_exit source_real(const cli_args *args, const char *option, double low, double high, double unset, double *out);

#endif
