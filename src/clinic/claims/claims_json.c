/* An audit as JSON, in a fixed order. */
#include "clinic/claims/claims_audit.h"

#include <math.h>

/* Steals `value`; false when memory ran out, which empties *object. */
static void set(json_t **object, const char *key, json_t *value) {
    if (*object && json_object_set_new(*object, key, value) == 0) return;
    json_decref(*object);
    *object = NULL;
}

static void append(json_t **array, json_t *value) {
    if (*array && json_array_append_new(*array, value) == 0) return;
    json_decref(*array);
    *array = NULL;
}

static json_t *real(double v) {
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *pair(double low, double high) {
    return isnan(low) ? json_null() : json_pack("[o, o]", real(low), real(high));
}

static json_t *text(const char *s) {
    json_t *out = json_string(s);
    return out ? out : json_string("(not UTF-8)");
}

static json_t *measure_json(const gal_audit *audit, const gal_audit_row *r, unsigned m) {
    const gal_claim_finding *f = &r->claims.measure[m];
    json_t *out = json_object();
    set(&out, "claimed", real(f->claimed));
    set(&out, "decimals", json_integer(r->row->value[m].decimals));
    set(&out, "percent", json_boolean(audit->table->percent[m]));
    set(&out, "exact", pair(f->low, f->high));
    set(&out, "interval_95", pair(f->interval.low, f->interval.high));
    if (r->claims.matrices == 0) {
        set(&out, "nearest", real(f->nearest));
        set(&out, "nearest_alone", real(f->nearest_alone));
    }
    if (!isnan(r->target[m])) {
        set(&out, "target", real(r->target[m]));
        set(&out, "meets_target", json_string(gal_verdict_name(r->met[m])));
    }
    return out;
}

static json_t *conflicts_json(const gal_claim_result *c) {
    json_t *out = json_array();
    for (int k = 0; k < c->n_conflicts; k++) {
        json_t *names = json_array();
        for (unsigned m = 0; m < GAL_N_CLAIMS; m++)
            if (c->conflict[k] >> m & 1) append(&names, json_string(gal_claim_name((gal_claim_measure)m)));
        append(&out, names);
    }
    return out;
}

static json_t *claims_json(const gal_audit *audit, const gal_audit_row *r) {
    const gal_claim_result *c = &r->claims;
    json_t *out = json_object(), *measures = json_object();
    set(&out, "n_positive", json_integer(r->row->value[GAL_COLUMN_POSITIVES].units));
    set(&out, "n_negative", json_integer(r->row->value[GAL_COLUMN_NEGATIVES].units));
    set(&out, "matrices", json_integer((json_int_t)c->matrices));
    if (c->matrices > 0) {
        set(&out, "true_positives", pair((double)c->true_positives[0], (double)c->true_positives[1]));
        set(&out, "true_negatives", pair((double)c->true_negatives[0], (double)c->true_negatives[1]));
    } else {
        set(&out, "conflicts", conflicts_json(c));
        set(&out, "nearest",
            json_pack("{s:I, s:I, s:f}", "true_positives", (json_int_t)c->nearest[0], "true_negatives",
                      (json_int_t)c->nearest[1], "miss_in_roundings", c->nearest_miss));
    }
    for (unsigned m = 0; m < GAL_N_CLAIMS; m++)
        if (r->row->value[m].given) set(&measures, gal_claim_name((gal_claim_measure)m), measure_json(audit, r, m));
    set(&out, "measures", measures);
    return out;
}

static json_t *row_json(const gal_audit *audit, size_t i) {
    const gal_audit_row *r = &audit->row[i];
    json_t *out = json_object(), *remarks = json_array();
    set(&out, "row", json_integer((json_int_t)r->row->number));
    set(&out, "source", text(r->row->source));
    set(&out, "name", text(r->row->name));
    set(&out, "possible", json_boolean(!r->impossible));
    if (r->searched) set(&out, "claims", claims_json(audit, r));
    if (!isnan(r->throughput.low)) set(&out, "throughput", pair(r->throughput.low, r->throughput.high));
    if (!isnan(r->speedup[0].low)) set(&out, "speedup_by_throughput", pair(r->speedup[0].low, r->speedup[0].high));
    if (!isnan(r->speedup[1].low)) set(&out, "speedup_by_latency", pair(r->speedup[1].low, r->speedup[1].high));
    if (!isnan(r->sum.low)) set(&out, "sum", pair(r->sum.low, r->sum.high));
    for (size_t k = 0; k < r->n_remarks; k++) {
        const gal_remark *m = &audit->remark[r->first_remark + k];
        append(&remarks, json_pack("{s:s, s:b, s:o}", "kind", gal_remark_name(m->kind), "impossible", m->impossible,
                                   "text", text(m->text)));
    }
    set(&out, "remarks", remarks);
    return out;
}

static json_t *names_json(const char *const *name, int n) {
    json_t *out = json_array();
    for (int i = 0; i < n; i++) append(&out, text(name[i]));
    return out;
}

json_t *gal_audit_json(const gal_audit *audit) {
    const gal_claim_table *t = audit->table;
    json_t *out = json_object(), *rows = json_array();
    set(&out, "rounding", json_string(gal_rounding_name(audit->rounding)));
    set(&out, "parts", names_json(t->part, t->n_parts));
    set(&out, "ignored_columns", names_json(t->ignored, t->n_ignored));
    set(&out, "impossible_rows", json_integer((json_int_t)audit->n_impossible));
    for (size_t i = 0; i < t->n_rows; i++) append(&rows, row_json(audit, i));
    set(&out, "rows", rows);
    return out;
}
