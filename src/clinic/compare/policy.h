/* What must be shown before a second model may take the first one's place: the demands of the gates, from a file. */
#ifndef GAL_CLINIC_POLICY_H
#define GAL_CLINIC_POLICY_H

#include "base/sha256.h"

#include <galen/status.h>
#include <stdbool.h>
#include <stddef.h>

enum { GAL_POLICY_MAX_BYTES = 1 << 16, GAL_POLICY_NAME = 64 };

/* Shares in [0, 1] that the gates of gates.h must reach; NaN: the policy does not ask for it. */
typedef struct gal_policy {
    char name[GAL_POLICY_NAME];
    double level; /* of every interval, two-sided */
    double medical_accuracy, safety, clinical_relevance, bias;
    double from, to;                               /* clinical relevance: the range of threshold probabilities */
    size_t smallest_group;                         /* bias: a group of fewer cases of a kind says nothing */
    double sensitivity_margin, specificity_margin; /* of non-inferiority */
    bool certificate;                              /* mandatory */
    char *text;                                    /* the file, as it is */
    size_t size;
    char sha256[GAL_SHA256_HEX]; /* of the text */
} gal_policy;

/*
 * Reads a policy (docs/compare.md has the form). GALEN_ERR_FORMAT for damaged JSON, a member that is unknown, twice
 * there or missing, or a number outside its range: a policy that is misread must not pass for a mild one.
 * GALEN_ERR_LIMIT beyond GAL_POLICY_MAX_BYTES. To be freed with gal_policy_free, after any result.
 */
galen_status gal_policy_read(const void *data, size_t size, gal_policy *out, galen_error *err);
/* The same of a file, which errors name. */
galen_status gal_policy_load(const char *path, gal_policy *out, galen_error *err);
void gal_policy_free(gal_policy *policy);

#endif
