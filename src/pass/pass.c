/* The table of passes and running them all. */
#include "pass/pass.h"

#include "base/error.h"

static const gal_pass_row table[] = {
    {"fold_constants", gal_pass_fold_constants, true},
    {"simplify", gal_pass_simplify, true},
    {"fold_bn", gal_pass_fold_bn, true},
    {"remove_dead", gal_pass_remove_dead, true},
    {"quantized", gal_pass_quantized, false},
    {"gelu", gal_pass_gelu, false},
    {"layout_nhwc", gal_pass_layout_nhwc, false},
    {"fuse", gal_pass_fuse, false},
};

enum { ROWS = sizeof table / sizeof *table, MAX_ROUNDS = 16 };

const gal_pass_row *gal_pass_table(size_t *count) {
    *count = ROWS;
    return table;
}

static galen_status run_row(gal_graph *graph, const gal_pass_row *row, bool *changed, galen_error *err) {
    galen_status status = row->run(graph, changed, err);
    if (status != GALEN_OK) return gal_fail_in(err, status, row->name);
#ifdef GALEN_DEBUG
    status = gal_graph_verify(graph, err);
    if (status != GALEN_OK) return gal_fail_in(err, status, row->name);
#endif
    return GALEN_OK;
}

galen_status gal_pass_run_all(gal_graph *graph, bool portable_only, galen_error *err) {
    bool changed = true;
    for (int round = 0; round < MAX_ROUNDS && changed; round++) {
        changed = false;
        for (size_t i = 0; i < ROWS; i++)
            if (table[i].portable || !portable_only) GAL_TRY(run_row(graph, &table[i], &changed, err));
    }
    return GALEN_OK;
}
