/* Fuzzes certificates: read, then checked against a model that none of them was issued for. Links galen_clinic. */
#include "clinic/compare/certificate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *certificate;
    gal_certificate_check check;
    galen_error err = {0};
    if (gal_certificate_read(data, size, &certificate, &err) != GALEN_OK) {
        if (!err.message[0]) abort();
        return 0;
    }
    if (gal_certificate_check_model(certificate, "no model", NULL, &check, &err) == GALEN_OK && check.valid) abort();
    json_decref(certificate);
    return 0;
}
