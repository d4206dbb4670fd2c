/* Two deciders on the same cases: who was right where, and whether one is right more often. */
#ifndef GAL_CLINIC_PAIRED_H
#define GAL_CLINIC_PAIRED_H

#include <stdbool.h>
#include <stddef.h>

/* Cases by which of two was right. */
typedef struct gal_paired {
    size_t both, only_first, only_second, neither;
} gal_paired;

/* One more case, on which each was right or not. */
void gal_paired_add(gal_paired *counts, bool first, bool second);

/*
 * McNemar's test that both are right equally often, two-sided, given the cases on which they differ (Psychometrika 12,
 * 1947): twice the binomial probability at 1/2 of the smaller count or fewer, at most 1. The mid-p form takes half of
 * the observed count's own probability, which makes up for the exact form's caution (Fagerland, Lydersen and Laake, BMC
 * Medical Research Methodology 13:91, 2013). 1 where they never differ.
 */
double gal_mcnemar_exact(const gal_paired *counts);
double gal_mcnemar_mid_p(const gal_paired *counts);

#endif
