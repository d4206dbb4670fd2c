/* Is a model as good for everybody? Figures of groups of cases, gaps between them, and how sure both are. */
#ifndef GAL_CLINIC_SUBGROUPS_H
#define GAL_CLINIC_SUBGROUPS_H

#include "clinic/evaluate/evaluate.h"

typedef enum gal_group_figure {
    GAL_GROUP_SENSITIVITY,
    GAL_GROUP_SPECIFICITY,
    GAL_GROUP_SELECTION,   /* the share called positive */
    GAL_GROUP_AUC,         /* DeLong */
    GAL_GROUP_CALIBRATION, /* mean probability less share of positives: calibration in the large; mean +- z s / sqrt(n)
                            */
    GAL_GROUP_ECE, /* expected calibration error (reliability.h), biased upwards in small groups; BCa of draws */
    GAL_GROUP_FIGURES
} gal_group_figure;

/* "sensitivity", "specificity", "selection_rate", "auc", "calibration", "ece"; static. */
const char *gal_group_figure_name(gal_group_figure figure);

typedef struct gal_subgroup_settings {
    double level; /* of the intervals */
    bool has_threshold;
    double threshold; /* on the scale of the scores; without one: no sensitivity, specificity, selection */
    size_t least;  /* cases that a figure needs: of sensitivity positives, of specificity negatives, of the area both */
    size_t bins;   /* of reliability */
    size_t draws;  /* of the bootstrap, for the interval of the calibration error; 0: it has none */
    uint64_t seed; /* of the draws */
} gal_subgroup_settings;

enum { GAL_GROUP_LEVELS = 100 };

/* 95 %, no threshold, 20 cases, 10 bins, no draws, seed 1. */
gal_subgroup_settings gal_subgroup_defaults(void);

typedef struct gal_subgroup {
    const char *level; /* the attribute's */
    size_t cases, positives;
    bool enough[GAL_GROUP_FIGURES];         /* false: "insufficient data" */
    gal_estimate figure[GAL_GROUP_FIGURES]; /* value NaN: insufficient data, or not asked for */
    double variance[GAL_GROUP_FIGURES];     /* of the area and of calibration */
    /* The group against all other cases of which the attribute is known, where both have enough: shares by Fisher's
     * exact test, the area and calibration by the difference over its standard error. NaN: not tested. */
    double p[GAL_GROUP_FIGURES];
    double adjusted[GAL_GROUP_FIGURES]; /* by Holm, over all groups of all attributes, one figure at a time */
} gal_subgroup;

typedef enum gal_group_gap {
    GAL_GAP_EQUAL_OPPORTUNITY,  /* of sensitivity (Hardt, Price and Srebro, NeurIPS 2016) */
    GAL_GAP_SPECIFICITY,        /* of specificity */
    GAL_GAP_EQUALISED_ODDS,     /* the larger of these two (the same paper) */
    GAL_GAP_DEMOGRAPHIC_PARITY, /* of the share called positive (Dwork et al., ITCS 2012) */
    GAL_GAP_AUC,
    GAL_GAP_CALIBRATION,
    GAL_GROUP_GAPS
} gal_group_gap;

/* "equal_opportunity", "specificity", "equalised_odds", "demographic_parity", "auc", "calibration"; static. */
const char *gal_group_gap_name(gal_group_gap gap);

/* Which figures a gap is made of: one, or two of which the larger gap counts (as two equal ones otherwise). */
void gal_group_gap_figures(gal_group_gap gap, gal_group_figure out[2]);

/*
 * The largest difference between any two groups that have enough cases. Its interval holds for all pairs at once: each
 * pair's difference has an interval at a level corrected for the number of pairs (Bonferroni; shares by Newcombe's
 * method for independent groups, others by normal errors). The largest true difference is at least the highest of their
 * lower ends, and 0, and at most the highest of their upper ends.
 */
typedef struct gal_gap {
    double value;             /* NaN with fewer than two groups that have enough cases */
    gal_interval interval;    /* NaN likewise */
    size_t groups;            /* that have enough cases */
    const char *most, *least; /* their levels; NULL likewise */
} gal_gap;

/* The gap between groups whose figures are set. */
gal_gap gal_group_gap_of(const gal_subgroup *group, size_t groups, gal_group_gap gap, double level);

typedef struct gal_subgroup_set {
    const char *attribute;
    size_t levels;  /* of the attribute */
    size_t unknown; /* cases that do not say */
    size_t groups;  /* levels that have cases; 0 with more than GAL_GROUP_LEVELS levels: the attribute is left out */
    gal_subgroup *group;
    gal_gap gap[GAL_GROUP_GAPS];
} gal_subgroup_set;

typedef struct gal_subgroups {
    gal_subgroup_settings settings;
    bool probabilities; /* there are any */
    size_t sets;
    gal_subgroup_set *set;            /* one an attribute, in their order */
    size_t tested[GAL_GROUP_FIGURES]; /* p values that were corrected together */
    gal_arena arena;                  /* owns all of it */
} gal_subgroups;

/*
 * Figures of every level of every attribute (`of` has an entry a case). An attribute named "age", "patient age" or
 * "PatientAge" whose levels are ages goes in bands (gal_age_bands). Cases are taken as independent. Names and levels
 * are the attributes' own texts. pool: as gal_pool_run's; no result depends on it. GALEN_ERR_ARGUMENT without cases or
 * for settings outside their range, GALEN_ERR_NUMERIC for a score of NaN or a probability outside [0, 1]. The caller
 * frees *out (gal_subgroups_free), also after an error.
 */
galen_status gal_subgroups_make(const gal_binary_cases *cases, const gal_attribute *attribute, size_t attributes,
                                const gal_subgroup_settings *settings, gal_pool *pool, gal_subgroups *out,
                                galen_error *err);
void gal_subgroups_free(gal_subgroups *subgroups);

/*
 * {settings: {level, threshold or null, least, bins, draws, seed}, tests, multiplicity, tested: {FIGURE: n},
 * attributes:
 * [{attribute, levels, unknown, groups: [{level, cases, positives, figures: {FIGURE: as gal_estimate_json with p and
 * p_adjusted, or "insufficient data", or null where not asked for}}], gaps: {GAP: {value, low, high, groups, most,
 * least} or null}}]}. A new reference, NULL without memory.
 */
json_t *gal_subgroups_json(const gal_subgroups *subgroups);
/* Reads the "settings" of that; without draws and seed nothing is drawn. GALEN_ERR_FORMAT for what it would not have
 * written. */
galen_status gal_subgroup_settings_read(const json_t *settings, gal_subgroup_settings *out, galen_error *err);

/*
 * "age", its levels put in bands of years: 0-17, 18-39, 40-64, 65-79, 80+. A level is a number of years, or as DICOM
 * writes ages: 045Y, 007M, 003W, 012D. Others do not say. Returns false, and leaves *out unset, where the attribute
 * is not one of age or no level is an age. *out lives in `arena`; GALEN_ERR_MEMORY leaves false.
 */
galen_status gal_age_bands(const gal_attribute *attribute, size_t count, gal_arena *arena, gal_attribute *out,
                           bool *made, galen_error *err);

#endif
