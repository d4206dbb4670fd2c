/* Fuzz target: a table of pictures and labels. Links data. */
#include "data/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const gal_dataset_options options = {.group_rule = "_1,-2"};
    gal_dataset *set = NULL;
    galen_error err;
    if (gal_dataset_parse_csv(data, size, NULL, &options, &set, &err) != GALEN_OK) return 0;
    (void)gal_dataset_check(set, 1u << GAL_SPLIT_NONE, &err);
    gal_dataset_free(set);
    return 0;
}
