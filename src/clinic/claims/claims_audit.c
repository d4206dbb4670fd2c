/* The audit of a table: runs the searches, compares rows, collects remarks. */
#include "clinic/claims/claims_audit.h"

#include "base/buf.h"
#include "base/error.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_ARENA = 256 << 20, MAX_TEXT = 1024, REMARKS_A_ROW = 24 };

const char *gal_remark_name(gal_remark_kind kind) {
    static const char *const name[] = {"claims",    "throughput", "speedup", "unlike",   "sum",
                                       "duplicate", "change",     "target",  "unchecked"};
    return name[kind];
}

const char *gal_rounding_name(gal_rounding rounding) {
    static const char *const name[] = {"nearest", "half-up", "half-even", "truncate", "any"};
    return name[rounding];
}

galen_status gal_audit_remark(gal_audit *audit, size_t row, gal_remark_kind kind, bool impossible, const char *format,
                              ...) {
    char text[MAX_TEXT];
    va_list list;
    if (audit->n_remarks == audit->table->n_rows * REMARKS_A_ROW) return GALEN_OK; /* more than all checks can say */
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    const char *kept = gal_arena_text(&audit->arena, text, strlen(text));
    if (!kept) return GALEN_ERR_MEMORY;
    audit->remark[audit->n_remarks++] = (gal_remark){row, kind, impossible, kept};
    if (impossible && !audit->row[row].impossible) {
        audit->row[row].impossible = true;
        audit->n_impossible++;
    }
    return GALEN_OK;
}

/* ---- claims of a row ---- */

/* A share in the column's own way, with a digit more than was claimed. */
static void share_text(const gal_audit *audit, const gal_claim_row *row, unsigned measure, double share, char out[32]) {
    bool percent = audit->table->percent[measure];
    snprintf(out, 32, "%.*f%s", row->value[measure].decimals + 2, share * (percent ? 100 : 1), percent ? " %" : "");
}

static void claim_text(const gal_audit *audit, const gal_claim_row *row, unsigned measure, gal_buf *out) {
    gal_decimal claim = row->value[measure];
    gal_buf_printf(out, "%s %.*f%s", gal_claim_name((gal_claim_measure)measure), claim.decimals,
                   gal_decimal_value(claim), audit->table->percent[measure] ? " %" : "");
}

static void conflict_text(const gal_audit *audit, const gal_audit_row *r, unsigned conflict, gal_buf *out) {
    const gal_claim_set set = gal_claim_row_set(audit->table, r->row);
    bool several = conflict & (conflict - 1), first = true;
    for (unsigned m = 0; m < GAL_N_CLAIMS; m++) {
        if (!(conflict >> m & 1)) continue;
        if (!first) gal_buf_text(out, ", ");
        claim_text(audit, r->row, m, out);
        first = false;
    }
    if (several) {
        gal_buf_printf(out, " exclude each other on %lld positive and %lld negative cases", (long long)set.positives,
                       (long long)set.negatives);
        return;
    }
    char nearest[32];
    unsigned m = (unsigned)__builtin_ctz(conflict);
    share_text(audit, r->row, m, r->claims.measure[m].nearest_alone, nearest);
    gal_buf_printf(out, " fits no count of %lld positive and %lld negative cases; nearest is %s",
                   (long long)set.positives, (long long)set.negatives, nearest);
}

static galen_status remark_conflicts(gal_audit *audit, size_t i) {
    const gal_audit_row *r = &audit->row[i];
    galen_status status = GALEN_OK;
    for (int k = 0; k < r->claims.n_conflicts && status == GALEN_OK; k++) {
        gal_buf text;
        gal_buf_init(&text, MAX_TEXT);
        conflict_text(audit, r, r->claims.conflict[k], &text);
        status = text.failed ? GALEN_ERR_MEMORY
                             : gal_audit_remark(audit, i, GAL_REMARK_CLAIMS, true, "%s", (const char *)text.data);
        gal_buf_free(&text);
    }
    return status;
}

static galen_status remark_targets(gal_audit *audit, size_t i) {
    gal_audit_row *r = &audit->row[i];
    for (unsigned m = 0; m < GAL_N_CLAIMS; m++) {
        const gal_claim_finding *f = &r->claims.measure[m];
        char target[32], low[32], high[32];
        if (isnan(r->target[m]) || !r->row->value[m].given) continue;
        r->met[m] = gal_claim_target(f->interval, r->target[m]);
        if (r->met[m] == GAL_VERDICT_PASS || r->claims.matrices == 0) continue;
        share_text(audit, r->row, m, r->target[m], target);
        share_text(audit, r->row, m, f->interval.low, low);
        share_text(audit, r->row, m, f->interval.high, high);
        GAL_TRY(gal_audit_remark(audit, i, GAL_REMARK_TARGET, false,
                                 "%s %s the target %s: its 95 %% interval is %s to %s",
                                 gal_claim_name((gal_claim_measure)m),
                                 r->met[m] == GAL_VERDICT_FAIL ? "misses" : "is not shown to meet", target, low, high));
    }
    return GALEN_OK;
}

static bool any_claim(const gal_claim_row *row) {
    for (int m = 0; m < GAL_N_CLAIMS; m++)
        if (row->value[m].given) return true;
    return false;
}

static galen_status check_row(gal_audit *audit, size_t i, galen_error *err) {
    gal_audit_row *r = &audit->row[i];
    gal_claim_set set = gal_claim_row_set(audit->table, r->row);
    if (!any_claim(r->row)) return GALEN_OK;
    if (set.positives == 0 || set.negatives == 0) {
        if (audit->table->present[GAL_COLUMN_THROUGHPUT] || audit->table->present[GAL_COLUMN_TOTAL])
            return gal_audit_remark(audit, i, GAL_REMARK_UNCHECKED, false,
                                    "claims are not checked without the numbers of positive and negative cases");
        return gal_fail(err, GALEN_ERR_FORMAT,
                        "row %zu has claims and no numbers of cases: fill the columns n_positive and n_negative",
                        r->row->number);
    }
    galen_error why;
    galen_status status = gal_claims_check(&set, audit->rounding, &r->claims, &why);
    if (status != GALEN_OK) return gal_fail(err, GALEN_ERR_LIMIT, "row %zu: %.400s", r->row->number, why.message);
    r->searched = true;
    GAL_TRY(remark_conflicts(audit, i));
    return remark_targets(audit, i);
}

/* ---- rows against each other ---- */

long gal_audit_baseline(const gal_audit *audit, size_t row) {
    const gal_claim_row *rows = audit->table->row, *r = &rows[row];
    for (size_t i = 0; i < audit->table->n_rows; i++) {
        if (strcasecmp(rows[i].source, r->source) != 0) continue;
        if (!*r->baseline || !strcasecmp(rows[i].name, r->baseline)) return (long)i;
    }
    return -1;
}

/* Printed value and unit of its last digit, so that values more than rounding apart differ for sure. */
static int moved(gal_decimal from, gal_decimal to) {
    if (!from.given || !to.given || from.percent != to.percent) return 0;
    double a = gal_decimal_value(from), b = gal_decimal_value(to);
    double slack = 0.5 * (pow(10, -from.decimals) + pow(10, -to.decimals)) * (1 - 1e-9);
    return b - a > slack ? 1 : a - b > slack ? -1 : 0;
}

static galen_status check_change(gal_audit *audit, size_t i) {
    static const gal_claim_measure follows[] = {GAL_CLAIM_ACCURACY, GAL_CLAIM_BALANCED_ACCURACY, GAL_CLAIM_PPV,
                                                GAL_CLAIM_NPV, GAL_CLAIM_F1};
    long b = gal_audit_baseline(audit, i);
    if (b < 0 || (size_t)b == i) return GALEN_OK;
    const gal_decimal *from = audit->table->row[b].value, *to = audit->table->row[i].value;
    if (from[GAL_COLUMN_POSITIVES].units != to[GAL_COLUMN_POSITIVES].units ||
        from[GAL_COLUMN_NEGATIVES].units != to[GAL_COLUMN_NEGATIVES].units)
        return GALEN_OK;
    int way = moved(from[GAL_CLAIM_SENSITIVITY], to[GAL_CLAIM_SENSITIVITY]);
    if (way == 0 || moved(from[GAL_CLAIM_SPECIFICITY], to[GAL_CLAIM_SPECIFICITY]) != way) return GALEN_OK;
    for (size_t k = 0; k < sizeof follows / sizeof *follows; k++)
        if (moved(from[follows[k]], to[follows[k]]) == -way)
            GAL_TRY(gal_audit_remark(audit, i, GAL_REMARK_CHANGE, true,
                                     "against row %zu sensitivity and specificity both %s, and %s %s",
                                     audit->table->row[b].number, way > 0 ? "rise" : "fall", gal_claim_name(follows[k]),
                                     way > 0 ? "falls" : "rises"));
    return GALEN_OK;
}

static int by_key(const void *a, const void *b) {
    const gal_claim_row *x = *(const gal_claim_row *const *)a, *y = *(const gal_claim_row *const *)b;
    int order = strcmp(x->key, y->key);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static bool same_numbers(const gal_audit *audit, const gal_claim_row *a, const gal_claim_row *b) {
    for (int c = 0; c < GAL_N_NUMBERS; c++)
        if (a->value[c].given != b->value[c].given || moved(a->value[c], b->value[c]) != 0) return false;
    for (int c = 0; c < audit->table->n_parts; c++)
        if (moved(a->part[c], b->part[c]) != 0) return false;
    return true;
}

/* Rows that are nowhere told apart and yet differ. Without a name nothing says that they are one. */
static galen_status check_duplicates(gal_audit *audit, galen_error *err) {
    size_t n = audit->table->n_rows;
    const gal_claim_row **sorted = gal_arena_alloc(&audit->arena, n, sizeof *sorted);
    if (!sorted) return gal_fail_memory(err, "an audit", n * sizeof *sorted);
    for (size_t i = 0; i < n; i++) sorted[i] = &audit->table->row[i];
    qsort(sorted, n, sizeof *sorted, by_key);
    for (size_t i = 1; i < n; i++) {
        const gal_claim_row *a = sorted[i - 1], *b = sorted[i];
        if (!*b->name || strcmp(a->key, b->key) != 0 || same_numbers(audit, a, b)) continue;
        GAL_TRY(gal_audit_remark(audit, (size_t)(b - audit->table->row), GAL_REMARK_DUPLICATE, true,
                                 "stands in row %zu too, with other numbers", a->number));
    }
    return GALEN_OK;
}

/* ---- */

/* Rows first; within a row as they came. */
static galen_status sort_remarks(gal_audit *audit) {
    gal_remark *sorted = gal_arena_alloc(&audit->arena, audit->n_remarks + 1, sizeof *sorted);
    if (!sorted) return GALEN_ERR_MEMORY;
    for (size_t k = 0; k < audit->n_remarks; k++) audit->row[audit->remark[k].row].n_remarks++;
    for (size_t i = 1; i < audit->table->n_rows; i++)
        audit->row[i].first_remark = audit->row[i - 1].first_remark + audit->row[i - 1].n_remarks;
    for (size_t i = 0; i < audit->table->n_rows; i++) audit->row[i].n_remarks = 0;
    for (size_t k = 0; k < audit->n_remarks; k++) {
        gal_audit_row *r = &audit->row[audit->remark[k].row];
        sorted[r->first_remark + r->n_remarks++] = audit->remark[k];
    }
    audit->remark = sorted;
    return GALEN_OK;
}

static galen_status audit_all(gal_audit *audit, galen_error *err) {
    for (size_t i = 0; i < audit->table->n_rows; i++) GAL_TRY(check_row(audit, i, err));
    for (size_t i = 0; i < audit->table->n_rows; i++) GAL_TRY(check_change(audit, i));
    GAL_TRY(gal_audit_speed(audit));
    GAL_TRY(gal_audit_sums(audit));
    GAL_TRY(check_duplicates(audit, err));
    return sort_remarks(audit);
}

galen_status gal_audit_run(const gal_claim_table *table, gal_rounding rounding, const double *target, gal_audit *out,
                           galen_error *err) {
    galen_error why = {0};
    *out = (gal_audit){.table = table, .rounding = rounding};
    gal_arena_init(&out->arena, MAX_ARENA);
    out->row = gal_arena_alloc(&out->arena, table->n_rows, sizeof *out->row);
    out->remark = gal_arena_alloc(&out->arena, table->n_rows * REMARKS_A_ROW, sizeof *out->remark);
    galen_status status = out->row && out->remark ? GALEN_OK : GALEN_ERR_MEMORY;
    const gal_span unknown = {NAN, NAN};
    for (size_t i = 0; i < table->n_rows && status == GALEN_OK; i++) {
        gal_audit_row *r = &out->row[i];
        r->row = &table->row[i];
        r->throughput = r->sum = r->speedup[0] = r->speedup[1] = unknown;
        for (int m = 0; m < GAL_N_CLAIMS; m++)
            r->target[m] = !isnan(r->row->target[m]) || !target ? r->row->target[m] : target[m];
    }
    if (status == GALEN_OK) status = audit_all(out, &why);
    if (status == GALEN_OK) return GALEN_OK;
    gal_audit_free(out);
    if (status == GALEN_ERR_MEMORY) return gal_fail_memory(err, "an audit", table->n_rows * sizeof(gal_audit_row));
    return gal_fail(err, status, "%s", why.message);
}

void gal_audit_free(gal_audit *audit) {
    gal_arena_free(&audit->arena);
    *audit = (gal_audit){0};
}
