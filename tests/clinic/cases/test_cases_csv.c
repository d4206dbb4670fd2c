/* Cases in tables: what columns mean, and each way they can be wrong. */
#include "clinic/cases/cases_read.h"

#include "support/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From memory allocated to the byte, so that a read beyond is seen. */
static galen_status parse(const char *text, const gal_case_options *options, gal_case_set *out, galen_error *err) {
    size_t n = strlen(text);
    char *copy = malloc(n);
    memcpy(copy, text, n);
    galen_status status = gal_cases_parse_csv(copy, n, options, out, err);
    free(copy);
    return status;
}

static void read(const char *text, const gal_case_options *options, gal_case_set *out) {
    galen_error err;
    assert_ok(parse(text, options, out, &err), err);
}

static void assert_binary(const char *text, const char *positive, const char *negative) {
    gal_case_set set;
    read(text, NULL, &set);
    assert_int_equal(set.kind, GAL_CASE_BINARY);
    assert_int_equal(set.count, 3);
    assert_string_equal(set.class_name[0], positive);
    if (negative)
        assert_string_equal(set.negative, negative);
    else
        assert_null(set.negative);
    static const uint8_t truth[] = {1, 0, 1};
    static const double probability[] = {0.75, 0.25, 1};
    assert_memory_equal(set.positive, truth, sizeof truth);
    assert_memory_equal(set.probability, probability, sizeof probability);
    gal_case_set_free(&set);
}

static void test_notations(void **state) {
    (void)state;
    assert_binary("id,label,probability\na,1,0.75\nb,0,.25\nc,1,1\n", "1", "0");
    assert_binary("\xef\xbb\xbfID;Label;Score\r\na;1;0,75\r\nb;0;0,25\r\nc;1;1\r\n", "1", "0");
    assert_binary("case\ty_true\tp\na\tyes\t0.75\nb\tno\t0.25\nc\tyes\t1e0\n", "yes", "no");
    assert_binary("\"id\",\"diagnosis\",\"prob\"\n\"a, b\",\"PNEUMONIA\",\"0.75\"\n\"b\",\"NORMAL\",\"0.25\"\n"
                  "c,PNEUMONIA,\"1\"",
                  "PNEUMONIA", "NORMAL");
    assert_binary("id,label,probability\na,1.0,\"0,75\"\nb,0.0,\"0,25\"\nc,1.0,1\n", "1", "0");
    assert_binary("id,label,prob_flu\na,flu,0.75\nb,cold,0.25\nc,flu,1\n", "flu", "cold");
    assert_binary("id,label,flu_prob\na,1,0.75\nb,0,0.25\nc,1,1\n", "flu", "0");
    assert_binary("id,label_flu,p_flu\na,1,0.75\nb,0,0.25\nc,1,1\n", "flu", NULL);
    assert_binary("id,label,prob_0,prob_1\na,1,0.25,0.75\nb,0,0.75,0.25\nc,1,0,1\n", "1", "0");
}

static void test_logits(void **state) {
    (void)state;
    gal_case_set set;
    read("label,logit\n1,2\n0,-2\n", NULL, &set);
    assert_true(set.logits && set.score[0] == 2);
    assert_true(set.probability[0] > 0.8807 && set.probability[0] < 0.8808);
    assert_string_equal(set.id[1], "row 3");
    gal_case_set_free(&set);
    read("label,logit_no,logit_yes\nyes,1,3\nno,0.5,-1\n", NULL, &set);
    assert_int_equal(set.kind, GAL_CASE_BINARY);
    assert_true(set.score[0] == 2 && set.score[1] == -1.5 && set.positive[0] == 1 && set.positive[1] == 0);
    assert_string_equal(set.class_name[0], "yes");
    gal_case_set_free(&set);
}

static void test_positive(void **state) {
    (void)state;
    gal_case_set set;
    galen_error err;
    static const char text[] = "label,score\ncat,0.5\ndog,0.25\n";
    assert_int_equal(parse(text, NULL, &set, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "the labels are 'cat' and 'dog': say which is the positive one"));
    read(text, &(gal_case_options){.positive = "dog"}, &set);
    assert_true(set.positive[0] == 0 && set.positive[1] == 1);
    assert_string_equal(set.negative, "cat");
    gal_case_set_free(&set);
    assert_int_equal(parse(text, &(gal_case_options){.positive = "cow"}, &set, &err), GALEN_ERR_ARGUMENT);
}

static void test_several_classes(void **state) {
    (void)state;
    gal_case_set set;
    read("id,label,prob_a,prob_b,prob_c\n1,b,0.2,0.5,0.3\n2,c,0,0,1\n3,0,1,0,0\n", NULL, &set);
    assert_int_equal(set.kind, GAL_CASE_MULTICLASS);
    assert_int_equal(set.classes, 3);
    assert_string_equal(set.class_name[2], "c");
    static const uint32_t label[] = {1, 2, 0};
    assert_memory_equal(set.label, label, sizeof label);
    assert_true(set.score[2] == 0.3 && set.score[3] == 0);
    gal_case_set_free(&set);

    static const uint8_t truth[] = {1, 1, 0, 0, 0, 1};
    read("id,label,p:a,p:b\n1,a|b,0.9,0.5\n2,No Finding,0,0\n3,b,1,0\n", NULL, &set);
    assert_int_equal(set.kind, GAL_CASE_MULTILABEL);
    assert_memory_equal(set.positive, truth, sizeof truth);
    gal_case_set_free(&set);
    read("id,prob_a,prob_b,true_b,A\n1,0.9,0.5,1,1\n2,0,0,0,0\n3,1,0,1,0\n", NULL, &set);
    assert_int_equal(set.kind, GAL_CASE_MULTILABEL);
    assert_memory_equal(set.positive, truth, sizeof truth);
    assert_int_equal(set.attributes, 0);
    gal_case_set_free(&set);
}

static void test_groups(void **state) {
    (void)state;
    static const char text[] = "id,Patient ID,label,score,sex,split,image\n"
                               "1,x,1,0.5,F,test,a.png\n2,y,0,0.5,M,val,b.png\n3,x,0,0.5,,TEST,c.png\n";
    gal_case_set set;
    galen_error err;
    read(text, NULL, &set);
    assert_int_equal(set.patients, 2);
    assert_int_equal(set.patient[2], 0);
    assert_int_equal(set.attributes, 2);
    assert_string_equal(set.attribute[0].name, "sex");
    assert_true(set.attribute[0].of[2] == GAL_NO_LEVEL);
    assert_string_equal(set.path[1], "b.png");
    gal_case_set_free(&set);
    read(text, &(gal_case_options){.split = GAL_SPLIT_TEST, .patient = "sex"}, &set);
    assert_int_equal(set.count, 2);
    assert_string_equal(set.id[1], "3");
    assert_int_equal(set.patients, 2);
    gal_case_set_free(&set);
    assert_int_equal(parse(text, &(gal_case_options){.split = GAL_SPLIT_TRAIN}, &set, &err), GALEN_ERR_FORMAT);
    assert_int_equal(parse("label,score\n1,1\n0,0\n", &(gal_case_options){.split = GAL_SPLIT_TEST}, &set, &err),
                     GALEN_ERR_ARGUMENT);
    assert_int_equal(parse(text, &(gal_case_options){.patient = "nobody"}, &set, &err), GALEN_ERR_ARGUMENT);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"id,label,probability\na,1,0.75\nb,0,1.5\n", "row 3: the probability of '1' is 1.5, outside 0 to 1"},
        {"id,label,probability\na,1,0.75\n\nb,0,-0.1\n", "row 4: the probability of '1' is -0.1, outside 0 to 1"},
        {"id,label,probability\na,1,0.75\nb,0,NaN\n", "row 3: the score 'probability' is NaN"},
        {"id,label,probability\na,1,0.75\nb,0,\n", "row 3: the score 'probability' is missing"},
        {"id,label,probability\na,1,0.75\nb,0,inf\n", "row 3: the score 'probability' is 'inf', which is no number"},
        {"id,label,probability\na,1,75%\nb,0,25%\n", "row 2: the score 'probability' is '75%', which is no number"},
        {"id,label,probability\na,1,0.75\nb,,0.5\n", "row 3: there is no label"},
        {"id,label,probability\na,1,0.75\nb,n/a,0.5\n", "row 3: there is no label but n/a"},
        {"id,label,probability\na,1,0.75\nb,1,0.5\n", "all 2 cases are positive: AUC, specificity"},
        {"id,label,probability\na,0,0.75\nb,0,0.5\n", "all 2 cases are negative: AUC, sensitivity"},
        {"id,label,probability\na,x,0.75\nb,x,0.5\n", "all 2 cases have the label 'x'"},
        {"id,label,probability\na,1,0.75\nb,0,0.5\na,0,0.5\n", "row 4: the id 'a' stands in row 2 already"},
        {"id,label,probability\na,1,0.75\n,0,0.5\n", "row 3: the cell 'id' is empty"},
        {"id,label,probability\na,1,0.75\nb,0,0.5\nc,2,0.5\n", "row 4: the label '2' is the third beside '1' and '0'"},
        {"id,label,probability\na,1,0.75\nb,0\n", "row 3 has 2 cells, the header 3"},
        {"id;label;p\na;1;0,75\nb;0;0.5\n", "row 3: '0.5': numbers are written with a point and with a comma"},
        {"id;label;p\na;1;1,000,5\nb;0;0\n", "row 2: the score 'p' is '1,000,5', which is no number"},
        {"id,label,prob_a,prob_b\n1,a,0.5,0.5\n2,c,0.5,0.5\n", "row 3: the label 'c' is none of the 2 classes"},
        {"id,label,prob_a,prob_b\n1,a,0.5,0.5\n2,b,0.5,0.1\n", "row 3: the probabilities of the classes add up to 0.6"},
        {"id,label,prob_a,prob_b\n1,a,0.5,0.5\n2,a,0.5,0.5\n", "all 2 cases are of the class 'a'"},
        {"id,label,prob_a,prob_b\n1,a|b,0.5,0.5\n2,c,0.5,0.5\n", "row 3: the label 'c' is none of the 2 classes"},
        {"id,prob_a,prob_b,label_a\n1,0.5,0.5,1\n", "no column of true labels of 'b'"},
        {"id,prob_a,prob_b,a,b\n1,0.5,0.5,1,2\n", "row 2: the label 'b' is '2': 0 or 1 is needed"},
        {"id,label,prob_a,logit_b\n1,a,0.5,0.5\n", "'prob_a' and 'logit_b' are probabilities and logits"},
        {"id,label,prob_a,p_a\n1,a,0.5,0.5\n", "two columns are scores of 'a'"},
        {"id,label,score,logit\n1,1,0.5,0.5\n", "there are columns 'score' and 'logit'"},
        {"id,label\n1,1\n", "there is no column of scores"},
        {"id,score\n1,1\n", "there is no column of true labels"},
        {"id,label,score,sex,sex\n1,1,1,F,F\n2,0,0,M,M\n", "two columns are called 'sex'"},
        {"id,label,score\n\xe9,1,1\nb,0,0\n", "the name of the case in row 2 is not UTF-8 text"},
        {"id,label,score,sex\na,1,1,\xe9\nb,0,0,\n", "sex is not UTF-8 text"},
        {"id,label,score\n", "a header and no rows"},
        {"", "the table is empty"},
        {"\xff\xfei\0d\0", "UTF-16"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gal_case_set set;
        galen_error err;
        if (parse(bad[i].text, NULL, &set, &err) == GALEN_OK) fail_msg("accepted: %s", bad[i].text);
        if (strstr(err.message, bad[i].says) == NULL) fail_msg("'%s' does not say '%s'", err.message, bad[i].says);
        assert_int_equal(set.count, 0);
    }
}

static void test_no_memory(void **state) {
    (void)state;
    static const char text[] = "id,patient,label,prob_a,prob_b,sex\n1,x,a,0.5,0.5,F\n2,y,b,0.5,0.5,M\n";
    gal_case_set set;
    galen_error err;
    test_count_reset();
    assert_ok(gal_cases_parse_csv(text, sizeof text - 1, NULL, &set, &err), err);
    gal_case_set_free(&set);
    long all = test_allocations();
    for (long n = 1; n <= all; n++) {
        test_fail_allocation(n, 0);
        galen_status status = gal_cases_parse_csv(text, sizeof text - 1, NULL, &set, &err);
        test_fail_allocation(0, 0);
        assert_int_equal(status, GALEN_ERR_MEMORY);
        assert_int_equal(set.count, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notations),       cmocka_unit_test(test_logits), cmocka_unit_test(test_positive),
        cmocka_unit_test(test_several_classes), cmocka_unit_test(test_groups), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
