/* Fuzz target: a table of cases that somebody scored. Links clinic. */
#include "clinic/cases/cases_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gal_case_set cases;
    galen_error err;
    (void)gal_cases_parse_csv(data, size, NULL, &cases, &err);
    gal_case_set_free(&cases);
    (void)gal_cases_parse_csv(data, size, &(gal_case_options){.positive = "b", .split = GAL_SPLIT_TEST}, &cases, &err);
    gal_case_set_free(&cases);
    return 0;
}
