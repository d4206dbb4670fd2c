/* Fuzz target: an evidence file, read and computed anew. Links clinic. */
#include "clinic/evidence/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gal_evidence evidence;
    gal_evidence_check check;
    galen_error err;
    if (size > 1 << 16 || gal_evidence_parse(data, size, &evidence, &err) != GALEN_OK) return 0;
    json_t *settings = json_object_get(evidence.settings, "evaluation");
    if (json_is_object(settings))
        (void)json_object_set_new(settings, "draws", json_integer(4)); /* a million are a long wait */
    (void)gal_evidence_verify(&evidence, NULL, &check, &err);
    gal_evidence_free(&evidence);
    return 0;
}
