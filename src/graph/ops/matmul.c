/* Shapes of matrix products over stacks of matrices. */
#include "graph/ops/matmul.h"

#include "base/error.h"
#include "graph/ops/rules.h"

galen_status gal_matmul_shape(const gal_node *node, uint32_t a, uint32_t b, gal_shape *out, galen_error *err) {
    gal_shape s[2] = {node->in[a]->shape, node->in[b]->shape}, lead[2];
    if (s[0].rank == 0 || s[1].rank == 0) return gal_node_fail(node, err, GALEN_ERR_FORMAT, "an operand is a scalar");
    bool a1 = s[0].rank == 1, b1 = s[1].rank == 1;
    if (a1) s[0] = (gal_shape){.rank = 2, .dim = {gal_dim_fixed(1), s[0].dim[0]}};
    if (b1) s[1] = (gal_shape){.rank = 2, .dim = {s[1].dim[0], gal_dim_fixed(1)}};
    gal_dim inner = s[0].dim[s[0].rank - 1], other = s[1].dim[s[1].rank - 2];
    if (!gal_dim_equal(inner, other))
        return gal_node_fail(
            node, err, GALEN_ERR_FORMAT, "rows of %lld%s numbers cannot be multiplied with columns of %lld%s",
            (long long)inner.size, inner.batch ? "N" : "", (long long)other.size, other.batch ? "N" : "");
    for (int i = 0; i < 2; i++) {
        lead[i] = s[i];
        lead[i].rank -= 2;
    }
    GAL_TRY(gal_broadcast(node, &lead[0], &lead[1], out, err));
    if (!a1) out->dim[out->rank++] = s[0].dim[s[0].rank - 2];
    if (!b1) out->dim[out->rank++] = s[1].dim[s[1].rank - 1];
    return GALEN_OK;
}

static int64_t lead_of(const galen_tensor *t, int rank, int i) {
    int at = t->rank - 2 - rank + i;
    return at < 0 ? 1 : t->dim[at];
}

void gal_matmul_plan(const galen_tensor *a, const galen_tensor *b, gal_matmul *out) {
    *out = (gal_matmul){.count = 1};
    out->m = a->rank > 1 ? a->dim[a->rank - 2] : 1;
    out->k = a->dim[a->rank - 1];
    out->n = b->rank > 1 ? b->dim[b->rank - 1] : 1;
    out->rank = (a->rank > b->rank ? a->rank : b->rank) - 2;
    if (out->rank < 0) out->rank = 0;
    int64_t a_step = 1, b_step = 1;
    for (int i = out->rank - 1; i >= 0; i--) {
        int64_t da = a->rank > 2 ? lead_of(a, out->rank, i) : 1, db = b->rank > 2 ? lead_of(b, out->rank, i) : 1;
        out->lead[i] = da == 1 ? db : da;
        out->a_step[i] = da == 1 ? 0 : a_step;
        out->b_step[i] = db == 1 ? 0 : b_step;
        a_step *= da;
        b_step *= db;
        out->count *= out->lead[i];
    }
}

void gal_matmul_at(const gal_matmul *plan, int64_t i, int64_t *a, int64_t *b) {
    *a = *b = 0;
    for (int d = plan->rank - 1; d >= 0; d--) {
        int64_t at = i % plan->lead[d];
        i /= plan->lead[d];
        *a += at * plan->a_step[d];
        *b += at * plan->b_step[d];
    }
}

void gal_matmul_macs(const gal_node *node, uint32_t a, int64_t batch, gal_cost *cost) {
    const gal_shape *s = &node->in[a]->shape;
    int64_t mac;
    if (__builtin_mul_overflow(gal_out_elements(node, batch), gal_dim_at(s->dim[s->rank - 1], batch), &mac))
        mac = INT64_MAX / 64;
    cost->mac += mac;
    cost->flop += 2 * mac;
}
