/* The reader and writer on real models: what is read, what is written back, and what damage does. */
#include "base/file.h"
#include "base/rng.h"
#include "model/onnx.h"
#include "support/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gal_model *load(const char *path) {
    galen_error err = {0};
    gal_model *m = NULL;
    assert_ok(gal_onnx_load(path, NULL, &m, &err), err);
    assert_ok(gal_graph_verify(m->graph, &err), err);
    return m;
}

static const char *const real_models[] = {
    "models/mnist_cntk_opset7.onnx",     "models/mnist_cntk_opset8.onnx",      "models/mnist_mlp_opset12_dynbatch.onnx",
    "models/mobilenet_v2_128_0.5.onnx",  "models/tiny_matmul_120b.onnx",       "models/ultraface_rfb320_opset9.onnx",
    "golden/cxr64-small.onnx",           "golden/cxr64-resnet18.onnx",         "onnx/light/light_bvlc_alexnet.onnx",
    "onnx/light/light_densenet121.onnx", "onnx/light/light_inception_v1.onnx", "onnx/light/light_inception_v2.onnx",
    "onnx/light/light_resnet50.onnx",    "onnx/light/light_shufflenet.onnx",   "onnx/light/light_squeezenet.onnx",
    "onnx/light/light_vgg19.onnx",       "onnx/light/light_zfnet512.onnx",
};

enum { N_REAL = sizeof real_models / sizeof real_models[0] };

static void same_shape(const gal_value *a, const gal_value *b) {
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->dtype, b->dtype);
    assert_true(gal_shape_equal(&a->shape, &b->shape));
}

static void same_constants(const gal_node *a, const gal_node *b) {
    for (uint32_t i = 0; i < a->n_in; i++) {
        const gal_value *x = a->in[i], *y = b->in[i];
        assert_int_equal(x == NULL, y == NULL);
        if (!x) continue;
        assert_string_equal(x->name, y->name);
        if (!x->constant || x->producer) continue;
        assert_non_null(y->constant);
        assert_int_equal(galen_tensor_bytes(x->constant), galen_tensor_bytes(y->constant));
        assert_memory_equal(x->constant->data, y->constant->data, (size_t)galen_tensor_bytes(x->constant));
    }
}

static void same_graph(const gal_graph *a, const gal_graph *b) {
    assert_int_equal(a->n_node, b->n_node);
    assert_int_equal(a->n_input, b->n_input);
    assert_int_equal(a->n_output, b->n_output);
    for (uint32_t i = 0; i < a->n_input; i++) same_shape(a->input[i], b->input[i]);
    for (uint32_t i = 0; i < a->n_output; i++) same_shape(a->output[i], b->output[i]);
    const gal_node *y = b->first;
    for (const gal_node *x = a->first; x; x = x->next, y = y->next) {
        assert_ptr_equal(x->op, y->op);
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->n_in, y->n_in);
        assert_int_equal(x->n_attr, y->n_attr);
        same_constants(x, y);
    }
}

static void written_models_read_back_the_same(void **state) {
    (void)state;
    test_shared("models");
    for (int i = 0; i < N_REAL; i++) {
        gal_model *m = load(test_shared(real_models[i])), *again = NULL;
        galen_error err = {0};
        gal_buf out, twice;
        gal_buf_init(&out, (size_t)1 << 30);
        gal_buf_init(&twice, (size_t)1 << 30);
        assert_ok(gal_model_set_meta(m, "galen.test", "a value\nof two lines", &err), err);
        assert_ok(gal_onnx_write(m, &out, &err), err);
        assert_ok(gal_onnx_parse(out.data, out.size, NULL, &again, &err), err);
        assert_ok(gal_graph_verify(again->graph, &err), err);
        same_graph(m->graph, again->graph);
        assert_string_equal(gal_model_meta(again, "galen.test"), "a value\nof two lines");
        assert_int_equal(again->opset, 17);
        assert_int_equal(again->ir_version, 8);
        assert_ok(gal_onnx_write(again, &twice, &err), err);
        assert_int_equal(out.size, twice.size);
        assert_memory_equal(out.data, twice.data, out.size);
        gal_model_destroy(again);
        gal_model_destroy(m);
        gal_buf_free(&out);
        gal_buf_free(&twice);
    }
}

static void batch_and_metadata_are_known(void **state) {
    (void)state;
    gal_model *m = load(test_shared("golden/cxr64-small.onnx"));
    const gal_shape *shape = &m->graph->input[0]->shape;
    assert_string_equal(m->graph->input[0]->name, "image");
    assert_true(shape->dim[0].batch && shape->dim[0].size == 1);
    assert_int_equal(shape->dim[3].size, 64);
    assert_true(m->graph->output[0]->shape.dim[0].batch);
    assert_int_equal(m->opset, 17);
    assert_string_equal(m->producer, "pytorch");
    assert_string_equal(gal_model_sha256(m), "36d7634c6a195545bbf27b7b8965f5d344d3dcc1ce293c8fc367d064429bafae");
    gal_model_destroy(m);
}

static void fixed_batches_stay_fixed(void **state) {
    (void)state;
    gal_model *m = load(test_shared("models/mnist_cntk_opset7.onnx"));
    assert_true(gal_shape_is_fixed(&m->graph->input[0]->shape));
    assert_int_equal(m->graph->n_input, 1);
    gal_model_destroy(m);
}

static void custom_ops_are_refused_by_name(void **state) {
    (void)state;
    galen_error err = {0};
    gal_model *m = NULL;
    assert_int_equal(gal_onnx_load(test_shared("models/supres_customop_opset11.onnx"), NULL, &m, &err),
                     GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "op 'ai.onnx.contrib."));
    assert_non_null(strstr(err.message, "(opset 11) is not supported"));
    assert_non_null(strstr(err.message, "supres_customop_opset11.onnx"));
}

static void files_that_are_no_models_are_named(void **state) {
    (void)state;
    galen_error err = {0};
    gal_model *m = NULL;
    assert_int_equal(gal_onnx_load("/no/such/model.onnx", NULL, &m, &err), GALEN_ERR_IO);
    assert_non_null(strstr(err.message, "/no/such/model.onnx"));
    assert_int_equal(gal_onnx_load(test_tmp(), NULL, &m, &err), GALEN_ERR_IO);
    char path[512];
    snprintf(path, sizeof path, "%s/empty.onnx", test_tmp());
    assert_ok(gal_file_write(path, "", 0, &err), err);
    assert_int_equal(gal_onnx_load(path, NULL, &m, &err), GALEN_ERR_FORMAT);
    gal_onnx_options small = {.max_file_bytes = 100};
    assert_int_equal(gal_onnx_load(test_shared("models/tiny_matmul_120b.onnx"), &small, &m, &err), GALEN_ERR_LIMIT);
}

/* Parses a private copy, so that a sanitizer sees every byte read beyond the end. */
static int try_parse(const unsigned char *bytes, size_t size) {
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    galen_error err = {0};
    gal_model *m = NULL;
    galen_status status = gal_onnx_parse(copy, size, NULL, &m, &err);
    if (status != GALEN_OK && (!err.message[0] || strchr(err.message, '\n')))
        fail_msg("a failure without one line of message");
    gal_model_destroy(m);
    free(copy);
    return status == GALEN_OK;
}

static void every_truncation_is_an_error(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = test_read(test_shared("models/tiny_matmul_120b.onnx"), &size);
    for (size_t n = 0; n < size; n++)
        if (try_parse(bytes, n)) fail_msg("the first %zu of %zu bytes were taken for a model", n, size);
    assert_true(try_parse(bytes, size));
    free(bytes);
}

static void flipped_bits_never_crash(void **state) {
    (void)state;
    static const char *const files[] = {"models/tiny_matmul_120b.onnx", "models/mnist_cntk_opset8.onnx",
                                        "onnx/light/light_squeezenet.onnx"};
    for (int f = 0; f < 3; f++) {
        size_t size;
        unsigned char *bytes = test_read(test_shared(files[f]), &size);
        gal_rng rng = gal_rng_make(20, (uint64_t)f);
        for (int round = 0; round < 400; round++) {
            unsigned char *copy = malloc(size);
            assert_non_null(copy);
            memcpy(copy, bytes, size);
            for (uint32_t flips = gal_rng_u32(&rng) % 4 + 1; flips > 0; flips--)
                copy[gal_rng_u32(&rng) % size] ^= (unsigned char)(1u << gal_rng_u32(&rng) % 8);
            try_parse(copy, size);
            free(copy);
        }
        free(bytes);
    }
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    const char *path = test_shared("models/mnist_cntk_opset8.onnx");
    gal_model *m = NULL;
    galen_error err = {0};
    test_count_reset();
    gal_model_destroy(load(path));
    long total = test_allocations();
    assert_true(total > 5);
    for (long n = 1; n <= total; n++) {
        for (int forever = 0; forever < 2; forever++) {
            test_fail_allocation(n, forever);
            galen_status status = gal_onnx_load(path, NULL, &m, &err);
            test_fail_allocation(0, 0);
            if (status == GALEN_OK)
                gal_model_destroy(m);
            else
                assert_int_equal(status, GALEN_ERR_MEMORY);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_models_read_back_the_same),  cmocka_unit_test(batch_and_metadata_are_known),
        cmocka_unit_test(fixed_batches_stay_fixed),           cmocka_unit_test(custom_ops_are_refused_by_name),
        cmocka_unit_test(files_that_are_no_models_are_named), cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(flipped_bits_never_crash),           cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
