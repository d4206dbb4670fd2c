/* How much more often one of two is right on the same cases, how sure that is, and whether it is good enough. */
#ifndef GAL_CLINIC_DIFFERENCE_H
#define GAL_CLINIC_DIFFERENCE_H

#include "clinic/stats/interval.h"
#include "clinic/stats/paired.h"

#include <galen/status.h>

/*
 * Intervals of the difference of two paired shares, (only_first - only_second) / cases, in [-1, 1]. z: the normal
 * quantile, as for gal_wilson. No cases: [-1, 1].
 *
 * Newcombe's puts the two Wilson intervals together with the correlation of the decisions, corrected for continuity
 * (method 10 of R. G. Newcombe, Statistics in Medicine 17:2635, 1998).
 */
gal_interval gal_newcombe(const gal_paired *counts, double z);

/* Tango's holds the differences that the score test does not reject (T. Tango, Statistics in Medicine 17:891, 1998), to
 * the last bits by halving. */
gal_interval gal_tango(const gal_paired *counts, double z);

typedef enum gal_verdict { GAL_VERDICT_PASS, GAL_VERDICT_FAIL, GAL_VERDICT_INSUFFICIENT } gal_verdict;

/* "pass", "fail", "insufficient evidence"; static storage. */
const char *gal_verdict_name(gal_verdict verdict);

/*
 * Is a new decider, at worst, less than `margin` worse than a reference? `difference`: an interval of new minus
 * reference. It passes where the whole interval lies above -margin, fails where it lies below, and the evidence is
 * insufficient where -margin is in it (Piaggio et al., CONSORT, JAMA 308:2594, 2012). The lower bound of a 95 %
 * interval is a one-sided test at 2.5 %. GALEN_ERR_ARGUMENT unless margin is above 0 and at most 1, GALEN_ERR_NUMERIC
 * for an interval of NaN.
 */
galen_status gal_noninferior(gal_interval difference, double margin, gal_verdict *out, galen_error *err);

#endif
