/* A whole table of claims: each row checked for itself, rows against their baseline, sums, duplicates. */
#ifndef GAL_CLINIC_CLAIMS_AUDIT_H
#define GAL_CLINIC_CLAIMS_AUDIT_H

#include "clinic/claims/claims_table.h"

#include <jansson.h>

typedef enum gal_remark_kind {
    GAL_REMARK_CLAIMS,     /* claims exclude each other */
    GAL_REMARK_THROUGHPUT, /* throughput, batch and latency do not agree */
    GAL_REMARK_SPEEDUP,    /* a speed-up is not what the rows give */
    GAL_REMARK_UNLIKE,     /* rows compared differ in batch or hardware */
    GAL_REMARK_SUM,        /* parts do not add up */
    GAL_REMARK_DUPLICATE,  /* one row stands twice, with different numbers */
    GAL_REMARK_CHANGE,     /* measures cannot move against each other like that */
    GAL_REMARK_TARGET,     /* a target is not shown to be met */
    GAL_REMARK_UNCHECKED   /* something is missing that a check needs */
} gal_remark_kind;

typedef struct gal_remark {
    size_t row; /* index into the table's rows */
    gal_remark_kind kind;
    bool impossible; /* arithmetic excludes it; otherwise it needs an explanation */
    const char *text;
} gal_remark;

/* Ends of a range that rounding leaves; NaN: not computed. */
typedef struct gal_span {
    double low, high;
} gal_span;

typedef struct gal_audit_row {
    const gal_claim_row *row;
    bool searched; /* `claims` holds a result */
    bool impossible;
    size_t first_remark, n_remarks; /* of the audit's */
    gal_claim_result claims;
    double target[GAL_N_CLAIMS]; /* shares; NaN: none */
    gal_verdict met[GAL_N_CLAIMS];
    gal_span throughput; /* what batch, concurrency and latency give, images a second */
    gal_span speedup[2]; /* what the baseline's throughput gives, and its latency */
    gal_span sum;        /* of the parts, of the items above a total, or quantity times price */
} gal_audit_row;

typedef struct gal_audit {
    gal_arena arena;
    const gal_claim_table *table;
    gal_rounding rounding;
    gal_audit_row *row;             /* one a row of the table */
    gal_remark *remark;             /* by row, in each the order of the checks */
    size_t n_remarks, n_impossible; /* rows that are impossible */
} gal_audit;

/*
 * Audits a table, which must live as long as the result.
 *
 * Throughput must be batch x concurrency (1 where not said) / latency within rounding (Little's law): more is
 * impossible, less means time that the latency does not hold and is remarked upon. A speed-up must be the ratio of
 * throughputs or of latencies to the baseline, the row named so or the first of the same source. Parts must add up to a
 * total within what their roundings allow together. On the same cases a higher sensitivity and a higher specificity
 * exclude a lower accuracy, balanced accuracy, predictive value or F1. `target` adds to the table's own targets and
 * comes second to them.
 *
 * target NULL: none. GALEN_ERR_FORMAT names a row with claims and no numbers of cases. The caller frees *out with
 * gal_audit_free; on failure it is empty.
 */
galen_status gal_audit_run(const gal_claim_table *table, gal_rounding rounding, const double *target, gal_audit *out,
                           galen_error *err);
void gal_audit_free(gal_audit *audit);

const char *gal_remark_name(gal_remark_kind kind);
const char *gal_rounding_name(gal_rounding rounding); /* "nearest" */

/* The whole audit (docs/audit.md); NULL when memory ran out, otherwise a new reference. */
json_t *gal_audit_json(const gal_audit *audit);

/* ---- parts of the audit, one a file ---- */

/* Adds a remark to row `row`. */
__attribute__((format(printf, 5, 6))) galen_status gal_audit_remark(gal_audit *audit, size_t row, gal_remark_kind kind,
                                                                    bool impossible, const char *format, ...);
/* The row that `row` is compared with; itself when it is the first of its source, -1 when the one named is not there.
 */
long gal_audit_baseline(const gal_audit *audit, size_t row);
galen_status gal_audit_speed(gal_audit *audit);
galen_status gal_audit_sums(gal_audit *audit);

#endif
