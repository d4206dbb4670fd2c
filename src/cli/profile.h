/* The measuring part of galen profile. */
#ifndef GAL_CLI_PROFILE_H
#define GAL_CLI_PROFILE_H

#include "cli/cli.h"

enum { PROFILE_MAX_REPEATS = 1000, PROFILE_MAX_WORST = 1000 };

/* galen profile --numerics. */
cli_exit profile_numerics(const cli_args *args);
/* galen profile without --cost or --numerics. */
cli_exit profile_run(const cli_args *args);

#endif
