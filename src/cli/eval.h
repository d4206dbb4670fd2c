/* The parts of galen eval. */
#ifndef GAL_CLI_EVAL_H
#define GAL_CLI_EVAL_H

#include "cli/source.h"
#include "clinic/evaluate/estimate.h"
#include "clinic/evidence/evidence.h"

/* Evidence of the source's cases, which it takes over, by the options of the verb. The caller frees *out, after any
 * result. */
galen_status eval_build(const cli_args *args, cli_source *source, const gal_eval_settings *settings, gal_evidence *out,
                        galen_error *err);

/* galen eval --freeze and --calibrate: chooses on validation cases and writes a model whose card says so. */
cli_exit eval_choose(const cli_args *args);
/* galen eval --plan: how many cases a study needs. */
cli_exit eval_plan(const cli_args *args);

#endif
