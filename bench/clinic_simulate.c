/*
 * Are intervals and tests as good as they say? build/bench/clinic_simulate [BLOCKS [THREADS]] > results.json
 * 250 draws a block and point, 40 blocks by default, fewer of what is slow; see tests/clinic/simulate.h. The counts
 * depend on the number of blocks alone. A table goes to the standard error; exit 1 when a kind is off by more than it
 * may be.
 */
#include "base/mem.h"
#include "clinic/simulate.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCKS = 40, SEED = 20261126 };

static json_t *kind_json(const sim_kind *k, size_t blocks, const double *share, const sim_verdict *v) {
    json_t *points = json_array();
    for (size_t p = 0; p < k->points; p++) {
        const sim_point *t = &k->point[p];
        json_array_append_new(points, json_pack("{s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "n", (json_int_t)t->n, "m",
                                                (json_int_t)t->m, "p", t->p, "q", t->q, "r", t->r, "nominal",
                                                sim_nominal(k, t), "share", share[p]));
    }
    return json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:b, s:o}", "name", k->name, "truth", k->truth, "draws",
                     (json_int_t)(blocks * SIM_BLOCK), "mean_off_nominal", v->off, "standard_error", v->error, "lowest",
                     v->lowest, "highest", v->highest, "allowed", k->within, "right", v->right, "points", points);
}

int main(int argc, char **argv) {
    size_t blocks = argc > 1 ? strtoul(argv[1], NULL, 10) : BLOCKS;
    int threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0, wrong = 0;
    galen_error err;
    gal_pool *pool;
    uint32_t *hits = gal_calloc(blocks, SIM_MOST_POINTS * sizeof *hits);
    double share[SIM_MOST_POINTS];
    json_t *kinds = json_array();
    if (blocks < 1 || !hits || gal_pool_create(threads, &pool, &err) != GALEN_OK) return 2;
    for (size_t k = 0; k < SIM_KINDS; k++) {
        size_t few = blocks / sim_kinds[k].cost > 0 ? blocks / sim_kinds[k].cost : 1;
        sim_kind_run(k, few, SEED, pool, hits, share);
        sim_verdict v = sim_judge(k, few, share, 0);
        fprintf(stderr, "%-28s %6zu draws x %2zu points: %+6.2f points off (s.e. %.2f), %.2f %% to %.2f %%%s\n",
                sim_kinds[k].name, few * SIM_BLOCK, sim_kinds[k].points, 100 * v.off, 100 * v.error, 100 * v.lowest,
                100 * v.highest, v.right ? "" : "  MISSED");
        json_array_append_new(kinds, kind_json(&sim_kinds[k], few, share, &v));
        wrong += !v.right;
    }
    json_t *all = json_pack("{s:I, s:I, s:o}", "seed", (json_int_t)SEED, "blocks", (json_int_t)blocks, "kinds", kinds);
    json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
    putchar('\n');
    json_decref(all);
    gal_pool_destroy(pool);
    gal_free(hits);
    return wrong ? 1 : 0;
}
