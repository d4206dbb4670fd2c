/* Evidence as tables for people, from the JSON that files hold. */
#ifndef GAL_CLI_EVAL_SHOW_H
#define GAL_CLI_EVAL_SHOW_H

#include "clinic/evidence/evidence.h"

#include <stdio.h>

/* Prints cases, decisions, figures, groups and what else the results hold. */
void eval_show(FILE *to, const gal_evidence *evidence);

#endif
