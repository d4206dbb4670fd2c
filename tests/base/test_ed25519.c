/* Signatures against RFC 8032's own example, and files that hold no key. */
#include "base/ed25519.h"

#include "base/file.h"
#include "support/shared.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

static galen_error err;

/* RFC 8032, section 7.1, test 3: two bytes. */
static const unsigned char secret[32] = {0xc5, 0xaa, 0x8d, 0xf4, 0x3f, 0x9f, 0x83, 0x7b, 0xed, 0xb7, 0x44,
                                         0x2f, 0x31, 0xdc, 0xb7, 0xb1, 0x66, 0xd3, 0x85, 0x35, 0x07, 0x6f,
                                         0x09, 0x4b, 0x85, 0xce, 0x3a, 0x2e, 0x0b, 0x44, 0x58, 0xf7};
static const unsigned char known[32] = {0xfc, 0x51, 0xcd, 0x8e, 0x62, 0x18, 0xa1, 0xa3, 0x8d, 0xa4, 0x7e,
                                        0xd0, 0x02, 0x30, 0xf0, 0x58, 0x08, 0x16, 0xed, 0x13, 0xba, 0x33,
                                        0x03, 0xac, 0x5d, 0xeb, 0x91, 0x15, 0x48, 0x90, 0x80, 0x25};
static const unsigned char message[2] = {0xaf, 0x82};
static const unsigned char wanted[64] = {0x62, 0x91, 0xd6, 0x57, 0xde, 0xec, 0x24, 0x02, 0x48, 0x27, 0xe6, 0x9c, 0x3a,
                                         0xbe, 0x01, 0xa3, 0x0c, 0xe5, 0x48, 0xa2, 0x84, 0x74, 0x3a, 0x44, 0x5e, 0x36,
                                         0x80, 0xd7, 0xdb, 0x5a, 0xc3, 0xac, 0x18, 0xff, 0x9b, 0x53, 0x8d, 0x16, 0xf2,
                                         0x90, 0xae, 0x67, 0xf7, 0x60, 0x98, 0x4d, 0xc6, 0x59, 0x4a, 0x7c, 0x15, 0xe9,
                                         0x71, 0x6e, 0xd2, 0x8d, 0xc0, 0x27, 0xbe, 0xce, 0xea, 0x1e, 0xc4, 0x0a};

static const char *at(const char *name) {
    static char path[2][512];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", test_tmp(), name);
    return path[turn];
}

/* key.pem and pub.pem of that secret; locked.pem with a passphrase; ec.pem of another kind. */
static int write_keys(void **state) {
    (void)state;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, 32), *ec = EVP_EC_gen("P-256");
    FILE *private = fopen(at("key.pem"), "w"), *public = fopen(at("pub.pem"), "w");
    FILE *locked = fopen(at("locked.pem"), "w"), *other = fopen(at("ec.pem"), "w");
    int done = PEM_write_PrivateKey(private, key, NULL, NULL, 0, NULL, NULL) && PEM_write_PUBKEY(public, key) &&
               PEM_write_PKCS8PrivateKey(locked, key, EVP_aes_128_cbc(), "pass", 4, NULL, NULL) &&
               PEM_write_PrivateKey(other, ec, NULL, NULL, 0, NULL, NULL);
    fclose(private), fclose(public), fclose(locked), fclose(other);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ec);
    return done ? 0 : -1;
}

static void signature_is_the_standards(void **state) {
    (void)state;
    gal_ed25519 *private, *public, *raw;
    unsigned char signature[64], bytes[32];
    bool valid;
    assert_ok(gal_ed25519_private(at("key.pem"), &private, &err), err);
    assert_ok(gal_ed25519_public(at("pub.pem"), &public, &err), err);
    assert_ok(gal_ed25519_of(known, &raw, &err), err);
    assert_ok(gal_ed25519_sign(private, message, sizeof message, signature, &err), err);
    assert_memory_equal(signature, wanted, 64);
    gal_ed25519 *const all[] = {private, public, raw};
    for (int i = 0; i < 3; i++) {
        assert_ok(gal_ed25519_bytes(all[i], bytes, &err), err);
        assert_memory_equal(bytes, known, 32);
        assert_ok(gal_ed25519_verify(all[i], message, sizeof message, wanted, &valid, &err), err);
        assert_true(valid);
        for (int bit = 0; bit < 512; bit += 37) {
            memcpy(signature, wanted, 64);
            signature[bit / 8] ^= (unsigned char)(1 << bit % 8);
            assert_ok(gal_ed25519_verify(all[i], message, sizeof message, signature, &valid, &err), err);
            assert_false(valid);
        }
        assert_ok(gal_ed25519_verify(all[i], message, 1, wanted, &valid, &err), err);
        assert_false(valid);
        gal_ed25519_free(all[i]);
    }
}

static void public_keys_do_not_sign(void **state) {
    (void)state;
    gal_ed25519 *key;
    unsigned char signature[64];
    assert_ok(gal_ed25519_public(at("pub.pem"), &key, &err), err);
    assert_int_not_equal(gal_ed25519_sign(key, message, 2, signature, &err), GALEN_OK);
    gal_ed25519_free(key);
}

static void files_without_a_key(void **state) {
    (void)state;
    gal_ed25519 *key;
    assert_ok(gal_file_write(at("none.pem"), "-----BEGIN PRIVATE KEY-----\nxx", 30, &err), err);
    assert_ok(gal_file_write(at("empty.pem"), "", 0, &err), err);
    assert_int_equal(gal_ed25519_private(at("none.pem"), &key, &err), GALEN_ERR_FORMAT);
    assert_non_null(strstr(err.message, "openssl genpkey"));
    assert_int_equal(gal_ed25519_private(at("empty.pem"), &key, &err), GALEN_ERR_FORMAT);
    assert_int_equal(gal_ed25519_private(at("pub.pem"), &key, &err), GALEN_ERR_FORMAT);
    assert_int_equal(gal_ed25519_public(at("key.pem"), &key, &err), GALEN_ERR_FORMAT);
    assert_int_equal(gal_ed25519_private(at("locked.pem"), &key, &err), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "passphrase"));
    assert_int_equal(gal_ed25519_private(at("ec.pem"), &key, &err), GALEN_ERR_UNSUPPORTED);
    assert_int_equal(gal_ed25519_private(at("missing.pem"), &key, &err), GALEN_ERR_IO);
    assert_null(key);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(signature_is_the_standards),
                                       cmocka_unit_test(public_keys_do_not_sign),
                                       cmocka_unit_test(files_without_a_key)};
    return cmocka_run_group_tests(tests, write_keys, NULL);
}
