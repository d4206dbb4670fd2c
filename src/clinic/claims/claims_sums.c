/* Costs: do the parts add up, within what their roundings allow together? */
#include "base/error.h"
#include "clinic/claims/claims_audit.h"

#include <math.h>
#include <strings.h>

static gal_span span_of(const gal_audit *audit, gal_decimal number) {
    gal_span s;
    gal_decimal_bounds(number, audit->rounding, &s.low, &s.high);
    return s;
}

static galen_status compare(gal_audit *audit, size_t i, gal_decimal total, gal_span sum, const char *what) {
    gal_span claimed = span_of(audit, total);
    double slack = 1e-9 * (fabs(sum.low) + fabs(sum.high));
    audit->row[i].sum = sum;
    if (claimed.low <= sum.high + slack && sum.low <= claimed.high + slack) return GALEN_OK;
    return gal_audit_remark(audit, i, GAL_REMARK_SUM, true, "%s %.10g to %.10g; %.10g is claimed", what, sum.low,
                            sum.high, gal_decimal_value(total));
}

static galen_status check_parts(gal_audit *audit, size_t i) {
    const gal_claim_row *row = audit->row[i].row;
    gal_span sum = {0, 0};
    int given = 0;
    for (int c = 0; c < audit->table->n_parts; c++) {
        if (!row->part[c].given) continue;
        gal_span part = span_of(audit, row->part[c]);
        sum.low += part.low, sum.high += part.high;
        given++;
    }
    if (!row->value[GAL_COLUMN_TOTAL].given || given == 0) return GALEN_OK;
    return compare(audit, i, row->value[GAL_COLUMN_TOTAL], sum, "the parts add up to");
}

static galen_status check_product(gal_audit *audit, size_t i) {
    const gal_decimal *v = audit->row[i].row->value;
    if (!v[GAL_COLUMN_COST].given || !v[GAL_COLUMN_QUANTITY].given || !v[GAL_COLUMN_UNIT_PRICE].given) return GALEN_OK;
    gal_span a = span_of(audit, v[GAL_COLUMN_QUANTITY]), b = span_of(audit, v[GAL_COLUMN_UNIT_PRICE]);
    /* A quantity without decimals was counted, not rounded. */
    if (v[GAL_COLUMN_QUANTITY].decimals == 0) a.low = a.high = gal_decimal_value(v[GAL_COLUMN_QUANTITY]);
    double x[4] = {a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high};
    gal_span product = {fmin(fmin(x[0], x[1]), fmin(x[2], x[3])), fmax(fmax(x[0], x[1]), fmax(x[2], x[3]))};
    return compare(audit, i, v[GAL_COLUMN_COST], product, "quantity times unit price is");
}

static bool is_total(const gal_claim_row *row) {
    return !strcasecmp(row->name, "total") || !strcasecmp(row->name, "sum") || !strcasecmp(row->name, "grand total");
}

/* Of the items above it with the same source; a subtotal counts nothing twice. */
static galen_status check_total(gal_audit *audit, size_t i) {
    const gal_claim_row *row = audit->row[i].row;
    gal_span sum = {0, 0};
    int given = 0;
    if (!row->value[GAL_COLUMN_COST].given || !is_total(row)) return GALEN_OK;
    for (size_t k = 0; k < i; k++) {
        const gal_claim_row *item = audit->row[k].row;
        if (!item->value[GAL_COLUMN_COST].given || strcasecmp(item->source, row->source) != 0) continue;
        if (is_total(item) || !strncasecmp(item->name, "subtotal", 8)) continue;
        gal_span part = span_of(audit, item->value[GAL_COLUMN_COST]);
        sum.low += part.low, sum.high += part.high;
        given++;
    }
    return given ? compare(audit, i, row->value[GAL_COLUMN_COST], sum, "the items above add up to") : GALEN_OK;
}

galen_status gal_audit_sums(gal_audit *audit) {
    for (size_t i = 0; i < audit->table->n_rows; i++) {
        GAL_TRY(check_parts(audit, i));
        GAL_TRY(check_product(audit, i));
        GAL_TRY(check_total(audit, i));
    }
    return GALEN_OK;
}
