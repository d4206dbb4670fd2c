/* A file of cases of any kind: a table, arrays, or evidence about them. */
#ifndef GAL_CLINIC_CASES_FILE_H
#define GAL_CLINIC_CASES_FILE_H

#include "clinic/cases/cases_read.h"

/* A file of a kind that cases_read.h reads, or the first cases of evidence (evidence.h), by its first bytes. options
 * and *out as there; errors begin with the path. */
galen_status gal_cases_read(const char *path, const gal_case_options *options, gal_case_set *out, galen_error *err);

#endif
