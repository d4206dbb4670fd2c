/* The reader against graphs that break the rules: each is refused in one line that names the culprit. */
#include "model/onnx.h"
#include "proto.h"
#include "support/shared.h"

/* Parses and frees `model`; the error must have `status` and hold `text`. */
static void refuse_with(gal_buf model, const gal_onnx_options *options, galen_status status, const char *text) {
    galen_error err = {0};
    gal_model *m = NULL;
    galen_status got = gal_onnx_parse(model.data, model.size, options, &m, &err);
    gal_model_destroy(m);
    gal_buf_free(&model);
    if (got != status || !strstr(err.message, text))
        fail_msg("status %d, message \"%s\", expected %d and \"%s\"", got, err.message, status, text);
}

static void refuse(gal_buf model, galen_status status, const char *text) {
    refuse_with(model, NULL, status, text);
}

static gal_model *accept(gal_buf *model, const gal_onnx_options *options) {
    galen_error err = {0};
    gal_model *m = NULL;
    assert_ok(gal_onnx_parse(model->data, model->size, options, &m, &err), err);
    assert_ok(gal_graph_verify(m->graph, &err), err);
    return m;
}

static gal_buf one_node(const char *op) {
    gal_buf g = pb_graph();
    pb_nest(&g, 1, pb_node(op, "n", "x", NULL, "y"));
    return g;
}

static void opsets_outside_6_to_17_are_refused(void **state) {
    (void)state;
    refuse(pb_model(one_node("Relu"), 5), GALEN_ERR_UNSUPPORTED, "opset 6 to 17");
    refuse(pb_model(one_node("Relu"), 18), GALEN_ERR_UNSUPPORTED, "opset 18");
    for (int opset = 6; opset <= 17; opset++) {
        gal_buf b = pb_model(one_node("Relu"), opset);
        gal_model *m = accept(&b, NULL);
        assert_int_equal(m->opset, opset);
        assert_int_equal(strlen(gal_model_sha256(m)), 64);
        gal_model_destroy(m);
        gal_buf_free(&b);
    }
}

static void other_domains_matter_only_when_used(void **state) {
    (void)state;
    gal_buf b = pb_model(one_node("Relu"), 11), set = pb_new();
    pb_text(&set, 1, "com.example");
    pb_int(&set, 2, 99);
    pb_nest(&b, 8, set);
    gal_model_destroy(accept(&b, NULL));
    gal_buf_free(&b);
    gal_buf g = pb_graph(), n = pb_node("Foo", "bar", "x", NULL, "y");
    pb_text(&n, 7, "com.example");
    pb_nest(&g, 1, n);
    refuse(pb_model(g, 11), GALEN_ERR_UNSUPPORTED, "node 'bar': op 'com.example.Foo' (opset 11) is not supported");
}

/* One of the domains besides ONNX's is read: its ops by name, others are named. */
static void ops_of_the_quantiser_are_known(void **state) {
    (void)state;
    gal_buf g = pb_graph(), n = pb_node("QLinearSoftmax", "bar", "x", NULL, "y");
    pb_text(&n, 7, "com.microsoft");
    pb_nest(&g, 1, n);
    refuse(pb_model(g, 11), GALEN_ERR_UNSUPPORTED, "node 'bar': op 'com.microsoft.QLinearSoftmax' is not supported");
    g = pb_graph(), n = pb_node("QLinearSigmoid", "gate", "x", NULL, "y");
    pb_text(&n, 7, "com.microsoft");
    pb_nest(&g, 1, n);
    refuse(pb_model(g, 11), GALEN_ERR_FORMAT, "node 'gate' (QLinearSigmoid): input 0 or 1 is missing");
}

static void unknown_ops_are_named(void **state) {
    (void)state;
    refuse(pb_model(one_node("NoSuchOp"), 11), GALEN_ERR_UNSUPPORTED, "NoSuchOp");
    refuse(pb_model(one_node(""), 11), GALEN_ERR_UNSUPPORTED, "not supported");
}

static void cycles_name_a_node_on_them(void **state) {
    (void)state;
    gal_buf g = pb_graph();
    pb_nest(&g, 1, pb_node("Relu", "tail", "a", NULL, "y"));
    pb_nest(&g, 1, pb_node("Add", "first", "x", "b", "a"));
    pb_nest(&g, 1, pb_node("Relu", "second", "a", NULL, "b"));
    refuse(pb_model(g, 17), GALEN_ERR_FORMAT, "cycle");
    g = pb_graph();
    pb_nest(&g, 1, pb_node("Relu", "selfish", "y", NULL, "y"));
    refuse(pb_model(g, 17), GALEN_ERR_FORMAT, "node 'selfish' (Relu)");
}

static void unsorted_nodes_are_sorted(void **state) {
    (void)state;
    gal_buf g = pb_graph();
    pb_nest(&g, 1, pb_node("Relu", "third", "b", NULL, "y"));
    pb_nest(&g, 1, pb_node("Add", "second", "a", "x", "b"));
    pb_nest(&g, 1, pb_node("Relu", "first", "x", NULL, "a"));
    gal_buf b = pb_model(g, 17);
    gal_model *m = accept(&b, NULL);
    assert_string_equal(m->graph->first->name, "first");
    assert_string_equal(m->graph->last->name, "third");
    gal_model_destroy(m);
    gal_buf_free(&b);
}

static void missing_and_double_names_are_named(void **state) {
    (void)state;
    gal_buf g = pb_graph();
    pb_nest(&g, 1, pb_node("Add", "adder", "x", "weight7", "y"));
    refuse(pb_model(g, 17), GALEN_ERR_FORMAT, "input 'weight7' is missing");
    g = one_node("Relu");
    pb_nest(&g, 1, pb_node("Relu", "again", "x", NULL, "y"));
    refuse(pb_model(g, 17), GALEN_ERR_FORMAT, "'y' is given twice");
    g = pb_graph();
    pb_nest(&g, 1, pb_node("Relu", "n", "x", NULL, "z"));
    refuse(pb_model(g, 17), GALEN_ERR_FORMAT, "output 'y' is missing");
    g = one_node("Relu");
    const int64_t dim[] = {-1, 4};
    pb_nest(&g, 11, pb_value("x", 2, dim, NULL));
    refuse(pb_model(g, 17), GALEN_ERR_FORMAT, "input 'x' is listed twice");
}

static void subgraphs_functions_and_training_are_refused(void **state) {
    (void)state;
    gal_buf g = pb_graph(), n = pb_node("If", "branch", "x", NULL, "y"), a = pb_new();
    pb_text(&a, 1, "then_branch");
    pb_nest(&a, 6, pb_new());
    pb_int(&a, 20, 5);
    pb_nest(&n, 5, a);
    pb_nest(&g, 1, n);
    refuse(pb_model(g, 11), GALEN_ERR_UNSUPPORTED, "node 'branch': op 'If' (opset 11) is not supported");
    gal_buf m = pb_model(one_node("Relu"), 17);
    pb_nest(&m, 20, pb_new());
    refuse(m, GALEN_ERR_UNSUPPORTED, "training_info");
    m = pb_model(one_node("Relu"), 17);
    pb_nest(&m, 25, pb_new());
    refuse(m, GALEN_ERR_UNSUPPORTED, "functions");
    g = one_node("Relu");
    pb_nest(&g, 15, pb_new());
    refuse(pb_model(g, 17), GALEN_ERR_UNSUPPORTED, "sparse");
}

static gal_buf typed_input(uint32_t type_field, int64_t elem) {
    gal_buf g = pb_new(), info = pb_new(), type = pb_new(), tensor = pb_new();
    const int64_t dim[] = {-1};
    pb_int(&tensor, 1, elem);
    pb_nest(&tensor, 2, pb_new());
    pb_nest(&type, type_field, tensor);
    pb_text(&info, 1, "odd");
    pb_nest(&info, 2, type);
    pb_nest(&g, 11, info);
    pb_nest(&g, 12, pb_value("odd", 1, dim, NULL));
    return g;
}

static void inputs_must_be_tensors_of_numbers(void **state) {
    (void)state;
    refuse(pb_model(typed_input(4, 1), 17), GALEN_ERR_UNSUPPORTED, "'odd' is of type sequence");
    refuse(pb_model(typed_input(5, 1), 17), GALEN_ERR_UNSUPPORTED, "map");
    refuse(pb_model(typed_input(9, 1), 17), GALEN_ERR_UNSUPPORTED, "optional");
    refuse(pb_model(typed_input(1, 8), 17), GALEN_ERR_UNSUPPORTED, "strings");
    refuse(pb_model(typed_input(1, 14), 17), GALEN_ERR_UNSUPPORTED, "data type 14");
}

static void open_dimensions_are_asked_for(void **state) {
    (void)state;
    const int64_t dim[] = {-1, 3, -1, 8};
    for (int given = 0; given < 2; given++) {
        gal_buf g = pb_new();
        pb_nest(&g, 11, pb_value("image", 4, dim, "side"));
        pb_nest(&g, 12, pb_value("y", 4, dim, "side"));
        pb_nest(&g, 1, pb_node("Relu", "n", "image", NULL, "y"));
        gal_buf b = pb_model(g, 17);
        gal_dim_binding binding = {"image", 2, 16};
        gal_onnx_options options = {.dim = &binding, .n_dim = 1};
        if (!given) {
            refuse(b, GALEN_ERR_UNSUPPORTED, "image.2=");
            continue;
        }
        gal_model *m = accept(&b, &options);
        const gal_shape *shape = &m->graph->input[0]->shape;
        assert_true(shape->dim[0].batch);
        assert_int_equal(shape->dim[2].size, 16);
        gal_model_destroy(m);
        binding.input = "picture";
        refuse_with(b, &options, GALEN_ERR_UNSUPPORTED, "image.2=");
    }
    gal_dim_binding wrong[] = {{"x", 1, 5}, {"nobody", 0, 5}, {"x", 9, 5}, {"x", 0, -3}};
    const char *text[] = {"cannot be set", "no input 'nobody'", "no dimension 9", "is no size"};
    for (int i = 0; i < 4; i++) {
        gal_onnx_options options = {.dim = &wrong[i], .n_dim = 1};
        refuse_with(pb_model(one_node("Relu"), 17), &options, GALEN_ERR_ARGUMENT, text[i]);
    }
}

static void damaged_tensors_are_named(void **state) {
    (void)state;
    gal_buf t = pb_tensor("w", 4, 1);
    pb_bytes(&t, 9, "0123456789", 10);
    refuse(pb_with_initializer(t), GALEN_ERR_FORMAT, "tensor 'w' has 10 bytes of data where its shape needs 16");
    t = pb_tensor("w", 4, 1);
    refuse(pb_with_initializer(t), GALEN_ERR_FORMAT, "'w' has 0 values");
    t = pb_tensor("w", INT64_MAX, 1);
    pb_int(&t, 1, INT64_MAX);
    refuse(pb_with_initializer(t), GALEN_ERR_LIMIT, "'w' is too large");
    t = pb_tensor("w", -4, 1);
    refuse(pb_with_initializer(t), GALEN_ERR_FORMAT, "negative dimension");
    t = pb_tensor("w", 1, 8);
    pb_text(&t, 6, "text");
    refuse(pb_with_initializer(t), GALEN_ERR_UNSUPPORTED, "'w' holds strings");
    t = pb_tensor("w", 1, 99);
    refuse(pb_with_initializer(t), GALEN_ERR_UNSUPPORTED, "'w' has data type");
    t = pb_tensor("w", 1, 2);
    pb_int(&t, 5, 300);
    refuse(pb_with_initializer(t), GALEN_ERR_FORMAT, "outside its type u8");
    t = pb_tensor("w", 1, 1);
    for (int i = 0; i < 9; i++) pb_int(&t, 1, 1);
    refuse(pb_with_initializer(t), GALEN_ERR_UNSUPPORTED, "more than 8 dimensions");
}

/* Every typed field gives the values it should, packed or not. */
static void typed_fields_are_read(void **state) {
    (void)state;
    const float values[4] = {1, -2, 3.5f, 0};
    for (int packed = 0; packed < 2; packed++) {
        gal_buf t = pb_tensor("w", 4, 1);
        if (packed) pb_bytes(&t, 4, values, sizeof values);
        for (int i = 0; !packed && i < 4; i++) {
            pb_varint(&t, 4 << 3 | 5);
            gal_buf_put(&t, &values[i], 4);
        }
        gal_buf b = pb_with_initializer(t);
        gal_model *m = accept(&b, NULL);
        const gal_value *w = gal_graph_find(m->graph, "w");
        assert_memory_equal(w->constant->data, values, sizeof values);
        gal_model_destroy(m);
        gal_buf_free(&b);
    }
    gal_arena arena;
    gal_arena_init(&arena, 1 << 20);
    galen_tensor out;
    const char *name;
    galen_error err = {0};
    gal_buf t = pb_tensor("half", 2, 10), packed = pb_new();
    pb_varint(&packed, 0x3c00);
    pb_varint(&packed, 0xc000);
    pb_nest(&t, 5, packed);
    assert_ok(gal_onnx_tensor(t.data, t.size, &arena, &out, &name, &err), err);
    assert_string_equal(name, "half");
    assert_int_equal(((uint16_t *)out.data)[0], 0x3c00);
    assert_int_equal(((uint16_t *)out.data)[1], 0xc000);
    gal_buf_free(&t);
    t = pb_tensor("neg", 2, 3);
    pb_int(&t, 5, -128);
    pb_int(&t, 5, 127);
    assert_ok(gal_onnx_tensor(t.data, t.size, &arena, &out, NULL, &err), err);
    assert_int_equal(((int8_t *)out.data)[0], -128);
    gal_buf_free(&t);
    t = pb_tensor("flag", 2, 9);
    pb_bytes(&t, 9, "\x00\x07", 2);
    assert_ok(gal_onnx_tensor(t.data, t.size, &arena, &out, NULL, &err), err);
    assert_int_equal(((uint8_t *)out.data)[1], 1);
    gal_buf_free(&t);
    gal_arena_free(&arena);
}

static void hostile_wire_is_refused(void **state) {
    (void)state;
    static const char *const bytes[] = {
        "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", /* a graph of 2^63 bytes */
        "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        "\x3b\x3c",         /* groups */
        "\x02\x00",         /* field number 0 */
        "\x3a\x05\x0a\x7f", /* a node longer than its graph */
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        "\x38\x01", /* the graph as a number */
    };
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        gal_buf b = pb_new();
        gal_buf_put(&b, bytes[i], strlen(bytes[i]));
        refuse(b, GALEN_ERR_FORMAT, "");
    }
    /* Many empty nodes: two bytes each must not become gigabytes. */
    gal_buf g = pb_graph();
    for (int i = 0; i < GAL_GRAPH_MAX_NODES + 1; i++) gal_buf_put(&g, "\x0a\x00", 2);
    refuse(pb_model(g, 17), GALEN_ERR_LIMIT, "more than 1048576 nodes");
    /* A subgraph nested ten thousand deep is refused without walking into it. */
    gal_buf deep = pb_new();
    for (int i = 0; i < 10000; i++) {
        gal_buf outer = pb_new();
        pb_nest(&outer, 6, deep);
        deep = outer;
    }
    gal_buf n = pb_node("Loop", "deep", "x", NULL, "y");
    pb_nest(&n, 5, deep);
    g = pb_graph();
    pb_nest(&g, 1, n);
    refuse(pb_model(g, 17), GALEN_ERR_UNSUPPORTED, "a subgraph");
    gal_buf control = pb_graph();
    pb_nest(&control, 1, pb_node("Relu", "a\nb", "x", NULL, "y"));
    refuse(pb_model(control, 17), GALEN_ERR_FORMAT, "UTF-8");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opsets_outside_6_to_17_are_refused),
        cmocka_unit_test(other_domains_matter_only_when_used),
        cmocka_unit_test(ops_of_the_quantiser_are_known),
        cmocka_unit_test(unknown_ops_are_named),
        cmocka_unit_test(cycles_name_a_node_on_them),
        cmocka_unit_test(unsorted_nodes_are_sorted),
        cmocka_unit_test(missing_and_double_names_are_named),
        cmocka_unit_test(subgraphs_functions_and_training_are_refused),
        cmocka_unit_test(inputs_must_be_tensors_of_numbers),
        cmocka_unit_test(open_dimensions_are_asked_for),
        cmocka_unit_test(damaged_tensors_are_named),
        cmocka_unit_test(typed_fields_are_read),
        cmocka_unit_test(hostile_wire_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
