/* Fuzzes policies. Links galen_clinic. */
#include "clinic/compare/policy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gal_policy policy;
    galen_error err = {0};
    if (gal_policy_read(data, size, &policy, &err) == GALEN_OK) {
        if (!(policy.level > 0 && policy.level < 1) || policy.safety < 0 || policy.safety > 1) abort();
    } else if (!err.message[0]) {
        abort();
    }
    gal_policy_free(&policy);
    return 0;
}
