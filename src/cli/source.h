/* Where eval and compare get cases from: a model and data, or a file of predictions. */
#ifndef GAL_CLI_SOURCE_H
#define GAL_CLI_SOURCE_H

#include "cli/cli.h"
#include "session/score_cases.h"

#include <jansson.h>

typedef struct cli_source {
    gal_case_set cases;
    gal_scored scored; /* of a model; its cases have moved to `cases` */
    bool has_model;
    /* {file, sha256, precision, isa, threshold, chosen, card} of evidence; NULL: predictions */
    json_t *model;
    json_t *data; /* {file, sha256, split, pictures, unreadable: [ids], integrity: as gal_integrity_check} */
} cli_source;

/* Reads cases by the options from split to precision that eval and compare share: `model` over `data`, or the
 * predictions `data` where model is NULL. Errors are printed. The caller frees *out with source_free, after any result.
 */
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
