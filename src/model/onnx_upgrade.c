/*
 * Old opsets: one table of op, range of opsets and rewrite. What is not in the table means the same in every opset from
 * 6 to 17, or has only gained types and optional inputs since. Sources: the ONNX operator changelog.
 */
#include "model/onnx_upgrade.h"

#include "base/error.h"
#include "model/onnx_rewrite.h"

#include <stdio.h>
#include <string.h>

typedef struct row {
    const char *op;
    int64_t from, to; /* opsets, both included */
    gal_rewrite_fn fn;
} row;

static const row table[] = {
    {"Add", 6, 6, gal_rewrite_broadcast},
    {"And", 6, 6, gal_rewrite_broadcast},
    {"BatchNormalization", 6, 13, gal_rewrite_batch_norm},
    {"Clip", 6, 10, gal_rewrite_clip},
    {"ConvTranspose", 6, 14, gal_rewrite_conv_transpose},
    {"Div", 6, 6, gal_rewrite_broadcast},
    {"Dropout", 6, 17, gal_rewrite_dropout},
    {"Equal", 6, 6, gal_rewrite_broadcast},
    {"Gemm", 6, 6, gal_rewrite_gemm},
    {"Greater", 6, 6, gal_rewrite_broadcast},
    {"Less", 6, 6, gal_rewrite_broadcast},
    {"LogSoftmax", 6, 12, gal_rewrite_softmax},
    {"Mul", 6, 6, gal_rewrite_broadcast},
    {"Or", 6, 6, gal_rewrite_broadcast},
    {"PRelu", 6, 6, gal_rewrite_prelu},
    {"Pad", 6, 10, gal_rewrite_pad},
    {"Pow", 6, 6, gal_rewrite_broadcast},
    {"ReduceSum", 6, 12, gal_rewrite_axes},
    {"Resize", 10, 10, gal_rewrite_resize},
    {"Slice", 6, 9, gal_rewrite_slice},
    {"Softmax", 6, 12, gal_rewrite_softmax},
    {"Split", 6, 12, gal_rewrite_split},
    {"Squeeze", 6, 12, gal_rewrite_axes},
    {"Sub", 6, 6, gal_rewrite_broadcast},
    {"Sum", 6, 17, gal_rewrite_sum},
    {"TopK", 6, 9, gal_rewrite_topk},
    {"Unsqueeze", 6, 12, gal_rewrite_axes},
    {"Upsample", 6, 17, gal_rewrite_upsample},
    {"Xor", 6, 6, gal_rewrite_broadcast},
};

/* ---- attribute types ---- */

/* The ONNX operators use each of these names with one type only (but for Pad's old `value`), so one list serves all of
 * them. */
static const struct {
    gal_attr_type type;
    const char *names; /* with a space at both ends of each */
} typed[] = {
    {GAL_ATTR_INT,
     " allowzero axis batch_dims blocksize broadcast ceil_mode channels_last count_include_pad end exclude_outside fmod group is_test k keepdims largest "
     "noop_with_empty_axes seed select_last_index size sorted spatial start stash_type storage_order to training_mode transA transB "
     "value_int "},
    {GAL_ATTR_FLOAT,
     " alpha beta bias cubic_coeff_a epsilon extrapolation_value gamma height_scale max min momentum ratio value_float width_scale "},
    {GAL_ATTR_INTS,
     " axes dilations ends kernel_shape output_padding output_shape pads perm split starts strides value_ints "},
    {GAL_ATTR_FLOATS, " scales value_floats "},
    {GAL_ATTR_STRING, " auto_pad coordinate_transformation_mode direction mode nearest_mode "},
    {GAL_ATTR_TENSOR, " value "},
};

static bool in_list(const char *names, const char *name) {
    size_t n = strlen(name);
    for (const char *p = strstr(names, name); n && p; p = strstr(p + 1, name))
        if (p[-1] == ' ' && p[n] == ' ') return true;
    return false;
}

/* A known attribute of another type would be read as absent: refuse it instead. */
static galen_status check_types(const gal_node_spec *spec, galen_error *err) {
    for (uint32_t i = 0; i < spec->n_attr; i++) {
        const gal_attr *a = &spec->attr[i];
        gal_attr_type want = a->type;
        for (size_t t = 0; t < sizeof typed / sizeof typed[0]; t++)
            if (in_list(typed[t].names, a->name)) want = typed[t].type;
        if (strcmp(spec->op, "Pad") == 0 && strcmp(a->name, "value") == 0) want = GAL_ATTR_FLOAT;
        if (a->type != want)
            return gal_fail(err, GALEN_ERR_FORMAT, "node '%s' (%s): attribute '%s' has the wrong type",
                            spec->name ? spec->name : "(unnamed)", spec->op, a->name);
    }
    return GALEN_OK;
}

static galen_status upgrade(gal_rewrite *r, galen_error *err) {
    const gal_node_spec *spec = r->spec;
    GAL_TRY(check_types(spec, err));
    bool standard = !spec->domain || !*spec->domain || strcmp(spec->domain, "ai.onnx") == 0;
    if (!standard && strcmp(spec->domain, "com.microsoft") == 0) return gal_rewrite_microsoft(r, err);
    for (size_t i = 0; standard && i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].op, spec->op) == 0 && r->opset >= table[i].from && r->opset <= table[i].to)
            return table[i].fn(r, err);
    return gal_graph_node(r->graph, spec, &r->last, err);
}

galen_status gal_upgrade_node(gal_graph *graph, int64_t opset, const gal_node_spec *spec, gal_node **out,
                              galen_error *err) {
    gal_rewrite r = {.graph = graph, .opset = opset, .spec = spec};
    galen_status status = upgrade(&r, err);
    if (status == GALEN_OK) status = gal_rewrite_settle(&r, err);
    if (status != GALEN_OK) {
        char where[32];
        snprintf(where, sizeof where, "opset %lld", (long long)opset);
        return gal_fail_in(err, status, where);
    }
    if (out) *out = r.last;
    return GALEN_OK;
}
