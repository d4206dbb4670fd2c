/* Cases in a file: the reader is chosen by the first bytes. */
#include "clinic/evidence/cases_file.h"

#include "base/error.h"
#include "base/file.h"
#include "clinic/evidence/evidence.h"

#include <string.h>

static galen_status parse_evidence(const void *bytes, size_t size, const gal_case_options *options, gal_case_set *out,
                                   galen_error *err) {
    gal_evidence evidence;
    (void)options; /* it was read with some already */
    GAL_TRY(gal_evidence_parse(bytes, size, &evidence, err));
    *out = evidence.cases[0];
    evidence.cases[0] = (gal_case_set){.count = 0};
    gal_evidence_free(&evidence);
    return GALEN_OK;
}

galen_status gal_cases_read(const char *path, const gal_case_options *options, gal_case_set *out, galen_error *err) {
    gal_file file;
    *out = (gal_case_set){.count = 0};
    GAL_TRY(gal_file_map(path, SIZE_MAX, &file, err));
    galen_status status = GALEN_OK;
    if (gal_evidence_probe(file.data, file.size))
        status = parse_evidence(file.data, file.size, options, out, err);
    else if (file.size >= 4 && !memcmp(file.data, "PK\3\4", 4))
        status = gal_cases_parse_npz(file.data, file.size, options, out, err);
    else
        status = gal_cases_parse_csv(file.data, file.size, options, out, err);
    gal_file_unmap(&file);
    return status == GALEN_OK ? status : gal_fail_in(err, status, path);
}
