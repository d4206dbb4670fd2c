/* safetensors and PyTorch checkpoints: what loads, and what damage and malice get. */
#include "base/rng.h"
#include "graph/op.h"
#include "model/onnx.h"
#include "model/weights.h"
#include "support/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gal_weights *load(const char *path) {
    galen_error err = {0};
    gal_weights *w = NULL;
    assert_ok(gal_weights_load(path, &w, &err), err);
    return w;
}

/* The exporter writes equal tensors once, and reads the others through Identity. */
static const gal_value *stored(const gal_value *value) {
    while (value && value->producer && strcmp(value->producer->op->name, "Identity") == 0)
        value = value->producer->in[0];
    return value;
}

static void checkpoints_equal_the_exported_model(void **state) {
    (void)state;
    static const char *const files[] = {"golden/cxr64-small.pth", "golden/cxr64-small.state_dict.pt"};
    gal_model *m = NULL;
    galen_error err = {0};
    assert_ok(gal_onnx_load(test_shared("golden/cxr64-small.onnx"), NULL, &m, &err), err);
    for (int f = 0; f < 2; f++) {
        gal_weights *w = load(test_shared(files[f]));
        size_t compared = 0;
        assert_int_equal(w->n, 74);
        for (size_t i = 0; i < w->n; i++) {
            const galen_tensor *t = &w->entry[i].tensor;
            const gal_value *v = stored(gal_graph_find(m->graph, w->entry[i].name));
            assert_ptr_equal(gal_weights_find(w, w->entry[i].name), t);
            if (!v) continue;
            assert_int_equal(t->dtype, v->constant->dtype);
            assert_int_equal(t->rank, v->constant->rank);
            assert_memory_equal(t->data, v->constant->data, (size_t)galen_tensor_bytes(t));
            compared++;
        }
        assert_int_equal(compared, 62); /* all but num_batches_tracked */
        assert_null(gal_weights_find(w, "no.such.tensor"));
        assert_int_equal(gal_weights_find(w, "bn1.num_batches_tracked")->dtype, GALEN_I64);
        gal_weights_destroy(w);
    }
    gal_model_destroy(m);
}

static void tensors_out_of_header_order_load(void **state) {
    (void)state;
    gal_weights *w = load(test_shared("models/kan_unordered.safetensors"));
    assert_int_equal(w->n, 8);
    assert_non_null(gal_weights_find(w, "layers.0.base_weight"));
    gal_weights_destroy(w);
}

/* ---- safetensors built here ---- */

static galen_status parse_safetensors(const char *header, size_t data_bytes, gal_weights **w, galen_error *err,
                                      unsigned char **keep) {
    size_t length = strlen(header), size = 8 + length + data_bytes;
    unsigned char *file = calloc(1, size);
    assert_non_null(file);
    for (int i = 0; i < 8; i++) file[i] = (unsigned char)(length >> 8 * i);
    memcpy(file + 8, header, length);
    for (size_t i = 0; i < data_bytes; i++) file[8 + length + i] = (unsigned char)i;
    *keep = file;
    *w = NULL;
    return gal_weights_parse(file, size, w, err);
}

static void good_headers_are_read(void **state) {
    (void)state;
    gal_weights *w;
    galen_error err = {0};
    unsigned char *keep;
    const char *header =
        "{\"__metadata__\": {\"format\": \"pt\"}, \"b\": {\"dtype\": \"F32\", \"shape\": [2, 1], \"data_offsets\": [3, 11]},"
        " \"a\": {\"dtype\": \"U8\", \"shape\": [3], \"data_offsets\": [0, 3]},"
        " \"none\": {\"dtype\": \"F64\", \"shape\": [0], \"data_offsets\": [11, 11]}}   ";
    assert_ok(parse_safetensors(header, 11, &w, &err, &keep), err);
    assert_int_equal(w->n, 3);
    const galen_tensor *b = gal_weights_find(w, "b");
    const unsigned char expect[] = {3, 4, 5, 6, 7, 8, 9, 10};
    assert_memory_equal(b->data, expect, 8);
    assert_int_equal((uintptr_t)b->data % 4, 0);
    gal_weights_destroy(w);
    free(keep);
}

static void bad_headers_are_named(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t bytes;
        const char *text;
    } bad[] = {
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [0, 4]}, \"b\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [2, 6]}}",
         6, "overlaps"},
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [1, 5]}}", 5, "gap"},
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [0, 4]}}", 6, "belong to no tensor"},
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [0, 4]}}", 3, "outside the file"},
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [4, 0]}}", 4, "outside the file"},
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [-4, 0]}}", 4, "outside the file"},
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [5], \"data_offsets\": [0, 4]}}", 4, "not as long as its shape"},
        {"{\"a\": {\"dtype\": \"F8_E4M3\", \"shape\": [4], \"data_offsets\": [0, 4]}}", 4, "dtype F8_E4M3"},
        {"{\"a\": {\"shape\": [4], \"data_offsets\": [0, 4]}}", 4, "has no dtype"},
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [-4], \"data_offsets\": [0, 4]}}", 4, "not a size"},
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [4611686018427387904, 4], \"data_offsets\": [0, 0]}}", 0, "too large"},
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [1,1,1,1,1,1,1,1,1], \"data_offsets\": [0, 1]}}", 1, "9 dimensions"},
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [4]}}", 4, "data_offsets"},
        {"{\"a\": 3}", 0, "has no dtype"},
        {"{\"a\": {\"dtype\": \"U8\", \"shape\": [0], \"data_offsets\": [0, 0]}, \"a\": {\"dtype\": \"U8\", \"shape\": [0], \"data_offsets\": [0, 0]}}",
         0, "duplicate"},
        {"{\"a\": ", 0, "header is not valid JSON"},
        {"{\"\": {\"dtype\": \"U8\", \"shape\": [0], \"data_offsets\": [0, 0]}}", 0, "name has 0 bytes"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        gal_weights *w;
        galen_error err = {0};
        unsigned char *keep;
        assert_int_not_equal(parse_safetensors(bad[i].header, bad[i].bytes, &w, &err, &keep), GALEN_OK);
        if (!strstr(err.message, bad[i].text)) fail_msg("%s: \"%s\"", bad[i].header, err.message);
        free(keep);
    }
}

static void other_formats_are_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;
    } bad[] = {
        {"", 0, "neither"},
        {"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15, "cut off"},
        {"\x80\x04K\1.", 5, "no checkpoint of torch.save"},
        {"PK\3\4 and then nothing", 22, "zip"},
        {"\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10, "cut off"},
        {"hello world, hello world", 24, "neither"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        galen_error err = {0};
        gal_weights *w = NULL;
        assert_int_not_equal(gal_weights_parse(bad[i].bytes, bad[i].size, &w, &err), GALEN_OK);
        if (!strstr(err.message, bad[i].text)) fail_msg("case %zu: \"%s\"", i, err.message);
    }
}

static void try_parse(const unsigned char *bytes, size_t size) {
    unsigned char *copy = malloc(size ? size : 1);
    galen_error err = {0};
    gal_weights *w = NULL;
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    if (gal_weights_parse(copy, size, &w, &err) != GALEN_OK) assert_true(err.message[0] && !strchr(err.message, '\n'));
    gal_weights_destroy(w);
    free(copy);
}

static void damage_never_crashes(void **state) {
    (void)state;
    static const char *const files[] = {"golden/cxr64-small.state_dict.pt", "models/kan_unordered.safetensors"};
    for (int f = 0; f < 2; f++) {
        size_t size;
        unsigned char *bytes = test_read(test_shared(files[f]), &size);
        gal_rng rng = gal_rng_make(21, (uint64_t)f);
        for (int round = 0; round < 25; round++) {
            try_parse(bytes, gal_rng_u32(&rng) % size);
            size_t at[3];
            for (int k = 0; k < 3; k++) at[k] = round % 2 ? gal_rng_u32(&rng) % 8192 : gal_rng_u32(&rng) % size;
            for (int k = 0; k < 3; k++) bytes[at[k]] ^= 0x10;
            try_parse(bytes, size);
            for (int k = 0; k < 3; k++) bytes[at[k]] ^= 0x10;
        }
        free(bytes);
    }
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    static const char *const files[] = {"golden/cxr64-small.state_dict.pt", "models/kan_unordered.safetensors"};
    for (int f = 0; f < 2; f++) {
        const char *path = test_shared(files[f]);
        test_count_reset();
        gal_weights_destroy(load(path));
        long total = test_allocations();
        for (long n = 1; n <= total; n++) {
            galen_error err = {0};
            gal_weights *w = NULL;
            test_fail_allocation(n, 1);
            galen_status status = gal_weights_load(path, &w, &err);
            test_fail_allocation(0, 0);
            if (status != GALEN_OK) assert_null(w);
            gal_weights_destroy(w);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_equal_the_exported_model),
        cmocka_unit_test(tensors_out_of_header_order_load),
        cmocka_unit_test(good_headers_are_read),
        cmocka_unit_test(bad_headers_are_named),
        cmocka_unit_test(other_formats_are_told_apart),
        cmocka_unit_test(damage_never_crashes),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
