/* Rewrites of ops whose meaning changed between opsets. */
#include "base/error.h"
#include "graph/ops/types.h"
#include "model/onnx_rewrite.h"

#include <string.h>

static galen_status need_input(const gal_rewrite *r, uint32_t index, galen_error *err) {
    if (index < r->spec->n_in && r->spec->in[index]) return GALEN_OK;
    return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "input %u is missing", index);
}

/* `value` with `count` dimensions of one behind its own. */
static galen_status append_ones(gal_rewrite *r, gal_value *value, int count, gal_value **out, galen_error *err) {
    int64_t axes[GALEN_MAX_RANK];
    gal_value *in[2] = {value, NULL};
    *out = value;
    if (count <= 0) return GALEN_OK;
    if (value->shape.rank + count > GALEN_MAX_RANK)
        return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED, "rank above %d", GALEN_MAX_RANK);
    for (int i = 0; i < count; i++) axes[i] = value->shape.rank + i;
    GAL_TRY(gal_graph_ints(r->graph, NULL, axes, (size_t)count, &in[1], err));
    return gal_rewrite_emit(r, "Unsqueeze", in, 2, NULL, 0, false, out, err);
}

/* ---- broadcasting of opset 6: off unless asked for, and aligned at `axis` ---- */

galen_status gal_rewrite_broadcast(gal_rewrite *r, galen_error *err) {
    GAL_TRY(need_input(r, 0, err));
    GAL_TRY(need_input(r, 1, err));
    gal_value *in[2] = {r->spec->in[0], r->spec->in[1]};
    const gal_attr *axis = gal_rewrite_attr(r, "axis");
    int rank = in[0]->shape.rank;
    if (gal_rewrite_int(r, "broadcast", 0) == 0) {
        if (!gal_shape_equal(&in[0]->shape, &in[1]->shape))
            return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "the shapes differ and broadcast is 0");
    } else if (axis) {
        int64_t at = axis->i < 0 ? axis->i + rank : axis->i;
        if (at < 0 || at + in[1]->shape.rank > rank)
            return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "axis %lld does not fit", (long long)axis->i);
        GAL_TRY(append_ones(r, in[1], rank - (int)at - in[1]->shape.rank, &in[1], err));
    }
    return gal_rewrite_emit(r, r->spec->op, in, 2, NULL, 0, true, NULL, err);
}

galen_status gal_rewrite_gemm(gal_rewrite *r, galen_error *err) {
    return gal_rewrite_same(r, "broadcast", NULL, 0, err);
}

/* A slope of one number a channel lies along dimension 1. */
galen_status gal_rewrite_prelu(gal_rewrite *r, galen_error *err) {
    GAL_TRY(need_input(r, 0, err));
    GAL_TRY(need_input(r, 1, err));
    gal_value *in[2] = {r->spec->in[0], r->spec->in[1]};
    const gal_shape *slope = &in[1]->shape;
    bool single = slope->rank == 1 && slope->dim[0].size == 1;
    if (slope->rank == 1 && !single && in[0]->shape.rank > 2)
        GAL_TRY(append_ones(r, in[1], in[0]->shape.rank - 2, &in[1], err));
    return gal_rewrite_emit(r, "PRelu", in, 2, r->spec->attr, r->spec->n_attr, true, NULL, err);
}

/* ---- BatchNormalization before training_mode ---- */

static bool wants_output(const gal_node_spec *spec, uint32_t index) {
    return index < spec->n_out && !(spec->out_name && spec->out_name[index] && !*spec->out_name[index]);
}

galen_status gal_rewrite_batch_norm(gal_rewrite *r, galen_error *err) {
    gal_attr *attr;
    uint32_t n_attr;
    GAL_TRY(need_input(r, 0, err));
    if (r->opset == 6 && gal_rewrite_int(r, "is_test", 0) == 0)
        return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED,
                                "training (is_test 0) is not supported; export the model for inference");
    for (uint32_t i = 1; i < r->spec->n_out; i++)
        if (wants_output(r->spec, i))
            return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED,
                                    "training outputs are not supported; export the model for inference");
    if (gal_rewrite_int(r, "spatial", 1) == 0 && r->spec->in[0]->shape.rank > 2)
        return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED, "attribute spatial 0 is not supported");
    GAL_TRY(gal_rewrite_keep(r, "is_test spatial", 0, &attr, &n_attr, err));
    gal_node_spec only = *r->spec;
    only.n_out = only.n_out > 1 ? 1 : only.n_out;
    only.attr = attr;
    only.n_attr = n_attr;
    return gal_graph_node(r->graph, &only, &r->last, err);
}

/* ---- ConvTranspose ---- */

/*
 * Before opset 11, output_shape may also give batch and channels. Until opset 14 the specification's text and its tests
 * disagreed on which side SAME_LOWER puts the odd pad; its meaning was settled in opset 15.
 */
galen_status gal_rewrite_conv_transpose(gal_rewrite *r, galen_error *err) {
    gal_attr *attr;
    gal_node_spec spec = *r->spec;
    GAL_TRY(need_input(r, 0, err));
    GAL_TRY(gal_rewrite_keep(r, "", 0, &attr, &spec.n_attr, err));
    for (uint32_t i = 0; i < spec.n_attr; i++) {
        gal_attr *a = &attr[i];
        if (strcmp(a->name, "auto_pad") == 0 && strcmp(a->s, "SAME_LOWER") == 0)
            return gal_rewrite_fail(
                r, err, GALEN_ERR_UNSUPPORTED,
                "auto_pad SAME_LOWER had no settled meaning before opset 15; export with explicit pads");
        if (strcmp(a->name, "output_shape") == 0 && r->opset < 11 && (int)a->count == spec.in[0]->shape.rank &&
            a->count >= 2) {
            a->ints += 2;
            a->count -= 2;
        }
    }
    spec.attr = attr;
    return gal_graph_node(r->graph, &spec, &r->last, err);
}

/* ---- Sum ---- */

/* A residual sum of two is an Add, which can work in place and be fused. */
galen_status gal_rewrite_sum(gal_rewrite *r, galen_error *err) {
    const gal_node_spec *spec = r->spec;
    bool pair = spec->n_in == 2 && spec->n_attr == 0 && spec->in[0] && spec->in[1];
    if (!pair || !gal_dtype_is_float(spec->in[0]->dtype)) return gal_graph_node(r->graph, spec, &r->last, err);
    return gal_rewrite_emit(r, "Add", spec->in, 2, NULL, 0, true, NULL, err);
}

/* ---- Dropout: the identity in inference ---- */

/* A scalar operand of opset 12 that may come from a constant; false when it is not known. */
static bool scalar_input(const gal_rewrite *r, uint32_t index, double otherwise, double *out) {
    *out = otherwise;
    if (index >= r->spec->n_in || !r->spec->in[index]) return true;
    const galen_tensor *t = r->spec->in[index]->constant;
    if (!t || !t->data || galen_tensor_elements(t) != 1) return false;
    *out = gal_load_f64(t->dtype, t->data);
    return true;
}

/* A mask of ones: bool since opset 10, of the data's type before. */
static galen_status emit_mask(gal_rewrite *r, galen_error *err) {
    galen_dtype dtype = r->opset < 10 ? r->spec->in[0]->dtype : GALEN_BOOL;
    galen_tensor *one = gal_arena_alloc(&r->graph->arena, 1, sizeof *one);
    void *data = gal_arena_alloc(&r->graph->arena, 1, sizeof(double));
    if (!one || !data) return gal_fail_memory(err, "a mask", sizeof *one);
    *one = (galen_tensor){.dtype = dtype, .rank = 1, .dim = {1}, .data = data};
    if (dtype == GALEN_BOOL)
        gal_st_u8(data, 1);
    else
        gal_store_float(dtype, data, 1);
    gal_value *in[1] = {r->spec->in[0]};
    GAL_TRY(gal_rewrite_emit(r, "Shape", in, 1, NULL, 0, false, &in[0], err));
    gal_attr value = {.name = "value", .type = GAL_ATTR_TENSOR, .tensor = one};
    gal_node_spec spec = {.op = "ConstantOfShape",
                          .n_in = 1,
                          .n_out = 1,
                          .n_attr = 1,
                          .in = in,
                          .out_name = &r->spec->out_name[1],
                          .attr = &value};
    return gal_graph_node(r->graph, &spec, &r->last, err);
}

galen_status gal_rewrite_dropout(gal_rewrite *r, galen_error *err) {
    double training = 0, ratio = 0.5;
    GAL_TRY(need_input(r, 0, err));
    if (r->opset == 6) training = gal_rewrite_int(r, "is_test", 0) == 0;
    bool known =
        r->opset < 12 || (scalar_input(r, 2, 0, &training) && (training == 0 || scalar_input(r, 1, 0.5, &ratio)));
    if (!known) return gal_graph_node(r->graph, r->spec, &r->last, err);
    if (training != 0 && ratio != 0)
        return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED,
                                "random dropout (training) is not supported; export the model for inference");
    if (r->spec->n_out > 1 && r->spec->out_name && wants_output(r->spec, 1)) GAL_TRY(emit_mask(r, err));
    if (!wants_output(r->spec, 0)) return GALEN_OK;
    gal_node_spec spec = *r->spec;
    spec.op = "Identity";
    spec.n_in = spec.n_out = 1;
    spec.n_attr = 0;
    return gal_graph_node(r->graph, &spec, &r->last, err);
}

/* ---- Softmax and LogSoftmax over all dimensions from `axis` on ---- */

galen_status gal_rewrite_softmax(gal_rewrite *r, galen_error *err) {
    GAL_TRY(need_input(r, 0, err));
    gal_value *x = r->spec->in[0];
    int rank = x->shape.rank;
    int64_t axis = gal_rewrite_int(r, "axis", 1), batches = 0, shape[GALEN_MAX_RANK];
    if (axis < -rank || axis > rank)
        return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "axis %lld is outside [%d, %d]", (long long)axis, -rank,
                                rank);
    if (axis < 0) axis += rank;
    bool single = axis < rank;
    for (int i = 0; i < rank; i++) {
        gal_dim d = x->shape.dim[i];
        if (i > axis && (d.batch || d.size != 1)) single = false;
        shape[i] = d.batch ? -1 : d.size;
        batches += d.batch;
    }
    gal_attr attr = {.name = "axis", .type = GAL_ATTR_INT, .i = axis};
    if (single) return gal_rewrite_emit(r, r->spec->op, &x, 1, &attr, 1, true, NULL, err);
    if (batches > 1) return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED, "two dimensions depend on the batch size");
    gal_value *in[2];
    GAL_TRY(gal_rewrite_emit(r, "Flatten", &x, 1, &attr, 1, false, &in[0], err));
    attr.i = -1;
    GAL_TRY(gal_rewrite_emit(r, r->spec->op, in, 1, &attr, 1, false, &in[0], err));
    GAL_TRY(gal_graph_ints(r->graph, NULL, shape, (size_t)rank, &in[1], err));
    return gal_rewrite_emit(r, "Reshape", in, 2, NULL, 0, true, NULL, err);
}

/* ---- Upsample and the first Resize ---- */

/*
 * The old ops pick the pixel below when they enlarge; the first Resize, the one above when it shrinks (the
 * specification is silent, its tests and ONNX Runtime agree). One mode must serve all dimensions.
 */
static galen_status nearest_mode(const gal_rewrite *r, const gal_value *scales, const char **mode, galen_error *err) {
    const galen_tensor *t = scales->constant;
    int64_t n =
        t && t->data && t->dtype == GALEN_F32 ? galen_tensor_elements(t) : 0; /* not known: Resize refuses it by name */
    bool shrinks = false, grows = false;
    for (int64_t i = 0; i < n; i++) {
        shrinks |= ((const float *)t->data)[i] < 1;
        grows |= ((const float *)t->data)[i] > 1;
    }
    if (shrinks && grows)
        return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED,
                                "shrinking one dimension while enlarging another is not supported");
    *mode = shrinks ? "ceil" : "floor";
    return GALEN_OK;
}

/* Resize as of opset 13 with the corner-aligned ("asymmetric") grid that the old ops had. */
static galen_status emit_resize(gal_rewrite *r, gal_value *scales, const char *mode, galen_error *err) {
    const char *pick = "floor";
    if (strcmp(mode, "nearest") == 0) GAL_TRY(nearest_mode(r, scales, &pick, err));
    gal_value *in[3] = {r->spec->in[0], NULL, scales};
    gal_attr attr[3] = {
        {.name = "mode", .type = GAL_ATTR_STRING, .s = mode},
        {.name = "coordinate_transformation_mode", .type = GAL_ATTR_STRING, .s = "asymmetric"},
        {.name = "nearest_mode", .type = GAL_ATTR_STRING, .s = pick},
    };
    return gal_rewrite_emit(r, "Resize", in, 3, attr, 3, true, NULL, err);
}

static galen_status old_mode(const gal_rewrite *r, const char **mode, galen_error *err) {
    const gal_attr *a = gal_rewrite_attr(r, "mode");
    *mode = a ? a->s : "nearest";
    if (strcmp(*mode, "bilinear") == 0) *mode = "linear";
    if (strcmp(*mode, "nearest") != 0 && strcmp(*mode, "linear") != 0)
        return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED, "mode '%s' is not supported", *mode);
    return GALEN_OK;
}

static galen_status check_attrs(const gal_rewrite *r, const char *a, const char *b, const char *c, galen_error *err) {
    for (uint32_t i = 0; i < r->spec->n_attr; i++) {
        const char *name = r->spec->attr[i].name;
        if (strcmp(name, a) != 0 && strcmp(name, b) != 0 && strcmp(name, c) != 0)
            return gal_rewrite_fail(r, err, GALEN_ERR_UNSUPPORTED, "attribute '%s' is not supported", name);
    }
    return GALEN_OK;
}

galen_status gal_rewrite_resize(gal_rewrite *r, galen_error *err) {
    const char *mode;
    GAL_TRY(need_input(r, 0, err));
    GAL_TRY(need_input(r, 1, err));
    GAL_TRY(check_attrs(r, "mode", "mode", "mode", err));
    GAL_TRY(old_mode(r, &mode, err));
    return emit_resize(r, r->spec->in[1], mode, err);
}

galen_status gal_rewrite_upsample(gal_rewrite *r, galen_error *err) {
    const char *mode;
    float sides[4] = {1, 1, 1, 1};
    GAL_TRY(need_input(r, 0, err));
    GAL_TRY(old_mode(r, &mode, err));
    if (r->opset >= 9) {
        GAL_TRY(check_attrs(r, "mode", "mode", "mode", err));
        GAL_TRY(need_input(r, 1, err));
        return emit_resize(r, r->spec->in[1], mode, err);
    }
    GAL_TRY(r->opset == 6 ? check_attrs(r, "mode", "height_scale", "width_scale", err)
                          : check_attrs(r, "mode", "scales", "scales", err));
    const gal_attr *scales = gal_rewrite_attr(r, "scales"), *high = gal_rewrite_attr(r, "height_scale"),
                   *wide = gal_rewrite_attr(r, "width_scale");
    if (r->opset == 6 ? !high || !wide : !scales)
        return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "the scales are missing");
    if (r->opset == 6) {
        sides[2] = high->f;
        sides[3] = wide->f;
    }
    int64_t count = r->opset == 6 ? 4 : (int64_t)scales->count;
    if (count != r->spec->in[0]->shape.rank)
        return gal_rewrite_fail(r, err, GALEN_ERR_FORMAT, "%lld scales for an input of rank %d", (long long)count,
                                r->spec->in[0]->shape.rank);
    gal_value *value;
    GAL_TRY(gal_graph_new_constant(r->graph, NULL, GALEN_F32, 1, &count, &value, err));
    if (count) memcpy(value->constant->data, r->opset == 6 ? sides : scales->floats, (size_t)count * sizeof(float));
    return emit_resize(r, value, mode, err);
}
