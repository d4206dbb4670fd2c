/* The gates that a candidate must pass: each one figure, its interval, and what it must reach. */
#ifndef GAL_CLINIC_GATES_H
#define GAL_CLINIC_GATES_H

#include "base/pool.h"
#include "clinic/compare/compare.h"
#include "clinic/compare/policy.h"

/*
 * One demand. Figures are such that more is better; `interval` is two-sided at the policy's level and its lower end is
 * the bound that must reach `at_least`:
 *
 *   pass                    interval.low >= at_least (of non-inferiority, > at_least: difference.h)
 *   fail                    interval.high < at_least
 *   insufficient evidence   otherwise, and where there is no interval
 *
 * Of several classes or groups the worst counts (`of` names it): nothing is averaged away.
 */
typedef struct gal_gate {
    const char *gate; /* "medical accuracy", "safety", "clinical relevance", "bias", "non-inferiority", "certificate" */
    const char *figure; /* what was measured, "1 - newly missed" */
    const char *of;     /* a class, label or group; NULL: all cases */
    const char *method; /* of the interval; NULL: none */
    double value, at_least;
    gal_interval interval; /* NaN: none */
    gal_verdict verdict;
    const char *why; /* there is no interval; NULL */
    /* Where evidence is insufficient, about how many cases of the kind `needed_of` ("positives", "negatives") would
     * do: of non-inferiority as in compare.h, of safety if as large a share is missed as here. 0: not known, or no
     * number would do. */
    size_t needed;
    const char *needed_of;
} gal_gate;

enum { GAL_GATES_MAX = 8 };

typedef struct gal_gates {
    gal_gate gate[GAL_GATES_MAX]; /* those that the policy asks for */
    int count;
    gal_verdict verdict; /* fail if one fails, else insufficient if one is, else pass */
} gal_gates;

/* What the gates are judged by. All borrowed. */
typedef struct gal_gate_evidence {
    const gal_case_pairs *pairs;           /* for clinical relevance and bias */
    const gal_case_comparison *comparison; /* of those pairs, at the policy's level and with its margins */
    const char *const *group;              /* [groups] attributes that bias is judged on; see there */
    size_t groups;
    bool certificate; /* one will be written if all is well */
    gal_pool *pool;   /* as gal_pool_run's; no result depends on it */
} gal_gate_evidence;

/*
 * The demands of `policy`. GALEN_ERR_ARGUMENT where the comparison has another level or other margins.
 *
 *   medical accuracy    balanced accuracy of the candidate: the mean of sensitivity and specificity, or of the
 *                       sensitivities of a multi-class set's classes. Wilson's intervals of the shares put together by
 *                       recovered variances (Zou and Donner, Statistics in Medicine 27:1693, 2008), which stay wide
 *                       where no error was seen
 *   safety              1 - the share of positives that the candidate misses, and 1 - the share that it misses and the
 *                       reference finds, each with Clopper and Pearson's interval
 *   clinical relevance  the share of the policy's threshold probabilities, a hundredth apart, at which acting on the
 *                       candidate's probabilities has more net benefit than treating everybody and than treating
 *                       nobody (decision_curve.h). Its lower bound counts the thresholds where both differences lie
 *                       above 0 with their whole interval, its upper bound leaves out those where one does not
 *                       reach above 0
 *   bias                1 - the largest gap in sensitivity or specificity between groups of at least the policy's
 *                       smallest size (equalised odds, subgroups.h). Every attribute counts of which two groups are
 *                       large enough; those that are named must have them. Groups are those of the reference's list
 *   non-inferiority     sensitivity and specificity, candidate less reference, by Tango's interval; at_least is -margin
 *   certificate         passes where one will be written if all else passes
 *
 * Texts in *out are static, the policy's or the comparison's.
 */
galen_status gal_gates_judge(const gal_policy *policy, const gal_gate_evidence *evidence, gal_gates *out,
                             galen_error *err);

/* The settings of a comparison at which `policy` can be judged. */
gal_compare_settings gal_policy_settings(const gal_policy *policy);

/* [{gate, figure, of, value, low, high, method, at_least, verdict, why, needed, needed_of}, ...]. NULL: out of memory.
 */
json_t *gal_gates_json(const gal_gates *gates);

#endif
