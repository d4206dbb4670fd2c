/* Everything that comparing two models gives: differences, the flip ledger, and the verdict of a policy. */
#ifndef GAL_CLINIC_JUDGE_H
#define GAL_CLINIC_JUDGE_H

#include "clinic/compare/flips.h"
#include "clinic/compare/gates.h"

enum { GAL_JUDGE_GROUPS = 32 };

typedef struct gal_judge_settings {
    gal_compare_settings compare;
    double shift_limit;       /* gal_flips_find's */
    const gal_policy *policy; /* NULL: no gates; else compare has its level and margins (gal_policy_settings) */
    const char *const *group; /* [groups] attributes that bias is judged on (gates.h); 0: all */
    size_t groups;            /* at most GAL_JUDGE_GROUPS */
    bool certificate;         /* one will be written if all is well */
} gal_judge_settings;

typedef struct gal_judgement {
    gal_case_pairs pairs;
    gal_case_comparison comparison;
    gal_flips flips; /* in the order of harm */
    gal_gates gates; /* none without a policy */
} gal_judgement;

/* Compares and judges. The sets, their names (what errors call them), and the policy must outlive *out, which
 * gal_judgement_free frees after any result, and which may not be moved. pool: as gal_pool_run's. */
galen_status gal_judge(const gal_case_set sets[GAL_SIDES], const char *const name[GAL_SIDES],
                       const gal_judge_settings *settings, gal_pool *pool, gal_judgement *out, galen_error *err);
void gal_judgement_free(gal_judgement *judgement);

/*
 * As parts of evidence (evidence.h). Their settings: {comparison: as gal_compare_settings_json, flips: {comparison: the
 * same, limit}, gates: {comparison: the same, policy: its text, groups: [name, ...], certificate: true or false}},
 * gates only with a policy. NULL: out of memory.
 */
json_t *gal_judge_settings_json(const gal_judge_settings *settings);
/* What comes out of a part's settings. The caller owns *out. */
galen_status gal_judge_flips_part(const gal_case_set *sets, const json_t *settings, gal_pool *pool, json_t **out,
                                  galen_error *err);
galen_status gal_judge_gates_part(const gal_case_set *sets, const json_t *settings, gal_pool *pool, json_t **out,
                                  galen_error *err);

#endif
