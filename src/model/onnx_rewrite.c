/* Tools of the rewrites, and the rewrites that only turn attributes into inputs. */
#include "model/onnx_rewrite.h"

#include "base/error.h"
#include "graph/ops/types.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- tools ---- */

galen_status gal_rewrite_fail(const gal_rewrite *r, galen_error *err, galen_status status, const char *format, ...) {
    char message[GALEN_ERROR_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return gal_fail(err, status, "node '%s' (%s): %s", r->spec->name ? r->spec->name : "(unnamed)", r->spec->op,
                    message);
}

const gal_attr *gal_rewrite_attr(const gal_rewrite *r, const char *name) {
    for (uint32_t i = 0; i < r->spec->n_attr; i++)
        if (strcmp(r->spec->attr[i].name, name) == 0) return &r->spec->attr[i];
    return NULL;
}

int64_t gal_rewrite_int(const gal_rewrite *r, const char *name, int64_t otherwise) {
    const gal_attr *a = gal_rewrite_attr(r, name);
    return a ? a->i : otherwise;
}

static bool listed(const char *names, const char *name) {
    size_t n = strlen(name);
    for (const char *p = names; *p;) {
        size_t len = strcspn(p, " ");
        if (len == n && memcmp(p, name, n) == 0) return true;
        p += len + (p[len] == ' ');
    }
    return false;
}

galen_status gal_rewrite_keep(gal_rewrite *r, const char *drop, uint32_t extra, gal_attr **out, uint32_t *n,
                              galen_error *err) {
    size_t room = (size_t)r->spec->n_attr + extra;
    gal_attr *attr = gal_arena_alloc(&r->graph->arena, room, sizeof *attr);
    if (!attr) return gal_fail_memory(err, "attributes", room * sizeof *attr);
    *n = 0;
    for (uint32_t i = 0; i < r->spec->n_attr; i++)
        if (!listed(drop, r->spec->attr[i].name)) attr[(*n)++] = r->spec->attr[i];
    *out = attr;
    return GALEN_OK;
}

galen_status gal_rewrite_emit(gal_rewrite *r, const char *op, gal_value *const *in, uint32_t n_in, const gal_attr *attr,
                              uint32_t n_attr, bool final, gal_value **out, galen_error *err) {
    gal_node_spec spec = *r->spec;
    spec.domain = NULL; /* only ops of ONNX are made */
    spec.op = op;
    spec.in = in;
    spec.n_in = n_in;
    spec.attr = attr;
    spec.n_attr = n_attr;
    if (!final) {
        spec.name = NULL;
        spec.n_out = 1;
        spec.out_name = NULL;
    }
    GAL_TRY(gal_graph_node(r->graph, &spec, &r->last, err));
    if (out) *out = r->last->out[0];
    return GALEN_OK;
}

galen_status gal_rewrite_ints(gal_rewrite *r, const char *name, gal_value **out, galen_error *err) {
    const gal_attr *a = gal_rewrite_attr(r, name);
    *out = NULL;
    return a ? gal_graph_ints(r->graph, NULL, a->ints, a->count, out, err) : GALEN_OK;
}

galen_status gal_rewrite_scalar(gal_rewrite *r, galen_dtype dtype, double v, gal_value **out, galen_error *err) {
    int64_t none = 0;
    if (!gal_dtype_is_float(dtype))
        return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED, "type %s is not supported in this opset",
                                galen_dtype_name(dtype));
    GAL_TRY(gal_graph_new_constant(r->graph, NULL, dtype, 0, &none, out, err));
    gal_store_float(dtype, (*out)->constant->data, v);
    return GALEN_OK;
}

galen_status gal_rewrite_same(gal_rewrite *r, const char *drop, gal_value *const *more, uint32_t n_more,
                              galen_error *err) {
    gal_value *in[GAL_REWRITE_MAX_IN];
    gal_attr *attr;
    uint32_t n_attr, n_in = r->spec->n_in;
    if (n_in + n_more > GAL_REWRITE_MAX_IN)
        return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "%u inputs are too many", n_in);
    for (uint32_t i = 0; i < n_in; i++) in[i] = r->spec->in[i];
    for (uint32_t i = 0; i < n_more; i++) in[n_in + i] = more[i];
    n_in += n_more;
    while (n_in > r->spec->n_in && !in[n_in - 1]) n_in--;
    GAL_TRY(gal_rewrite_keep(r, drop, 0, &attr, &n_attr, err));
    return gal_rewrite_emit(r, r->spec->op, in, n_in, attr, n_attr, true, NULL, err);
}

static galen_status need_inputs(const gal_rewrite *r, uint32_t n, galen_error *err) {
    if (r->spec->n_in != n)
        return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "%u inputs, this opset takes %u", r->spec->n_in, n);
    for (uint32_t i = 0; i < n; i++)
        if (!r->spec->in[i]) return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "input %u is missing", i);
    return GALEN_OK;
}

/* ---- attributes that became inputs ---- */

/* Squeeze, Unsqueeze and ReduceSum before 13. */
galen_status gal_rewrite_axes(gal_rewrite *r, galen_error *err) {
    gal_value *axes;
    GAL_TRY(need_inputs(r, 1, err));
    GAL_TRY(gal_rewrite_ints(r, "axes", &axes, err));
    return gal_rewrite_same(r, "axes", &axes, 1, err);
}

galen_status gal_rewrite_split(gal_rewrite *r, galen_error *err) {
    gal_value *split;
    GAL_TRY(need_inputs(r, 1, err));
    GAL_TRY(gal_rewrite_ints(r, "split", &split, err));
    return gal_rewrite_same(r, "split", &split, 1, err);
}

galen_status gal_rewrite_slice(gal_rewrite *r, galen_error *err) {
    gal_value *more[3];
    GAL_TRY(need_inputs(r, 1, err));
    GAL_TRY(gal_rewrite_ints(r, "starts", &more[0], err));
    GAL_TRY(gal_rewrite_ints(r, "ends", &more[1], err));
    GAL_TRY(gal_rewrite_ints(r, "axes", &more[2], err));
    if (!more[0] || !more[1])
        return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "attributes starts and ends are required");
    return gal_rewrite_same(r, "starts ends axes", more, 3, err);
}

galen_status gal_rewrite_pad(gal_rewrite *r, galen_error *err) {
    gal_value *more[2] = {NULL, NULL};
    const gal_attr *value = gal_rewrite_attr(r, "value");
    GAL_TRY(need_inputs(r, 1, err));
    GAL_TRY(gal_rewrite_ints(r, "pads", &more[0], err));
    if (!more[0]) return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "attribute pads is required");
    if (value) GAL_TRY(gal_rewrite_scalar(r, r->spec->in[0]->dtype, (double)value->f, &more[1], err));
    return gal_rewrite_same(r, "pads value", more, 2, err);
}

galen_status gal_rewrite_clip(gal_rewrite *r, galen_error *err) {
    gal_value *more[2] = {NULL, NULL};
    const gal_attr *lo = gal_rewrite_attr(r, "min"), *hi = gal_rewrite_attr(r, "max");
    GAL_TRY(need_inputs(r, 1, err));
    if (lo) GAL_TRY(gal_rewrite_scalar(r, r->spec->in[0]->dtype, (double)lo->f, &more[0], err));
    if (hi) GAL_TRY(gal_rewrite_scalar(r, r->spec->in[0]->dtype, (double)hi->f, &more[1], err));
    return gal_rewrite_same(r, "min max", more, 2, err);
}

galen_status gal_rewrite_topk(gal_rewrite *r, galen_error *err) {
    const gal_attr *k = gal_rewrite_attr(r, "k");
    gal_value *count;
    GAL_TRY(need_inputs(r, 1, err));
    if (!k) return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "attribute k is required");
    GAL_TRY(gal_graph_ints(r->graph, NULL, &k->i, 1, &count, err));
    return gal_rewrite_same(r, "k", &count, 1, err);
}
