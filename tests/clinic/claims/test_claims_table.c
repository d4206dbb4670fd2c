/* Tables of claims: every way to write one, what is refused, and what an audit says of rows, speed and sums. */
#include "support/shared.h"

#include "clinic/claims/claims_audit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static galen_error err;

/* From memory allocated to the byte, so that a read beyond is seen. */
static galen_status parse(const char *text, gal_claim_table *out) {
    size_t n = strlen(text);
    char *copy = malloc(n ? n : 1);
    memcpy(copy, text, n);
    galen_status status = gal_claim_table_parse(copy, n, out, &err);
    free(copy);
    return status;
}

static void test_forms(void **state) {
    static const char *const same[] = {
        "name,n_positive,n_negative,sensitivity,auc\nA,100,200,95.0,0.97\nB,100,200,90.5,0.93\n",
        "\xef\xbb\xbfName;N+;n-;Recall (%);AUROC\r\nA;100;200;95,0;0,97\r\n\r\n\"B\";100;200;90,5;0,93",
        "model\tpositives\tnegatives\ttrue positive rate\troc_auc\nA\t100\t200\t95.0 %\t0.97\nB\t100\t200\t90.5%\t0.93",
        "name,npos,nneg,sensitivity_pct,AUC\nA,100,200,\"95,0\",\"0,97\"\nB,100,200,\"90,5\",\"0,93\"\n",
        "[{\"name\": \"A\", \"n_positive\": 100, \"n_negative\": 200, \"sensitivity\": \"95.0\", \"auc\": 0.97},\n"
        " {\"auc\": 0.93, \"name\": \"B\", \"n_positive\": 100, \"n_negative\": \"200\", \"sensitivity\": 90.5}]",
        " {\"rows\": [{\"name\": \"A\", \"n_positive\": 100, \"n_negative\": 200, \"sensitivity\": \"95.0 %\", \"auc\": 0.97},"
        "{\"name\": \"B\", \"n_positive\": 100, \"n_negative\": 200, \"sensitivity\": 90.5, \"auc\": 0.93, \"npv\": null}]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        gal_claim_table t;
        assert_ok(parse(same[i], &t), err);
        assert_int_equal(t.n_rows, 2);
        assert_true(t.percent[GAL_CLAIM_SENSITIVITY] && !t.percent[GAL_CLAIM_AUC] && t.n_ignored == 0);
        gal_claim_set set = gal_claim_row_set(&t, &t.row[0]);
        assert_int_equal(set.positives, 100);
        assert_int_equal(set.negatives, 200);
        assert_int_equal(set.claim[GAL_CLAIM_SENSITIVITY].units, 950);
        assert_int_equal(set.claim[GAL_CLAIM_SENSITIVITY].decimals, 1);
        assert_int_equal(t.row[1].value[GAL_CLAIM_AUC].units, 93);
        assert_false(t.row[1].value[GAL_CLAIM_NPV].given);
        assert_string_equal(t.row[1].name, "B");
        gal_claim_table_free(&t);
    }
}

static void test_refused(void **state) {
    static const struct {
        const char *text, *says;
        galen_status status;
    } bad[] = {
        {"", "empty", GALEN_ERR_FORMAT},
        {"a,b\n1,2\n", "no column is known", GALEN_ERR_FORMAT},
        {"accuracy,n_positive,n_negative\n0.9,10,ten\n", "row 2: n_negative 'ten' is not a number", GALEN_ERR_FORMAT},
        {"accuracy,n_positive,n_negative\n0.9,10,10\n0.9,0,10\n", "row 3: n_positive '0' is not a whole",
         GALEN_ERR_FORMAT},
        {"accuracy,n_positive,n_negative\n0.9,10.5,10\n", "row 2: n_positive '10.5' is not a whole", GALEN_ERR_FORMAT},
        {"accuracy,acc\n0.9,0.9\n", "two columns mean the same, the second is 'acc'", GALEN_ERR_FORMAT},
        {"accuracy,n+,n-\n0.9,10,10\n95,10,10\n", "above 1 in row 3 and not in row 2", GALEN_ERR_FORMAT},
        {"throughput\n\"1,234\"\n", "row 2: throughput '1,234' may mean thousands", GALEN_ERR_FORMAT},
        {"latency_ms\n0\n", "row 2: latency_ms '0' must be above 0", GALEN_ERR_FORMAT},
        {"latency_ms\n-5\n", "row 2: latency_ms '-5' must be above 0", GALEN_ERR_FORMAT},
        {"accuracy\n0.9\n0.9,1\n", "row 3 has 2 cells", GALEN_ERR_FORMAT},
        {"[]", "no rows", GALEN_ERR_FORMAT},
        {"[{}]", "rows are empty", GALEN_ERR_FORMAT},
        {"[1]", "row 1 is not an object", GALEN_ERR_FORMAT},
        {"{\"a\": 1}", "no array \"rows\"", GALEN_ERR_FORMAT},
        {"[{\"accuracy\": 0.9}, {\"accuracy\": [1]}]", "row 2: accuracy is neither", GALEN_ERR_FORMAT},
        {"[{\"accuracy\": 1e300}]", "row 1: accuracy is neither", GALEN_ERR_FORMAT},
        {"[{\"accuracy\": 0.9, \"accuracy\": 0.8}]", "line 1", GALEN_ERR_FORMAT},
        {"[{\"accuracy\": 0.9}", "line 1", GALEN_ERR_FORMAT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gal_claim_table t;
        assert_int_equal(parse(bad[i].text, &t), bad[i].status);
        if (!strstr(err.message, bad[i].says)) fail_msg("'%s' does not say '%s'", err.message, bad[i].says);
        assert_null(t.row);
    }
}

static void test_limits(void **state) {
    (void)state;
    gal_claim_table t;
    size_t n = 6 * 10001 + 16;
    char *text = malloc(n);
    size_t at = (size_t)snprintf(text, n, "fps\n");
    for (int i = 0; i < 10001; i++) at += (size_t)snprintf(text + at, n - at, "%d\n", i % 1000 + 1);
    assert_int_equal(gal_claim_table_parse(text, at, &t, &err), GALEN_ERR_LIMIT);
    assert_non_null(strstr(err.message, "10000 rows"));
    free(text);
    assert_int_equal(gal_claim_table_load("tests/clinic/no-such.csv", &t, &err), GALEN_ERR_IO);
    assert_non_null(strstr(err.message, "no-such.csv"));
}

/* ---- audits ---- */

typedef struct audited {
    gal_claim_table table;
    gal_audit audit;
} audited;

static void audit_text(const char *text, audited *out) {
    assert_ok(parse(text, &out->table), err);
    assert_ok(gal_audit_run(&out->table, GAL_ROUND_NEAREST, NULL, &out->audit, &err), err);
}

static void end_audit(audited *a) {
    gal_audit_free(&a->audit);
    gal_claim_table_free(&a->table);
}

static int count_remarks(const audited *a, gal_remark_kind kind, size_t row) {
    int n = 0;
    for (size_t k = 0; k < a->audit.row[row].n_remarks; k++)
        n += a->audit.remark[a->audit.row[row].first_remark + k].kind == kind;
    return n;
}

static const char *remark_text(const audited *a, size_t row, size_t k) {
    assert_true(k < a->audit.row[row].n_remarks);
    return a->audit.remark[a->audit.row[row].first_remark + k].text;
}

static void test_claims(void **state) {
    (void)state;
    audited a;
    audit_text("name,n+,n-,sensitivity,specificity,accuracy,target_sensitivity\n"
               "fits,390,234,95.9,86.8,92.5,93\nodd,390,234,98.46,93.1,95.8,\nunsure,390,234,95.9,86.8,92.5,95\n"
               "poor,390,234,95.9,86.8,92.5,99\n",
               &a);
    assert_int_equal(a.audit.n_impossible, 1);
    assert_true(a.audit.row[1].impossible && a.audit.row[1].claims.matrices == 0);
    assert_int_equal(a.audit.row[0].met[GAL_CLAIM_SENSITIVITY], GAL_VERDICT_PASS);
    assert_int_equal(a.audit.row[2].met[GAL_CLAIM_SENSITIVITY], GAL_VERDICT_INSUFFICIENT);
    assert_int_equal(a.audit.row[3].met[GAL_CLAIM_SENSITIVITY], GAL_VERDICT_FAIL);
    assert_non_null(strstr(remark_text(&a, 1, 0), "specificity 93.1 % fits no count"));
    assert_non_null(strstr(remark_text(&a, 1, 0), "nearest is 93.162 %"));
    assert_non_null(strstr(remark_text(&a, 2, 0), "is not shown to meet the target 95.000 %"));
    assert_non_null(strstr(remark_text(&a, 3, 0), "misses"));
    end_audit(&a);
    assert_ok(parse("accuracy,n+,n-\n0.9,10,10\n0.9,,10\n", &a.table), err);
    assert_int_equal(gal_audit_run(&a.table, GAL_ROUND_NEAREST, NULL, &a.audit, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "row 3 has claims and no numbers of cases"));
    gal_claim_table_free(&a.table);
    assert_ok(parse("accuracy,n+,n-\n0.9,10,10\n0.9,99999999,10\n", &a.table), err);
    assert_int_equal(gal_audit_run(&a.table, GAL_ROUND_NEAREST, NULL, &a.audit, &err), GALEN_ERR_LIMIT);
    assert_non_null(strstr(err.message, "row 3"));
    gal_claim_table_free(&a.table);
}

/* A batch of 8 in 20 ms is 400 a second; 19.5 to 20.5 ms leave 390.2 to 410.3. */
static void test_throughput(void **state) {
    (void)state;
    audited a;
    audit_text("name,batch,latency_ms,throughput,streams\n"
               "right,8,20,400,\nright,8,20,410,1\nfast,8,20,420,\nslow,8,20,300,\nstreams,8,20,800,2\nimage,8,20,50,\n"
               "none,,20,50,\n",
               &a);
    assert_int_equal(a.audit.n_impossible, 1);
    assert_true(a.audit.row[2].impossible && count_remarks(&a, GAL_REMARK_THROUGHPUT, 2) == 1);
    assert_true(!a.audit.row[3].impossible && count_remarks(&a, GAL_REMARK_THROUGHPUT, 3) == 1);
    assert_int_equal(a.audit.row[4].n_remarks, 0);
    assert_non_null(strstr(remark_text(&a, 5, 0), "the latency may be an image's"));
    assert_int_equal(count_remarks(&a, GAL_REMARK_UNCHECKED, 6), 1);
    assert_true(fabs(a.audit.row[2].throughput.low - 8 / 0.0205) < 1e-9);
    end_audit(&a);
}

static void test_speedup(void **state) {
    (void)state;
    audited a;
    audit_text("source,name,batch,hardware,throughput,speedup,baseline\n"
               "x,f32,64,H,1946,1,\nx,bf16,64,H,9502,4.88x,\nx,int8,64,H,13158,7.5,\nx,b1,1,G,1838,0.9,\n"
               "y,first,1,H,100,,\ny,second,1,H,250,2.5\xc3\x97,first\ny,third,1,H,250,2.5,nobody\n",
               &a);
    assert_int_equal(a.audit.n_impossible, 1);
    assert_true(a.audit.row[2].impossible && count_remarks(&a, GAL_REMARK_SPEEDUP, 2) == 1);
    assert_true(a.audit.row[0].n_remarks == 0 && a.audit.row[1].n_remarks == 0 && a.audit.row[5].n_remarks == 0);
    assert_int_equal(count_remarks(&a, GAL_REMARK_UNLIKE, 3), 2);
    assert_non_null(strstr(remark_text(&a, 6, 0), "no row is called 'nobody'"));
    end_audit(&a);
}

static void test_sums(void **state) {
    (void)state;
    audited a;
    audit_text(
        "name,hardware_cost,staff,total\none,1200,$800.50,2000.5\ntwo,1200,800,2100\nthree,0.3,0.3,0.7\nfour,,,5\n",
        &a);
    assert_int_equal(a.table.n_parts, 2);
    assert_int_equal(a.audit.n_impossible, 1);
    assert_true(a.audit.row[1].impossible && a.audit.row[3].n_remarks == 0);
    assert_true(a.audit.row[1].sum.low == 1999 && a.audit.row[1].sum.high == 2001);
    end_audit(&a);
    audit_text(
        "item;quantity;unit price;cost\nserver;2;1500,00;3000,00\npower;8760;0,30;2628,00\ntravel;3;99,50;300,00\n"
        "Subtotal;;;5928,00\nTotal;;;5928,00\n",
        &a);
    assert_int_equal(a.audit.n_impossible, 1); /* 3 x 99.50 = 298.50; the power's price leaves 8760 x 0.005 of room */
    assert_true(a.audit.row[2].impossible && !a.audit.row[4].impossible);
    end_audit(&a);
    audit_text("item,cost\nserver,3000\npower,2628\ntotal,6628\n", &a);
    assert_true(a.audit.row[2].impossible);
    end_audit(&a);
}

static void test_rows(void **state) {
    (void)state;
    audited a;
    audit_text("source,name,n+,n-,sensitivity,specificity,accuracy,site\n"
               "p,old,1000,1000,0.90,0.90,0.90,A\np,new,1000,1000,0.92,0.92,0.88,A\np,old,1000,1000,0.91,0.91,0.91,A\n"
               "p,old,1000,1000,0.93,0.93,0.93,B\n",
               &a);
    assert_int_equal(count_remarks(&a, GAL_REMARK_CHANGE, 1), 1);
    assert_int_equal(count_remarks(&a, GAL_REMARK_DUPLICATE, 2), 1);
    assert_int_equal(a.audit.row[3].n_remarks, 0); /* of another site */
    assert_int_equal(a.table.n_ignored, 1);
    json_t *root = gal_audit_json(&a.audit);
    assert_int_equal(json_integer_value(json_object_get(root, "impossible_rows")), 2);
    json_t *row = json_array_get(json_object_get(root, "rows"), 1);
    assert_true(json_is_false(json_object_get(row, "possible")));
    assert_true(json_array_size(json_object_get(row, "remarks")) >= 2);
    json_decref(root);
    end_audit(&a);
}

static void test_targets(void **state) {
    (void)state;
    double t[GAL_N_CLAIMS];
    assert_ok(gal_claim_targets("sensitivity=0.95,AUC=97%,Precision=90", t, &err), err);
    assert_true(t[GAL_CLAIM_SENSITIVITY] == 0.95 && t[GAL_CLAIM_AUC] == 0.97 && t[GAL_CLAIM_PPV] == 0.9 &&
                isnan(t[GAL_CLAIM_NPV]));
    assert_ok(gal_claim_targets("", t, &err), err);
    static const char *const bad[] = {"sensitivity", "speed=3", "auc=", "auc=x", "=0.9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(gal_claim_targets(bad[i], t, &err), GALEN_ERR_ARGUMENT);
}

/* The tables that ship. */
static void test_examples(void **state) {
    static const struct {
        const char *file;
        size_t rows, impossible;
    } example[] = {
        {"published.csv", 3, 3}, {"galen-default.csv", 2, 0}, {"galen-speed.csv", 6, 0}, {"costs.json", 4, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof example / sizeof *example; i++) {
        char path[128];
        audited a;
        snprintf(path, sizeof path, "examples/claims/%s", example[i].file);
        assert_ok(gal_claim_table_load(path, &a.table, &err), err);
        assert_ok(gal_audit_run(&a.table, GAL_ROUND_NEAREST, NULL, &a.audit, &err), err);
        assert_int_equal(a.audit.n_impossible, example[i].impossible);
        assert_int_equal(a.table.n_rows, example[i].rows);
        end_audit(&a);
    }
}

static void test_memory(void **state) {
    static const char *const text[] = {"name,n+,n-,accuracy,throughput,batch,latency_ms,a,total\nA,5,5,91,8,1,2,3,4\n",
                                       "[{\"name\": \"A\", \"n_positive\": 5, \"n_negative\": 5, \"accuracy\": 0.91}]"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        long n = 1;
        for (bool done = false; !done && n < 400; n++) {
            audited a = {0};
            galen_error why = {0};
            test_fail_allocation(n, 0);
            galen_status status = gal_claim_table_parse(text[i], strlen(text[i]), &a.table, &why);
            if (status == GALEN_OK) status = gal_audit_run(&a.table, GAL_ROUND_NEAREST, NULL, &a.audit, &why);
            json_t *root = status == GALEN_OK ? gal_audit_json(&a.audit) : NULL;
            test_fail_allocation(0, 0);
            done = root != NULL;
            json_decref(root);
            /* Jansson's own reader calls a failed allocation a wrong text. */
            if (status != GALEN_OK && status != GALEN_ERR_MEMORY && i == 0) fail_msg("%s", why.message);
            end_audit(&a);
        }
        assert_in_range(n, 3, 399);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),    cmocka_unit_test(test_refused),    cmocka_unit_test(test_limits),
        cmocka_unit_test(test_claims),   cmocka_unit_test(test_throughput), cmocka_unit_test(test_speedup),
        cmocka_unit_test(test_sums),     cmocka_unit_test(test_rows),       cmocka_unit_test(test_targets),
        cmocka_unit_test(test_examples), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
