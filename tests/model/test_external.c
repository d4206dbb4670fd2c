/* External data: read from the model's own folder, and from nowhere else. */
#include "model/onnx.h"
#include "proto.h"
#include "support/shared.h"

#include <stdio.h>
#include <unistd.h>

static gal_buf external(const char *location, const char *offset, const char *length) {
    gal_buf t = pb_tensor("w", 4, 1);
    const char *pair[][2] = {{"location", location}, {"offset", offset}, {"length", length}};
    for (int i = 0; i < 3; i++) {
        gal_buf e = pb_new();
        if (!pair[i][1]) continue;
        pb_text(&e, 1, pair[i][0]);
        pb_text(&e, 2, pair[i][1]);
        pb_nest(&t, 13, e);
    }
    pb_int(&t, 14, 1);
    return pb_with_initializer(t);
}

static void write_file(const char *path, const void *data, size_t n) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

static galen_status load_external(const char *location, const char *offset, const char *length, gal_model **m,
                                  galen_error *err) {
    char path[512];
    snprintf(path, sizeof path, "%s/model.onnx", test_tmp());
    gal_buf b = external(location, offset, length);
    write_file(path, b.data, b.size);
    gal_buf_free(&b);
    *m = NULL;
    return gal_onnx_load(path, NULL, m, err);
}

static void external_data_stays_in_the_folder(void **state) {
    (void)state;
    char path[512];
    float values[6] = {0, 0, 1, 2, 3, 4};
    galen_error err = {0};
    gal_model *m;
    snprintf(path, sizeof path, "%s/weights.bin", test_tmp());
    write_file(path, values, sizeof values);
    assert_ok(load_external("weights.bin", "8", "16", &m, &err), err);
    assert_memory_equal(gal_graph_find(m->graph, "w")->constant->data, values + 2, 16);
    assert_int_equal(m->n_file, 2);
    gal_model_destroy(m);
    assert_ok(load_external("./weights.bin", "1", NULL, &m, &err), err);
    gal_model_destroy(m);
    snprintf(path, sizeof path, "%s/leak", test_tmp());
    unlink(path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    static const struct {
        const char *location, *offset, *length, *text;
    } bad[] = {
        {"/etc/passwd", NULL, NULL, "inside the model's folder"},
        {"../weights.bin", NULL, NULL, "inside the model's folder"},
        {"a/../../x", NULL, NULL, "inside the model's folder"},
        {"leak", NULL, NULL, "leads out of"},
        {"gone.bin", NULL, NULL, "cannot be found"},
        {"weights.bin", "12", "16", "too early"},
        {"weights.bin", "-1", NULL, "not a number"},
        {"weights.bin", "99999999999999999999", NULL, "not a number"},
        {"weights.bin", "18446744073709551615", NULL, ""},
        {"weights.bin", "0", "8", "where its shape needs 16"},
        {"", NULL, NULL, "inside the model's folder"},
        {NULL, NULL, NULL, "without a location"},
        {".", NULL, NULL, ""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_not_equal(load_external(bad[i].location, bad[i].offset, bad[i].length, &m, &err), GALEN_OK);
        if (!strstr(err.message, bad[i].text)) fail_msg("case %zu: \"%s\"", i, err.message);
    }
    unlink(path);
    gal_buf b = external("weights.bin", "8", "16");
    assert_int_equal(gal_onnx_parse(b.data, b.size, NULL, &m, &err), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "from its file, not from memory"));
    gal_buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(external_data_stays_in_the_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
