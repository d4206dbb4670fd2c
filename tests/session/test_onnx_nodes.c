/*
 * The ONNX backend tests of opset 7 to 17 and those PyTorch exported: every one passes or is refused by name, none is
 * wrong. Each runs as written, after all passes, and at the reference level.
 */
#include "session/onnx_case.h"

#include <dirent.h>
#include <limits.h>

/*
 * Files that contradict themselves: the expected output was made with a nearest_mode that the model does not carry. The
 * same tests in the folder of opset 12 have it.
 */
static const char *const defective[] = {
    "opset11/test_resize_upsample_sizes_nearest_ceil_half_pixel",
    "opset11/test_resize_upsample_sizes_nearest_floor_align_corners",
    "opset11/test_resize_upsample_sizes_nearest_round_prefer_ceil_asymmetric",
};
enum { DEFECTIVE = sizeof defective / sizeof defective[0] };

typedef struct tally {
    int pass, refused, wrong, defective;
    double worst;
} tally;

static gal_pool *pool;

static void extract(const char *archive) {
    char command[2 * PATH_MAX];
    snprintf(command, sizeof command, "tar xzf '%s' -C '%s'", test_shared(archive), test_tmp());
    assert_int_equal(system(command), 0);
}

static bool is_defective(const char *folder) {
    for (size_t i = 0; i < DEFECTIVE; i++)
        if (strcmp(folder + strlen(test_tmp()) + 1, defective[i]) == 0) return true;
    return false;
}

static void run_one(const char *folder, bool optimise, gal_isa isa, tally *t) {
    onnx_case c;
    if (is_defective(folder)) {
        t->defective++;
        return;
    }
    switch (case_run(&c, folder, optimise, isa, pool)) {
    case CASE_PASS: t->pass++; break;
    case CASE_REFUSED:
        t->refused++;
        if (!optimise) print_message("refused %s: %s\n", folder + strlen(test_tmp()), c.err.message);
        break;
    default:
        t->wrong++;
        print_message("WRONG %s: %s\n", folder + strlen(test_tmp()), c.err.message);
        break;
    }
    if (c.worst > t->worst) t->worst = c.worst;
    case_close(&c);
}

/* All test folders of one opset. */
static void run_folder(const char *name, bool optimise, gal_isa isa, tally *t) {
    char path[PATH_MAX];
    struct dirent **entry;
    snprintf(path, sizeof path, "%s/%s", test_tmp(), name);
    int n = scandir(path, &entry, NULL, alphasort);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", test_tmp(), name, entry[i]->d_name);
        if (strncmp(entry[i]->d_name, "test_", 5) == 0) run_one(path, optimise, isa, t);
        free(entry[i]);
    }
    free(entry);
}

static tally run_opsets(bool optimise, gal_isa isa) {
    tally t = {0};
    char name[16];
    for (int opset = 7; opset <= 17; opset++) {
        snprintf(name, sizeof name, "opset%02d", opset);
        run_folder(name, optimise, isa, &t);
    }
    print_message(
        "%d pass, %d refused by name, %d wrong, %d contradict themselves; largest relative error of f32 %.2g\n", t.pass,
        t.refused, t.wrong, t.defective, t.worst);
    return t;
}

static void check_nodes(bool optimise, gal_isa isa) {
    tally t = run_opsets(optimise, isa);
    assert_int_equal(t.pass + t.refused + t.wrong + t.defective, 1707);
    assert_int_equal(t.defective, DEFECTIVE);
    assert_int_equal(t.wrong, 0);
    assert_true(t.pass * 100 >= 1707 * 95);
}

static void nodes_as_written(void **state) {
    (void)state;
    extract("onnx/node_opset07-17.tar.gz");
    check_nodes(false, GAL_ISA_REFERENCE);
}

static void nodes_after_passes(void **state) {
    (void)state;
    extract("onnx/node_opset07-17.tar.gz");
    check_nodes(true, gal_session_default_options().isa);
}

static void layers_from_pytorch(void **state) {
    (void)state;
    extract("onnx/pytorch_converted.tar.gz");
    for (int optimise = 0; optimise < 2; optimise++) {
        tally t = {0};
        run_folder("pytorch-converted", optimise, optimise ? gal_session_default_options().isa : GAL_ISA_REFERENCE, &t);
        print_message("%d pass, %d refused, %d wrong; largest relative error %.2g\n", t.pass, t.refused, t.wrong,
                      t.worst);
        assert_int_equal(t.pass, 82);
        assert_int_equal(t.wrong + t.refused, 0);
    }
}

static int make_pool(void **state) {
    galen_error err;
    (void)state;
    return gal_pool_create(2, &pool, &err) == GALEN_OK ? 0 : -1;
}

static int drop_pool(void **state) {
    (void)state;
    gal_pool_destroy(pool);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_as_written),
        cmocka_unit_test(nodes_after_passes),
        cmocka_unit_test(layers_from_pytorch),
    };
    return cmocka_run_group_tests(tests, make_pool, drop_pool);
}
