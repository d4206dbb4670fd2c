/* Bias: is the candidate as good for everybody? */
#include "base/error.h"
#include "base/mem.h"
#include "clinic/compare/gates_parts.h"
#include "clinic/evaluate/subgroups.h"

#include <math.h>
#include <string.h>

static const char gate_name[] = "bias", figure[] = "1 - largest gap";

typedef struct bias {
    const gal_policy *policy;
    const gal_gate_evidence *evidence;
    const gal_case_set *cases;
    size_t classes;
    uint8_t *decision; /* [count][classes] of the candidate */
    uint8_t *positive; /* [count] of the question at hand */
    double *called;    /* [count] 1 where it is called positive, else 0 */
    bool any;          /* something was measured */
    gal_gate *out;
} bias;

static bool is_named(const gal_gate_evidence *e, const char *attribute) {
    for (size_t i = 0; i < e->groups; i++)
        if (!strcmp(e->group[i], attribute)) return true;
    return false;
}

static void judge_attribute(bias *b, const gal_subgroup_set *set) {
    const gal_gap *gap = &set->gap[GAL_GAP_EQUALISED_ODDS];
    bool measured = gap->groups > 1 && !isnan(gap->value), named = is_named(b->evidence, set->attribute);
    gal_gate g = gal_gate_absent(gate_name, figure, b->policy->bias, "its groups are too small");
    if (b->evidence->groups > 0 ? !named : !measured) return;
    g.of = set->attribute;
    if (measured) {
        g.method = "all pairs of groups, Bonferroni";
        g.why = NULL;
        g.value = 1 - gap->value;
        g.interval = (gal_interval){1 - gap->interval.high, 1 - gap->interval.low};
        gal_gate_decide(&g);
    }
    gal_gate_keep_worse(b->out, &g, !b->any);
    b->any = true;
}

static galen_status judge_question(bias *b, size_t column, galen_error *err) {
    const gal_case_set *cases = b->cases;
    gal_subgroup_settings s = gal_subgroup_defaults();
    gal_subgroups groups;
    for (size_t k = 0; k < cases->count; k++) {
        b->positive[k] = cases->kind == GAL_CASE_MULTICLASS ? cases->label[k] == column
                                                            : cases->positive[k * b->classes + column] != 0;
        b->called[k] = b->decision[k * b->classes + column];
    }
    s.level = b->policy->level;
    s.has_threshold = true;
    s.threshold = 0.5; /* between the decisions 0 and 1 */
    s.least = b->policy->smallest_group;
    const gal_binary_cases one = {.scores = {b->called, b->positive, cases->count}};
    galen_status status =
        gal_subgroups_make(&one, cases->attribute, (size_t)cases->attributes, &s, b->evidence->pool, &groups, err);
    for (size_t i = 0; status == GALEN_OK && i < groups.sets; i++) judge_attribute(b, &groups.set[i]);
    gal_subgroups_free(&groups);
    return status;
}

/* A named attribute that no case has. */
static const char *missing_name(const gal_gate_evidence *e, const gal_case_set *cases) {
    for (size_t i = 0; i < e->groups; i++) {
        bool found = false;
        for (int a = 0; a < cases->attributes; a++) found |= !strcmp(cases->attribute[a].name, e->group[i]);
        if (!found) return e->group[i];
    }
    return NULL;
}

static galen_status judge(bias *b, galen_error *err) {
    const gal_case_set *cases = b->cases;
    b->decision = gal_calloc(cases->count * b->classes, 1);
    b->positive = gal_calloc(cases->count, 1);
    b->called = gal_calloc(cases->count, sizeof *b->called);
    if (!b->decision || !b->positive || !b->called)
        return gal_fail_memory(err, "groups of cases", cases->count * (b->classes + 9));
    gal_decide(b->evidence->pairs, &b->evidence->comparison->settings, GAL_CANDIDATE, b->decision);
    for (size_t c = 0; c < b->classes; c++) GAL_TRY(judge_question(b, c, err));
    return GALEN_OK;
}

galen_status gal_gate_bias(const gal_policy *policy, const gal_gate_evidence *e, gal_gate *out, galen_error *err) {
    *out = gal_gate_absent(gate_name, figure, policy->bias, "no groups of cases");
    if (!e->pairs || e->pairs->cases->attributes == 0) return GALEN_OK;
    gal_case_set cases = gal_case_pairs_candidate(e->pairs);
    const char *missing = missing_name(e, &cases);
    out->of = missing;
    out->why = missing ? "no such column" : !e->comparison->decided ? "no threshold to decide with" : out->why;
    if (missing || !e->comparison->decided) return GALEN_OK;
    out->why = "no two groups are large enough";
    bias b = {.policy = policy, .evidence = e, .cases = &cases, .classes = (size_t)cases.classes, .out = out};
    galen_status status = judge(&b, err);
    gal_free(b.decision);
    gal_free(b.positive);
    gal_free(b.called);
    return status;
}
