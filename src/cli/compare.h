/* What galen compare found, and how it is shown. */
#ifndef GAL_CLI_COMPARE_H
#define GAL_CLI_COMPARE_H

#include "cli/source.h"
#include "clinic/compare/judge.h"
#include "clinic/evidence/evidence.h"

/* Layers of the candidate against the reference computed in f64 (analyze/numerics.h). */
typedef struct compare_layers {
    json_t *list;     /* [{name, op, stands_for, value, type, elements, max_error, mean_error, scale, snr_db}], in the
                       * order they run; NULL: not measured */
    size_t pictures;  /* that it was measured on */
    const char *none; /* why not; static storage */
} compare_layers;

typedef struct compare_work {
    const cli_args *args;
    cli_source source[GAL_SIDES]; /* their cases have moved to `evidence` */
    const char *name[GAL_SIDES];  /* as given */
    gal_policy policy;
    gal_judge_settings settings; /* its policy is NULL where none was asked for */
    const char *group[GAL_JUDGE_GROUPS];
    gal_evidence evidence;
    gal_judgement judgement;
    compare_layers layers;
    bool certified; /* a certificate was written */
} compare_work;

/* Runs a few of the pictures through both models, layer by layer. GALEN_ERR_MEMORY only: where it cannot be done,
 * layers.none says why. */
galen_status compare_measure_layers(compare_work *work, galen_error *err);

/* Everything for people. */
void compare_show(const compare_work *work);

#endif
