/* UTF-8 of untrusted bytes, and base64. */
#include "base/base64.h"
#include "base/utf8.h"
#include "support/shared.h"

#include <string.h>

static void lengths(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } sample[] = {
        {"", 0},
        {"a", 1},
        {"\xc3\xa9", 2},         /* e with acute */
        {"\xe2\x82\xac", 3},     /* euro */
        {"\xf0\x9f\xa9\xbb", 4}, /* X-ray */
        {"\xef\xbf\xbf", 3},     /* U+FFFF */
        {"\xf4\x8f\xbf\xbf", 4}, /* U+10FFFF */
        {"\xf4\x90\x80\x80", 0}, /* beyond it */
        {"\xc0\xaf", 0},         /* overlong */
        {"\xe0\x80\xaf", 0},     /* overlong */
        {"\xed\xa0\x80", 0},     /* surrogate */
        {"\x80", 0},             /* continuation */
        {"\xe2\x82", 0},         /* cut off */
        {"\xf0\x9f\xa9", 0},     /* cut off */
        {"\xff", 0},
    };
    for (size_t i = 0; i < sizeof sample / sizeof *sample; i++) {
        assert_int_equal(gal_utf8_length(sample[i].text), sample[i].length);
        size_t size = strlen(sample[i].text);
        assert_int_equal(gal_utf8_valid_bytes(sample[i].text, size), sample[i].length == size);
    }
}

/* Characters end where the bytes do, not where a NUL or the next character would. */
static void bytes(void **state) {
    (void)state;
    assert_true(gal_utf8_valid_bytes("a\0\xe2\x82\xac", 5));
    assert_false(gal_utf8_valid_bytes("a\0\xe2\x82\xac", 4));
    assert_false(gal_utf8_valid_bytes("\xe2\x82\xac", 1));
    assert_true(gal_utf8_valid_bytes("", 0));
}

static void cleaned(void **state) {
    (void)state;
    char out[16];
    gal_utf8_clean("a\nb\xff", out, sizeof out);
    assert_string_equal(out, "a b\xef\xbf\xbd");
    gal_utf8_clean("12345678901234\xe2\x82\xac", out, sizeof out); /* the last one does not fit: it is left out whole */
    assert_string_equal(out, "12345678901234");
    assert_int_equal(gal_utf8_before("a\xe2\x82\xac", 4), 1);
    assert_int_equal(gal_utf8_before("a", 1), 0);
    assert_int_equal(gal_utf8_before("", 0), 0);
}

/* The vectors of RFC 4648, section 10. */
static void base64(void **state) {
    (void)state;
    static const char *const vector[][2] = {{"", ""},
                                            {"f", "Zg=="},
                                            {"fo", "Zm8="},
                                            {"foo", "Zm9v"},
                                            {"foob", "Zm9vYg=="},
                                            {"fooba", "Zm9vYmE="},
                                            {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof vector / sizeof *vector; i++) {
        gal_buf out;
        gal_buf_init(&out, 64);
        gal_base64(&out, (const unsigned char *)vector[i][0], strlen(vector[i][0]));
        assert_string_equal(out.data != NULL ? (const char *)out.data : "", vector[i][1]);
        gal_buf_free(&out);
    }
    gal_buf small;
    gal_buf_init(&small, 3);
    gal_base64(&small, (const unsigned char *)"foo", 3);
    assert_true(small.failed);
    gal_buf_free(&small);
}

static void base64_back(void **state) {
    (void)state;
    static const struct {
        const char *text, *bytes;
        size_t size;
    } good[] = {{"", "", 0},        {"Zg==", "f", 1},        {"Zm8=", "fo", 2},
                {"Zm9v", "foo", 3}, {"Zm9vYg==", "foob", 4}, {"+/8A", "\xfb\xff\0", 3}};
    static const char *const bad[] = {"Zg=", "Zg==x", "Zh==", "Z!==", "Zg=a", "Zm9v", "===="};
    unsigned char out[8];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(gal_base64_read(good[i].text, strlen(good[i].text), out, good[i].size));
        assert_memory_equal(out, good[i].bytes, good[i].size);
    }
    /* Longer than a piece, of every length after it. */
    unsigned char many[800], back[800];
    for (size_t i = 0; i < sizeof many; i++) many[i] = (unsigned char)(i * 37 + i / 256);
    for (size_t size = 766; size <= sizeof many; size++) {
        gal_buf text;
        gal_buf_init(&text, 2000);
        gal_base64(&text, many, size);
        assert_true(gal_base64_read((const char *)text.data, text.size, back, size));
        assert_memory_equal(back, many, size);
        gal_buf_free(&text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(gal_base64_read(bad[i], strlen(bad[i]), out, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lengths), cmocka_unit_test(bytes), cmocka_unit_test(cleaned),
                                       cmocka_unit_test(base64), cmocka_unit_test(base64_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
