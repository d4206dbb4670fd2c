/* Tables of text. */
#include "support/shared.h"

#include "data/csv.h"

#include <stdlib.h>
#include <string.h>

/* Reads from memory allocated to the byte, so that a read beyond is seen. */
static galen_status read_text(const char *text, size_t n, const gal_csv_limits *limits, gal_csv *csv,
                              galen_error *err) {
    char *copy = malloc(n ? n : 1);
    memcpy(copy, text, n);
    galen_status status = gal_csv_read(copy, n, limits, csv, err);
    free(copy);
    return status;
}

static void test_cells(void **state) {
    (void)state;
    static const char *const same[] = {
        "path,label\na.png,x\n\"b, c.png\",\"he said \"\"y\"\"\"\n",
        "\xef\xbb\xbfpath;label\r\na.png;x\r\n\r\n\"b, c.png\" ;  \"he said \"\"y\"\"\"",
        "path\tlabel\ra.png\t x \rb, c.png\the said \"y\"",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        gal_csv csv;
        galen_error err = {0};
        assert_ok(read_text(same[i], strlen(same[i]), NULL, &csv, &err), err);
        assert_int_equal(csv.columns, 2);
        assert_int_equal(csv.rows, 2);
        assert_string_equal(gal_csv_header(&csv, 0), "path");
        assert_string_equal(gal_csv_cell(&csv, 0, 0), "a.png");
        assert_string_equal(gal_csv_cell(&csv, 0, 1), "x");
        assert_string_equal(gal_csv_cell(&csv, 1, 0), "b, c.png");
        assert_string_equal(gal_csv_cell(&csv, 1, 1), "he said \"y\"");
        assert_int_equal(gal_csv_column(&csv, (const char *const[]){"class", "LABEL", NULL}), 1);
        assert_int_equal(gal_csv_column(&csv, (const char *const[]){"nothing", NULL}), -1);
        gal_csv_free(&csv);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const gal_csv_limits small = {.max_bytes = 64, .max_rows = 2, .max_columns = 3};
    static const struct {
        const char *text;
        galen_status status;
        const char *says;
    } bad[] = {
        {"", GALEN_ERR_FORMAT, "empty"},
        {"\n\r\n", GALEN_ERR_FORMAT, "empty"},
        {"a,b\n", GALEN_ERR_FORMAT, "no rows"},
        {"a,b\n1,2\n1\n", GALEN_ERR_FORMAT, "row 3 has 1 cells"},
        {"a,b\n1,\"2\n", GALEN_ERR_FORMAT, "row 2: a quote"},
        {"a,b\n1,\"2\"x\n", GALEN_ERR_FORMAT, "row 2: text follows"},
        {"a,b,c,d\n", GALEN_ERR_LIMIT, "more than 3 cells"},
        {"a\n1\n2\n3\n", GALEN_ERR_LIMIT, "more than 2 rows"},
        {"a\n0123456789012345678901234567890123456789012345678901234567890123456789", GALEN_ERR_LIMIT, "limit is 64"},
        {"\xff\xfe"
         "a",
         GALEN_ERR_UNSUPPORTED, "UTF-16"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gal_csv csv;
        galen_error err = {0};
        assert_int_equal(read_text(bad[i].text, strlen(bad[i].text), &small, &csv, &err), bad[i].status);
        if (!strstr(err.message, bad[i].says)) fail_msg("'%s' does not say '%s'", err.message, bad[i].says);
        assert_null(csv.text);
    }
    gal_csv csv;
    galen_error err = {0};
    assert_int_equal(read_text("a\n\0b\n", 5, NULL, &csv, &err), GALEN_ERR_FORMAT);
}

static void test_memory(void **state) {
    (void)state;
    static const char text[] = "path,label\na,b\nc,d\n";
    for (long n = 1; n < 100; n++) {
        gal_csv csv;
        galen_error err = {0};
        test_fail_allocation(n, 0);
        galen_status status = gal_csv_read(text, sizeof text - 1, NULL, &csv, &err);
        test_fail_allocation(0, 0);
        if (status == GALEN_OK) {
            gal_csv_free(&csv);
            assert_true(n > 1);
            return;
        }
        assert_int_equal(status, GALEN_ERR_MEMORY);
    }
    fail_msg("never succeeded");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
