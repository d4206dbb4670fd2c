/* Throughput, latency and speed-ups: do they agree with each other? */
#include "base/error.h"
#include "clinic/claims/claims_audit.h"

#include <math.h>
#include <strings.h>

/* Floating point's own error in a product of three. */
static const double slack = 1e-12;

static gal_span span_of(const gal_audit *audit, gal_decimal number) {
    gal_span s;
    gal_decimal_bounds(number, audit->rounding, &s.low, &s.high);
    s.low = fmax(s.low, 0);
    return s;
}

static bool overlap(gal_span a, gal_span b) {
    return a.low <= b.high * (1 + slack) && b.low <= a.high * (1 + slack);
}

static double whole(gal_decimal number) {
    return number.given ? (double)number.units : 1;
}

/* ---- throughput = batch x concurrency / latency ---- */

static galen_status check_throughput(gal_audit *audit, size_t i) {
    gal_audit_row *r = &audit->row[i];
    const gal_decimal *v = r->row->value;
    if (!v[GAL_COLUMN_LATENCY].given || !v[GAL_COLUMN_THROUGHPUT].given) return GALEN_OK;
    if (!v[GAL_COLUMN_BATCH].given)
        return gal_audit_remark(audit, i, GAL_REMARK_UNCHECKED, false,
                                "throughput and latency are not compared without a batch size");
    double unit = audit->table->latency_unit, flying = whole(v[GAL_COLUMN_BATCH]) * whole(v[GAL_COLUMN_CONCURRENCY]);
    gal_span latency = span_of(audit, v[GAL_COLUMN_LATENCY]), claimed = span_of(audit, v[GAL_COLUMN_THROUGHPUT]);
    gal_span one = {whole(v[GAL_COLUMN_CONCURRENCY]) / (latency.high * unit),
                    whole(v[GAL_COLUMN_CONCURRENCY]) / (latency.low * unit)};
    r->throughput = (gal_span){flying / (latency.high * unit), flying / (latency.low * unit)};
    if (overlap(claimed, r->throughput)) return GALEN_OK;
    if (claimed.low > r->throughput.high)
        return gal_audit_remark(
            audit, i, GAL_REMARK_THROUGHPUT, true,
            "%.6g images a second need more than batch %.0f, concurrency %.0f and this latency give, "
            "%.6g to %.6g",
            gal_decimal_value(v[GAL_COLUMN_THROUGHPUT]), whole(v[GAL_COLUMN_BATCH]), whole(v[GAL_COLUMN_CONCURRENCY]),
            r->throughput.low, r->throughput.high);
    return gal_audit_remark(audit, i, GAL_REMARK_THROUGHPUT, false,
                            "batch %.0f, concurrency %.0f and this latency give %.6g to %.6g images a second, %.6g is "
                            "claimed%s",
                            whole(v[GAL_COLUMN_BATCH]), whole(v[GAL_COLUMN_CONCURRENCY]), r->throughput.low,
                            r->throughput.high, gal_decimal_value(v[GAL_COLUMN_THROUGHPUT]),
                            overlap(claimed, one) ? ": the latency may be an image's, not a batch's" : "");
}

/* ---- speed-ups ---- */

static galen_status check_alike(gal_audit *audit, size_t i, size_t base) {
    const gal_claim_row *row = audit->row[i].row, *other = audit->row[base].row;
    double a = whole(other->value[GAL_COLUMN_BATCH]), b = whole(row->value[GAL_COLUMN_BATCH]);
    if (a != b)
        GAL_TRY(gal_audit_remark(audit, i, GAL_REMARK_UNLIKE, false,
                                 "its speed-up is not like for like: batch %.0f against batch %.0f of row %zu", b, a,
                                 other->number));
    if (strcasecmp(row->hardware, other->hardware) != 0)
        return gal_audit_remark(audit, i, GAL_REMARK_UNLIKE, false,
                                "its speed-up is not like for like: '%.60s' against '%.60s' of row %zu", row->hardware,
                                other->hardware, other->number);
    return GALEN_OK;
}

/* [0] by throughput, [1] by latency for an image of the batch. */
static void recompute(gal_audit *audit, size_t i, size_t base) {
    gal_audit_row *r = &audit->row[i];
    const gal_decimal *v = r->row->value, *b = audit->row[base].row->value;
    if (v[GAL_COLUMN_THROUGHPUT].given && b[GAL_COLUMN_THROUGHPUT].given) {
        gal_span now = span_of(audit, v[GAL_COLUMN_THROUGHPUT]), then = span_of(audit, b[GAL_COLUMN_THROUGHPUT]);
        r->speedup[0] = (gal_span){now.low / then.high, now.high / then.low};
    }
    if (v[GAL_COLUMN_LATENCY].given && b[GAL_COLUMN_LATENCY].given) {
        gal_span now = span_of(audit, v[GAL_COLUMN_LATENCY]), then = span_of(audit, b[GAL_COLUMN_LATENCY]);
        r->speedup[1] = (gal_span){then.low / now.high, then.high / now.low};
    }
}

static galen_status check_speedup(gal_audit *audit, size_t i) {
    gal_audit_row *r = &audit->row[i];
    if (!r->row->value[GAL_COLUMN_SPEEDUP].given) return GALEN_OK;
    long base = gal_audit_baseline(audit, i);
    if (base < 0)
        return gal_audit_remark(audit, i, GAL_REMARK_UNCHECKED, false,
                                "its speed-up is not checked: no row is called '%.60s'", r->row->baseline);
    gal_span claimed = span_of(audit, r->row->value[GAL_COLUMN_SPEEDUP]);
    recompute(audit, i, (size_t)base);
    if (isnan(r->speedup[0].low) && isnan(r->speedup[1].low))
        return gal_audit_remark(audit, i, GAL_REMARK_UNCHECKED, false,
                                "its speed-up is not checked without throughput or latency of both rows");
    GAL_TRY(check_alike(audit, i, (size_t)base));
    if (overlap(claimed, r->speedup[0]) || overlap(claimed, r->speedup[1])) return GALEN_OK;
    gal_span s = isnan(r->speedup[0].low) ? r->speedup[1] : r->speedup[0];
    return gal_audit_remark(audit, i, GAL_REMARK_SPEEDUP, true,
                            "%.6g times as fast is claimed; against row %zu its %s gives %.4g to %.4g",
                            gal_decimal_value(r->row->value[GAL_COLUMN_SPEEDUP]), audit->row[base].row->number,
                            isnan(r->speedup[0].low) ? "latency" : "throughput", s.low, s.high);
}

galen_status gal_audit_speed(gal_audit *audit) {
    for (size_t i = 0; i < audit->table->n_rows; i++) {
        GAL_TRY(check_throughput(audit, i));
        GAL_TRY(check_speedup(audit, i));
    }
    return GALEN_OK;
}
